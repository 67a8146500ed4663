/* The waiting of a plain endpoint: one event, the peer's death, a time-out. Asleep it costs nothing. */
#include "ipc/endpoint.h"

static uint64_t deadline_of(uint32_t timeout_ms) {
    return timeout_ms == XS_FOREVER ? PB_OS_FOREVER : pb_os_now_us() + (uint64_t)timeout_ms * 1000u;
}

/* Sleeps on an event that is armed. XS_OK: look again. */
static int sleep_on(struct xs_endpoint *e, struct pb_os_bell *event, uint64_t deadline) {
    uint64_t now = deadline == PB_OS_FOREVER ? 0 : pb_os_now_us();
    if (deadline <= now) return XS_TIMEOUT;
    enum pb_os_status status =
        pb_os_wait(event, XS_WAITING, e->alarm, deadline == PB_OS_FOREVER ? PB_OS_FOREVER : deadline - now);
    if (status == PB_OS_STOPPED) {
        pb_os_alarm_reset(e->alarm);
        xs_note_death(e);
    }
    return status == PB_OS_OK || status == PB_OS_STOPPED || status == PB_OS_TIMEOUT ? XS_OK : XS_ACCESS;
}

int xs_wait_data(struct xs_endpoint *e, uint32_t timeout_ms) {
    if (xs_pending(e)) return XS_OK;
    struct pb_os_bell *event = xs_data_event(e);
    uint64_t deadline = deadline_of(timeout_ms);
    for (int code = XS_OK;;) {
        xs_event_arm(event);
        bool linked = xs_linked(e);
        if (xs_pending(e)) code = XS_OK;
        else if (!linked) code = XS_NOT_FOUND;
        else if (code == XS_OK) {
            code = sleep_on(e, event, deadline);
            if (code == XS_OK) continue;
            if (code == XS_TIMEOUT && xs_pending(e)) code = XS_OK;
        }
        xs_event_clear(event);
        return code;
    }
}

int xs_wait_space(struct xs_endpoint *e, uint32_t size, uint32_t timeout_ms) {
    struct pb_os_bell *event = xs_space_event(e);
    uint64_t deadline = deadline_of(timeout_ms);
    for (;;) {
        xs_event_arm(event);
        int code = xs_linked(e) ? xs_producer_room(&e->out, size) : XS_NOT_FOUND;
        if (code == XS_FULL) {
            code = sleep_on(e, event, deadline);
            if (code == XS_OK) continue;
        }
        xs_event_clear(event);
        return code;
    }
}

int xs_wait_client(struct xs_endpoint *e, uint32_t timeout_ms) {
    struct pb_os_bell *event = &e->events[XS_C2S_CONNECT_REQ];
    uint64_t deadline = deadline_of(timeout_ms);
    for (;;) {
        int code = xs_server_accept(e);
        if (code != XS_EMPTY) return code;
        xs_event_arm(event);
        if (atomic_load_explicit(&e->shared->control.client_state, memory_order_acquire) == XS_HELLO) continue;
        code = sleep_on(e, event, deadline);
        if (code != XS_OK) return code;
    }
}

int xs_wait_answer(struct xs_endpoint *e, uint32_t timeout_ms) {
    struct pb_os_bell *event = &e->events[XS_S2C_CONNECT];
    uint64_t deadline = deadline_of(timeout_ms);
    for (;;) {
        int code = xs_client_answer(e);
        if (code == XS_EMPTY) {
            xs_event_arm(event);
            code = atomic_load_explicit(&e->shared->control.client_state, memory_order_acquire) == XS_HELLO
                       ? sleep_on(e, event, deadline)
                       : XS_OK;
            if (code == XS_OK) continue;
        }
        return code == XS_TIMEOUT ? xs_client_give_up(e) : code;
    }
}
