/* group.h: slots, hellos, ends, new attempts. */
#include "ipc/group.h"

#include <stdio.h>
#include <string.h>

enum { SLOT_DIGITS = 3 };

static void slot_name(const struct xs_group *g, uint32_t slot, char name[PB_OS_NAME_BYTES + 1]) {
    if (g->settings.slots) snprintf(name, PB_OS_NAME_BYTES + 1, "%.*s_%u", PB_OS_NAME_BYTES - SLOT_DIGITS, g->name, slot % 100);
    else strcpy(name, g->name);
}

static struct xs_group_event *put(struct xs_group_event *at, enum xs_group_kind kind, uint32_t slot, int code) {
    *at = (struct xs_group_event){kind, slot, code};
    return at + 1;
}

int xs_group_open(struct xs_group *g, const struct xs_group_settings *settings, struct pb_os_alarm *alarm) {
    memset(g, 0, sizeof *g);
    g->settings = *settings;
    g->alarm = alarm;
    g->slot = XS_NO_SLOT;
    g->count = settings->server && settings->slots ? settings->clients : 1;
    for (uint32_t i = 0; i < XS_MAX_SLOTS; i++) g->ends[i] = XS_NO_ENDPOINT;
    if (g->count < 1 || g->count > XS_MAX_SLOTS) return XS_BAD_PARAM;
    if (settings->name) {
        if (pb_os_check_name(settings->name) || strlen(settings->name) > PB_OS_NAME_BYTES - SLOT_DIGITS) return XS_BAD_PARAM;
        strcpy(g->name, settings->name);
        g->settings.name = g->name;
    } else if (settings->slots)
        return XS_BAD_PARAM;
    for (uint32_t i = 0; settings->server && i < g->count; i++) {
        char name[PB_OS_NAME_BYTES + 1];
        slot_name(g, i, name);
        int code = xs_server_open(&g->ends[i], settings->name ? name : NULL, alarm);
        if (code) {
            xs_group_close(g);
            return code;
        }
    }
    return XS_OK;
}

void xs_group_close(struct xs_group *g) {
    for (uint32_t i = 0; i < g->count; i++) xs_close(&g->ends[i]);
}

static void close_client(struct xs_group *g) {
    if (g->before_close) g->before_close(g->context);
    xs_close(&g->ends[0]);
}

struct xs_endpoint *xs_group_end(struct xs_group *g, uint32_t slot) {
    uint32_t index = g->settings.server ? slot : 0;
    if (index >= g->count || !g->ends[index].connected) return NULL;
    return g->settings.server || slot == g->slot ? &g->ends[index] : NULL;
}

void xs_group_drop(struct xs_group *g, uint32_t slot) {
    uint32_t index = g->settings.server ? slot : 0;
    if (index < g->count && g->ends[index].connected) g->sick[index] = true;
}

void xs_group_note_deaths(struct xs_group *g) {
    for (uint32_t i = 0; i < g->count; i++)
        if (g->ends[i].shared) xs_note_death(&g->ends[i]);
}

/* Whether a connection is over and everything that came over it has been taken. */
static bool ended(struct xs_group *g, uint32_t i) {
    struct xs_endpoint *e = &g->ends[i];
    return e->connected && (g->sick[i] || (!xs_linked(e) && !xs_pending(e)));
}

static struct xs_group_event *serve_slot(struct xs_group *g, uint32_t i, struct xs_group_event *at) {
    struct xs_endpoint *e = &g->ends[i];
    if (ended(g, i)) {
        xs_leave(e);
        at = put(at, XS_DISCONNECTED, i, XS_OK);
    }
    g->sick[i] = false;
    if (e->connected) return at;
    int code = xs_server_accept(e);
    if (code == XS_OK) return put(at, XS_CONNECTED, i, XS_OK);
    return code == XS_EMPTY ? at : put(at, XS_FAILED, i, code);
}

/* Asks at one slot after the other for the client's place. */
static int call(struct xs_group *g) {
    uint32_t last = g->settings.slots ? XS_MAX_SLOTS : 1;
    for (uint32_t slot = 0; slot < last; slot++) {
        char name[PB_OS_NAME_BYTES + 1];
        slot_name(g, slot, name);
        int code = xs_client_open(&g->ends[0], g->settings.name ? name : NULL, g->settings.handle, g->alarm);
        if (!g->settings.name) g->settings.handle = -1; /* it is the endpoint's now */
        if (code == XS_NOT_FOUND && slot > 0) return XS_NO_FREE_SLOT;
        if (code) return code;
        code = xs_client_hello(&g->ends[0]);
        if (code == XS_OK) g->slot = slot;
        if (code == XS_OK || !g->settings.slots) return code;
        close_client(g);
    }
    return XS_NO_FREE_SLOT;
}

