/* The ring's algorithm; ring.h says what it promises. It waits for nothing and knows no operating system.
 *
 * The pairings of the C11 model. Of messages it would want atomic bytes; they are copied plainly, which compilers and processors
 * keep between the fences all the same, and ThreadSanitizer's build has them atomic:
 *  1. Producer: data, then write_pos (release). Consumer: write_pos (acquire), then data. A visible position means visible bytes.
 *  2. Consumer: data, then read_pos by compare-and-swap (release). Producer: read_pos (acquire), then new data. Bytes are not
 *     overwritten before they have been copied.
 *  3. The producer takes the oldest record away: read_pos by compare-and-swap, release fence, new data. Consumer: data, acquire
 *     fence, its own compare-and-swap. If the copy saw any new byte, the fences synchronise, the swap sees the moved position
 *     and fails, and the copy is dropped. So no torn message is delivered.
 *  4. Sleeping: the side that publishes makes a seq_cst fence and then looks whether the other sleeps; the other says that it
 *     sleeps, makes a seq_cst fence and then looks at the ring once more (event.h). One of the two sees the other. */
#include "ipc/ring.h"

#include <string.h>

/* Attempts before a consumer that is overtaken each time gives way. */
enum { OVERTAKEN = 1000 };

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the length of a record is little-endian, and stored as it is"
#endif

/* The line will be written: then it can come while the message is still being copied. gcc's own prefetch does not say "for
 * writing" by default. */
static inline void fetch_for_writing(const void *at) {
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)at));
#else
    __builtin_prefetch(at, 1);
#endif
}

#if defined(__SANITIZE_THREAD__)
/* ThreadSanitizer calls the copy a race. So under it each byte is an atomic. */
static void copy_in(uint8_t *to, const uint8_t *from, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
}
static void copy_out(uint8_t *to, const uint8_t *from, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}
#else
/* Not atomic: bytes of something newer may be read, but the claim finds out (pairing 3) and they are never delivered. */
static inline void copy_in(uint8_t *to, const uint8_t *from, uint32_t size) { memcpy(to, from, size); }
static inline void copy_out(uint8_t *to, const uint8_t *from, uint32_t size) { memcpy(to, from, size); }
#endif

static inline void write_ring(uint8_t *data, uint32_t pos, const void *from, uint32_t size) {
    uint32_t at = pos & XS_RING_MASK, first = XS_RING_BYTES - at;
    if (size <= first) {
        copy_in(data + at, from, size);
    } else {
        copy_in(data + at, from, first);
        copy_in(data, (const uint8_t *)from + first, size - first);
    }
}

static inline void read_ring(const uint8_t *data, uint32_t pos, uint8_t *to, uint32_t size) {
    uint32_t at = pos & XS_RING_MASK, first = XS_RING_BYTES - at;
    if (size <= first) {
        copy_out(to, data + at, size);
    } else {
        copy_out(to, data + at, first);
        copy_out(to + first, data, size - first);
    }
}

/* The length of a record. Atomic, because a second load could find another one than was checked. */
static inline uint32_t size_at(const uint8_t *data, uint32_t pos) {
    uint32_t low = __atomic_load_n(&data[pos & XS_RING_MASK], __ATOMIC_RELAXED);
    return low | (uint32_t)__atomic_load_n(&data[(pos + 1u) & XS_RING_MASK], __ATOMIC_RELAXED) << 8;
}

void xs_ring_reset(struct pb_shm_ring *h, uint32_t generation) {
    /* The other side looks at nothing here before it has seen the state that is published after this. */
    atomic_store_explicit(&h->write_position, 0, memory_order_relaxed);
    atomic_store_explicit(&h->read_position, 0, memory_order_relaxed);
    atomic_store_explicit(&h->message_count, 0, memory_order_relaxed);
    atomic_store_explicit(&h->drop_count, 0, memory_order_relaxed);
    atomic_store_explicit(&h->sequence, 0, memory_order_relaxed);
    atomic_store_explicit(&h->connection_generation, generation, memory_order_relaxed);
}

