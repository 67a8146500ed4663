/* Writing and reading of frame buffers: the seqlock and its proof (frames.h). C11 orderings, and what each pairs with:
 *
 *   writer                                      reader
 *   fill picture n+1
 *   W1 seq = odd           (relaxed)            R1 s = seq        (acquire)   pairs with W3: fields and picture are there
 *   F1 fence               (release)            R2 fields         (relaxed)
 *   W2 fields              (relaxed)            F3 fence          (acquire)   pairs with F1: who read a field of the next
 *   W3 seq = even          (release)            R3 seq == s ?     (relaxed)   header sees W1 here, and starts over
 *   F2 fence               (seq_cst)               copy the picture
 *   fill picture n+2                            F4 fence          (acquire)   pairs with F2: who read a byte of a later
 *                                               R4 seq - s < 4 ?  (relaxed)   picture sees the W3 before it here
 *
 * Picture i of state s is written again at the earliest after the second W3 that follows, which stores s + 4. So while R4
 * sees less, no byte of the copy is newer. F2 is seq_cst because it also stands between W3 and the look at `sleepers`, as
 * the sleeper's exchange stands between `sleepers` and the kernel's look at seq: one of the two sees the other. */
#include "frames.h"

#include <string.h>

#if defined(__SANITIZE_THREAD__)
/* ThreadSanitizer knows no fences and calls the copy a race. So under it each word is an atomic of the needed strength. */
#define FENCE(order) ((void)0)
#define FIELD_LOAD memory_order_acquire
#define FIELD_STORE memory_order_release
static void copy_out(void *to, const void *from, size_t bytes) {
    uint32_t *out = to;
    const _Atomic uint32_t *in = from;
    for (size_t i = 0; i < bytes / 4; i++) out[i] = atomic_load_explicit(&in[i], memory_order_acquire);
}
static void copy_in(void *to, const void *from, size_t bytes) {
    _Atomic uint32_t *out = to;
    const uint32_t *in = from;
    for (size_t i = 0; i < bytes / 4; i++) atomic_store_explicit(&out[i], in[i], memory_order_release);
}
#else
#define FENCE(order) atomic_thread_fence(order)
#define FIELD_LOAD memory_order_relaxed
#define FIELD_STORE memory_order_relaxed
/* Not atomic: bytes that were overwritten meanwhile are read, but R4 finds out and they are never delivered. */
static void copy_out(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }
static void copy_in(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }
#endif

enum { OVERTAKEN = 4, LOOK_AT_OWNER = 64 };

#define LOAD(f, field) atomic_load_explicit(&(f)->header->field, FIELD_LOAD)
#define STORE(f, field, value) atomic_store_explicit(&(f)->header->field, (value), FIELD_STORE)

size_t pb_frames_bytes(uint32_t width, uint32_t height) {
    if (!width || !height || width > PB_MAX_WIDTH || height > PB_MAX_HEIGHT) return 0;
    /* At most 64 + 3 * 2^28 bytes. */
    uint64_t bytes = sizeof(struct pb_shm_frame_buffer) +
                     (uint64_t)PB_SHM_FRAME_SLOTS * width * height * PB_SHM_FRAME_PIXEL_BYTES;
    return bytes <= SIZE_MAX ? (size_t)bytes : 0;
}

enum pb_frames_status pb_frames_attach(struct pb_frames *f, void *memory, size_t size) {
    if (size < sizeof *f->header) return PB_FRAMES_BROKEN;
    f->header = memory;
    f->pixels = (uint8_t *)memory + sizeof *f->header;
    /* acquire: pairs with the release of pb_frames_create, which stores the width last. */
    f->width = atomic_load_explicit(&f->header->width, memory_order_acquire);
    uint32_t mark = atomic_load_explicit(&f->header->mark, memory_order_relaxed);
    f->height = atomic_load_explicit(&f->header->height, memory_order_relaxed);
    size_t bytes = pb_frames_bytes(f->width, f->height);
    /* A system may round the size up to whole pages. */
    if (!bytes || size < bytes || size - bytes >= 65536) return PB_FRAMES_BROKEN;
    if ((mark && mark != PB_SHM_FRAME_MARK) || LOAD(f, read_index) >= PB_SHM_FRAME_SLOTS) return PB_FRAMES_BROKEN;
    f->foreign = !mark;
    f->picture_bytes = (size_t)f->width * f->height * PB_SHM_FRAME_PIXEL_BYTES;
    return pb_os_bell_open(&f->bell, &f->header->seq, f->segment.name[0] ? f->segment.name : NULL) ? PB_FRAMES_BROKEN
                                                                                                : PB_FRAMES_OK;
}

uint8_t *pb_frames_begin(struct pb_frames *f) {
    if (!f->writing) {
        /* Only a writer that ignores the owner can be counted here already: one of the original's kind. */
        if (atomic_fetch_add_explicit(&f->header->writer_count, 1, memory_order_acq_rel)) {
            atomic_fetch_sub_explicit(&f->header->writer_count, 1, memory_order_relaxed);
            return NULL;
        }
        f->writing = true;
    }
    return f->pixels + (size_t)((f->index + 1) % PB_SHM_FRAME_SLOTS) * f->picture_bytes;
}

