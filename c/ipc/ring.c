/* The ring's algorithm; ring.h says what it promises. It waits for nothing and knows no operating system.
 *
 * The pairings of the C11 model:
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
#error "records are little-endian, and words of the ring are loaded as they are"
#endif

static inline uint64_t load_word(_Atomic uint64_t *data, uint32_t index) {
    return atomic_load_explicit(&data[index & (XS_RING_WORDS - 1u)], memory_order_relaxed);
}

static inline void store_word(_Atomic uint64_t *data, uint32_t index, uint64_t word) {
    atomic_store_explicit(&data[index & (XS_RING_WORDS - 1u)], word, memory_order_relaxed);
}

/* The line will be written. Asked for together, lines come together; stores would ask for one after the other, in order. gcc's own
 * prefetch does not say "for writing" by default. */
static inline void fetch_for_writing(const void *at) {
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)at));
#else
    __builtin_prefetch(at, 1);
#endif
}

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
/* Messages that lie in one piece are copied 16 bytes at a time, which takes a quarter off a round trip. The other side may be
 * writing there, so this is no copy that C knows of: what was torn is found out by the positions, as with words (pairing 3), and
 * the processor keeps loads and stores in order. Only for 16 bytes and more; no byte beside them is touched. */
enum { WHOLE = 16 };
static inline void copy_whole(uint8_t *to, const uint8_t *from, uint32_t size) {
    for (uint32_t at = 0; at + 16 < size; at += 16)
        __asm__ volatile("movups (%1), %%xmm0\n\tmovups %%xmm0, (%0)" : : "r"(to + at), "r"(from + at) : "xmm0", "memory");
    uint32_t last = size - 16;
    __asm__ volatile("movups (%1), %%xmm0\n\tmovups %%xmm0, (%0)" : : "r"(to + last), "r"(from + last) : "xmm0", "memory");
}
static inline void store_head(uint8_t *to, uint32_t head) {
    __asm__ volatile("movl %1, (%0)" : : "r"(to), "r"(head) : "memory");
}
#else
enum { WHOLE = XS_RING_BYTES }; /* never */
static inline void copy_whole(uint8_t *to, const uint8_t *from, uint32_t size) { memcpy(to, from, size); }
static inline void store_head(uint8_t *to, uint32_t head) { memcpy(to, &head, sizeof head); }
#endif

static inline bool is_whole(uint32_t pos, uint32_t size) { return size >= WHOLE && (pos & XS_RING_MASK) + size <= XS_RING_BYTES; }
static inline uint8_t *bytes_at(_Atomic uint64_t *data, uint32_t pos) { return (uint8_t *)data + (pos & XS_RING_MASK); }

static inline uint64_t load_8(const uint8_t *from) {
    uint64_t word;
    memcpy(&word, from, 8);
    return word;
}

/* Up to 7 bytes, byte by byte: a copy of unknown length into a word would be waited for by the load of that word. */
static inline uint64_t load_few(const uint8_t *from, uint32_t count) {
    uint64_t word = 0;
    for (uint32_t i = 0; i < count; i++) word |= (uint64_t)from[i] << (8u * i);
    return word;
}

/* The last `left` (less than 8) bytes of a message, which end at `end`. */
static inline uint64_t load_tail(const uint8_t *end, uint32_t size, uint32_t left) {
    if (!left) return 0;
    return size >= 8 ? load_8(end - 8) >> (64u - 8u * left) : load_few(end - left, left);
}

/* Writes the 32-bit head and the message from `pos` on, keeping the bytes of the record before in the first word. Those behind in
 * the last word are kept only when they are `taken` by the oldest record: else they mean nothing, and loading them would wait for
 * a line that the other side may have. */
static void copy_in(_Atomic uint64_t *data, uint32_t pos, uint32_t head, const uint8_t *from, uint32_t size, bool taken) {
    if (is_whole(pos, XS_HEADER_BYTES + size) && size >= WHOLE) {
        store_head(bytes_at(data, pos), head);
        copy_whole(bytes_at(data, pos) + XS_HEADER_BYTES, from, size);
        return;
    }
    uint32_t index = (pos & XS_RING_MASK) >> 3, shift = (pos & 7u) * 8u, fit = 4;
    const uint8_t *end = from + size;
    uint64_t chunk = head, carry = 0;
    if (size >= 4) {
        uint32_t first;
        memcpy(&first, from, 4);
        chunk |= (uint64_t)first << 32;
    } else {
        fit = size;
        chunk |= load_few(from, size) << 32;
    }
    uint32_t left = XS_HEADER_BYTES + size; /* bytes from `chunk` on */
    from += fit;
    if (shift) carry = load_word(data, index) & (((uint64_t)1 << shift) - 1u);
    while (left >= 8) {
        store_word(data, index++, carry | chunk << shift);
        if (shift) carry = chunk >> (64u - shift);
        left -= 8;
        chunk = left >= 8 ? load_8(from) : load_tail(end, size, left);
        from += 8;
    }
    uint64_t word = carry | chunk << shift;
    uint32_t bits = shift + left * 8u;
    if (bits >= 64u) {
        store_word(data, index++, word);
        bits -= 64u;
        word = bits ? chunk >> (64u - shift) : 0;
    }
    if (!bits) return;
    if (taken) word |= load_word(data, index) & ~(uint64_t)0 << bits;
    store_word(data, index, word);
}

