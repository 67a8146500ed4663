/* Memory for messages: one reserved range of addresses, cut into chunks of 1 MiB, each serving slots of one size; a large
 * message takes a run of chunks. The range stays mapped until the end, so that TypeScript wraps a chunk once and can never
 * touch what is not there; chunks that stay free are given back to the system by their pages. */
#include <sys/mman.h>

#include "ws.h"

enum { MAGIC = 0x70624d73, FREE = -1, RUN = -2, RUN_REST = -3, NONE = -1 };
#define ARENA_BYTES ((size_t)WS_ARENA_CHUNKS * WS_CHUNK_BYTES)

/* Slot sizes with the head: the usual message sizes (powers of two, 100 KiB) just fit. Multiples of 64. */
static const uint32_t slot_bytes[] = {128,   256,   512,   768,   1152,  1536,  2304,  3072,   4224,   6144,   8320,
                                      12288, 16512, 24576, 33024, 49152, 65728, 87360, 104832, 149760, 209664, 262144};
enum { CLASSES = sizeof slot_bytes / sizeof *slot_bytes };
_Static_assert(CLASSES <= 32, "one list a class");

static struct ws_message *message_at(struct ws_pool *pool, uint32_t chunk, uint32_t offset) {
    return (struct ws_message *)(void *)(pool->arena + (size_t)chunk * WS_CHUNK_BYTES + offset);
}

/* Ranges of closed servers serve the next ones: TypeScript may still hold a view, and must never touch what is not mapped. */
enum { PARKED = 64 };
static pthread_mutex_t parking = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *parked[PARKED];
static uint32_t parked_count;

static uint8_t *arena_open(void) {
    pthread_mutex_lock(&parking);
    uint8_t *arena = parked_count ? parked[--parked_count] : NULL;
    pthread_mutex_unlock(&parking);
    if (arena) return arena;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (arena == MAP_FAILED) return NULL;
    /* Whole huge pages would stay resident for a few small messages. */
    madvise(arena, ARENA_BYTES, MADV_NOHUGEPAGE);
    return arena;
}

static void arena_close(uint8_t *arena) {
    madvise(arena, ARENA_BYTES, MADV_DONTNEED);
    pthread_mutex_lock(&parking);
    if (parked_count < PARKED) parked[parked_count++] = arena;
    pthread_mutex_unlock(&parking);
}

bool ws_pool_open(struct ws_pool *pool, uint32_t memory_mib) {
    pthread_mutex_init(&pool->lock, NULL);
    pool->limit = memory_mib < WS_ARENA_CHUNKS ? memory_mib : WS_ARENA_CHUNKS;
    for (uint32_t i = 0; i < CLASSES; i++) pool->partial[i] = NONE;
    for (uint32_t i = 0; i < WS_ARENA_CHUNKS; i++) pool->chunks[i].class = FREE;
    pool->arena = arena_open();
    return pool->arena != NULL;
}

void ws_pool_close(struct ws_pool *pool) {
    if (pool->arena) arena_close(pool->arena);
    pool->arena = NULL;
    pthread_mutex_destroy(&pool->lock);
}

/* A run of free chunks, from the lowest on so that few pages are resident; NONE at the limit. */
static int32_t take_chunks(struct ws_pool *pool, uint32_t count) {
    if (pool->in_use + count > pool->limit) return NONE;
    uint32_t run = 0;
    for (uint32_t i = 0; i < WS_ARENA_CHUNKS; i++) {
        run = pool->chunks[i].class == FREE ? run + 1 : 0;
        if (run < count) continue;
        const uint32_t first = i + 1 - count;
        for (uint32_t k = first; k <= i; k++) {
            pool->chunks[k].class = k == first ? RUN : RUN_REST;
            pool->chunks[k].held = true;
            pool->chunks[k].idle = false;
        }
        pool->chunks[first].run = count;
        pool->in_use += count;
        if (i + 1 > pool->high) pool->high = i + 1;
        return (int32_t)first;
    }
    return NONE;
}

