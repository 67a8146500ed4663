/* What waits for each connection: a ring of references to shared messages, and the policies at its limit. Broadcasting to a
 * group is one pass of pushes. Limits hold against a socket that does not take more; while it does, a batch may be longer. */
#include "ws.h"

static struct ws_message *message_of(uintptr_t entry) {
    return (struct ws_message *)(entry & ~(uintptr_t)WS_MARKS); /* NOLINT */
}

static uintptr_t *entry_at(struct ws_conn *c, uint32_t index) { return &c->ring[(c->first + index) & (c->ring_size - 1)]; }

void ws_unref(struct pb_ws *s, struct ws_message *m) {
    if (--m->refs == 0) ws_message_free(&s->pool, m);
}

static void leave_train(struct pb_ws *s, struct ws_message *m) {
    struct ws_message *train = m->train;
    m->train = NULL;
    if (train) ws_unref(s, train);
}

static void ws_unqueue(struct pb_ws *s, struct ws_message *m) {
    if (--m->queued == 0) leave_train(s, m);
    ws_unref(s, m);
}

/* Copies the frame behind the one before, where that is worth a copy. */
static void board_train(struct pb_ws *s, const struct ws_group *g, struct ws_message *m) {
    const uint32_t bytes = m->framing + m->size;
    if (m->train || g->count < WS_TRAIN_RECEIVERS || m->size > WS_TRAIN_MESSAGE) return;
    if (s->train && s->train->capacity - s->train->size < bytes) {
        ws_unref(s, s->train);
        s->train = NULL;
    }
    if (!s->train) s->train = ws_message_new(&s->pool, WS_TRAIN_BYTES);
    if (!s->train) return;
    m->train = s->train;
    m->train->refs++;
    m->train_at = m->train->size;
    memcpy(ws_payload(m->train) + m->train_at, ws_payload(m) - m->framing, bytes);
    m->train->size += bytes;
}

/* The next broadcasts start a new one, so that one that few still need is not filled on. */
void ws_end_train(struct pb_ws *s) {
    if (s->train && s->train->refs == 1) {
        s->train->size = 0;
    } else if (s->train && s->train->size > WS_TRAIN_BYTES / 2) {
        ws_unref(s, s->train);
        s->train = NULL;
    }
}

static bool make_room(struct ws_conn *c) {
    if (c->count < c->ring_size) return true;
    const uint32_t size = c->ring_size ? c->ring_size * 2 : 16;
    uintptr_t *ring = malloc(size * sizeof *ring);
    if (!ring) return false;
    for (uint32_t i = 0; i < c->count; i++) ring[i] = *entry_at(c, i);
    free(c->ring);
    c->ring = ring;
    c->ring_size = size;
    c->first = 0;
    return true;
}

static void count_in(struct ws_conn *c, struct ws_message *m, uint32_t marks) {
    m->refs++;
    m->queued++;
    if (marks & WS_CAST) {
        c->cast_count++;
        c->cast_bytes += m->size;
    } else {
        c->own_count++;
        c->own_bytes += m->size;
        if (marks & WS_COPY) c->copied_bytes += m->size;
    }
}

void ws_count_out(struct ws_conn *c, uintptr_t entry) {
    struct ws_message *m = message_of(entry);
    if (entry & WS_CAST) {
        c->cast_count--;
        c->cast_bytes -= m->size;
    } else {
        c->own_count--;
        c->own_bytes -= m->size;
        if (entry & WS_COPY) c->copied_bytes -= m->size;
    }
    ws_unqueue(c->server, m);
}

bool ws_push(struct ws_conn *c, struct ws_message *m, uint32_t marks) {
    if (!make_room(c)) return false;
    *entry_at(c, c->count++) = (uintptr_t)m | marks;
    count_in(c, m, marks);
    ws_mark_dirty(c);
    return true;
}

/* Entries that are being written, or of which a part was. */
static uint32_t fixed(const struct ws_conn *c) { return c->in_flight ? c->in_flight : c->sent ? 1 : 0; }

static uint8_t opcode_of(uintptr_t entry) { return ws_payload(message_of(entry))[-(int32_t)message_of(entry)->framing] & 0x0f; }