void pb_frames_end(struct pb_frames *f, uint64_t pts_ms, uint64_t content_hash, bool is_playing) {
    if (!f->writing) return;
    struct pb_shm_frame_buffer *h = f->header;
    uint32_t odd = f->seq | 1u, even = odd + 1;
    if (!even) even = 2; /* 0 means that there is no picture */
    f->index = (f->index + 1) % PB_SHM_FRAME_SLOTS;
    atomic_store_explicit(&h->seq, odd, memory_order_relaxed); /* W1 */
    FENCE(memory_order_release);                               /* F1 */
    STORE(f, read_index, f->index);                            /* W2 */
    STORE(f, pts_ms, pts_ms);
    STORE(f, content_hash, content_hash);
    STORE(f, is_playing, is_playing);
    atomic_store_explicit(&h->seq, even, memory_order_release); /* W3 */
    FENCE(memory_order_seq_cst);                                /* F2 */
    f->seq = even;
    f->writing = false;
    atomic_store_explicit(&h->writer_count, 0, memory_order_release);
    /* A flag and not a count: what a killed sleeper leaves behind costs one call, once. */
    if (atomic_load_explicit(&h->sleepers, memory_order_seq_cst) &&
        atomic_exchange_explicit(&h->sleepers, 0, memory_order_seq_cst))
        pb_os_ring(&f->bell, UINT32_MAX);
}

enum pb_frames_status pb_frames_write(struct pb_frames *f, const void *rgba, uint64_t pts_ms, uint64_t content_hash,
                                      bool is_playing) {
    uint8_t *to = pb_frames_begin(f);
    if (!to) return PB_FRAMES_CONTENTION;
    copy_in(to, rgba, f->picture_bytes);
    pb_frames_end(f, pts_ms, content_hash, is_playing);
    return PB_FRAMES_OK;
}

void pb_frames_set_duration(struct pb_frames *f, uint64_t duration_ms) {
    atomic_store_explicit(&f->header->duration_ms, duration_ms, memory_order_relaxed);
}

bool pb_frames_has_writer(struct pb_frames *f) {
    return f->foreign || pb_os_process_alive(atomic_load_explicit(&f->header->owner, memory_order_acquire));
}

/* One attempt. BUSY: the header is changing or has changed. */
static enum pb_frames_status look(struct pb_frames *f, struct pb_frames_state *state) {
    uint32_t seq = atomic_load_explicit(&f->header->seq, memory_order_acquire); /* R1 */
    if (seq & 1) return PB_FRAMES_BUSY;
    if (!seq) return PB_FRAMES_NONE;
    *state = (struct pb_frames_state){ /* R2 */
                                      .seq = seq,
                                      .index = LOAD(f, read_index),
                                      .pts_ms = LOAD(f, pts_ms),
                                      .content_hash = LOAD(f, content_hash),
                                      .duration_ms = LOAD(f, duration_ms),
                                      .is_playing = LOAD(f, is_playing) != 0};
    FENCE(memory_order_acquire); /* F3 */
    if (atomic_load_explicit(&f->header->seq, memory_order_relaxed) != seq) return PB_FRAMES_BUSY; /* R3 */
    return state->index < PB_SHM_FRAME_SLOTS ? PB_FRAMES_OK : PB_FRAMES_BROKEN;
}

bool pb_frames_whole(const struct pb_frames *f, uint32_t seq) {
    FENCE(memory_order_acquire);                                                            /* F4 */
    return atomic_load_explicit(&f->header->seq, memory_order_relaxed) - seq < OVERTAKEN; /* R4 */
}

/* With `rgba` the picture as well, unless it is that of `last_seq`. */
static enum pb_frames_status attempt(struct pb_frames *f, uint32_t last_seq, uint32_t tries, void *rgba,
                                     struct pb_frames_state *state) {
    uint32_t overtaken = 0;
    for (uint32_t i = 0; i < tries; i++) {
        enum pb_frames_status status = look(f, state);
        state->overtaken = overtaken;
        if (status != PB_FRAMES_OK && status != PB_FRAMES_BUSY) return status;
        if (status == PB_FRAMES_OK) {
            if (!rgba) return PB_FRAMES_OK;
            if (state->seq == last_seq) return PB_FRAMES_SAME;
            copy_out(rgba, pb_frames_picture(f, state), f->picture_bytes);
            if (pb_frames_whole(f, state->seq)) return PB_FRAMES_OK;
            state->overtaken = ++overtaken;
        }
        if (i % LOOK_AT_OWNER == LOOK_AT_OWNER - 1 && !pb_frames_has_writer(f)) return PB_FRAMES_GONE;
        pb_os_pause();
    }
    return pb_frames_has_writer(f) ? PB_FRAMES_BUSY : PB_FRAMES_GONE;
}

enum pb_frames_status pb_frames_state(struct pb_frames *f, uint32_t tries, struct pb_frames_state *state) {
    return attempt(f, 0, tries ? tries : 1, NULL, state);
}

enum pb_frames_status pb_frames_read(struct pb_frames *f, uint32_t last_seq, uint32_t tries, void *rgba,
                                     struct pb_frames_state *state) {
    return attempt(f, last_seq, tries ? tries : 1, rgba, state);
}
