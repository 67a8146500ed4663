/* The player's boundary: opening, pushing, taking, snapshots, closing. All of it is called from other threads than the
 * player's own, and none of it waits for the decoder or the display server, but for a bounded time when closing. */
#include "player.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SNAPSHOT_WAIT_MS = 100, CLOSE_WAIT_S = 1 };

static void wake(struct pb_player *p) {
    uint64_t one = 1;
    /* Only a full counter can refuse, and then the thread is awake. */
    if (write(p->wake_fd, &one, sizeof one) < 0) return;
}

static void add(atomic_uint_fast64_t *counter) { atomic_fetch_add_explicit(counter, 1, memory_order_relaxed); }

static void free_player(struct pb_player *p) {
    pb_units_free(&p->units);
    pb_events_free(&p->events);
    pthread_mutex_destroy(&p->picture_lock);
    pthread_mutex_destroy(&p->text_lock);
    free(p->planar);
    if (p->wake_fd >= 0) close(p->wake_fd);
    free(p);
}

struct pb_player *pb_player_open(const char *display, const char *target, const char *decoder, const char *title,
                                 uint32_t width, uint32_t height, uint32_t flags, pb_wake_fn wake_fn, char *error,
                                 uint32_t error_size) {
    if (width > PB_MAX_WIDTH || height > PB_MAX_HEIGHT) {
        pb_error(error, error_size, "a window has at most %ux%u pixels, not %ux%u", PB_MAX_WIDTH, PB_MAX_HEIGHT, width, height);
        return NULL;
    }
    struct pb_player *p = calloc(1, sizeof *p);
    if (!p) {
        pb_error(error, error_size, "no memory for a player");
        return NULL;
    }
    pb_units_init(&p->units);
    pb_events_init(&p->events);
    pthread_mutex_init(&p->picture_lock, NULL);
    pthread_mutex_init(&p->text_lock, NULL);
    pb_error(p->decoder_name, sizeof p->decoder_name, "%s", decoder ? decoder : "");
    p->waker.fn = wake_fn;
    p->need_keyframe = true;
    p->read_timecode = flags & PB_PLAYER_FLAG_READ_TIMECODE;
    p->fullscreen = (flags & PB_PLAYER_FLAG_FULLSCREEN) != 0;
    atomic_store(&p->want_fullscreen, p->fullscreen);
    struct pb_player_start s = {
        .player = p,
        .display = display ? display : "",
        .settings = {target, title ? title : "", width ? width : 1280, height ? height : 720, p->fullscreen,
                     (flags & PB_PLAYER_FLAG_DEVICES) != 0},
        .error = error,
        .error_size = error_size,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .answered = PTHREAD_COND_INITIALIZER,
    };
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->wake_fd < 0 || pthread_create(&p->thread, NULL, pb_player_run, &s)) {
        pb_error(error, error_size, "no thread or descriptor left for a player: %s", strerror(errno));
        free_player(p);
        return NULL;
    }
    pthread_mutex_lock(&s.lock);
    while (!s.done) pthread_cond_wait(&s.answered, &s.lock);
    pthread_mutex_unlock(&s.lock);
    if (s.ok) return p;
    pthread_join(p->thread, NULL);
    free_player(p);
    return NULL;
}

uint32_t pb_player_describe(struct pb_player *p, char *out, uint32_t size) {
    pthread_mutex_lock(&p->text_lock);
    pb_error(out, size, "%s\t%s\t%s\t%s", p->display_name, p->decoder_text, p->failure_text, p->display_text);
    pthread_mutex_unlock(&p->text_lock);
    return size ? (uint32_t)strlen(out) : 0;
}

int32_t pb_player_push(struct pb_player *p, const void *data, uint32_t size, uint32_t frame_id, uint32_t flags,
                       uint64_t capture_us) {
    /* What is a keyframe shows in the bytes. */
    uint32_t codec = flags >> PB_ENCODED_CODEC_SHIFT & 15;
    struct pb_unit unit = {.size = size, .frame_id = frame_id, .capture_us = capture_us, .pushed_us = pb_monotonic_us(),
                           .codec = (enum pb_codec)codec};
    bool was_empty = false;
    if (!data || !size || size > PB_MAX_FRAME_BYTES || codec > PB_HEVC || !pb_units_push(&p->units, data, &unit, &was_empty)) {
        add(&p->count.refused_full);
        return -1;
    }
    add(&p->count.pushed);
    if (was_empty) wake(p);
    return 0;
}

