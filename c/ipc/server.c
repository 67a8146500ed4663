/* The server's half of the handshake (xShm, section 5): makes the segment, answers hellos, one connection at a time. */
#include "ipc/endpoint.h"

enum { PUBLISH_TRIES = 4 };

static void fill(struct xs_endpoint *e) {
    struct pb_shm_control *c = &e->shared->control;
    atomic_store_explicit(&c->message_limit, XS_MAX_MESSAGES, memory_order_relaxed);
    atomic_store_explicit(&c->ring_bytes, XS_RING_BYTES, memory_order_relaxed);
    atomic_store_explicit(&c->version, (uint32_t)PB_SHM_CHANNEL_VERSION, memory_order_relaxed);
    atomic_store_explicit(&c->generation, e->generation = 1, memory_order_relaxed);
    xs_put_identity(&e->shared->a, e->self);
    /* Last: who sees the magic sees everything else (pairs with the acquire in xs_client_open). */
    atomic_store_explicit(&c->magic, (uint32_t)PB_SHM_CHANNEL_MAGIC, memory_order_release);
}

/* Takes a name away that a dead server left. XS_OK when it is free now, XS_EXISTS when its server lives. */
static int reclaim(const char *name) {
    struct pb_os_segment old;
    enum pb_os_status status = pb_os_open(&old, name, sizeof(struct xs_segment));
    if (status == PB_OS_NOT_FOUND) return XS_OK;
    if (status) return status == PB_OS_SIZE ? XS_EXISTS : xs_code_of(status);
    struct xs_segment *s = old.memory;
    bool ours = atomic_load_explicit(&s->control.magic, memory_order_acquire) == (uint32_t)PB_SHM_CHANNEL_MAGIC;
    bool taken = !ours || pb_os_process_alive(xs_identity_in(&s->a));
    if (!taken) pb_os_unlink(&old);
    pb_os_close(&old);
    return taken ? XS_EXISTS : XS_OK;
}

int xs_server_open(struct xs_endpoint *e, const char *name, struct pb_os_alarm *alarm) {
    *e = XS_NO_ENDPOINT;
    e->server = true;
    e->alarm = alarm;
    e->self = pb_os_self();
    enum pb_os_status status = PB_OS_EXISTS;
    for (int i = 0; status == PB_OS_EXISTS && i < PUBLISH_TRIES; i++) {
        status = name ? pb_os_create(&e->segment, name, sizeof(struct xs_segment))
                      : pb_os_create_anonymous(&e->segment, sizeof(struct xs_segment));
        if (status == PB_OS_OK) {
            int code = xs_endpoint_map(e);
            if (code) {
                xs_close(e);
                return code;
            }
            fill(e);
            if (name) status = pb_os_publish(&e->segment);
        }
        if (status == PB_OS_EXISTS) {
            e->shared = NULL;
            pb_os_close(&e->segment);
            int code = reclaim(name);
            if (code) return code;
        }
    }
    if (status) {
        e->shared = NULL;
        pb_os_close(&e->segment);
    }
    return xs_code_of(status);
}

enum caller { CALLER_LIVES, CALLER_DEAD, CALLER_TO_COME };

/* Who said hello with this claim. A client of the original tells at most its process id, a plain one of it not even a claim. */
static enum caller caller_of(struct xs_endpoint *e, uint32_t token, pb_os_identity *caller) {
    *caller = xs_identity_in(&e->shared->b);
    if (*caller && token == xs_token_of(*caller)) return pb_os_process_alive(*caller) ? CALLER_LIVES : CALLER_DEAD;
    /* The hello is of a dead client, and a living one has just taken its place and will say its own. */
    if (xs_token_lives(token)) return CALLER_TO_COME;
    *caller = pb_os_identity_of(atomic_load_explicit(&e->shared->control.claim_process, memory_order_relaxed));
    if (token && !*caller) return CALLER_DEAD;
    xs_put_identity(&e->shared->b, 0); /* left by somebody before; see xs_take_up */
    return CALLER_LIVES;
}

/* The hello stands for nobody. A client that has just written its own one over it is woken and says it again. */
static int forget_hello(struct xs_endpoint *e) {
    struct pb_shm_control *c = &e->shared->control;
    uint32_t hello = XS_HELLO;
    atomic_store_explicit(&c->server_state, XS_IDLE, memory_order_release);
    if (atomic_compare_exchange_strong_explicit(&c->client_state, &hello, XS_IDLE, memory_order_acq_rel, memory_order_relaxed))
        xs_event_fire(&e->events[XS_S2C_CONNECT]);
    return XS_EMPTY;
}

/* The place is free again, unless somebody else has taken it meanwhile. */
static void free_claim(struct xs_endpoint *e, uint32_t token) {
    if (!token) return;
    atomic_compare_exchange_strong_explicit(&e->shared->control.claim, &token, 0, memory_order_acq_rel, memory_order_relaxed);
}

int xs_server_accept(struct xs_endpoint *e) {
    if (e->connected) {
        if (xs_linked(e)) return XS_EXISTS;
        xs_leave(e);
    }
    struct xs_segment *s = e->shared;
    struct pb_shm_control *c = &s->control;
    xs_event_clear(&e->events[XS_C2S_CONNECT_REQ]);
    /* Acquire: pairs with the client's release, so its claim and identity are seen with its hello. */
    if (atomic_load_explicit(&c->client_state, memory_order_acquire) != XS_HELLO) return XS_EMPTY;
    uint32_t token = atomic_load_explicit(&c->claim, memory_order_acquire);
    pb_os_identity caller;
    enum caller state = caller_of(e, token, &caller);
    if (state == CALLER_DEAD) free_claim(e, token);
    if (state != CALLER_LIVES) return forget_hello(e);

    e->generation = e->generation + 1 ? e->generation + 1 : 1;
    xs_ring_reset(&s->a, e->generation);
    xs_ring_reset(&s->b, e->generation);
    e->token = token;
    int code = xs_watch_peer(e, caller);
    if (code) {
        forget_hello(e);
        return code;
    }
    atomic_store_explicit(&c->generation, e->generation, memory_order_relaxed);
    atomic_store_explicit(&s->a.handshake_state, XS_READY, memory_order_relaxed);
    atomic_store_explicit(&s->b.handshake_state, XS_READY, memory_order_relaxed);
    atomic_store_explicit(&c->server_state, XS_READY, memory_order_release);
    uint32_t hello = XS_HELLO;
    /* Release: the client looks at the rings only after it has seen this. It fails when the client gave up. */
    if (!atomic_compare_exchange_strong_explicit(&c->client_state, &hello, XS_READY, memory_order_acq_rel,
                                                 memory_order_relaxed)) {
        atomic_store_explicit(&c->server_state, XS_IDLE, memory_order_release);
        xs_watch_peer(e, 0);
        return XS_EMPTY;
    }
    xs_take_up(e);
    xs_event_fire(&e->events[XS_S2C_CONNECT]);
    return XS_OK;
}
