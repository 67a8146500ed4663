/* The player: one thread that decodes (player_decoder.c), shows and collects what a person does in the window. It sleeps in poll() until an
 * access unit or the display server wakes it. Only the newest picture is shown: one that has a successor waiting is decoded
 * (later pictures need it) and skipped, so that pictures never queue up. After a damaged access unit nothing is decoded
 * until a keyframe comes. It retries nothing: TypeScript hears of errors and asks for keyframes. */
#include "player.h"

#include "../meter/timecode.h"

#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { BATCH = 256, POLLED_MS = 10 };

static void add(atomic_uint_fast64_t *counter) { atomic_fetch_add_explicit(counter, 1, memory_order_relaxed); }

static void report(struct pb_player *p, struct pb_frame *f, uint32_t kind) {
    f->report.kind = kind;
    f->report.width = f->width;
    f->report.height = f->height;
    if (!f->redraw && pb_events_put_frame(&p->events, &f->report)) p->rang = true;
}

static void drop_held(struct pb_player *p) {
    if (p->held && !p->frame.redraw) {
        add(&p->count.skipped_late);
        report(p, &p->frame, PB_PLAYER_SKIPPED);
    }
    p->held = false;
}

static void on_shown(struct pb_player *p) {
    if (!p->flying) return;
    struct pb_frame *f = &p->in_flight[p->flying_first];
    p->flying_first = (p->flying_first + 1) % PB_IN_FLIGHT;
    p->flying--;
    if (f->redraw) return;
    f->report.shown_us = pb_monotonic_us();
    add(&p->count.shown);
    const struct pb_picture *seen = p->read_timecode ? p->display_backend->shown(p->display) : NULL;
    uint16_t number;
    if (seen && !pb_timecode_read(seen->plane[0], seen->stride[0], seen->width, seen->height,
                                  (double)PB_TIMECODE_CELL * seen->width / f->width, f->report.shown_us, &f->report.timecode_us,
                                  &number))
        f->report.timecode_us = 0;
    report(p, f, PB_PLAYER_SHOWN);
}

static void lose_display(struct pb_player *p) {
    pb_events_put_lost(&p->events);
    p->rang = p->lost = true;
    p->held = false;
    p->flying = 0;
}

/* Takes what the window has. True when there may be more at once. */
static bool drain_window(struct pb_player *p) {
    struct pb_window_event event;
    enum pb_status status = PB_OK;
    int taken = 0;
    while (taken < BATCH && pb_events_room(&p->events)) {
        memset(&event, 0, sizeof event);
        if ((status = p->display_backend->event(p->display, &event)) != PB_OK) break;
        taken++;
        if (event.kind == PB_WINDOW_SHOWN) {
            on_shown(p);
            continue;
        }
        p->rang = true;
        if (event.kind == PB_WINDOW_PLUGGED && pb_device_is_pad(event.device)) {
            pthread_mutex_lock(&p->text_lock);
            pb_error(p->device_names[event.device - PB_DEVICE_PAD], sizeof *p->device_names, "%s",
                     p->display_backend->device_name(p->display, event.device));
            pthread_mutex_unlock(&p->text_lock);
        }
        pb_events_put_window(&p->events, &event);
        if (event.kind == PB_WINDOW_RESIZED && p->picture_valid && !p->held) p->held = p->frame.redraw = true;
    }
    /* Motion that must wait for room is reported when a take makes it and wakes this thread. */
    if (pb_events_end_batch(&p->events)) p->rang = true;
    if (status != PB_OK && status != PB_AGAIN) lose_display(p);
    return taken == BATCH;
}

static void apply_wishes(struct pb_player *p) {
    unsigned grab = atomic_load(&p->want_grab), fullscreen = atomic_load(&p->want_fullscreen);
    if (grab != p->grab && p->display_backend->grab_pointer) p->display_backend->grab_pointer(p->display, grab);
    if (fullscreen != p->fullscreen && p->display_backend->set_fullscreen)
        p->display_backend->set_fullscreen(p->display, fullscreen);
    for (unsigned i = 0; i < PB_PADS; i++) {
        uint64_t want = atomic_exchange(&p->want_rumble[i], 0);
        if (want & PB_RUMBLE_NEW && p->display_backend->rumble)
            p->display_backend->rumble(p->display, PB_DEVICE_PAD + i, want >> 32 & 0xffff, want >> 16 & 0xffff, want & 0xffff);
    }
    unsigned touch = atomic_load(&p->want_touch);
    if (touch != p->touch && p->display_backend->set_touch) p->display_backend->set_touch(p->display, touch);
    p->touch = touch;
    p->grab = grab;
    p->fullscreen = fullscreen;
}