int32_t pb_player_set(struct pb_player *p, uint32_t key, uint32_t value) {
    if (key == PB_PLAYER_KEY_GRAB_POINTER) atomic_store(&p->want_grab, value != 0);
    else if (key == PB_PLAYER_KEY_FULLSCREEN) atomic_store(&p->want_fullscreen, value != 0);
    else if (key == PB_PLAYER_KEY_TOUCH) atomic_store(&p->want_touch, value != 0);
    else return -1;
    wake(p);
    return 0;
}

uint32_t pb_player_device_name(struct pb_player *p, uint32_t device, char *out, uint32_t size) {
    pthread_mutex_lock(&p->text_lock);
    pb_error(out, size, "%s", pb_device_is_pad(device) ? p->device_names[device - PB_DEVICE_PAD] : "");
    pthread_mutex_unlock(&p->text_lock);
    return out && size ? (uint32_t)strlen(out) : 0;
}

void pb_player_rumble(struct pb_player *p, uint32_t device, uint32_t strong, uint32_t weak, uint32_t duration_ms) {
    if (!pb_device_is_pad(device)) return;
    uint64_t want = PB_RUMBLE_NEW | (uint64_t)(strong & 0xffff) << 32 | (weak & 0xffff) << 16 | (duration_ms & 0xffff);
    atomic_store(&p->want_rumble[device - PB_DEVICE_PAD], want);
    wake(p);
}

void pb_player_rearm(struct pb_player *p) { pb_waker_arm(&p->waker); }

int32_t pb_player_take(struct pb_player *p, struct pb_player_event *out) {
    bool made_room = false;
    bool some = pb_events_take(&p->events, out, &made_room);
    if (made_room) wake(p);
    return some;
}

uint32_t pb_player_snapshot(struct pb_player *p, void *out, uint32_t size) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += SNAPSHOT_WAIT_MS * 1000000l;
    if (until.tv_nsec >= 1000000000l) {
        until.tv_nsec -= 1000000000l;
        until.tv_sec++;
    }
    if (!out || pthread_mutex_timedlock(&p->picture_lock, &until)) return 0;
    const struct pb_picture *seen = p->display_backend->shown(p->display);
    uint32_t answer = 0;
    if (seen && (uint64_t)seen->width * seen->height * 4 <= size) {
        for (uint32_t y = 0; y < seen->height; y++)
            memcpy((uint8_t *)out + (size_t)y * seen->width * 4, seen->plane[0] + (size_t)y * seen->stride[0],
                   (size_t)seen->width * 4);
        answer = seen->width << 16 | seen->height;
    }
    pthread_mutex_unlock(&p->picture_lock);
    return answer;
}

void pb_player_stats(struct pb_player *p, struct pb_player_stats *out) {
    out->pushed = atomic_load(&p->count.pushed);
    out->decoded = atomic_load(&p->count.decoded);
    out->shown = atomic_load(&p->count.shown);
    out->skipped_late = atomic_load(&p->count.skipped_late);
    out->refused_full = atomic_load(&p->count.refused_full);
    out->decode_errors = atomic_load(&p->count.decode_errors);
    out->decoder_changes = atomic_load(&p->count.decoder_changes);
}

void pb_player_close(struct pb_player *p) {
    if (!p) return;
    atomic_store_explicit(&p->stop, true, memory_order_release);
    wake(p);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLOSE_WAIT_S;
    /* A display server that answers no more must not keep this program from ending: its connection is cut. */
    if (pthread_timedjoin_np(p->thread, NULL, &until)) {
        if (p->display_fd >= 0) shutdown(p->display_fd, SHUT_RDWR);
        pthread_join(p->thread, NULL);
    }
    free_player(p);
}
