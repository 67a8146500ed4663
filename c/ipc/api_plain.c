/* xshm.h's plain server and client: an endpoint, the alarm of its peer's death, the callbacks. Between the program and the rings
 * lies a small store of messages that were taken together: taking many costs hardly more than taking one. */
#include "include/xshm.h"
#include "ipc/endpoint.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SAME(ours, published) _Static_assert((int)XS_##ours == (int)SHM_##published, "xshm.h says another code")
SAME(OK, SUCCESS);
SAME(BAD_PARAM, ERROR_INVALID_PARAM);
SAME(TOO_SMALL, ERROR_MEMORY);
SAME(TIMEOUT, ERROR_TIMEOUT);
SAME(EMPTY, ERROR_EMPTY);
SAME(EXISTS, ERROR_EXISTS);
SAME(NOT_FOUND, ERROR_NOT_FOUND);
SAME(ACCESS, ERROR_ACCESS);
SAME(NOT_READY, ERROR_NOT_READY);
SAME(PROTOCOL, ERROR_PROTOCOL);
SAME(FULL, ERROR_FULL);
SAME(NO_FREE_SLOT, ERROR_NO_SLOT);

enum { STORE_BYTES = 4096, STORE_MESSAGES = 32 };

struct plain {
    struct xs_endpoint end;
    struct pb_os_alarm alarm;
    shm_callbacks_t callbacks;
    bool told; /* on_connect was called, on_disconnect not yet */
    struct xs_entry entries[STORE_MESSAGES];
    uint32_t next, stored;
    uint64_t store[STORE_BYTES / 8];
    /* Event handles: a thread passes what programs outside signal on to the event that the server sleeps on. */
    shm_event_handles_t handles;
    intptr_t stop;
    bool passing;
    pthread_t thread;
};
struct ServerHandle {
    struct plain plain;
};
struct ClientHandle {
    struct plain plain;
};

static shm_error_t failed(const shm_callbacks_t *callbacks, int code) {
    if (callbacks && callbacks->on_error) callbacks->on_error((shm_error_t)code, callbacks->user_data);
    return (shm_error_t)code;
}

static struct plain *begin(const shm_callbacks_t *callbacks) {
    struct plain *p = calloc(1, sizeof *p);
    if (!p || pb_os_alarm_open(&p->alarm)) {
        free(p);
        failed(callbacks, SHM_ERROR_ACCESS);
        return NULL;
    }
    p->end = XS_NO_ENDPOINT;
    p->handles = (shm_event_handles_t){-1, -1};
    p->stop = -1;
    if (callbacks) p->callbacks = *callbacks;
    return p;
}

static void tell_connected(struct plain *p) {
    p->told = true;
    p->next = p->stored = 0;
    if (p->callbacks.on_connect) p->callbacks.on_connect(p->callbacks.user_data);
}

static void tell_gone(struct plain *p) {
    if (p->told && p->callbacks.on_disconnect) p->callbacks.on_disconnect(p->callbacks.user_data);
    p->told = false;
}

static void end(struct plain *p) {
    if (p->passing) { /* before what it rings goes away */
        pb_os_signal_set(p->stop);
        pthread_join(p->thread, NULL);
    }
    xs_close(&p->end);
    tell_gone(p);
    pb_os_signal_close(p->handles.s2c_data);
    pb_os_signal_close(p->handles.c2s_data);
    pb_os_signal_close(p->stop);
    pb_os_alarm_close(&p->alarm);
    free(p);
}

/* Also makes sure that a death is noted by a program that never waits. */
static shm_error_t judged(struct plain *p, int code) {
    if (code == XS_NOT_FOUND) tell_gone(p);
    else if (code == XS_PROTOCOL) failed(&p->callbacks, code);
    return (shm_error_t)code;
}

static inline void look_at_alarm(struct plain *p) {
    if (!pb_os_alarm_is_set(&p->alarm)) return;
    pb_os_alarm_reset(&p->alarm);
    xs_note_death(&p->end);
}

static shm_error_t send_plain(struct plain *p, const void *data, uint32_t size, bool overwrite) {
    if (!p || !data) return SHM_ERROR_INVALID_PARAM;
    look_at_alarm(p);
    uint32_t dropped = 0;
    int code = xs_send(&p->end, data, size, overwrite, &dropped);
    return code ? judged(p, code) : SHM_SUCCESS;
}

