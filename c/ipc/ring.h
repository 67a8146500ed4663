/* One ring of one direction: one producer, one consumer, each with private state beside the shared words (xShm, section 4).
 *
 * The producer knows by itself where each of its records begins, so it reads no length back from the segment, and a read_pos
 * that is no beginning of one is a broken peer. The consumer checks each position and length against the others. Every loop is
 * bounded, whatever the other side writes. What counts is write_pos and read_pos: a side that dies between two stores leaves the
 * other words wrong. A peer of the original goes by message_count, and then it is kept by atomic additions; otherwise it and
 * `sequence` are for others to look at, written without, so exact when both sides rest, and `sequence` with the taking. */
#ifndef PB_IPC_RING_H
#define PB_IPC_RING_H
#include "ipc/layout.h"

#include <stdbool.h>

/* The codes of xshm.h; api_plain.c holds them equal. */
enum {
    XS_OK = 0,
    XS_BAD_PARAM = -1,
    XS_TOO_SMALL = -2,
    XS_TIMEOUT = -3,
    XS_EMPTY = -4,
    XS_EXISTS = -5,
    XS_NOT_FOUND = -6,
    XS_ACCESS = -7,
    XS_NOT_READY = -8,
    XS_PROTOCOL = -9,
    XS_FULL = -10,
    XS_NO_FREE_SLOT = -11
};

struct xs_producer {
    struct pb_shm_ring *header;
    uint8_t *data;
    uint32_t write;       /* next position, the truth that write_pos only publishes */
    uint32_t read_seen;   /* read_pos as last checked */
    uint32_t first, last; /* the records in the ring, as free-running indices into `begins` */
    uint32_t shown, shown_last; /* `write` and `last` when they were published */
    bool original;              /* the consumer is of the original */
    bool tell_empty;            /* somebody wants to know what xs_producer_publish returns */
    uint32_t begins[256];
};

struct xs_consumer {
    struct pb_shm_ring *header;
    uint8_t *data;
    /* read_pos as last written or seen. Only a producer that takes records away moves it besides, and then the claim fails. Kept
     * here because an address that is known is fetched beside the header's line, one that is in the line only after it. */
    uint32_t read;
    uint32_t drops; /* drop_count of about when `read` was seen */
    uint32_t turns; /* `sequence` as we wrote it */
    bool original;  /* the producer is of the original */
};

/* Where a message lies in the buffer of xs_consumer_take: multiples of 8, so that numbers in it are aligned. */
struct xs_entry {
    uint32_t at, size;
};

/* Empties the ring; only for the side that resets, while the other keeps away. */
void xs_ring_reset(struct pb_shm_ring *header, uint32_t generation);
/* Takes up an empty ring as its producer. */
void xs_producer_start(struct xs_producer *p, struct pb_shm_ring *header, uint8_t *data, bool original);

/* Room for a message of `size` without overwriting; looks at read_pos. XS_OK, XS_FULL or XS_PROTOCOL. */
int xs_producer_room(struct xs_producer *p, uint32_t size);
/* Puts one message, not yet to be seen. With `overwrite`, the oldest ones make room and `dropped` counts them; otherwise XS_FULL. */
int xs_producer_put(struct xs_producer *p, const void *message, uint32_t size, bool overwrite, uint32_t *dropped);
/* Shows everything that was put. With `tell_empty`, returns whether the consumer may have seen an empty ring just before. */
bool xs_producer_publish(struct xs_producer *p);

/* Takes up a ring as its consumer, from the position that it has. */
void xs_consumer_start(struct xs_consumer *c, struct pb_shm_ring *header, uint8_t *data, bool original);

static inline bool xs_consumer_is_right(const struct xs_consumer *c) {
    return atomic_load_explicit(&c->header->read_position, memory_order_relaxed) == c->read;
}

/* Bytes that wait, as the producer tells them; more than are there when it took some away. */
static inline uint32_t xs_consumer_waiting(const struct xs_consumer *c) {
    /* Acquire: pairs with the release in xs_producer_publish, so what follows sees the message. */
    return atomic_load_explicit(&c->header->write_position, memory_order_acquire) - c->read;
}

/* Whether a message may wait. The positions are equal too when exactly 4 GiB passed by. */
static inline bool xs_consumer_pending(const struct xs_consumer *c) {
    return xs_consumer_waiting(c) != 0 || !xs_consumer_is_right(c);
}

/* Takes up to `most` messages that fit into `room` bytes at once. Returns how many (0: empty), or a negative code; XS_TOO_SMALL
 * leaves the message and puts its size into entries[0].size; XS_NOT_READY when the producer overtook every attempt. `emptied`
 * tells whether nothing was left. */
int xs_consumer_take(struct xs_consumer *c, void *buffer, uint32_t room, struct xs_entry *entries, uint32_t most,
                     bool *emptied);

#endif
