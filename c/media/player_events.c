/* Events between the player's thread and TypeScript. Presses and releases are never lost or reordered; pointer motion is
 * merged, into one group a wake-up while there is room and for as long as it takes while there is none. */
#include "player.h"

#include <linux/input-event-codes.h>
#include <string.h>

void pb_events_init(struct pb_event_ring *r) { pthread_mutex_init(&r->lock, NULL); }
void pb_events_free(struct pb_event_ring *r) { pthread_mutex_destroy(&r->lock); }

static bool put(struct pb_event_ring *r, const struct pb_player_event *event, uint32_t limit) {
    pthread_mutex_lock(&r->lock);
    bool room = r->count < limit;
    if (room) r->events[(r->first + r->count++) % PB_EVENTS] = *event;
    pthread_mutex_unlock(&r->lock);
    return room;
}

static uint32_t used(struct pb_event_ring *r) {
    pthread_mutex_lock(&r->lock);
    uint32_t count = r->count;
    pthread_mutex_unlock(&r->lock);
    return count;
}

bool pb_events_room(struct pb_event_ring *r) { return used(r) < PB_EVENTS_WINDOW; }

bool pb_events_put_frame(struct pb_event_ring *r, const struct pb_player_event *event) {
    if (put(r, event, PB_EVENTS_FRAMES)) return true;
    r->left_out++;
    return false;
}

void pb_events_put_lost(struct pb_event_ring *r) {
    struct pb_player_event event = {.kind = PB_PLAYER_LOST};
    put(r, &event, PB_EVENTS);
}

bool pb_events_put_notice(struct pb_event_ring *r, const struct pb_player_event *event) { return put(r, event, PB_EVENTS); }

static void put_input(struct pb_event_ring *r, uint16_t type, uint16_t code, int32_t value) {
    struct pb_player_event event = {.kind = PB_PLAYER_INPUT, .type = type, .code = code, .value = value};
    put(r, &event, PB_EVENTS);
}

static void put_motion(struct pb_event_ring *r) {
    struct pb_motion m = r->motion;
    if (m.absolute) {
        put_input(r, EV_ABS, ABS_X, m.x);
        put_input(r, EV_ABS, ABS_Y, m.y);
    }
    if (m.relative && m.dx) put_input(r, EV_REL, REL_X, m.dx);
    if (m.relative && m.dy) put_input(r, EV_REL, REL_Y, m.dy);
    if (m.absolute || (m.relative && (m.dx || m.dy))) put_input(r, EV_SYN, SYN_REPORT, 0);
    memset(&r->motion, 0, sizeof r->motion);
}

/* True when it was motion and is kept for later. */
static bool merge(struct pb_motion *m, const struct pb_window_event *e) {
    if (e->type == EV_ABS && (e->code == ABS_X || e->code == ABS_Y)) {
        m->absolute = true;
        *(e->code == ABS_X ? &m->x : &m->y) = e->value;
    } else if (e->type == EV_REL && (e->code == REL_X || e->code == REL_Y)) {
        m->relative = true;
        *(e->code == REL_X ? &m->dx : &m->dy) += e->value;
    } else {
        return false;
    }
    return true;
}

void pb_events_put_window(struct pb_event_ring *r, const struct pb_window_event *e) {
    if (e->device) {
        struct pb_player_event event = {.device = e->device, .type = e->type, .code = e->code, .value = e->value};
        event.kind = e->kind == PB_WINDOW_INPUT ? PB_PLAYER_INPUT : e->kind == PB_WINDOW_PLUGGED ? PB_PLAYER_PLUGGED : PB_PLAYER_UNPLUGGED;
        put(r, &event, PB_EVENTS);
        return;
    }
    if (e->kind == PB_WINDOW_INPUT) {
        if (merge(&r->motion, e)) return;
        if (e->type == EV_SYN) {
            if (r->group) put_input(r, EV_SYN, SYN_REPORT, 0);
            r->group = false;
            return;
        }
        put_motion(r);
        put_input(r, e->type, e->code, e->value);
        r->group = true;
        return;
    }
    put_motion(r);
    struct pb_player_event event = {.width = e->width, .height = e->height};
    if (e->kind == PB_WINDOW_FOCUS_LOST) event.kind = PB_PLAYER_FOCUS_LOST;
    else if (e->kind == PB_WINDOW_CLOSED) event.kind = PB_PLAYER_CLOSED;
    else event.kind = PB_PLAYER_RESIZED;
    put(r, &event, PB_EVENTS);
}

bool pb_events_end_batch(struct pb_event_ring *r) {
    if (!r->motion.absolute && !r->motion.relative) return false;
    if (used(r) >= PB_EVENTS_MOTION) {
        r->merged++;
        return false;
    }
    put_motion(r);
    return true;
}

bool pb_events_take(struct pb_event_ring *r, struct pb_player_event *out, bool *made_room) {
    pthread_mutex_lock(&r->lock);
    bool some = r->count > 0;
    *made_room = r->count == PB_EVENTS_WINDOW || r->count == PB_EVENTS_MOTION;
    if (some) {
        *out = r->events[r->first];
        r->first = (r->first + 1) % PB_EVENTS;
        r->count--;
    }
    pthread_mutex_unlock(&r->lock);
    return some;
}
