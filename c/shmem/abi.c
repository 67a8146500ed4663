/* Shared memory for TypeScript: the functions of ffi/abi.ts over frames.h and os.h. It adds no rule of its own. */
#include "../gen/abi.h"
#include "frames.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)PB_FRAMES_ANSWER_GONE == PB_FRAMES_GONE && (int)PB_FRAMES_ANSWER_CONTENTION == PB_FRAMES_CONTENTION,
               "the answers of abi.ts are those of frames.h");

struct pb_frame_buffer {
    struct pb_frames frames;
    struct pb_frames_listener *listener;
};

static struct pb_frame_buffer *made(struct pb_frame_buffer *b, bool done) {
    if (done) return b;
    free(b);
    return NULL;
}

struct pb_frame_buffer *pb_frames_new(const char *name, uint32_t width, uint32_t height, uint32_t create, char *error,
                                      uint32_t error_size) {
    struct pb_frame_buffer *b = calloc(1, sizeof *b);
    if (!b) {
        pb_error(error, error_size, "no memory");
        return NULL;
    }
    return made(b, create ? pb_frames_create(&b->frames, name, width, height, error, error_size)
                          : pb_frames_open(&b->frames, name, width, height, error, error_size));
}

void pb_frames_about(struct pb_frame_buffer *b, struct pb_frames_about *out) {
    struct pb_frames *f = &b->frames;
    *out = (struct pb_frames_about){
        .pixels = (uint64_t)(uintptr_t)f->pixels,
        .picture_bytes = f->picture_bytes,
        .width = f->width,
        .height = f->height,
        .foreign = f->foreign,
        .has_writer = pb_frames_has_writer(f),
        .writer_process = (uint32_t)atomic_load_explicit(&f->header->owner, memory_order_relaxed),
    };
}

static int32_t answer(enum pb_frames_status status, const struct pb_frames_state *state, struct pb_frame_info *out) {
    *out = (struct pb_frame_info){
        .pts_ms = state->pts_ms,
        .content_hash = state->content_hash,
        .duration_ms = state->duration_ms,
        .seq = state->seq,
        .index = state->index,
        .is_playing = state->is_playing,
        .overtaken = state->overtaken,
    };
    return (int32_t)status;
}

int32_t pb_frames_take(struct pb_frame_buffer *b, void *rgba, uint64_t size, uint32_t last_seq, uint32_t tries,
                       struct pb_frame_info *out) {
    struct pb_frames_state state = {0};
    if (rgba && size < b->frames.picture_bytes) return PB_FRAMES_BROKEN;
    enum pb_frames_status status = rgba ? pb_frames_read(&b->frames, last_seq, tries, rgba, &state)
                                        : pb_frames_state(&b->frames, tries, &state);
    return answer(status, &state, out);
}

int32_t pb_frames_still_whole(struct pb_frame_buffer *b, uint32_t seq) { return pb_frames_whole(&b->frames, seq); }

int32_t pb_frames_sleep(struct pb_frame_buffer *b, uint32_t last_seq, uint64_t timeout_us) {
    return (int32_t)pb_frames_wait(&b->frames, last_seq, NULL, timeout_us);
}

int32_t pb_frames_put(struct pb_frame_buffer *b, const void *rgba, uint64_t size, uint64_t pts_ms, uint64_t content_hash,
                      uint32_t is_playing) {
    if (size != b->frames.picture_bytes || !b->frames.self) return PB_FRAMES_BROKEN;
    return (int32_t)pb_frames_write(&b->frames, rgba, pts_ms, content_hash, is_playing != 0);
}

int32_t pb_frames_fill(struct pb_frame_buffer *b) {
    if (!b->frames.self) return -1;
    uint8_t *at = pb_frames_begin(&b->frames);
    return at ? (int32_t)((size_t)(at - b->frames.pixels) / b->frames.picture_bytes) : -1;
}

void pb_frames_filled(struct pb_frame_buffer *b, uint64_t pts_ms, uint64_t content_hash, uint32_t is_playing) {
    pb_frames_end(&b->frames, pts_ms, content_hash, is_playing != 0);
}

void pb_frames_duration(struct pb_frame_buffer *b, uint64_t duration_ms) {
    if (b->frames.self) pb_frames_set_duration(&b->frames, duration_ms);
}

static void call(void *wake) {
    union {
        void *address;
        pb_wake_fn fn;
    } both = {wake};
    both.fn();
}

int32_t pb_frames_tell(struct pb_frame_buffer *b, uint32_t last_seq, pb_wake_fn wake) {
    union {
        pb_wake_fn fn;
        void *address;
    } both = {wake};
    if (!b->listener) b->listener = pb_frames_listen(&b->frames, call, both.address);
    if (!b->listener) return -1;
    pb_frames_arm(b->listener, last_seq);
    return 0;
}

void pb_frames_free(struct pb_frame_buffer *b) {
    if (!b) return;
    pb_frames_unlisten(b->listener);
    pb_frames_close(&b->frames);
    free(b);
}

struct pb_memory {
    struct pb_os_segment segment;
    bool owner;
};

struct pb_memory *pb_memory_open(const char *name, uint64_t size, uint32_t create, char *error, uint32_t error_size) {
    struct pb_memory *m = calloc(1, sizeof *m);
    enum pb_os_status status = PB_OS_NO_ROOM;
    if (m && create) {
        status = pb_os_create(&m->segment, name, (size_t)size);
        if (!status && (status = pb_os_publish(&m->segment))) pb_os_close(&m->segment);
        m->owner = true;
    } else if (m)
        status = pb_os_open(&m->segment, name, (size_t)size);
    if (!status) return m;
    pb_error(error, error_size, "shared memory \"%.200s\" cannot be used: %s", name, pb_os_text(status));
    free(m);
    return NULL;
}

uint64_t pb_memory_address(struct pb_memory *m) { return (uint64_t)(uintptr_t)m->segment.memory; }
uint64_t pb_memory_size(struct pb_memory *m) { return m->segment.size; }

void pb_memory_close(struct pb_memory *m) {
    if (!m) return;
    if (m->owner) pb_os_unlink(&m->segment);
    pb_os_close(&m->segment);
    free(m);
}

struct listing {
    char *out;
    uint32_t used, size;
};

static bool list_one(const char *name, uint64_t size, void *context) {
    struct listing *l = context;
    int length = snprintf(l->out + l->used, l->size - l->used, "%s\t%llu\n", name, (unsigned long long)size);
    if (length < 0 || (uint32_t)length >= l->size - l->used) return false;
    l->used += (uint32_t)length;
    return true;
}

uint32_t pb_memory_list(char *out, uint32_t size) {
    struct listing l = {.out = out, .size = size};
    pb_os_list(list_one, &l);
    return l.used;
}

int32_t pb_memory_remove(const char *name, char *error, uint32_t error_size) {
    enum pb_os_status status = pb_os_remove(name);
    if (status) pb_error(error, error_size, "shared memory \"%.200s\" cannot be removed: %s", name, pb_os_text(status));
    return status ? -1 : 0;
}