static void list_chunk(struct ws_pool *pool, uint32_t index) {
    struct ws_chunk *chunk = &pool->chunks[index];
    chunk->listed = true;
    chunk->previous = NONE;
    chunk->next = pool->partial[chunk->class];
    if (chunk->next != NONE) pool->chunks[chunk->next].previous = (int32_t)index;
    pool->partial[chunk->class] = (int32_t)index;
}

static void unlist_chunk(struct ws_pool *pool, uint32_t index) {
    struct ws_chunk *chunk = &pool->chunks[index];
    chunk->listed = false;
    if (chunk->previous != NONE) pool->chunks[chunk->previous].next = chunk->next;
    else pool->partial[chunk->class] = chunk->next;
    if (chunk->next != NONE) pool->chunks[chunk->next].previous = chunk->previous;
}

static struct ws_message *take_slot(struct ws_pool *pool, uint32_t class) {
    int32_t index = pool->partial[class];
    if (index == NONE) {
        index = take_chunks(pool, 1);
        if (index == NONE) return NULL;
        struct ws_chunk *chunk = &pool->chunks[index];
        chunk->class = (int32_t)class;
        chunk->used = chunk->touched = 0;
        chunk->first_free = NONE;
        list_chunk(pool, (uint32_t)index);
    }
    struct ws_chunk *chunk = &pool->chunks[index];
    uint32_t slot;
    if (chunk->first_free != NONE) {
        slot = (uint32_t)chunk->first_free;
        chunk->first_free = (int32_t)message_at(pool, (uint32_t)index, slot * slot_bytes[class])->slot;
    } else {
        slot = chunk->touched++;
    }
    if (++chunk->used == WS_CHUNK_BYTES / slot_bytes[class]) unlist_chunk(pool, (uint32_t)index);
    struct ws_message *m = message_at(pool, (uint32_t)index, slot * slot_bytes[class]);
    m->chunk = (uint32_t)index;
    m->slot = slot;
    m->capacity = slot_bytes[class] - WS_MESSAGE_HEAD;
    pool->used_bytes += slot_bytes[class];
    return m;
}

static struct ws_message *take_run(struct ws_pool *pool, uint32_t capacity) {
    const uint32_t count = (uint32_t)(((uint64_t)capacity + WS_MESSAGE_HEAD + WS_CHUNK_BYTES - 1) / WS_CHUNK_BYTES);
    const int32_t first = take_chunks(pool, count);
    if (first == NONE) return NULL;
    struct ws_message *m = message_at(pool, (uint32_t)first, 0);
    m->chunk = (uint32_t)first;
    m->slot = 0;
    m->capacity = count * WS_CHUNK_BYTES - WS_MESSAGE_HEAD;
    pool->used_bytes += (uint64_t)count * WS_CHUNK_BYTES;
    return m;
}

struct ws_message *ws_message_new(struct ws_pool *pool, uint32_t capacity) {
    if (capacity > (uint32_t)(WS_ARENA_CHUNKS - 1) * WS_CHUNK_BYTES) return NULL;
    uint32_t class = 0;
    while (class < CLASSES && slot_bytes[class] - WS_MESSAGE_HEAD < capacity) class++;
    pthread_mutex_lock(&pool->lock);
    struct ws_message *m = class < CLASSES ? take_slot(pool, class) : take_run(pool, capacity);
    pthread_mutex_unlock(&pool->lock);
    if (!m) return NULL;
    m->magic = MAGIC;
    m->size = 0;
    m->refs = 1;
    m->framing = m->queued = 0;
    m->came_us = m->ahead_of = 0;
    m->train = NULL;
    return m;
}

