/* Making, opening, taking over and closing frame buffers (frames.h). A name is given to a segment only when its header is
 * complete, and a segment changes its writer by one exchange of `owner`, so whoever dies at whatever instant leaves either
 * nothing or a segment that the next writer can take. */
#include "frames.h"

#include <string.h>

static void let_go(struct pb_frames *f) {
    pb_os_bell_close(&f->bell);
    pb_os_close(&f->segment);
    *f = PB_FRAMES_CLOSED;
}

static bool refuse(struct pb_frames *f, char *error, size_t size, const char *name, const char *why) {
    let_go(f);
    pb_error(error, size, "shared memory \"%.200s\" cannot be used: %s", name ? name : "", why);
    return false;
}

static void become_writer(struct pb_frames *f) {
    /* A writer that died between odd and even may have stored its index already. Its picture then counts as published, though
     * seq does not tell: the next one goes two steps further, so that who reads an older picture is warned in time. */
    uint32_t seq = atomic_load_explicit(&f->header->seq, memory_order_acquire);
    f->seq = seq & 1 ? seq + 1 : seq;
    f->index = atomic_load_explicit(&f->header->read_index, memory_order_relaxed) % PB_SHM_FRAME_SLOTS;
    atomic_store_explicit(&f->header->writer_count, 0, memory_order_release);
}

/* No picture comes through this one any more. */
static void abandon(struct pb_frames *f) {
    pb_os_identity self = f->self;
    if (atomic_load_explicit(&f->header->owner, memory_order_relaxed) != self) return;
    /* While it is still owned nobody takes it over, so the name that goes is surely this one's. */
    pb_os_unlink(&f->segment);
    if (atomic_compare_exchange_strong(&f->header->owner, &self, 0)) {
        atomic_exchange(&f->header->sleepers, 0);
        pb_os_ring(&f->bell, UINT32_MAX);
    }
}

enum taking { TAKEN, REPLACED, ALIVE, FOREIGN, VANISHED };

/* The name is in use: takes its segment over when its writer is gone, or its name away when it has another size. */
static enum taking take(struct pb_frames *old, const char *name, const struct pb_frames *wanted) {
    *old = PB_FRAMES_CLOSED;
    enum pb_os_status status = pb_os_open(&old->segment, name, sizeof *old->header);
    if (status == PB_OS_NOT_FOUND) return VANISHED;
    if (status || pb_frames_attach(old, old->segment.memory, old->segment.size) || old->foreign) return FOREIGN;
    pb_os_identity before = atomic_load_explicit(&old->header->owner, memory_order_acquire);
    if (pb_os_process_alive(before)) return ALIVE;
    /* acq_rel: what the dead one wrote before is seen, and of several takers one gets it. */
    if (!atomic_compare_exchange_strong_explicit(&old->header->owner, &before, wanted->self, memory_order_acq_rel,
                                                 memory_order_acquire))
        return ALIVE;
    old->self = wanted->self;
    become_writer(old);
    /* Its writer took the name away before it let go, after this one had opened it. Nobody would find it. */
    if (!pb_os_is_named(&old->segment)) {
        abandon(old);
        return VANISHED;
    }
    if (old->width == wanted->width && old->height == wanted->height) return TAKEN;
    abandon(old);
    return REPLACED;
}

static bool fresh(struct pb_frames *f, const char *name, uint32_t width, uint32_t height, enum pb_os_status *status) {
    *f = PB_FRAMES_CLOSED;
    *status = pb_os_create(&f->segment, name, pb_frames_bytes(width, height));
    if (*status && *status != PB_OS_EXISTS) return false;
    f->width = width;
    f->height = height;
    f->self = pb_os_self();
    if (*status) return true; /* where the name comes with the segment, it is known already that it is taken */
    struct pb_shm_frame_buffer *h = f->segment.memory;
    atomic_store_explicit(&h->mark, PB_SHM_FRAME_MARK, memory_order_relaxed);
    atomic_store_explicit(&h->owner, f->self, memory_order_relaxed);
    atomic_store_explicit(&h->height, height, memory_order_relaxed);
    /* Last: where a segment has its name from the beginning, one without a width is not ready. */
    atomic_store_explicit(&h->width, width, memory_order_release);
    if (pb_frames_attach(f, f->segment.memory, f->segment.size)) return false;
    *status = pb_os_publish(&f->segment);
    return !*status || *status == PB_OS_EXISTS;
}

bool pb_frames_create(struct pb_frames *f, const char *name, uint32_t width, uint32_t height, char *error, size_t size) {
    *f = PB_FRAMES_CLOSED;
    if (!pb_frames_bytes(width, height)) {
        pb_error(error, size, "a picture in shared memory has 1x1 to %ux%u pixels, not %ux%u", PB_MAX_WIDTH, PB_MAX_HEIGHT, width,
                 height);
        return false;
    }
    /* Bounded: others may go on taking and leaving the name. */
    for (int tries = 0; tries < 4; tries++) {
        enum pb_os_status status = PB_OS_OK;
        if (!fresh(f, name, width, height, &status)) return refuse(f, error, size, name, pb_os_text(status));
        if (!status) return true;
        struct pb_frames old;
        enum taking taking = take(&old, name, f);
        let_go(f);
        if (taking == TAKEN) {
            *f = old;
            return true;
        }
        let_go(&old);
        if (taking == ALIVE) return refuse(f, error, size, name, "another program writes there already");
        if (taking == FOREIGN)
            return refuse(f, error, size, name, "the name is in use by something else; patchbay shm rm removes it");
    }
    return refuse(f, error, size, name, pb_os_text(PB_OS_EXISTS));
}

bool pb_frames_open(struct pb_frames *f, const char *name, uint32_t width, uint32_t height, char *error, size_t size) {
    *f = PB_FRAMES_CLOSED;
    enum pb_os_status status = pb_os_open(&f->segment, name, sizeof *f->header);
    if (status == PB_OS_SIZE) return refuse(f, error, size, name, "it is no frame buffer");
    if (status) return refuse(f, error, size, name, pb_os_text(status));
    if (pb_frames_attach(f, f->segment.memory, f->segment.size)) return refuse(f, error, size, name, "it is no frame buffer");
    if ((width && width != f->width) || (height && height != f->height)) {
        char why[100];
        snprintf(why, sizeof why, "its pictures have %ux%u pixels, not %ux%u", f->width, f->height, width, height);
        return refuse(f, error, size, name, why);
    }
    return true;
}

void pb_frames_close(struct pb_frames *f) {
    if (f->self && f->header) abandon(f);
    let_go(f);
}
