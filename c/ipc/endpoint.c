/* What server and client do alike: mapping, watching the peer, messages, leaving. The handshake is in server.c and client.c, the
 * waiting in wait.c. */
#include "ipc/endpoint.h"

#include <stdio.h>

static const char *const suffixes[XS_EVENTS] = {
    "S2C_DATA", "S2C_SPACE", "C2S_SPACE", "C2S_DATA", "S2C_CONNECT", "C2S_CONNECT_REQ", "S2C_DISCONNECT",
};

int xs_code_of(enum pb_os_status status) {
    switch (status) {
    case PB_OS_OK: return XS_OK;
    case PB_OS_NAME: return XS_BAD_PARAM;
    case PB_OS_NOT_FOUND: return XS_NOT_FOUND;
    case PB_OS_EXISTS: return XS_EXISTS;
    case PB_OS_SIZE: return XS_PROTOCOL;
    case PB_OS_TIMEOUT: return XS_TIMEOUT;
    default: return XS_ACCESS;
    }
}

/* A start time's low bits beside the process id: a reused id is most likely told apart even in this one word. */
uint32_t xs_token_of(pb_os_identity identity) {
    return (uint32_t)identity & 0x3FFFFFu ? (uint32_t)(identity >> 32) << 22 | ((uint32_t)identity & 0x3FFFFFu) : 1;
}

bool xs_token_lives(uint32_t token) {
    pb_os_identity by_token = pb_os_identity_of(token & 0x3FFFFFu);
    return by_token && xs_token_of(by_token) == token;
}

static _Atomic uint32_t *word_of(struct pb_shm_control *c, enum xs_event_name name) {
    _Atomic uint32_t *const words[XS_EVENTS] = {&c->s2c_data,    &c->s2c_space,       &c->c2s_space,     &c->c2s_data,
                                                &c->s2c_connect, &c->c2s_connect_req, &c->s2c_disconnect};
    return words[name];
}

int xs_endpoint_map(struct xs_endpoint *e) {
    e->shared = e->segment.memory;
    for (int i = 0; i < XS_EVENTS; i++) {
        char name[PB_OS_NAME_BYTES + 24];
        snprintf(name, sizeof name, "%s_%s", e->segment.name, suffixes[i]);
        enum pb_os_status status = pb_os_bell_open(&e->events[i], word_of(&e->shared->control, i),
                                                   e->segment.name[0] ? name : NULL);
        if (status) return xs_code_of(status);
    }
    return XS_OK;
}

int xs_watch_peer(struct xs_endpoint *e, pb_os_identity peer) {
    pb_os_unwatch(e->watch);
    e->watch = NULL;
    e->peer = peer;
    e->peer_died = false;
    if (!peer) return XS_OK;
    e->watch = pb_os_watch(peer, e->alarm);
    return e->watch ? XS_OK : XS_ACCESS;
}

void xs_note_death(struct xs_endpoint *e) {
    if (e->peer && !e->peer_died && !pb_os_process_alive(e->peer)) e->peer_died = true;
}

/* A server knows a client of the original by its missing start time, a client such a server by its missing capacity. */
void xs_take_up(struct xs_endpoint *e) {
    struct xs_segment *s = e->shared;
    struct pb_shm_ring *in = e->server ? &s->b : &s->a;
    bool original = atomic_load_explicit(&in->producer_process, memory_order_relaxed) == 0;
    if (e->server) xs_producer_start(&e->out, &s->a, s->a_data, original);
    else xs_producer_start(&e->out, &s->b, s->b_data, original);
    xs_consumer_start(&e->in, in, e->server ? s->b_data : s->a_data, original);
    if (e->outside != -1) e->out.tell_empty = true;
    e->drops_seen = 0;
    e->connected = true;
}

static inline void show(struct xs_endpoint *e) {
    bool was_empty = xs_producer_publish(&e->out);
    xs_event_signal(&e->events[e->server ? XS_S2C_DATA : XS_C2S_DATA]);
    if (was_empty && e->outside != -1) pb_os_signal_set(e->outside);
}

int xs_send(struct xs_endpoint *e, const void *message, uint32_t size, bool overwrite, uint32_t *dropped) {
    if (!xs_linked(e)) return XS_NOT_FOUND;
    int code = xs_producer_put(&e->out, message, size, overwrite, dropped);
    if (code == XS_OK) show(e);
    return code;
}