static shm_error_t wait_for_space(struct plain *p, uint32_t size, uint32_t timeout_ms) {
    if (!p || size > XS_MAX_MESSAGE) return SHM_ERROR_INVALID_PARAM;
    look_at_alarm(p);
    return judged(p, p->end.connected ? xs_wait_space(&p->end, size, timeout_ms) : XS_NOT_FOUND);
}

static shm_error_t receive_plain(struct plain *p, void *buffer, uint32_t *size) {
    if (!p || !size || (!buffer && *size)) return SHM_ERROR_INVALID_PARAM;
    if (p->next == p->stored) {
        struct xs_entry one;
        int taken;
        if (p->stored > 1) {
            /* The producer is putting one after the other, and each look takes the line of its position away: leaving it that
             * line for a moment carries half as much again. */
            pb_os_pause();
            p->next = p->stored = 0;
        }
        uint32_t waiting = p->end.connected ? xs_consumer_waiting(&p->end.in) : 0;
        /* What a program that spins comes by most often: the shorter this way, the sooner it sees the next message. */
        if (!waiting && xs_linked(&p->end) && xs_consumer_is_right(&p->end.in)) {
            look_at_alarm(p);
            return SHM_ERROR_EMPTY;
        }
        if (waiting > STORE_BYTES / STORE_MESSAGES) {
            taken = xs_take(&p->end, p->store, sizeof p->store, p->entries, STORE_MESSAGES);
            if (taken != XS_TOO_SMALL) goto stored;
        }
        taken = xs_take(&p->end, buffer, *size, &one, 1);
        if (taken == 1 || taken == XS_TOO_SMALL) *size = one.size;
        if (taken == 1) return SHM_SUCCESS;
        if (taken == XS_TOO_SMALL) return SHM_ERROR_MEMORY;
    stored:
        if (taken == 0 || taken == XS_NOT_FOUND) {
            look_at_alarm(p);
            return taken ? judged(p, taken) : SHM_ERROR_EMPTY;
        }
        if (taken < 0) return judged(p, taken);
        p->next = 0;
        p->stored = (uint32_t)taken;
    }
    const struct xs_entry *entry = &p->entries[p->next];
    uint32_t room = *size;
    *size = entry->size;
    if (entry->size > room) return SHM_ERROR_MEMORY;
    memcpy(buffer, (const uint8_t *)p->store + entry->at, entry->size);
    p->next++;
    return SHM_SUCCESS;
}

static shm_error_t poll_plain(struct plain *p, uint32_t timeout_ms) {
    if (!p) return SHM_ERROR_INVALID_PARAM;
    if (p->next < p->stored) return SHM_SUCCESS;
    if (!p->end.connected) return SHM_ERROR_NOT_FOUND;
    look_at_alarm(p);
    return judged(p, xs_wait_data(&p->end, timeout_ms));
}

static ServerHandle *start(const char *name, const shm_callbacks_t *callbacks) {
    struct plain *p = begin(callbacks);
    if (!p) return NULL;
    int code = xs_server_open(&p->end, name, &p->alarm);
    if (code == XS_OK) return (ServerHandle *)p;
    end(p);
    failed(callbacks, code);
    return NULL;
}

ServerHandle *shm_server_start(const shm_endpoint_config_t *config, const shm_callbacks_t *callbacks) {
    if (config && config->name) return start(config->name, callbacks);
    failed(callbacks, SHM_ERROR_INVALID_PARAM);
    return NULL;
}

ServerHandle *shm_server_start_anonymous(const shm_callbacks_t *callbacks) { return start(NULL, callbacks); }

intptr_t shm_server_section_handle(const ServerHandle *handle) {
    return handle && !handle->plain.end.segment.name[0] ? handle->plain.end.segment.handle : -1;
}

shm_error_t shm_server_wait_for_client(ServerHandle *handle, uint32_t timeout_ms) {
    if (!handle) return SHM_ERROR_INVALID_PARAM;
    struct plain *p = &handle->plain;
    look_at_alarm(p);
    if (p->end.connected && !xs_linked(&p->end)) tell_gone(p);
    int code = xs_wait_client(&p->end, timeout_ms);
    if (code) return failed(&p->callbacks, code);
    tell_connected(p);
    return SHM_SUCCESS;
}

