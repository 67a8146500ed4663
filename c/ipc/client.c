/* The client's half of the handshake (xShm, sections 5 and 8): checks the segment, claims the place, says hello. */
#include "ipc/endpoint.h"

/* Swaps that others may come before; only a peer that plays with the word needs more. */
enum { CLAIM_TRIES = 64 };

static bool known(uint32_t value, uint32_t expected) { return value == expected || value == 0; }

int xs_client_open(struct xs_endpoint *e, const char *name, intptr_t handle, struct pb_os_alarm *alarm) {
    *e = XS_NO_ENDPOINT;
    e->alarm = alarm;
    e->self = pb_os_self();
    enum pb_os_status status = name ? pb_os_open(&e->segment, name, sizeof(struct xs_segment))
                                    : pb_os_adopt(&e->segment, handle, sizeof(struct xs_segment));
    if (status) return xs_code_of(status);
    struct xs_segment *s = e->segment.memory;
    struct pb_shm_control *c = &s->control;
    int code = XS_PROTOCOL;
    if (atomic_load_explicit(&c->magic, memory_order_acquire) != (uint32_t)PB_SHM_CHANNEL_MAGIC) goto fail;
    if (atomic_load_explicit(&c->version, memory_order_relaxed) != (uint32_t)PB_SHM_CHANNEL_VERSION) goto fail;
    if (!known(atomic_load_explicit(&c->message_limit, memory_order_relaxed), XS_MAX_MESSAGES)) goto fail;
    if (!known(atomic_load_explicit(&c->ring_bytes, memory_order_relaxed), XS_RING_BYTES)) goto fail;
    code = XS_NOT_FOUND;
    pb_os_identity server = xs_identity_in(&s->a);
    bool original = atomic_load_explicit(&c->ring_bytes, memory_order_relaxed) == 0;
    if (!original && !pb_os_process_alive(server)) goto fail;
    code = xs_endpoint_map(e);
    if (!code) code = xs_watch_peer(e, server);
    if (!code) return XS_OK;
    xs_close(e);
    return code;
fail:
    pb_os_close(&e->segment);
    return code;
}

/* A claim of the original is a random number, and the process id stands beside it. */
static bool claim_lives(struct pb_shm_control *c, uint32_t token) {
    if (xs_token_lives(token)) return true;
    uint32_t beside = atomic_load_explicit(&c->claim_process, memory_order_relaxed);
    return beside && (beside & 0x3FFFFFu) != (token & 0x3FFFFFu) && pb_os_identity_of(beside);
}

static void say_hello(struct xs_endpoint *e) {
    atomic_store_explicit(&e->shared->a.handshake_state, XS_HELLO, memory_order_relaxed);
    atomic_store_explicit(&e->shared->b.handshake_state, XS_HELLO, memory_order_relaxed);
    /* Not a swap from idle: the place may still look connected, to a client that died or is about to be missed. */
    atomic_store_explicit(&e->shared->control.client_state, XS_HELLO, memory_order_release);
    xs_event_fire(&e->events[XS_C2S_CONNECT_REQ]);
    xs_event_fire(&e->events[XS_C2S_DATA]); /* a server that still serves the one before is asleep there */
}

int xs_client_hello(struct xs_endpoint *e) {
    struct pb_shm_control *c = &e->shared->control;
    uint32_t token = xs_token_of(e->self), seen = 0;
    for (int tries = 0; !atomic_compare_exchange_strong_explicit(&c->claim, &seen, token, memory_order_acq_rel,
                                                                     memory_order_acquire);
         tries++) {
        if (tries == CLAIM_TRIES || (seen && claim_lives(c, seen))) return XS_EXISTS;
        /* The claimer is dead: the next swap takes over exactly this claim, or meets a newer one. */
    }
    e->token = token;
    atomic_store_explicit(&c->claim_process, (uint32_t)e->self, memory_order_relaxed);
    xs_put_identity(&e->shared->b, e->self);
    say_hello(e);
    return XS_OK;
}

int xs_client_answer(struct xs_endpoint *e) {
    struct pb_shm_control *c = &e->shared->control;
    xs_event_clear(&e->events[XS_S2C_CONNECT]);
    xs_note_death(e);
    if (e->peer_died || (e->peer && xs_identity_in(&e->shared->a) != e->peer)) return XS_NOT_FOUND;
    uint32_t state = atomic_load_explicit(&c->client_state, memory_order_acquire);
    if (state == XS_HELLO) return XS_EMPTY;
    /* Another one holds the place: ours was taken for dead, and the answer is not for us. */
    if (atomic_load_explicit(&c->claim, memory_order_acquire) != e->token) {
        e->token = 0;
        return XS_PROTOCOL;
    }
    if (state == XS_IDLE) { /* the server took our hello for the one of a dead client that stood here before */
        say_hello(e);
        return XS_EMPTY;
    }
    if (state != XS_READY || atomic_load_explicit(&c->server_state, memory_order_acquire) != XS_READY) return XS_PROTOCOL;
    e->generation = atomic_load_explicit(&c->generation, memory_order_acquire);
    atomic_store_explicit(&e->shared->a.connection_generation, e->generation, memory_order_relaxed);
    atomic_store_explicit(&e->shared->b.connection_generation, e->generation, memory_order_relaxed);
    xs_take_up(e);
    return XS_OK;
}

int xs_client_give_up(struct xs_endpoint *e) {
    uint32_t hello = XS_HELLO;
    bool taken_back = atomic_compare_exchange_strong_explicit(&e->shared->control.client_state, &hello, XS_IDLE,
                                                              memory_order_acq_rel, memory_order_acquire);
    if (!taken_back && hello == XS_READY && xs_client_answer(e) == XS_OK) return XS_OK;
    xs_leave(e);
    return XS_TIMEOUT;
}