uint32_t xs_send_many(struct xs_endpoint *e, const uint8_t *data, const struct xs_entry *entries, uint32_t count,
                      bool overwrite, uint32_t *dropped, int *code) {
    uint32_t sent = 0;
    *code = xs_linked(e) ? XS_OK : XS_NOT_FOUND;
    while (*code == XS_OK && sent < count) {
        *code = xs_producer_put(&e->out, data + entries[sent].at, entries[sent].size, overwrite, dropped);
        if (*code == XS_OK) sent++;
    }
    if (e->connected) show(e);
    return sent;
}

int xs_take(struct xs_endpoint *e, void *buffer, uint32_t room, struct xs_entry *entries, uint32_t most) {
    if (!e->connected) return XS_NOT_FOUND;
    bool emptied;
    int taken = xs_consumer_take(&e->in, buffer, room, entries, most, &emptied);
    if (taken > 0 && emptied) xs_event_signal(&e->events[e->server ? XS_C2S_SPACE : XS_S2C_SPACE]);
    return taken == 0 && !xs_linked(e) ? XS_NOT_FOUND : taken;
}

uint32_t xs_dropped(struct xs_endpoint *e) {
    if (!e->connected) return 0;
    uint32_t now = atomic_load_explicit(&e->in.header->drop_count, memory_order_relaxed), since = now - e->drops_seen;
    e->drops_seen = now;
    return since;
}

/* Server: nobody else writes server_state. Client: nobody else writes anything here while we hold the claim. */
void xs_leave(struct xs_endpoint *e) {
    if (!e->shared) return;
    struct pb_shm_control *c = &e->shared->control;
    bool was = e->connected;
    e->connected = false;
    if (e->server) {
        if (!was) return;
        uint32_t ready = XS_READY;
        atomic_store_explicit(&c->server_state, XS_IDLE, memory_order_release);
        atomic_compare_exchange_strong_explicit(&c->client_state, &ready, XS_IDLE, memory_order_acq_rel,
                                                memory_order_relaxed);
        /* A dead client's claim is let go here, a living one's by itself: until then it may still be writing. */
        uint32_t token = e->token;
        if (e->peer_died && token) {
            atomic_store_explicit(&c->claim_process, 0, memory_order_relaxed);
            atomic_compare_exchange_strong_explicit(&c->claim, &token, 0, memory_order_acq_rel,
                                                    memory_order_relaxed);
        }
        e->token = 0;
        xs_watch_peer(e, 0);
        xs_event_fire(&e->events[XS_S2C_DATA]);
        xs_event_fire(&e->events[XS_C2S_SPACE]);
        xs_event_fire(&e->events[XS_S2C_DISCONNECT]);
    } else if (e->token) {
        uint32_t token = e->token;
        e->token = 0;
        atomic_store_explicit(&c->client_state, XS_IDLE, memory_order_release);
        atomic_store_explicit(&e->shared->a.handshake_state, XS_IDLE, memory_order_relaxed);
        atomic_store_explicit(&e->shared->b.handshake_state, XS_IDLE, memory_order_relaxed);
        atomic_store_explicit(&c->claim_process, 0, memory_order_relaxed);
        /* Last: from here on another client may come in. */
        atomic_compare_exchange_strong_explicit(&c->claim, &token, 0, memory_order_acq_rel,
                                                memory_order_relaxed);
        xs_event_fire(&e->events[XS_C2S_DATA]);
        xs_event_fire(&e->events[XS_S2C_SPACE]);
        xs_event_fire(&e->events[XS_S2C_DISCONNECT]);
    }
}

void xs_close(struct xs_endpoint *e) {
    if (e->shared) {
        xs_leave(e);
        if (e->server) {
            /* Tells those who have it mapped that no server will answer here again. */
            xs_put_identity(&e->shared->a, 0);
            xs_event_fire(&e->events[XS_S2C_CONNECT]);
            pb_os_unlink(&e->segment);
        }
        for (int i = 0; i < XS_EVENTS; i++)
            if (e->events[i].word) pb_os_bell_close(&e->events[i]);
    }
    pb_os_unwatch(e->watch);
    pb_os_close(&e->segment);
    *e = XS_NO_ENDPOINT;
}