void xs_producer_start(struct xs_producer *p, struct pb_shm_ring *header, uint8_t *data, bool original) {
    p->header = header;
    p->data = data;
    p->original = p->tell_empty = original;
    p->write = p->read_seen = p->first = p->last = p->shown = p->shown_last = 0;
}

static inline uint32_t begin_of(const struct xs_producer *p, uint32_t record) {
    return record == p->last ? p->write : p->begins[record & 255u];
}

/* Takes note of `read`, which must be where a record begins or where the next one will. */
static int note_read(struct xs_producer *p, uint32_t read) {
    while (begin_of(p, p->first) != read) {
        if (p->first == p->last) return XS_PROTOCOL;
        p->first++;
    }
    p->read_seen = read;
    return XS_OK;
}

static inline bool fits(const struct xs_producer *p, uint32_t size) {
    return XS_RING_BYTES - (p->write - p->read_seen) >= XS_HEADER_BYTES + size && p->last - p->first < XS_MAX_MESSAGES;
}

int xs_producer_room(struct xs_producer *p, uint32_t size) {
    int code = note_read(p, atomic_load_explicit(&p->header->read_position, memory_order_acquire));
    return code ? code : fits(p, size) ? XS_OK : XS_FULL;
}

/* Each round either takes one record away or learns that the consumer took some, so there are at most 250. */
static int make_room(struct xs_producer *p, uint32_t size, bool overwrite, uint32_t *dropped) {
    int code = xs_producer_room(p, size);
    while (code == XS_FULL && overwrite) {
        uint32_t oldest = p->read_seen, next = begin_of(p, p->first + 1u);
        if (atomic_compare_exchange_strong_explicit(&p->header->read_position, &oldest, next, memory_order_acq_rel,
                                                    memory_order_acquire)) {
            atomic_thread_fence(memory_order_release); /* pairing 3 */
            if (p->original) atomic_fetch_sub_explicit(&p->header->message_count, 1, memory_order_relaxed);
            atomic_fetch_add_explicit(&p->header->drop_count, 1, memory_order_relaxed);
            p->first++;
            p->read_seen = next;
            ++*dropped;
        } else if (note_read(p, oldest) != XS_OK)
            return XS_PROTOCOL;
        code = fits(p, size) ? XS_OK : XS_FULL;
    }
    return code;
}

int xs_producer_put(struct xs_producer *p, const void *message, uint32_t size, bool overwrite, uint32_t *dropped) {
    if (size < XS_MIN_MESSAGE || size > XS_MAX_MESSAGE) return XS_BAD_PARAM;
    if (!fits(p, size)) {
        /* What was put and not shown cannot be taken away by anyone, the consumer's position would pass it. */
        xs_producer_publish(p);
        int code = make_room(p, size, overwrite, dropped);
        if (code) return code;
    }
    fetch_for_writing(p->header);
    write_ring(p->data, p->write, &size, XS_HEADER_BYTES); /* the flags are 0 */
    write_ring(p->data, p->write + XS_HEADER_BYTES, message, size);
    p->begins[p->last++ & 255u] = p->write;
    p->write += XS_HEADER_BYTES + size;
    return XS_OK;
}

bool xs_producer_publish(struct xs_producer *p) {
    struct pb_shm_ring *h = p->header;
    uint32_t before = p->shown;
    if (before == p->write) return false;
    /* The count right after the position, both into a line that is ours at that moment. */
    atomic_store_explicit(&h->write_position, p->write, memory_order_release); /* pairing 1 */
    if (p->original) atomic_fetch_add_explicit(&h->message_count, p->last - p->shown_last, memory_order_relaxed);
    else atomic_store_explicit(&h->message_count, p->last - p->first, memory_order_relaxed);
    p->shown = p->write;
    p->shown_last = p->last;
    atomic_thread_fence(memory_order_seq_cst); /* pairing 4 */
    /* Looking back at the line takes it from the consumer, which is about to write to it: only who needs to know looks. */
    if (!p->tell_empty) return false;
    bool was_empty = atomic_load_explicit(&h->read_position, memory_order_relaxed) == before;
    if (was_empty && p->original) atomic_fetch_add_explicit(&h->sequence, 1, memory_order_relaxed);
    return was_empty;
}

