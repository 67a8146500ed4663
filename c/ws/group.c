/* Groups: who gets the same messages. A connection is in one at most. */
#include "ws.h"

struct ws_group *ws_group_of(struct pb_ws *s, uint32_t id) {
    return id >= 1 && id <= s->group_count && s->groups[id - 1]->open ? s->groups[id - 1] : NULL;
}

uint32_t pb_ws_group_open(struct pb_ws *s, uint32_t messages, uint32_t bytes) {
    uint32_t id = 0;
    ws_lock(s);
    while (id < s->group_count && (s->groups[id]->open || s->groups[id]->ahead)) id++;
    if (id == s->group_count) {
        struct ws_group **groups = realloc(s->groups, (id + 1) * sizeof *groups);
        struct ws_group *made = groups ? calloc(1, sizeof *made) : NULL;
        if (groups) s->groups = groups;
        if (made) s->groups[s->group_count++] = made;
        else id = UINT32_MAX;
    }
    if (id != UINT32_MAX) {
        s->groups[id]->open = true;
        s->groups[id]->id = id + 1;
        s->groups[id]->messages = messages;
        s->groups[id]->bytes = bytes;
        memset(&s->groups[id]->latency, 0, sizeof s->groups[id]->latency);
    }
    ws_unlock(s);
    return id + 1;
}

void ws_group_remove(struct ws_conn *c) {
    struct ws_group *g = c->group;
    if (!g) return;
    struct ws_conn *last = g->members[--g->count];
    g->members[c->member] = last;
    last->member = c->member;
    if (c->late) g->late--;
    c->late = false;
    c->group = NULL;
    c->skipping = false;
}

int32_t pb_ws_group_join(struct pb_ws *s, uint32_t group, double connection) {
    ws_lock(s);
    struct ws_group *g = ws_group_of(s, group);
    struct ws_conn *c = ws_conn_of(s, connection);
    if (g && c && c->group != g && c->phase == WS_OPEN) {
        struct ws_conn **members = g->members;
        if (g->count == g->room) {
            members = realloc(g->members, (g->room ? g->room * 2 : 16) * sizeof *members);
            if (members) {
                g->members = members;
                g->room = g->room ? g->room * 2 : 16;
            }
        }
        ws_group_remove(c);
        if (members) {
            c->group = g;
            c->member = g->count;
            g->members[g->count++] = c;
            c->late = g->ahead != 0;
            if (c->late) g->late++;
        } else {
            ws_conn_refuse(c, 1013, "no memory for members");
        }
    }
    ws_unlock(s);
    return g ? 0 : -1;
}

int32_t pb_ws_group_leave(struct pb_ws *s, uint32_t group, double connection) {
    ws_lock(s);
    struct ws_group *g = ws_group_of(s, group);
    struct ws_conn *c = ws_conn_of(s, connection);
    if (g && c && c->group == g) ws_group_remove(c);
    ws_unlock(s);
    return g ? 0 : -1;
}

int32_t pb_ws_group_close(struct pb_ws *s, uint32_t group) {
    ws_lock(s);
    struct ws_group *g = ws_group_of(s, group);
    if (g) {
        while (g->count) ws_group_remove(g->members[g->count - 1]);
        for (uint32_t i = 0; i < s->high_slot; i++)
            if (s->conns[i].forward == g) s->conns[i].forward = NULL;
        free(g->members);
        g->members = NULL;
        g->room = 0;
        g->open = false;
    }
    ws_unlock(s);
    return g ? 0 : -1;
}