shm_error_t shm_server_send(ServerHandle *h, const void *data, uint32_t size) {
    return send_plain((struct plain *)h, data, size, true);
}
shm_error_t shm_server_try_send(ServerHandle *h, const void *data, uint32_t size) {
    return send_plain((struct plain *)h, data, size, false);
}
shm_error_t shm_server_wait_for_space(ServerHandle *h, uint32_t size, uint32_t timeout_ms) {
    return wait_for_space((struct plain *)h, size, timeout_ms);
}
shm_error_t shm_server_receive(ServerHandle *h, void *buffer, uint32_t *size) { return receive_plain((struct plain *)h, buffer, size); }
shm_error_t shm_server_poll(ServerHandle *h, uint32_t timeout_ms) { return poll_plain((struct plain *)h, timeout_ms); }

static void *pass_on(void *given) {
    struct plain *p = given;
    while (pb_os_signal_wait(p->handles.c2s_data, p->stop) == PB_OS_OK) xs_event_fire(&p->end.events[XS_C2S_DATA]);
    return NULL;
}

bool shm_server_get_event_handles(ServerHandle *handle, shm_event_handles_t *out) {
    if (!out) return false;
    *out = (shm_event_handles_t){0, 0};
    if (!handle || !handle->plain.end.segment.name[0]) return false;
    struct plain *p = &handle->plain;
    if (!p->passing) {
        shm_event_handles_t made = {pb_os_signal_open(), pb_os_signal_open()};
        p->handles = made;
        p->stop = pb_os_signal_open();
        if (made.s2c_data == -1 || made.c2s_data == -1 || p->stop == -1) return false;
        p->passing = pthread_create(&p->thread, NULL, pass_on, p) == 0;
        if (!p->passing) return false;
        p->end.outside = made.s2c_data;
        p->end.out.tell_empty = true;
    }
    *out = p->handles;
    return true;
}

void shm_server_stop(ServerHandle *handle) {
    if (handle) end(&handle->plain);
}

static ClientHandle *join(const char *name, intptr_t section, const shm_callbacks_t *callbacks, uint32_t timeout_ms) {
    struct plain *p = begin(callbacks);
    if (!p) return NULL;
    int code = xs_client_open(&p->end, name, section, &p->alarm);
    if (code == XS_OK) code = xs_client_hello(&p->end);
    if (code == XS_OK) code = xs_wait_answer(&p->end, timeout_ms);
    if (code == XS_OK) {
        tell_connected(p);
        return (ClientHandle *)p;
    }
    end(p);
    failed(callbacks, code);
    return NULL;
}

ClientHandle *shm_client_connect(const shm_endpoint_config_t *config, const shm_callbacks_t *callbacks, uint32_t timeout_ms) {
    if (config && config->name) return join(config->name, -1, callbacks, timeout_ms);
    failed(callbacks, SHM_ERROR_INVALID_PARAM);
    return NULL;
}

ClientHandle *shm_client_connect_section(intptr_t section, const shm_callbacks_t *callbacks, uint32_t timeout_ms) {
    return join(NULL, section, callbacks, timeout_ms);
}

bool shm_client_is_connected(const ClientHandle *handle) {
    return handle && xs_linked(&handle->plain.end) && pb_os_process_alive(handle->plain.end.peer);
}

shm_error_t shm_client_send(ClientHandle *h, const void *data, uint32_t size) {
    return send_plain((struct plain *)h, data, size, true);
}
shm_error_t shm_client_try_send(ClientHandle *h, const void *data, uint32_t size) {
    return send_plain((struct plain *)h, data, size, false);
}
shm_error_t shm_client_wait_for_space(ClientHandle *h, uint32_t size, uint32_t timeout_ms) {
    return wait_for_space((struct plain *)h, size, timeout_ms);
}
shm_error_t shm_client_receive(ClientHandle *h, void *buffer, uint32_t *size) { return receive_plain((struct plain *)h, buffer, size); }
shm_error_t shm_client_poll(ClientHandle *h, uint32_t timeout_ms) { return poll_plain((struct plain *)h, timeout_ms); }

void shm_client_disconnect(ClientHandle *handle) {
    if (handle) end(&handle->plain);
}

shm_error_t shm_section_send(intptr_t socket, intptr_t section) {
    return (shm_error_t)xs_code_of(pb_os_handle_send(socket, section));
}
intptr_t shm_section_receive(intptr_t socket) {
    intptr_t section;
    return pb_os_handle_receive(socket, &section) == PB_OS_OK ? section : -1;
}
