/* One side of a channel: its segment, its place in the handshake, its two rings (xShm, sections 5 and 6). An endpoint belongs
 * to one thread at a time and never waits, but for xs_wait_*; who calls what when is api_plain.c, group.c and the caller.
 *
 * The client's place is taken by a claim: one compare-and-swap of a word that names the claimer's process, so that a claim whose
 * owner died at any instant is seen to be dead and taken over, and a live one keeps others off both rings until it is let go.
 * Either side's death is told by an alarm (a watch on its process), its leaving by the states and a signal. */
#ifndef PB_IPC_ENDPOINT_H
#define PB_IPC_ENDPOINT_H
#include "ipc/event.h"
#include "ipc/ring.h"

struct xs_endpoint {
    struct pb_os_segment segment;
    struct xs_segment *shared;
    struct pb_os_bell events[XS_EVENTS];
    struct xs_producer out;
    struct xs_consumer in;
    struct pb_os_alarm *alarm; /* set when the peer's process ends; the caller's */
    struct pb_os_watch *watch;
    pb_os_identity self, peer; /* peer: 0 when it does not tell (a peer of the original) */
    uint32_t generation;       /* of this connection */
    uint32_t token;            /* client: our claim, 0 when none; server: the connected client's */
    uint32_t drops_seen;       /* of the incoming ring's drop_count, for xs_dropped */
    bool server, connected, peer_died;
    intptr_t outside; /* a handle to signal when the outgoing ring turns non-empty, or -1 */
};

#define XS_NO_ENDPOINT ((struct xs_endpoint){.segment = {.handle = -1}, .outside = -1})

/* `name` NULL: anonymous. XS_EXISTS when a living server has the name. `alarm` must outlive the endpoint. */
int xs_server_open(struct xs_endpoint *e, const char *name, struct pb_os_alarm *alarm);
/* Takes a client that says hello: XS_OK, XS_EMPTY when there is none, XS_EXISTS while one is connected. */
int xs_server_accept(struct xs_endpoint *e);

/* Opens the segment and checks it. XS_NOT_FOUND, XS_ACCESS, XS_PROTOCOL; with `name` NULL maps `handle`, which it takes over. */
int xs_client_open(struct xs_endpoint *e, const char *name, intptr_t handle, struct pb_os_alarm *alarm);
/* Claims the client's place and says hello: XS_OK, XS_EXISTS when somebody living has it. */
int xs_client_hello(struct xs_endpoint *e);
/* Looks for the server's answer: XS_OK when connected, XS_EMPTY when there is none yet, XS_NOT_FOUND, XS_PROTOCOL. */
int xs_client_answer(struct xs_endpoint *e);
/* Takes the hello back. XS_OK when the server had answered meanwhile and we are connected, else XS_TIMEOUT. */
int xs_client_give_up(struct xs_endpoint *e);

/* Whether both sides still say that they are connected and the peer lives. */
static inline bool xs_linked(const struct xs_endpoint *e) {
    if (!e->connected || e->peer_died) return false;
    const struct pb_shm_control *c = &e->shared->control;
    return atomic_load_explicit(&c->server_state, memory_order_acquire) == XS_READY &&
           atomic_load_explicit(&c->client_state, memory_order_acquire) == XS_READY &&
           atomic_load_explicit(&c->generation, memory_order_relaxed) == e->generation;
}

/* Looks whether the watched process is gone, after the alarm. */
void xs_note_death(struct xs_endpoint *e);

/* One message; the bytes are copied. `dropped` grows by what it overwrote. XS_NOT_FOUND without connection. */
int xs_send(struct xs_endpoint *e, const void *message, uint32_t size, bool overwrite, uint32_t *dropped);
/* Messages at data + entries[i].at, shown all at once. Returns how many went; stops before the first that finds no room or is
 * refused, and tells why in `code`. */
uint32_t xs_send_many(struct xs_endpoint *e, const uint8_t *data, const struct xs_entry *entries, uint32_t count,
                      bool overwrite, uint32_t *dropped, int *code);
/* As xs_consumer_take, whether or not the peer is still there: what it committed is not lost. */
int xs_take(struct xs_endpoint *e, void *buffer, uint32_t room, struct xs_entry *entries, uint32_t most);
static inline bool xs_pending(const struct xs_endpoint *e) { return e->connected && xs_consumer_pending(&e->in); }
/* Messages that the peer overwrote before we took them, since the last call. */
uint32_t xs_dropped(struct xs_endpoint *e);

static inline struct pb_os_bell *xs_data_event(struct xs_endpoint *e) {
    return &e->events[e->server ? XS_C2S_DATA : XS_S2C_DATA];
}
static inline struct pb_os_bell *xs_space_event(struct xs_endpoint *e) {
    return &e->events[e->server ? XS_S2C_SPACE : XS_C2S_SPACE];
}

#define XS_FOREVER 0xFFFFFFFFu
/* Sleeps until a message waits (XS_OK), the peer is gone and nothing is left (XS_NOT_FOUND), or XS_TIMEOUT. */
int xs_wait_data(struct xs_endpoint *e, uint32_t timeout_ms);
/* Until there is room for a message of `size`. */
int xs_wait_space(struct xs_endpoint *e, uint32_t size, uint32_t timeout_ms);
/* Server: until a client is connected. Client: until the server has answered. */
int xs_wait_client(struct xs_endpoint *e, uint32_t timeout_ms);
int xs_wait_answer(struct xs_endpoint *e, uint32_t timeout_ms);

/* Ends the connection. What the peer committed can no longer be taken. */
void xs_leave(struct xs_endpoint *e);
/* Leaves, gives name and memory back. Accepts XS_NO_ENDPOINT and what open refused. */
void xs_close(struct xs_endpoint *e);

/* In parts, for the files of the endpoint. */
int xs_endpoint_map(struct xs_endpoint *e);
int xs_watch_peer(struct xs_endpoint *e, pb_os_identity peer);
void xs_take_up(struct xs_endpoint *e);
int xs_code_of(enum pb_os_status status);
uint32_t xs_token_of(pb_os_identity identity);
/* Whether the process that made this claim lives. */
bool xs_token_lives(uint32_t token);

static inline void xs_put_identity(struct pb_shm_ring *h, pb_os_identity identity) {
    atomic_store_explicit(&h->producer_start, (uint32_t)(identity >> 32), memory_order_relaxed);
    atomic_store_explicit(&h->producer_process, (uint32_t)identity, memory_order_release);
}
static inline pb_os_identity xs_identity_in(struct pb_shm_ring *h) {
    uint64_t id = atomic_load_explicit(&h->producer_process, memory_order_acquire);
    return id ? id | (uint64_t)atomic_load_explicit(&h->producer_start, memory_order_relaxed) << 32 : 0;
}

#endif
