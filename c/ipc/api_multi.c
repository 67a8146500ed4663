/* xshm.h's server of many clients and a client of it: a worker with slots. */
#include "ipc/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOT_TIMEOUT_MOST_MS = 8000, RETRY_MS = 250 };

struct MultiServerHandle {
    struct xs_worker *worker;
    shm_multi_callbacks_t callbacks;
};
struct MultiClientHandle {
    struct xs_worker *worker;
    shm_multi_client_callbacks_t callbacks;
};

static void on_server_event(void *context, const struct xs_group_event *event) {
    const shm_multi_callbacks_t *c = &((MultiServerHandle *)context)->callbacks;
    if (event->kind == XS_CONNECTED && c->on_client_connect) c->on_client_connect(event->slot, c->user_data);
    if (event->kind == XS_DISCONNECTED && c->on_client_disconnect) c->on_client_disconnect(event->slot, c->user_data);
    if (event->kind == XS_FAILED && c->on_error) c->on_error(event->slot, (shm_error_t)event->code, c->user_data);
}

static void on_server_message(void *context, uint32_t slot, const void *data, uint32_t size) {
    const shm_multi_callbacks_t *c = &((MultiServerHandle *)context)->callbacks;
    if (c->on_message) c->on_message(slot, data, size, c->user_data);
}

static void on_client_event(void *context, const struct xs_group_event *event) {
    const shm_multi_client_callbacks_t *c = &((MultiClientHandle *)context)->callbacks;
    if (event->kind == XS_CONNECTED && c->on_connect) c->on_connect(event->slot, c->user_data);
    if (event->kind == XS_DISCONNECTED && c->on_disconnect) c->on_disconnect(c->user_data);
    if (event->kind == XS_FAILED && c->on_error) c->on_error((shm_error_t)event->code, c->user_data);
}

static void on_client_message(void *context, uint32_t slot, const void *data, uint32_t size) {
    const shm_multi_client_callbacks_t *c = &((MultiClientHandle *)context)->callbacks;
    (void)slot;
    if (c->on_message) c->on_message(data, size, c->user_data);
}

static void on_client_overflow(void *context, uint32_t slot, bool outgoing, uint32_t dropped) {
    const shm_multi_client_callbacks_t *c = &((MultiClientHandle *)context)->callbacks;
    (void)slot;
    (void)outgoing;
    if (c->on_overflow) c->on_overflow(dropped, c->user_data);
}

static const struct xs_worker_calls server_calls = {on_server_event, on_server_message, NULL, NULL, free};
static const struct xs_worker_calls client_calls = {on_client_event, on_client_message, NULL, on_client_overflow, free};

shm_multi_options_t shm_multi_options_default(void) {
    return (shm_multi_options_t){PB_SHM_LIMIT_CLIENTS_DEFAULT, 50, 32};
}
shm_multi_callbacks_t shm_multi_callbacks_default(void) { return (shm_multi_callbacks_t){0}; }
shm_multi_client_options_t shm_multi_client_options_default(void) {
    return (shm_multi_client_options_t){5000, 50, 32, 256};
}
shm_multi_client_callbacks_t shm_multi_client_callbacks_default(void) { return (shm_multi_client_callbacks_t){0}; }

MultiServerHandle *shm_multi_server_start(const char *base_name, const shm_multi_callbacks_t *callbacks,
                                          const shm_multi_options_t *options) {
    shm_multi_options_t o = options ? *options : shm_multi_options_default();
    MultiServerHandle *m = calloc(1, sizeof *m);
    int code = !base_name ? XS_BAD_PARAM : m ? XS_OK : XS_ACCESS;
    if (code == XS_OK) {
        if (callbacks) m->callbacks = *callbacks;
        struct xs_worker_settings settings = {
            .group = {.name = base_name, .handle = -1, .server = true, .slots = true, .clients = o.max_clients},
            .batch = o.recv_batch,
        };
        code = xs_worker_start(&m->worker, &settings, &server_calls, m);
        if (code == XS_OK) return m;
    }
    free(m);
    if (callbacks && callbacks->on_error) callbacks->on_error(SHM_NO_SLOT, (shm_error_t)code, callbacks->user_data);
    return NULL;
}

shm_error_t shm_multi_server_send_to(MultiServerHandle *h, uint32_t client_id, const void *data, uint32_t size) {
    return h ? (shm_error_t)xs_worker_send(h->worker, client_id, data, size) : SHM_ERROR_INVALID_PARAM;
}