bool ws_push_front(struct ws_conn *c, struct ws_message *m) {
    const uint32_t at = fixed(c);
    /* Of each kind the newest is enough, so that a flood of pings cannot fill the queue. */
    for (uint32_t i = at; i < c->count && i < at + 2; i++) {
        uintptr_t *entry = entry_at(c, i);
        if (!(*entry & WS_CONTROL) || (*entry & WS_LAST) || opcode_of(*entry) != opcode_of((uintptr_t)m)) continue;
        ws_count_out(c, *entry);
        *entry = (uintptr_t)m | WS_CONTROL;
        count_in(c, m, WS_CONTROL);
        return true;
    }
    if (!make_room(c)) return false;
    c->first = (c->first - 1) & (c->ring_size - 1);
    c->count++;
    for (uint32_t i = 0; i < at; i++) *entry_at(c, i) = *entry_at(c, i + 1);
    *entry_at(c, at) = (uintptr_t)m | WS_CONTROL;
    count_in(c, m, WS_CONTROL);
    ws_mark_dirty(c);
    return true;
}

bool ws_push_control(struct ws_conn *c, enum ws_opcode opcode, const void *data, uint32_t size) {
    struct ws_message *m = ws_message_new(&c->server->pool, size);
    if (!m) return false;
    if (size) memcpy(ws_payload(m), data, size);
    m->size = size;
    ws_message_frame(m, opcode);
    const bool pushed = opcode == WS_CLOSE ? ws_push(c, m, WS_CONTROL | WS_LAST) : ws_push_front(c, m);
    ws_unref(c->server, m);
    return pushed;
}

/* Forgets what may still be forgotten; with `only_casts`, only pictures. Returns how many pictures. */
static uint32_t discard(struct ws_conn *c, bool only_casts) {
    uint32_t kept = fixed(c), lost = 0;
    for (uint32_t i = kept; i < c->count; i++) {
        const uintptr_t entry = *entry_at(c, i);
        if (only_casts && !(entry & WS_DROPPABLE)) {
            *entry_at(c, kept++) = entry;
            continue;
        }
        if (entry & WS_DROPPABLE) lost++;
        ws_count_out(c, entry);
    }
    c->count = kept;
    return lost;
}

void ws_queue_discard(struct ws_conn *c, bool only_casts) { discard(c, only_casts); }

void ws_queue_free(struct ws_conn *c) {
    while (c->count) {
        ws_count_out(c, *entry_at(c, 0));
        c->first = (c->first + 1) & (c->ring_size - 1);
        c->count--;
    }
    free(c->ring);
    c->ring = NULL;
    c->ring_size = c->first = c->in_flight = 0;
    c->sent = 0;
}

static void leave_out(struct ws_conn *c, uint32_t messages) {
    c->lagging += messages;
    c->left_out += messages;
    c->server->stats.left_out += messages;
    if (c->lag_told && c->lag_mended && messages) c->lag_again = true;
    if (c->lag_told || !messages) return;
    c->lag_told = ws_event_put(c, PB_WS_LAGGED, NULL, 0, 0, 0);
}

/* The largest single message aside, `bytes` is what may wait. */
static bool has_room(const struct ws_conn *c, uint32_t messages, uint32_t bytes) {
    if (c->blocked) return c->cast_count < messages && c->cast_bytes < bytes;
    return c->cast_count < messages + 8 * WS_BATCH_MESSAGES && c->cast_bytes < (uint64_t)bytes + 8 * WS_BATCH_BYTES;
}

/* One message for one receiver by its policy. Returns how many messages were left out for it: 0 or 1. */
static uint32_t offer(struct ws_conn *c, struct ws_message *m, uint32_t how, uint32_t messages, uint32_t bytes) {
    if (c->phase != WS_OPEN) return 0;
    bool room = has_room(c, messages, bytes);
    if (how == PB_WS_DELIVERY_LOOSE) {
        if (room && ws_push(c, m, WS_CAST | WS_DROPPABLE)) return 0;
        c->left_out++;
        c->server->stats.left_out++;
        return 1;
    }
    if (how == PB_WS_DELIVERY_STATE) {
        if (!room) {
            /* State goes before pictures, whose rest is then of no use. */
            const uint32_t lost = discard(c, true);
            if (lost) c->skipping = true;
            leave_out(c, lost);
            room = has_room(c, messages, bytes);
        }
        if (room && ws_push(c, m, WS_CAST)) return 0;
        ws_conn_refuse(c, 4413, "too slow for state");
        return 1;
    }
    if (how == PB_WS_DELIVERY_KEYFRAME) {
        if (!room) leave_out(c, discard(c, true));
        c->skipping = false;
        c->lag_mended = c->lag_told;
    } else if (c->skipping || !room) {
        c->skipping = true;
        leave_out(c, 1);
        return 1;
    }
    if (ws_push(c, m, WS_CAST | WS_DROPPABLE)) return 0;
    c->skipping = true;
    leave_out(c, 1);
    return 1;
}

