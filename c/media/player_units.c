/* Access units between the thread that receives and the thread that decodes. Copies are made outside the lock. */
#include "player.h"

#include <stdlib.h>
#include <string.h>

/* A buffer that a single huge frame needed is not kept. */
enum { KEEP_BYTES = 2 * 1024 * 1024 };

void pb_units_init(struct pb_unit_queue *q) { pthread_mutex_init(&q->lock, NULL); }

bool pb_units_push(struct pb_unit_queue *q, const void *data, const struct pb_unit *unit, bool *was_empty) {
    struct pb_unit u = {0};
    pthread_mutex_lock(&q->lock);
    bool room = q->count < PB_UNITS_QUEUED && q->bytes + unit->size <= PB_UNIT_BYTES_QUEUED;
    if (room && q->spares) u = q->spare[--q->spares];
    pthread_mutex_unlock(&q->lock);
    if (!room) return false;
    if (u.capacity < unit->size) {
        free(u.data);
        u.capacity = unit->size + unit->size / 2 + 4096;
        u.data = malloc(u.capacity);
        if (!u.data) return false;
    }
    memcpy(u.data, data, unit->size);
    u.size = unit->size;
    u.frame_id = unit->frame_id;
    u.capture_us = unit->capture_us;
    u.codec = unit->codec;
    u.pushed_us = unit->pushed_us;
    pthread_mutex_lock(&q->lock);
    *was_empty = q->count == 0;
    q->units[(q->first + q->count++) % PB_UNITS_QUEUED] = u;
    q->bytes += u.size;
    pthread_mutex_unlock(&q->lock);
    return true;
}

bool pb_units_take(struct pb_unit_queue *q, struct pb_unit *out) {
    pthread_mutex_lock(&q->lock);
    bool some = q->count > 0;
    if (some) {
        *out = q->units[q->first];
        q->first = (q->first + 1) % PB_UNITS_QUEUED;
        q->count--;
        q->bytes -= out->size;
    }
    pthread_mutex_unlock(&q->lock);
    return some;
}

bool pb_units_waiting(struct pb_unit_queue *q) {
    pthread_mutex_lock(&q->lock);
    bool some = q->count > 0;
    pthread_mutex_unlock(&q->lock);
    return some;
}

void pb_units_give_back(struct pb_unit_queue *q, struct pb_unit *unit) {
    pthread_mutex_lock(&q->lock);
    bool keep = unit->capacity <= KEEP_BYTES && q->spares < PB_UNITS_QUEUED + 2;
    if (keep) q->spare[q->spares++] = *unit;
    pthread_mutex_unlock(&q->lock);
    if (!keep) free(unit->data);
    unit->data = NULL;
}

void pb_units_free(struct pb_unit_queue *q) {
    for (; q->count; q->count--, q->first = (q->first + 1) % PB_UNITS_QUEUED) free(q->units[q->first].data);
    while (q->spares) free(q->spare[--q->spares].data);
    pthread_mutex_destroy(&q->lock);
}
