/* Messages that go ahead of TypeScript: a source's are handed to its group by the thread that read them, as TypeScript has said
 * beforehand, so that no receiver waits for a second thread to wake up. TypeScript still gets each message and broadcasts it as if
 * nothing had happened; the broadcast then only reaches members that joined meanwhile (`late`), to whom TypeScript gave
 * what came before. So everybody gets each message once and in order:
 * - A message whose delivery is TypeScript's to say holds up what comes after it until TypeScript is done with it.
 * - A late member becomes an ordinary one at a moment when nothing is ahead. */
#include "ws.h"

void pb_ws_forward(struct pb_ws *s, double connection, uint32_t group, const uint8_t *rules, uint32_t urgent) {
    ws_lock(s);
    struct ws_conn *c = ws_conn_of(s, connection);
    if (c && c->phase == WS_OPEN) {
        c->forward = ws_group_of(s, group);
        c->urgent = urgent != 0;
        memcpy(s->rules, rules, sizeof s->rules);
    }
    ws_unlock(s);
}

bool ws_ahead_unsettled(const struct ws_conn *c) { return c->forward && c->waiting_messages != c->waiting_ahead; }

int32_t ws_ahead_how(const struct ws_conn *c, const struct ws_message *m, bool is_text) {
    if (!c->forward || c->phase != WS_OPEN || is_text || m->size <= WS_AHEAD_LOOK_AT || ws_ahead_unsettled(c)) return -1;
    const uint8_t *bytes = (const uint8_t *)m + WS_MESSAGE_HEAD, *rules = c->server->rules;
    uint8_t rule = rules[bytes[0] << 8 | bytes[1]];
    if (rule == PB_WS_RULE_LOOK) rule = rules[65536 + bytes[WS_AHEAD_LOOK_AT]];
    return rule <= PB_WS_DELIVERY_LOOSE ? rule : -1;
}

void ws_ahead_settle(struct pb_ws *s, uint32_t group, struct ws_message *m) {
    struct ws_group *g = s->groups[group - 1];
    m->ahead_of = 0;
    if (--g->ahead || !g->late) return;
    for (uint32_t i = 0; i < g->count; i++) g->members[i]->late = false;
    g->late = 0;
}

int32_t ws_ahead_patience_us(const struct pb_ws *s) {
    return (int32_t)(s->ahead_since_us + WS_AHEAD_US - (uint32_t)pb_monotonic_us());
}

void ws_ahead_ring(struct ws_conn *c) {
    struct pb_ws *s = c->server;
    const struct pb_ws_settings *limits = &s->settings;
    const bool is_much = c->waiting_messages >= limits->source_messages / 2 || c->waiting_bytes >= limits->source_bytes / 2 ||
                         s->events_messages >= WS_EVENT_MESSAGES / 2;
    if (s->ahead_waits && (c->urgent || is_much)) s->ring_due = true;
}
