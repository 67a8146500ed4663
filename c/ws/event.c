/* What TypeScript is told, in order: a ring that is emptied in batches. It is bounded by its contents: messages by the
 * limits at which sockets are no longer read, all other kinds by one of each for a connection. */
#include "ws.h"

static bool grow(struct pb_ws *s) {
    const uint32_t size = s->events_size ? s->events_size * 2 : 256;
    struct pb_ws_event *events = malloc(size * sizeof *events);
    if (!events) return false;
    for (uint32_t i = 0; i < s->events_count; i++) events[i] = s->events[(s->events_first + i) & (s->events_size - 1)];
    free(s->events);
    s->events = events;
    s->events_size = size;
    s->events_first = 0;
    return true;
}

bool ws_event_put(struct ws_conn *c, uint32_t kind, struct ws_message *m, uint32_t size, uint32_t head_size, uint32_t flags) {
    struct pb_ws *s = c->server;
    if (kind == PB_WS_ALIVE) {
        if (c->alive_told || c->phase != WS_OPEN) return true;
        c->alive_told = true;
    }
    if (s->events_count == s->events_size && !grow(s)) return false;
    s->events[(s->events_first + s->events_count++) & (s->events_size - 1)] = (struct pb_ws_event){
        .connection = (double)c->id,
        .message = m ? (double)(uintptr_t)m : 0,
        .kind = kind,
        .size = size,
        .head_size = head_size,
        .flags = flags,
    };
    if (m) {
        s->events_messages++;
        c->waiting_messages++;
        c->waiting_bytes += size;
    }
    if (kind == PB_WS_BINARY && head_size) {
        c->waiting_ahead++;
        if (!s->ahead_waits) s->ahead_since_us = m->came_us;
        s->ahead_waits = true;
    } else {
        s->ring_due = true;
    }
    return true;
}

bool ws_source_full(struct ws_conn *c) {
    struct pb_ws *s = c->server;
    if (s->events_messages >= WS_EVENT_MESSAGES) {
        s->paused_by_all = true;
        return true;
    }
    return c->waiting_messages >= s->settings.source_messages || c->waiting_bytes >= s->settings.source_bytes || ws_ahead_unsettled(c);
}

static void read_again(struct ws_conn *c) {
    c->reading_paused = false;
    ws_conn_interest(c);
}

/* The batch before is done with: its messages go, and its sources may be read again. */
static void settle(struct pb_ws *s) {
    for (uint32_t i = 0; i < s->taken_count; i++) {
        const struct pb_ws_event *event = &s->taken[i];
        if (event->message == 0) continue;
        const uint32_t ahead_of = event->kind == PB_WS_BINARY ? event->head_size : 0;
        if (ahead_of) ws_ahead_settle(s, ahead_of, (struct ws_message *)(uintptr_t)event->message); /* NOLINT */
        ws_unref(s, (struct ws_message *)(uintptr_t)event->message); /* NOLINT */
        s->events_messages--;
        struct ws_conn *c = ws_conn_of(s, event->connection);
        if (!c) continue;
        c->waiting_messages--;
        if (ahead_of) c->waiting_ahead--;
        c->waiting_bytes -= event->size;
        if (c->reading_paused && c->waiting_messages <= s->settings.source_messages / 2 &&
            c->waiting_bytes <= s->settings.source_bytes / 2 && !ws_ahead_unsettled(c))
            read_again(c);
    }
    s->taken_count = 0;
    if (!s->paused_by_all || s->events_messages > WS_EVENT_MESSAGES / 2) return;
    s->paused_by_all = false;
    for (uint32_t i = 0; i < s->high_slot; i++)
        if (s->conns[i].reading_paused && !ws_source_full(&s->conns[i])) read_again(&s->conns[i]);
}

/* Left out, then mended by a keyframe, then left out again, all before TypeScript looked: that comes as two events, the second
 * behind the keyframe, or TypeScript would take the receiver for mended. */
static void take_lagged(struct ws_conn *c, struct pb_ws_event *event) {
    event->size = c->lagging;
    c->lagging = 0;
    c->lag_told = c->lag_again && ws_event_put(c, PB_WS_LAGGED, NULL, 0, 0, 0);
    c->lag_mended = c->lag_again = false;
}

uint32_t pb_ws_take(struct pb_ws *s, struct pb_ws_event *out, uint32_t max) {
    ws_lock(s);
    settle(s);
    uint32_t count = s->events_count < max ? s->events_count : max;
    if (count > s->taken_size) {
        struct pb_ws_event *taken = realloc(s->taken, count * sizeof *taken);
        if (taken) {
            s->taken = taken;
            s->taken_size = count;
        } else {
            count = s->taken_size;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        struct pb_ws_event event = s->events[s->events_first];
        s->events_first = (s->events_first + 1) & (s->events_size - 1);
        s->events_count--;
        struct ws_conn *c = event.kind == PB_WS_ALIVE || event.kind == PB_WS_LAGGED ? ws_conn_of(s, event.connection) : NULL;
        if (c && event.kind == PB_WS_ALIVE) c->alive_told = false;
        if (c && event.kind == PB_WS_LAGGED) take_lagged(c, &event);
        out[i] = s->taken[i] = event;
    }
    if (s->events_count == 0) s->ahead_waits = false;
    s->taken_count = count;
    ws_unlock(s);
    return count;
}
