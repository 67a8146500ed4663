/* When to look at the screen: at vertical blanks, for which the card is asked by events that poll() can wait for together with
 * a wake-up; by the clock where the card has none (virtio-gpu, bochs) or does not answer. */
#include "drm.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

enum { RETRY_US = 5000000, PATIENCE_US = 100000 };

void drm_pace_set(struct drm_pace *p, uint32_t fps, uint32_t refresh_mhz) {
    uint32_t period_us = refresh_mhz >= 1000 ? 1000000000u / refresh_mhz : 16667, wanted_us = 1000000 / (fps ? fps : 60);
    p->every = wanted_us > period_us ? (wanted_us + period_us / 8) / period_us : 1;
    p->interval_us = wanted_us > period_us ? wanted_us : period_us;
}

/* Asks for the vblank after the next `every` ones. */
static bool ask(struct drm_pace *p, int fd, uint32_t pipe, uint64_t now) {
    if (p->queued_us) return true;
    if (now < p->retry_us) return false;
    union drm_wait_vblank v;
    memset(&v, 0, sizeof v);
    uint32_t which = pipe == 1 ? _DRM_VBLANK_SECONDARY : pipe << _DRM_VBLANK_HIGH_CRTC_SHIFT;
    v.request.type = (enum drm_vblank_seq_type)(_DRM_VBLANK_RELATIVE | _DRM_VBLANK_EVENT |
                                                (which & (_DRM_VBLANK_SECONDARY | _DRM_VBLANK_HIGH_CRTC_MASK)));
    v.request.sequence = p->every;
    v.request.signal = ++p->asked;
    if (drm_control(fd, DRM_IOCTL_WAIT_VBLANK, &v)) {
        p->retry_us = now + RETRY_US;
        return false;
    }
    p->queued_us = now;
    return true;
}

/* True when the vblank asked for has come; `*at_us` is its own time where that is plausible. */
static bool take(struct drm_pace *p, int fd, uint64_t now, uint64_t *at_us) {
    uint8_t events[1024];
    ssize_t got = drm_io->read(fd, events, sizeof events);
    bool come = false;
    for (size_t at = 0; got > 0 && at + sizeof(struct drm_event) <= (size_t)got;) {
        struct drm_event head;
        memcpy(&head, events + at, sizeof head);
        struct drm_event_vblank e;
        if (head.length < sizeof head || head.length > (size_t)got - at) break;
        if (head.type == DRM_EVENT_VBLANK && head.length >= sizeof e) {
            memcpy(&e, events + at, sizeof e);
            uint64_t stamp = (uint64_t)e.tv_sec * 1000000u + e.tv_usec;
            if (e.user_data == p->asked) {
                come = true;
                *at_us = stamp <= now && now - stamp < 1000000 ? stamp : now;
            }
        }
        at += head.length;
    }
    return come;
}

/* Sleeps until `until_us`, the wake-up, or an event of the card. */
static int sleep_until(int fd, int wake_fd, uint64_t now, uint64_t until_us, struct pollfd fds[2]) {
    uint64_t left = until_us > now ? until_us - now : 0;
    struct timespec time = {(time_t)(left / 1000000), (long)(left % 1000000) * 1000};
    fds[0] = (struct pollfd){wake_fd, POLLIN, 0};
    fds[1] = (struct pollfd){fd, POLLIN, 0};
    int ready = ppoll(fds, 2, &time, NULL);
    return ready < 0 && errno == EINTR ? 0 : ready;
}

/* Vertical blanks that come faster than any screen has them are held up, or a driver could keep a processor busy. */
static void looked(struct drm_pace *p, uint64_t now) {
    p->early = false;
    p->floor_us = now + p->interval_us / p->every / 2;
    p->next_us = now - p->next_us < p->interval_us ? p->next_us + p->interval_us : now + p->interval_us;
}

enum pb_status drm_pace_wait(struct drm_pace *p, int fd, uint32_t pipe, int wake_fd, uint64_t until_us, uint64_t *at_us) {
    for (;;) {
        struct pollfd fds[2];
        uint64_t now = pb_monotonic_us();
        bool asked = !p->early && ask(p, fd, pipe, now);
        uint64_t due = asked ? p->queued_us + (uint64_t)p->every * p->interval_us + PATIENCE_US : p->early ? p->floor_us : p->next_us;
        if (!asked && now >= due) {
            looked(p, now);
            *at_us = now;
            return PB_OK;
        }
        int ready = sleep_until(asked ? fd : -1, wake_fd, now, due < until_us ? due : until_us, fds);
        if (ready < 0) return PB_ERROR;
        if (fds[0].revents) return PB_AGAIN;
        now = pb_monotonic_us();
        if (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL)) return PB_LOST;
        if (fds[1].revents && take(p, fd, now, at_us)) {
            p->queued_us = 0;
            p->early = now < p->floor_us;
            if (p->early) continue;
            looked(p, now);
            return PB_OK;
        }
        if (now >= until_us) return PB_AGAIN;
        if (asked && now >= due) { /* promised and never came */
            p->queued_us = 0;
            p->asked++;
            p->retry_us = now + RETRY_US;
        }
    }
}