/* Hands the held picture over if the display has a free buffer. True when it did. */
static bool show_held(struct pb_player *p) {
    if (!p->held || p->flying == PB_IN_FLIGHT) return false;
    enum pb_status status = p->display_backend->show(p->display, &p->picture);
    if (status == PB_AGAIN) return false;
    if (status == PB_LOST) lose_display(p);
    if (status != PB_OK) {
        drop_held(p);
        return false;
    }
    p->in_flight[(p->flying_first + p->flying++) % PB_IN_FLIGHT] = p->frame;
    p->held = false;
    return true;
}

static void decode_unit(struct pb_player *p, const struct pb_unit *unit) {
    drop_held(p);
    struct pb_frame *f = &p->frame;
    memset(f, 0, sizeof *f);
    f->report.frame_id = unit->frame_id;
    f->report.capture_us = unit->capture_us;
    f->report.pushed_us = unit->pushed_us;
    f->report.decode_begin_us = pb_monotonic_us();
    enum pb_status status = player_decode(p, unit);
    f->report.decoded_us = pb_monotonic_us();
    p->picture_valid = status == PB_OK;
    if (status == PB_OK) {
        add(&p->count.decoded);
        f->width = p->picture.width;
        f->height = p->picture.height;
        p->held = true;
        if (pb_units_waiting(&p->units)) drop_held(p);
    } else if (status == PB_AGAIN) {
        report(p, f, PB_PLAYER_SKIPPED);
    } else {
        add(&p->count.decode_errors);
        report(p, f, PB_PLAYER_DECODE_ERROR);
    }
}

static void ring(struct pb_player *p) {
    if (p->rang) pb_waker_ring(&p->waker);
    p->rang = false;
}

static void sleep_until_woken(struct pb_player *p) {
    bool listens = !p->lost && p->display_fd >= 0 && pb_events_room(&p->events);
    struct pollfd fds[2] = {{p->wake_fd, POLLIN, 0}, {listens ? p->display_fd : -1, POLLIN, 0}};
    int timeout = !p->lost && p->display_fd < 0 ? POLLED_MS : -1;
    ring(p);
    if (poll(fds, 2, timeout) > 0 && fds[0].revents) {
        uint64_t count;
        if (read(p->wake_fd, &count, sizeof count) < 0) return;
    }
}

static void work(struct pb_player *p) {
    while (!atomic_load_explicit(&p->stop, memory_order_acquire)) {
        bool busy = false;
        struct pb_unit unit;
        pthread_mutex_lock(&p->picture_lock);
        if (!p->lost) {
            apply_wishes(p);
            busy = drain_window(p);
        }
        if (!p->lost) busy |= show_held(p);
        pthread_mutex_unlock(&p->picture_lock);
        ring(p);
        if (pb_units_take(&p->units, &unit)) {
            busy = true;
            if (!p->lost) decode_unit(p, &unit);
            pb_units_give_back(&p->units, &unit);
            pthread_mutex_lock(&p->picture_lock);
            if (!p->lost) show_held(p);
            pthread_mutex_unlock(&p->picture_lock);
        }
        if (!busy) sleep_until_woken(p);
    }
}

static bool open_display(struct pb_player_start *s) {
    struct pb_player *p = s->player;
    bool any = !*s->display || !strcmp(s->display, "auto"), known = false;
    bool named = s->settings.target && *s->settings.target;
    char why[256] = "";
    for (unsigned i = 0; pb_display_backends[i] && !p->display; i++) {
        const struct pb_display_backend *b = pb_display_backends[i];
        if (!any && strcmp(b->name, s->display)) continue;
        /* Who names a screen wants to see something; the first answer, X11's, says what is wrong with it. */
        if (any && named && b == &pb_display_headless) break;
        p->display_backend = b;
        p->display = b->open(&s->settings, why, known && any ? 0 : sizeof why);
        known = true;
    }
    if (!known) pb_error(why, sizeof why, "there is no display backend \"%s\"", s->display);
    if (!p->display) pb_error(s->error, s->error_size, "%s", why);
    return p->display != NULL;
}

static bool open_decoder(struct pb_player_start *s) {
    struct pb_player *p = s->player;
    if (player_knows_decoder(p->decoder_name)) return player_open_decoder(p, PB_H264, s->error, s->error_size);
    pb_error(s->error, s->error_size, "there is no decoder \"%s\"", p->decoder_name);
    return false;
}

void *pb_player_run(void *argument) {
    struct pb_player_start *s = argument;
    struct pb_player *p = s->player;
    prctl(PR_SET_NAME, "pb-player");
    bool ok = open_decoder(s) && open_display(s);
    if (ok) {
        p->display_backend->describe(p->display, p->display_text, sizeof p->display_text);
        p->display_fd = p->display_backend->descriptor(p->display);
        p->display_name = p->display_backend->name;
    }
    pthread_mutex_lock(&s->lock);
    s->ok = ok;
    s->done = true;
    pthread_cond_signal(&s->answered);
    pthread_mutex_unlock(&s->lock);
    /* `s` is gone from here on. */
    if (ok) work(p);
    if (p->display) p->display_backend->close(p->display);
    if (p->decoder) p->decoder_backend->close(p->decoder);
    return NULL;
}
