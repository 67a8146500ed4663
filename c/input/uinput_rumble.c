/* What the effects on one pad add up to, moment by moment: programs upload effects with a length and a delay, play them several
 * times over each other, and set a gain; a client understands two motors, a strength each, and for how long. Pure. */
#include "uinput.h"

#include <errno.h>
#include <string.h>

/* Strength that lasts is told again and again, so that a message that is lost, or a host that dies, rumbles for no longer. */
enum { RENEW_MS = 2000, LONGEST_MS = 2500, LENGTH_MAX_MS = 32767 };

void pb_rumble_init(struct pb_rumble *r) {
    memset(r, 0, sizeof *r);
    r->gain = UINT16_MAX;
}

int32_t pb_rumble_load(struct pb_rumble *r, const struct ff_effect *e) {
    if (e->id < 0 || e->id >= PB_EFFECTS) return -EINVAL;
    struct pb_effect *to = &r->effects[e->id];
    uint16_t strong, weak;
    if (e->type == FF_RUMBLE) {
        strong = e->u.rumble.strong_magnitude;
        weak = e->u.rumble.weak_magnitude;
    } else if (e->type == FF_PERIODIC) {
        int32_t magnitude = e->u.periodic.magnitude < 0 ? -e->u.periodic.magnitude : e->u.periodic.magnitude;
        strong = weak = (uint16_t)(magnitude > INT16_MAX ? UINT16_MAX : magnitude * 2);
    } else {
        return -EINVAL;
    }
    if (!to->loaded) to->plays = 0;
    to->loaded = true;
    to->strong = strong;
    to->weak = weak;
    to->length_ms = e->replay.length > LENGTH_MAX_MS ? LENGTH_MAX_MS : e->replay.length;
    to->delay_ms = e->replay.delay > LENGTH_MAX_MS ? LENGTH_MAX_MS : e->replay.delay;
    return 0;
}

int32_t pb_rumble_erase(struct pb_rumble *r, uint32_t id) {
    if (id >= PB_EFFECTS || !r->effects[id].loaded) return -EINVAL;
    r->effects[id] = (struct pb_effect){0};
    return 0;
}

void pb_rumble_play(struct pb_rumble *r, uint32_t id, int32_t plays, uint64_t now_us) {
    if (id >= PB_EFFECTS || !r->effects[id].loaded) return;
    r->effects[id].plays = plays > 0 ? plays : 0;
    r->effects[id].begin_us = now_us;
}

static uint64_t ms(uint64_t value) { return value * 1000; }

/* True while it is to be felt; `*change_us` comes nearer when this effect begins or ends earlier. */
static bool felt(struct pb_effect *e, uint64_t now_us, uint64_t *change_us) {
    uint64_t round_us = ms(e->delay_ms + e->length_ms), change;
    if (!e->plays) return false;
    if (e->length_ms && now_us >= e->begin_us + round_us) {
        uint64_t over = (now_us - e->begin_us) / round_us;
        if (over >= (uint64_t)e->plays) {
            e->plays = 0;
            return false;
        }
        e->plays -= (int32_t)over;
        e->begin_us += over * round_us;
    }
    bool waits = now_us < e->begin_us + ms(e->delay_ms);
    change = waits ? e->begin_us + ms(e->delay_ms) : e->length_ms ? e->begin_us + round_us : UINT64_MAX;
    if (change < *change_us) *change_us = change;
    return !waits;
}

bool pb_rumble_mix(struct pb_rumble *r, uint64_t now_us, struct pb_input_feedback *f, uint64_t *wake_us) {
    uint64_t change_us = UINT64_MAX, strong = 0, weak = 0;
    for (int i = 0; i < PB_EFFECTS; i++) {
        struct pb_effect *e = &r->effects[i];
        if (!felt(e, now_us, &change_us)) continue;
        strong += e->strong;
        weak += e->weak;
    }
    strong = (strong > UINT16_MAX ? UINT16_MAX : strong) * r->gain / UINT16_MAX;
    weak = (weak > UINT16_MAX ? UINT16_MAX : weak) * r->gain / UINT16_MAX;
    bool on = strong || weak, same = strong == r->strong && weak == r->weak;
    bool renew = on && now_us >= r->told_us + ms(RENEW_MS);
    if (!same || renew) r->told_us = now_us;
    r->strong = (uint16_t)strong;
    r->weak = (uint16_t)weak;
    uint64_t renew_us = on ? r->told_us + ms(RENEW_MS) : UINT64_MAX;
    *wake_us = change_us < renew_us ? change_us : renew_us;
    uint64_t left_ms = change_us <= renew_us ? (change_us - now_us + 999) / 1000 : LONGEST_MS;
    f->kind = PB_FEEDBACK_RUMBLE;
    f->strong = r->strong;
    f->weak = r->weak;
    f->duration_ms = on ? (uint32_t)left_ms : 0;
    return !same || renew;
}