shm_error_t shm_multi_server_broadcast(MultiServerHandle *h, const void *data, uint32_t size, uint32_t *sent_count) {
    if (sent_count) *sent_count = 0;
    if (!h || !data || size < XS_MIN_MESSAGE || size > XS_MAX_MESSAGE) return SHM_ERROR_INVALID_PARAM;
    uint32_t reached = 0, connected = xs_worker_connected(h->worker);
    for (uint32_t slot = 0; slot < XS_MAX_SLOTS; slot++)
        if (connected >> slot & 1u && xs_worker_send(h->worker, slot, data, size) == XS_OK) reached++;
    if (sent_count) *sent_count = reached;
    return SHM_SUCCESS;
}

shm_error_t shm_multi_server_disconnect_client(MultiServerHandle *h, uint32_t client_id) {
    return h ? (shm_error_t)xs_worker_drop(h->worker, client_id) : SHM_ERROR_INVALID_PARAM;
}

uint32_t shm_multi_server_client_count(const MultiServerHandle *h) {
    return h ? (uint32_t)__builtin_popcount(xs_worker_connected(h->worker)) : 0;
}

bool shm_multi_server_is_client_connected(const MultiServerHandle *h, uint32_t client_id) {
    return h && client_id < XS_MAX_SLOTS && xs_worker_connected(h->worker) >> client_id & 1u;
}

shm_error_t shm_multi_server_get_clients(const MultiServerHandle *h, uint32_t *ids, uint32_t room, uint32_t *count) {
    if (!h || !count || (!ids && room)) return SHM_ERROR_INVALID_PARAM;
    uint32_t connected = xs_worker_connected(h->worker);
    *count = 0;
    for (uint32_t slot = 0; slot < XS_MAX_SLOTS; slot++) {
        if (!(connected >> slot & 1u)) continue;
        if (*count < room) ids[*count] = slot;
        ++*count;
    }
    return *count > room ? SHM_ERROR_MEMORY : SHM_SUCCESS;
}

uint32_t shm_multi_server_channel_name(const MultiServerHandle *h, uint32_t slot, char *buffer, uint32_t size) {
    if (!h || !buffer || slot >= xs_worker_group(h->worker)->count) return 0;
    int length = snprintf(buffer, size, "%s_%u", xs_worker_group(h->worker)->name, slot);
    return length > 0 && (uint32_t)length < size ? (uint32_t)length : 0;
}

void shm_multi_server_stop(MultiServerHandle *h) {
    if (h) xs_worker_stop(h->worker);
}

MultiClientHandle *shm_multi_client_connect(const char *base_name, const shm_multi_client_callbacks_t *callbacks,
                                            const shm_multi_client_options_t *options) {
    shm_multi_client_options_t o = options ? *options : shm_multi_client_options_default();
    MultiClientHandle *m = calloc(1, sizeof *m);
    int code = !base_name ? XS_BAD_PARAM : m ? XS_OK : XS_ACCESS;
    if (code == XS_OK) {
        if (callbacks) m->callbacks = *callbacks;
        uint32_t patience = o.slot_timeout_ms < SLOT_TIMEOUT_MOST_MS ? o.slot_timeout_ms : SLOT_TIMEOUT_MOST_MS;
        struct xs_worker_settings settings = {
            .group = {.name = base_name, .handle = -1, .slots = true, .connect_timeout_ms = patience, .reconnect_ms = RETRY_MS},
            .queue = o.max_send_queue ? o.max_send_queue : 1,
            .batch = o.recv_batch,
        };
        code = xs_worker_start(&m->worker, &settings, &client_calls, m);
        if (code == XS_OK) return m;
    }
    free(m);
    if (callbacks && callbacks->on_error) callbacks->on_error((shm_error_t)code, callbacks->user_data);
    return NULL;
}

shm_error_t shm_multi_client_send(MultiClientHandle *h, const void *data, uint32_t size) {
    return h ? (shm_error_t)xs_worker_send(h->worker, xs_worker_slot(h->worker), data, size) : SHM_ERROR_INVALID_PARAM;
}
uint32_t shm_multi_client_slot_id(const MultiClientHandle *h) { return h ? xs_worker_slot(h->worker) : SHM_NO_SLOT; }
bool shm_multi_client_is_connected(const MultiClientHandle *h) { return h && xs_worker_connected(h->worker) != 0; }
void shm_multi_client_disconnect(MultiClientHandle *h) {
    if (h) xs_worker_stop(h->worker);
}