/* By single sends; what is too much for the connection closes it. */
static void send_one(struct ws_conn *c, struct ws_message *m, uint32_t marks) {
    const struct pb_ws_settings *limits = &c->server->settings;
    if (c->phase != WS_OPEN) return;
    const bool room = c->own_count < limits->queue_messages && c->own_bytes + m->size <= limits->queue_bytes &&
                      (!(marks & WS_COPY) || c->copied_bytes + m->size <= limits->copied_bytes);
    if (!room || !ws_push(c, m, marks)) ws_conn_refuse(c, 4413, "too slow for state");
}

void pb_ws_send(struct pb_ws *s, double connection, const void *data, uint32_t size, uint32_t is_text) {
    ws_lock(s);
    struct ws_conn *c = ws_conn_of(s, connection);
    if (c && c->phase == WS_OPEN) {
        struct ws_message *m = ws_message_new(&s->pool, size);
        if (m) {
            if (size) memcpy(ws_payload(m), data, size);
            m->size = size;
            ws_message_frame(m, is_text ? WS_TEXT : WS_BINARY);
            send_one(c, m, WS_COPY);
            ws_unref(s, m);
        } else {
            ws_conn_refuse(c, 1013, "no memory for messages");
        }
    }
    ws_unlock(s);
}

int32_t pb_ws_send_message(struct pb_ws *s, double connection, double message, uint32_t how) {
    ws_lock(s);
    struct ws_message *m = ws_message_of(&s->pool, message);
    struct ws_conn *c = ws_conn_of(s, connection);
    if (m && c) {
        const struct ws_group *g = c->group;
        if (how == PB_WS_DELIVERY_STATE) send_one(c, m, 0);
        else offer(c, m, how, g ? g->messages : s->settings.queue_messages, g ? g->bytes : s->settings.queue_bytes);
    }
    ws_unlock(s);
    return m ? 0 : -1;
}

double pb_ws_queued(struct pb_ws *s, double connection) {
    ws_lock(s);
    const struct ws_conn *c = ws_conn_of(s, connection);
    const double bytes = c ? (double)(c->own_bytes + c->cast_bytes) : 0;
    ws_unlock(s);
    return bytes;
}

/* Writes the batch so far. Where an I/O thread is at work on a connection with a long queue, it is waited for: that socket
 * takes more, so nothing need be left out. */
static void write_batch(struct pb_ws *s, struct ws_group *g) {
    ws_write_dirty(s);
    for (uint32_t i = 0; i < g->count; i++)
        while (i < g->count && g->members[i]->writing && g->members[i]->count >= 2 * WS_BATCH_MESSAGES) {
            s->write_waiters++;
            pthread_cond_wait(&s->written, &s->lock);
            s->write_waiters--;
        }
}

void ws_write_large_batch(struct pb_ws *s, struct ws_group *g) {
    if (s->unwritten_messages >= WS_BATCH_MESSAGES || s->unwritten_bytes >= WS_BATCH_BYTES) write_batch(s, g);
}

/* To some of the group, in one pass. Returns for how many it was left out. */
static uint32_t offer_to(struct ws_group *g, struct ws_message *m, uint32_t how, bool ordinary, bool late) {
    uint32_t left_out = 0;
    /* Downwards, because a receiver that is refused leaves the group. */
    for (uint32_t i = g->count; i-- > 0;)
        if (g->members[i]->late ? late : ordinary) left_out += offer(g->members[i], m, how, g->messages, g->bytes);
    return left_out;
}

static uint32_t cast(struct pb_ws *s, struct ws_group *g, struct ws_message *m, uint32_t how, bool late) {
    s->unwritten_messages++;
    s->unwritten_bytes += m->size;
    /* One alone has nothing to lie beside. */
    if (s->unwritten_messages > 1) board_train(s, g, m);
    const uint32_t left_out = offer_to(g, m, how, true, late);
    if (m->queued == 0) leave_train(s, m);
    return left_out;
}

int32_t pb_ws_broadcast(struct pb_ws *s, uint32_t group, double message, uint32_t how) {
    int32_t left_out = -1;
    ws_lock(s);
    struct ws_group *g = ws_group_of(s, group);
    struct ws_message *m = ws_message_of(&s->pool, message);
    if (g && m && m->ahead_of == group) {
        /* All have it but those who came later. */
        if (g->late) m->ahead_left += offer_to(g, m, how, false, true);
        left_out = (int32_t)m->ahead_left;
    } else if (g && m) {
        ws_write_large_batch(s, g);
        left_out = (int32_t)cast(s, g, m, how, true);
    }
    ws_unlock(s);
    return left_out;
}

void ws_ahead_send(struct ws_conn *c, struct ws_message *m, uint32_t how) {
    struct ws_group *g = c->forward;
    m->ahead_of = g->id;
    g->ahead++;
    m->ahead_left = cast(c->server, g, m, how, false);
}
