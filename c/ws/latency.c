/* What statistics tell of a group and of one connection: how long messages took through here, and what waits. */
#include "ws.h"

/* Values below 16 stand for themselves; above, each octave has 8 steps. base/histogram.ts says what a bucket stands for. */
static uint32_t bucket_of(uint32_t us) {
    if (us < 2 * WS_LATENCY_STEPS) return us;
    const uint32_t octave = 31 - (uint32_t)__builtin_clz(us);
    const uint32_t bucket = (octave - 2) * WS_LATENCY_STEPS + ((us >> (octave - 3)) & (WS_LATENCY_STEPS - 1));
    return bucket < WS_LATENCY_BUCKETS ? bucket : WS_LATENCY_BUCKETS - 1;
}

static void turn(struct ws_latency *latency, uint64_t now_us) {
    const uint64_t age = now_us - latency->since_us;
    if (age < WS_LATENCY_US) return;
    latency->present ^= 1;
    memset(latency->counts[latency->present], 0, sizeof latency->counts[0]);
    if (age >= 2 * (uint64_t)WS_LATENCY_US) memset(latency->counts[latency->present ^ 1], 0, sizeof latency->counts[0]);
    latency->since_us = now_us;
}

void ws_latency_add(struct ws_latency *latency, uint32_t us, uint64_t now_us) {
    turn(latency, now_us);
    latency->counts[latency->present][bucket_of(us)]++;
}

int32_t pb_ws_group_latency(struct pb_ws *s, uint32_t group, uint32_t *counts, uint32_t size) {
    ws_lock(s);
    struct ws_group *g = ws_group_of(s, group);
    if (g) {
        turn(&g->latency, pb_monotonic_us());
        for (uint32_t i = 0; i < size && i < WS_LATENCY_BUCKETS; i++) counts[i] += g->latency.counts[0][i] + g->latency.counts[1][i];
    }
    ws_unlock(s);
    return g ? 0 : -1;
}

int32_t pb_ws_connection_stats(struct pb_ws *s, double connection, struct pb_ws_connection_stats *out) {
    ws_lock(s);
    const struct ws_conn *c = ws_conn_of(s, connection);
    if (c) {
        *out = (struct pb_ws_connection_stats){
            .messages_out = c->messages_out,
            .bytes_out = c->bytes_out,
            .left_out = c->left_out,
            .queued_messages = c->own_count + c->cast_count,
            .queued_bytes = c->own_bytes + c->cast_bytes,
        };
        const uint32_t now = (uint32_t)pb_monotonic_us();
        for (uint32_t i = 0; i < c->count && !out->waiting_us; i++) {
            const uintptr_t entry = c->ring[(c->first + i) & (c->ring_size - 1)];
            if (entry & WS_CAST) out->waiting_us = now - ((struct ws_message *)(entry & ~(uintptr_t)WS_MARKS))->came_us; /* NOLINT */
        }
    }
    ws_unlock(s);
    return c ? 0 : -1;
}