static struct xs_group_event *failed(struct xs_group *g, uint64_t now, int code, struct xs_group_event *at) {
    close_client(g);
    g->calling = false;
    g->over = g->settings.reconnect_ms == XS_NEVER || !g->settings.name;
    g->until_us = now + (uint64_t)g->settings.reconnect_ms * 1000u;
    bool known = code == g->last_failure;
    g->last_failure = code;
    return known ? at : put(at, XS_FAILED, XS_NO_SLOT, code);
}

static struct xs_group_event *serve_client(struct xs_group *g, uint64_t now, struct xs_group_event *at) {
    struct xs_endpoint *e = &g->ends[0];
    if (ended(g, 0)) {
        at = put(at, XS_DISCONNECTED, g->slot, XS_OK);
        close_client(g);
        g->over = g->settings.reconnect_ms == XS_NEVER || !g->settings.name;
        /* At once, unless that one broke the protocol. */
        g->until_us = g->sick[0] && !g->over ? now + (uint64_t)g->settings.reconnect_ms * 1000u : now;
    }
    g->sick[0] = false;
    if (e->connected || g->over) return at;
    if (!g->calling) {
        if (now < g->until_us) return at;
        int code = call(g);
        if (code) return failed(g, now, code, at);
        g->calling = true;
        g->until_us = now + (uint64_t)g->settings.connect_timeout_ms * 1000u;
    }
    int code = xs_client_answer(e);
    if (code == XS_EMPTY && now >= g->until_us) code = xs_client_give_up(e);
    if (code == XS_EMPTY) return at;
    if (code) return failed(g, now, code, at);
    g->calling = false;
    g->last_failure = XS_OK;
    return put(at, XS_CONNECTED, g->slot, XS_OK);
}

static bool has_space(struct xs_group *g, uint32_t i) {
    struct xs_endpoint *e = &g->ends[i];
    return g->want_space[i] && e->connected && xs_producer_room(&e->out, XS_MAX_MESSAGE) == XS_OK;
}

uint32_t xs_group_service(struct xs_group *g, uint64_t now, struct xs_group_event *events) {
    struct xs_group_event *at = events;
    if (!g->settings.server) at = serve_client(g, now, at);
    for (uint32_t i = 0; i < g->count; i++) {
        if (g->settings.server) at = serve_slot(g, i, at);
        if (!has_space(g, i)) continue;
        g->want_space[i] = false;
        at = put(at, XS_SPACE, g->settings.server ? i : g->slot, XS_OK);
    }
    return (uint32_t)(at - events);
}

uint64_t xs_group_deadline(const struct xs_group *g) {
    if (g->settings.server || g->over || g->ends[0].connected) return PB_OS_FOREVER;
    return g->until_us;
}

/* What a slot waits for: a connected one for data, one without client for a hello, a calling client for the answer. */
static struct pb_os_bell *bell_of(struct xs_group *g, uint32_t i) {
    struct xs_endpoint *e = &g->ends[i];
    if (!e->shared) return NULL;
    return e->connected ? xs_data_event(e) : &e->events[e->server ? XS_C2S_CONNECT_REQ : XS_S2C_CONNECT];
}

uint32_t xs_group_bells(struct xs_group *g, struct pb_os_bell **bells) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        struct pb_os_bell *bell = bell_of(g, i);
        if (bell) bells[count++] = bell;
        if (bell && g->want_space[i] && g->ends[i].connected) bells[count++] = xs_space_event(&g->ends[i]);
    }
    return count;
}

static bool ready(struct xs_group *g, uint32_t i) {
    struct xs_endpoint *e = &g->ends[i];
    if (!e->shared) return false;
    if (e->connected) return xs_pending(e) || g->sick[i] || !xs_linked(e) || has_space(g, i);
    bool hello = atomic_load_explicit(&e->shared->control.client_state, memory_order_acquire) == XS_HELLO;
    return hello == e->server;
}

bool xs_group_arm(struct xs_group *g) {
    bool any = false;
    for (uint32_t i = 0; i < g->count; i++) {
        struct pb_os_bell *bell = bell_of(g, i);
        if (bell) xs_event_arm(bell);
        if (bell && g->want_space[i] && g->ends[i].connected) xs_event_arm(xs_space_event(&g->ends[i]));
        any |= ready(g, i);
    }
    return any;
}
