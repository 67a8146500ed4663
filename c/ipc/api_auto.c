/* xshm.h's automatic server and client: a worker without slots. */
#include "ipc/worker.h"

#include <stdlib.h>

struct automatic {
    struct xs_worker *worker;
    shm_callbacks_t callbacks;
    shm_direction_t out, in;
};
struct AutoServerHandle {
    struct automatic automatic;
};
struct AutoClientHandle {
    struct automatic automatic;
};

static void on_event(void *context, const struct xs_group_event *event) {
    const shm_callbacks_t *c = &((struct automatic *)context)->callbacks;
    if (event->kind == XS_CONNECTED && c->on_connect) c->on_connect(c->user_data);
    if (event->kind == XS_DISCONNECTED && c->on_disconnect) c->on_disconnect(c->user_data);
    if (event->kind == XS_SPACE && c->on_space_available) c->on_space_available(c->user_data);
    if (event->kind == XS_FAILED && c->on_error) c->on_error((shm_error_t)event->code, c->user_data);
}

static void on_waiting(void *context) {
    const shm_callbacks_t *c = &((struct automatic *)context)->callbacks;
    if (c->on_data_available) c->on_data_available(c->user_data);
}

static void on_message(void *context, uint32_t slot, const void *data, uint32_t size) {
    const struct automatic *a = context;
    (void)slot;
    if (a->callbacks.on_message) a->callbacks.on_message(a->in, data, size, a->callbacks.user_data);
}

static void on_overflow(void *context, uint32_t slot, bool outgoing, uint32_t dropped) {
    const struct automatic *a = context;
    (void)slot;
    if (a->callbacks.on_overflow) a->callbacks.on_overflow(outgoing ? a->out : a->in, dropped, a->callbacks.user_data);
}

static const struct xs_worker_calls calls = {on_event, on_message, on_waiting, on_overflow, free};

shm_auto_options_t shm_auto_options_default(void) { return (shm_auto_options_t){50, 250, 2000, 256, 32}; }

static struct automatic *start(bool server, const shm_endpoint_config_t *config, const shm_callbacks_t *callbacks,
                               const shm_auto_options_t *options) {
    shm_auto_options_t o = options ? *options : shm_auto_options_default();
    struct automatic *a = calloc(1, sizeof *a);
    int code = !config || !config->name ? XS_BAD_PARAM : a ? XS_OK : XS_ACCESS;
    if (code == XS_OK) {
        if (callbacks) a->callbacks = *callbacks;
        a->out = server ? SHM_DIR_SERVER_TO_CLIENT : SHM_DIR_CLIENT_TO_SERVER;
        a->in = server ? SHM_DIR_CLIENT_TO_SERVER : SHM_DIR_SERVER_TO_CLIENT;
        struct xs_worker_settings settings = {
            .group = {.name = config->name,
                      .handle = -1,
                      .server = server,
                      .connect_timeout_ms = o.connect_timeout_ms,
                      .reconnect_ms = o.reconnect_delay_ms},
            .queue = o.max_send_queue ? o.max_send_queue : 1,
            .batch = o.recv_batch,
            .tell_space = a->callbacks.on_space_available != NULL,
        };
        code = xs_worker_start(&a->worker, &settings, &calls, a);
        if (code == XS_OK) return a;
    }
    free(a);
    if (callbacks && callbacks->on_error) callbacks->on_error((shm_error_t)code, callbacks->user_data);
    return NULL;
}

static shm_error_t send_auto(struct automatic *a, const void *data, uint32_t size) {
    return a ? (shm_error_t)xs_worker_send(a->worker, 0, data, size) : SHM_ERROR_INVALID_PARAM;
}

static bool stats_auto(const struct automatic *a, shm_auto_stats_t *out) {
    if (a && out) xs_worker_stats(a->worker, out);
    return a && out;
}

static void stop_auto(struct automatic *a) {
    if (a) xs_worker_stop(a->worker);
}

AutoServerHandle *shm_server_start_auto(const shm_endpoint_config_t *config, const shm_callbacks_t *callbacks,
                                        const shm_auto_options_t *options) {
    return (AutoServerHandle *)start(true, config, callbacks, options);
}
AutoClientHandle *shm_client_connect_auto(const shm_endpoint_config_t *config, const shm_callbacks_t *callbacks,
                                          const shm_auto_options_t *options) {
    return (AutoClientHandle *)start(false, config, callbacks, options);
}

shm_error_t shm_server_send_auto(AutoServerHandle *h, const void *data, uint32_t size) {
    return send_auto((struct automatic *)h, data, size);
}
shm_error_t shm_client_send_auto(AutoClientHandle *h, const void *data, uint32_t size) {
    return send_auto((struct automatic *)h, data, size);
}
bool shm_server_stats_auto(const AutoServerHandle *h, shm_auto_stats_t *out) {
    return stats_auto((const struct automatic *)h, out);
}
bool shm_client_stats_auto(const AutoClientHandle *h, shm_auto_stats_t *out) {
    return stats_auto((const struct automatic *)h, out);
}
void shm_server_stop_auto(AutoServerHandle *h) { stop_auto((struct automatic *)h); }
void shm_client_disconnect_auto(AutoClientHandle *h) { stop_auto((struct automatic *)h); }