bool ws_message_grow(struct ws_pool *pool, struct ws_message **message, uint32_t capacity) {
    struct ws_message *old = *message;
    if (old->capacity >= capacity) return true;
    struct ws_message *m = ws_message_new(pool, capacity);
    if (!m) return false;
    memcpy(ws_payload(m), ws_payload(old), old->size);
    m->size = old->size;
    ws_message_free(pool, old);
    *message = m;
    return true;
}

static void free_chunks(struct ws_pool *pool, uint32_t first, uint32_t count) {
    for (uint32_t k = first; k < first + count; k++) pool->chunks[k].class = FREE;
    pool->in_use -= count;
}

static void give_back(struct ws_pool *pool, struct ws_message *m) {
    struct ws_chunk *chunk = &pool->chunks[m->chunk];
    const uint32_t index = m->chunk;
    m->magic = 0;
    if (chunk->class == RUN) {
        pool->used_bytes -= (uint64_t)chunk->run * WS_CHUNK_BYTES;
        free_chunks(pool, index, chunk->run);
        return;
    }
    const uint32_t slot = m->slot;
    m->slot = (uint32_t)chunk->first_free;
    chunk->first_free = (int32_t)slot;
    pool->used_bytes -= slot_bytes[chunk->class];
    if (!chunk->listed) list_chunk(pool, index);
    if (--chunk->used) return;
    unlist_chunk(pool, index);
    free_chunks(pool, index, 1);
}

void ws_message_free(struct ws_pool *pool, struct ws_message *message) {
    pthread_mutex_lock(&pool->lock);
    give_back(pool, message);
    pthread_mutex_unlock(&pool->lock);
}

struct ws_message *ws_message_of(struct ws_pool *pool, double handle) {
    const uintptr_t start = (uintptr_t)pool->arena;
    if (!(handle >= (double)start && handle < (double)(start + (size_t)WS_ARENA_CHUNKS * WS_CHUNK_BYTES))) return NULL;
    const uintptr_t address = (uintptr_t)handle;
    if (address % 64) return NULL;
    struct ws_message *m = (struct ws_message *)address; /* NOLINT: TypeScript holds messages by address */
    return m->magic == MAGIC ? m : NULL;
}

void ws_message_frame(struct ws_message *m, enum ws_opcode opcode) {
    uint8_t *end = m->frame_head + WS_FRAME_HEAD_MAX;
    if (m->size < 126) {
        m->framing = 2;
        end[-1] = (uint8_t)m->size;
    } else if (m->size < 65536) {
        m->framing = 4;
        end[-3] = 126;
        end[-2] = (uint8_t)(m->size >> 8);
        end[-1] = (uint8_t)m->size;
    } else {
        m->framing = 10;
        end[-9] = 127;
        for (uint32_t i = 0; i < 8; i++) end[-1 - (int32_t)i] = i < 4 ? (uint8_t)(m->size >> 8 * i) : 0;
    }
    end[-(int32_t)m->framing] = (uint8_t)(0x80 | opcode);
}

bool ws_pool_tick(struct ws_pool *pool) {
    bool more = false;
    pthread_mutex_lock(&pool->lock);
    for (uint32_t i = 0; i < pool->high; i++) {
        struct ws_chunk *chunk = &pool->chunks[i];
        if (chunk->class != FREE || !chunk->held) continue;
        if (chunk->idle) {
            madvise(pool->arena + (size_t)i * WS_CHUNK_BYTES, WS_CHUNK_BYTES, MADV_DONTNEED);
            chunk->held = chunk->idle = false;
        } else {
            chunk->idle = more = true;
        }
    }
    more |= pool->in_use > 0;
    pthread_mutex_unlock(&pool->lock);
    return more;
}

uint64_t ws_pool_held(struct ws_pool *pool) {
    uint64_t held = 0;
    pthread_mutex_lock(&pool->lock);
    for (uint32_t i = 0; i < pool->high; i++) held += pool->chunks[i].held;
    pthread_mutex_unlock(&pool->lock);
    return held * WS_CHUNK_BYTES;
}