static inline uint64_t word_at(_Atomic uint64_t *data, uint32_t pos) {
    uint32_t index = (pos & XS_RING_MASK) >> 3, shift = (pos & 7u) * 8u;
    uint64_t low = load_word(data, index);
    return shift ? low >> shift | load_word(data, index + 1u) << (64u - shift) : low;
}

static void copy_out(_Atomic uint64_t *data, uint32_t pos, uint8_t *to, uint32_t size) {
    if (is_whole(pos, size)) {
        copy_whole(to, bytes_at(data, pos), size);
        return;
    }
    uint32_t index = (pos & XS_RING_MASK) >> 3, shift = (pos & 7u) * 8u;
    uint64_t low = load_word(data, index);
    if (size < 8) {
        uint64_t word = word_at(data, pos);
        for (uint32_t i = 0; i < size; i++) to[i] = (uint8_t)(word >> (8u * i));
        return;
    }
    uint8_t *end = to + size;
    for (; to + 8 <= end; to += 8) {
        uint64_t high = load_word(data, ++index), word = shift ? low >> shift | high << (64u - shift) : low;
        memcpy(to, &word, 8);
        low = high;
    }
    if (to == end) return;
    uint64_t last = word_at(data, pos + size - 8u); /* once more some bytes that are there already */
    memcpy(end - 8, &last, 8);
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

void xs_producer_start(struct xs_producer *p, struct pb_shm_ring *header, _Atomic uint64_t *data, bool original) {
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
    uint32_t end = p->write + XS_HEADER_BYTES + size;
    fetch_for_writing(&p->data[(p->write & XS_RING_MASK) >> 3]);
    fetch_for_writing(&p->data[(end & XS_RING_MASK) >> 3]);
    fetch_for_writing(p->header);
    copy_in(p->data, p->write, size, message, size, XS_RING_BYTES - (end - p->read_seen) < 8u);
    p->begins[p->last++ & 255u] = p->write;
    p->write = end;
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

int xs_consumer_take(struct xs_consumer *c, void *buffer, uint32_t room, struct xs_entry *entries, uint32_t most,
                     bool *emptied) {
    struct pb_shm_ring *h = c->header;
    for (int attempt = 0; attempt < OVERTAKEN; attempt++, most = most > 1 ? most / 2 : 1) {
        uint32_t read = atomic_load_explicit(&h->read_position, memory_order_acquire);
        uint32_t write = atomic_load_explicit(&h->write_position, memory_order_acquire); /* pairing 1 */
        *emptied = read == write;
        if (*emptied) return 0;
        uint32_t drops = atomic_load_explicit(&h->drop_count, memory_order_relaxed);
        uint32_t at = read, used = 0, taken = 0;
        int fault = write - read > XS_RING_BYTES ? XS_PROTOCOL : XS_OK;
        while (!fault && taken < most && at != write) {
            uint32_t size = (uint32_t)word_at(c->data, at) & 0xFFFFu, left = write - at;
            if (left < XS_HEADER_BYTES + XS_MIN_MESSAGE || size < XS_MIN_MESSAGE || size > left - XS_HEADER_BYTES) {
                fault = XS_PROTOCOL;
            } else if (used > room || size > room - used) {
                entries[taken].size = size;
                fault = XS_TOO_SMALL;
            } else {
                copy_out(c->data, at + XS_HEADER_BYTES, (uint8_t *)buffer + used, size);
                entries[taken++] = (struct xs_entry){used, size};
                used += (size + 7u) & ~7u;
                at += XS_HEADER_BYTES + size;
            }
        }
        atomic_thread_fence(memory_order_acquire); /* pairing 3 */
        if (fault && !taken) {
            /* A fault of the copy only: the producer took the record away under it. */
            if (atomic_load_explicit(&h->read_position, memory_order_relaxed) == read) return fault;
            continue;
        }
        /* A position comes back after 4 GiB; the count of what was taken away does not at the same moment. */
        if (atomic_load_explicit(&h->drop_count, memory_order_relaxed) != drops) continue;
        if (!atomic_compare_exchange_strong_explicit(&h->read_position, &read, at, memory_order_seq_cst, memory_order_relaxed))
            continue;
        *emptied = at == write;
        count_taken(c, taken, *emptied);
        return (int)taken;
    }
    return XS_NOT_READY;
}
