/* The thread that listens to the virtual devices: it answers uploads and erasures of force feedback at once, follows what plays
 * and the keyboard's lamps, and keeps the newest state of each for the event loop. It trusts the kernel's numbers no more than
 * a program's: they are checked before they are indices. */
#include "uinput.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { BATCH = 32 };

struct pb_listener {
    pthread_t thread;
    pthread_mutex_t lock;
    int wake_fd;
    bool stop;
    struct pb_waker *waker;
    /* By device number; the lock is held while a descriptor is used, so that none is closed meanwhile. */
    struct heard {
        int fd; /* -1: not listened to */
        struct pb_rumble rumble;
        uint32_t leds;
        bool news;
        struct pb_input_feedback feedback;
    } heard[PB_DEVICES];
};

static void tell(struct pb_listener *l, struct heard *h, const struct pb_input_feedback *f) {
    h->feedback = *f;
    h->feedback.device = (uint32_t)(h - l->heard);
    h->news = true;
    if (l->waker) pb_waker_ring(l->waker);
}

static void answer_upload(struct heard *h, uint32_t request) {
    struct uinput_ff_upload upload;
    memset(&upload, 0, sizeof upload);
    upload.request_id = request;
    if (pb_uinput_ioctl(h->fd, UI_BEGIN_FF_UPLOAD, &upload) < 0) return;
    upload.retval = pb_rumble_load(&h->rumble, &upload.effect);
    pb_uinput_ioctl(h->fd, UI_END_FF_UPLOAD, &upload);
}

static void answer_erase(struct heard *h, uint32_t request) {
    struct uinput_ff_erase erase;
    memset(&erase, 0, sizeof erase);
    erase.request_id = request;
    if (pb_uinput_ioctl(h->fd, UI_BEGIN_FF_ERASE, &erase) < 0) return;
    erase.retval = pb_rumble_erase(&h->rumble, erase.effect_id);
    pb_uinput_ioctl(h->fd, UI_END_FF_ERASE, &erase);
}

static void hear(struct pb_listener *l, struct heard *h, const struct input_event *e) {
    if (e->type == EV_UINPUT && e->code == UI_FF_UPLOAD) answer_upload(h, (uint32_t)e->value);
    else if (e->type == EV_UINPUT && e->code == UI_FF_ERASE) answer_erase(h, (uint32_t)e->value);
    else if (e->type == EV_FF && e->code == FF_GAIN) h->rumble.gain = e->value < 0 ? 0 : e->value > UINT16_MAX ? UINT16_MAX : (uint32_t)e->value;
    else if (e->type == EV_FF) pb_rumble_play(&h->rumble, e->code, e->value, pb_monotonic_us());
    else if (e->type == EV_LED && e->code <= LED_SCROLLL) {
        uint32_t bit = 1u << e->code, leds = e->value ? h->leds | bit : h->leds & ~bit;
        if (leds != h->leds) tell(l, h, &(struct pb_input_feedback){.kind = PB_FEEDBACK_LEDS, .leds = leds});
        h->leds = leds;
    }
}

/* False when the device is gone. */
static bool drain(struct pb_listener *l, struct heard *h) {
    struct input_event events[BATCH];
    for (;;) {
        ssize_t size = pb_uinput_read(h->fd, events, sizeof events);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return errno == EAGAIN;
        if (size < (ssize_t)sizeof *events) return false;
        for (size_t i = 0; i < (size_t)size / sizeof *events; i++) hear(l, h, &events[i]);
    }
}

/* What plays changes with time; returns when that is next. */
static uint64_t mix(struct pb_listener *l, struct heard *h, uint64_t now_us) {
    struct pb_input_feedback f = {0};
    uint64_t wake_us = UINT64_MAX;
    if (pb_rumble_mix(&h->rumble, now_us, &f, &wake_us)) tell(l, h, &f);
    return wake_us;
}

static int wait_ms(uint64_t wake_us) {
    uint64_t now_us = pb_monotonic_us();
    if (wake_us == UINT64_MAX) return -1;
    return wake_us <= now_us ? 0 : (int)((wake_us - now_us + 999) / 1000);
}

static void *run(void *argument) {
    struct pb_listener *l = argument;
    struct pollfd fds[PB_DEVICES + 1];
    prctl(PR_SET_NAME, "pb-feedback");
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        uint64_t wake_us = UINT64_MAX;
        for (int i = 0; i < PB_DEVICES; i++) {
            struct heard *h = &l->heard[i];
            if (h->fd >= 0 && !drain(l, h)) h->fd = -1;
            uint64_t next_us = h->fd >= 0 ? mix(l, h, pb_monotonic_us()) : UINT64_MAX;
            if (next_us < wake_us) wake_us = next_us;
            fds[i] = (struct pollfd){h->fd, POLLIN, 0};
        }
        fds[PB_DEVICES] = (struct pollfd){l->wake_fd, POLLIN, 0};
        pthread_mutex_unlock(&l->lock);
        poll(fds, PB_DEVICES + 1, wait_ms(wake_us));
        uint64_t count;
        if (fds[PB_DEVICES].revents && read(l->wake_fd, &count, sizeof count) < 0) count = 0;
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static void nudge(struct pb_listener *l) {
    uint64_t one = 1;
    if (write(l->wake_fd, &one, sizeof one) < 0) return; /* full: it is awake anyway */
}

struct pb_listener *pb_listener_start(void) {
    struct pb_listener *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    for (int i = 0; i < PB_DEVICES; i++) l->heard[i].fd = -1;
    pthread_mutex_init(&l->lock, NULL);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake_fd >= 0 && !pthread_create(&l->thread, NULL, run, l)) return l;
    if (l->wake_fd >= 0) close(l->wake_fd);
    pthread_mutex_destroy(&l->lock);
    free(l);
    return NULL;
}

void pb_listener_stop(struct pb_listener *l) {
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_mutex_unlock(&l->lock);
    nudge(l);
    pthread_join(l->thread, NULL);
    close(l->wake_fd);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void pb_listener_add(struct pb_listener *l, uint32_t device, int fd) {
    pthread_mutex_lock(&l->lock);
    l->heard[device] = (struct heard){.fd = fd};
    pb_rumble_init(&l->heard[device].rumble);
    pthread_mutex_unlock(&l->lock);
    nudge(l);
}

void pb_listener_remove(struct pb_listener *l, uint32_t device) {
    pthread_mutex_lock(&l->lock);
    l->heard[device].fd = -1;
    l->heard[device].news = false;
    pthread_mutex_unlock(&l->lock);
    nudge(l);
}

void pb_listener_ring(struct pb_listener *l, struct pb_waker *waker) {
    pthread_mutex_lock(&l->lock);
    l->waker = waker;
    pthread_mutex_unlock(&l->lock);
}

bool pb_listener_next(struct pb_listener *l, struct pb_input_feedback *out) {
    bool found = false;
    pthread_mutex_lock(&l->lock);
    for (int i = 0; i < PB_DEVICES && !found; i++) {
        found = l->heard[i].news;
        if (found) *out = l->heard[i].feedback;
        if (found) l->heard[i].news = false;
    }
    pthread_mutex_unlock(&l->lock);
    return found;
}