/* The consumer's claim of `taken` messages up to `at` has succeeded. */
static void count_taken(struct xs_consumer *c, uint32_t taken, bool emptied) {
    struct pb_shm_ring *h = c->header;
    if (c->original) {
        atomic_fetch_sub_explicit(&h->message_count, taken, memory_order_relaxed);
        if (emptied) atomic_fetch_add_explicit(&h->sequence, 1, memory_order_relaxed);
        return;
    }
    uint32_t count = atomic_load_explicit(&h->message_count, memory_order_relaxed);
    atomic_store_explicit(&h->message_count, emptied || count < taken ? 0 : count - taken, memory_order_relaxed);
    /* Both turns at once, because only this side knows of them without looking at the other's words. */
    if (emptied) atomic_store_explicit(&h->sequence, c->turns += 2, memory_order_relaxed);
}

void xs_consumer_start(struct xs_consumer *c, struct pb_shm_ring *header, uint8_t *data, bool original) {
    uint32_t read = atomic_load_explicit(&header->read_position, memory_order_acquire);
    *c = (struct xs_consumer){.header = header, .data = data, .read = read, .original = original};
}

/* The producer moved the position: it took records away. An older `drops` only makes us look once more. */
static void look_again(struct xs_consumer *c, uint32_t drops) {
    c->drops = drops;
    c->read = atomic_load_explicit(&c->header->read_position, memory_order_acquire);
}

int xs_consumer_take(struct xs_consumer *c, void *buffer, uint32_t room, struct xs_entry *entries, uint32_t most,
                     bool *emptied) {
    struct pb_shm_ring *h = c->header;
    *emptied = false;
    if (!most) return 0;
    for (int attempt = 0; attempt < OVERTAKEN; attempt++, most = most > 1 ? most / 2 : 1) {
        uint32_t drops = atomic_load_explicit(&h->drop_count, memory_order_relaxed);
        if (drops != c->drops) look_again(c, drops);
        uint32_t read = c->read;
        uint32_t write = atomic_load_explicit(&h->write_position, memory_order_acquire); /* pairing 1 */
        *emptied = read == write;
        if (*emptied && xs_consumer_is_right(c)) return 0;
        uint32_t at = read, used = 0, taken = 0;
        int fault = write - read > XS_RING_BYTES ? XS_PROTOCOL : XS_OK;
        while (!fault && taken < most && at != write) {
            uint32_t size = size_at(c->data, at), left = write - at;
            if (left < XS_HEADER_BYTES + XS_MIN_MESSAGE || size < XS_MIN_MESSAGE || size > left - XS_HEADER_BYTES) {
                fault = XS_PROTOCOL;
            } else if (used > room || size > room - used) {
                entries[taken].size = size;
                fault = XS_TOO_SMALL;
            } else {
                read_ring(c->data, at + XS_HEADER_BYTES, (uint8_t *)buffer + used, size);
                entries[taken++] = (struct xs_entry){used, size};
                used += (size + 7u) & ~7u;
                at += XS_HEADER_BYTES + size;
            }
        }
        atomic_thread_fence(memory_order_acquire); /* pairing 3 */
        if (!taken) {
            /* Nothing whole, because the position is an old one, or the producer took the record away under the copy? */
            if (fault && xs_consumer_is_right(c)) return fault;
        } else if (atomic_load_explicit(&h->drop_count, memory_order_relaxed) == drops &&
                   /* A position comes back after 4 GiB; the count of what was taken away after 4 billion messages. */
                   atomic_compare_exchange_strong_explicit(&h->read_position, &read, at, memory_order_seq_cst,
                                                           memory_order_relaxed)) {
            c->read = at;
            *emptied = at == write;
            count_taken(c, taken, *emptied);
            return (int)taken;
        }
        look_again(c, drops);
    }
    return XS_NOT_READY;
}
