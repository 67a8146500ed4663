/* A group for an event loop (ffi/ipc.ts): everything is done by the loop's thread; one thread of ours sleeps on the events and
 * rings. Nothing wakes while nothing happens. The loop's thread arms the events again when it has taken everything, and until
 * then the peers signal nothing. */
#include "gen/abi.h"
#include "ipc/group.h"

#include <pthread.h>
#include <stdlib.h>

struct pb_ipc {
    struct xs_group group;
    struct pb_os_alarm alarm; /* a peer died, the bells changed, or it is over */
    struct pb_waker waker;
    _Atomic bool stop, look; /* look: perhaps somebody died */
    struct pb_ipc_stats stats;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t copied;
    /* Under the lock: what to sleep on. The sleeper works on a copy; `copy` tells which state it has. */
    struct pb_os_bell bells[XS_GROUP_BELLS];
    uint32_t count;
    uint64_t state, copy;
};

_Static_assert(sizeof(struct pb_ipc_event) == sizeof(struct xs_group_event), "events cross as they are");
_Static_assert(sizeof(struct pb_ipc_entry) == sizeof(struct xs_entry), "entries cross as they are");

static void *sleeper(void *given) {
    struct pb_ipc *p = given;
    struct pb_os_bell bells[XS_GROUP_BELLS], *pointers[XS_GROUP_BELLS];
    uint32_t seen[XS_GROUP_BELLS];
    pb_os_name_thread("patchbay-ipc");
    while (!atomic_load(&p->stop)) {
        pthread_mutex_lock(&p->lock);
        uint32_t count = p->count;
        bool rung = false;
        for (uint32_t i = 0; i < count; i++) {
            bells[i] = p->bells[i];
            pointers[i] = &bells[i];
            seen[i] = atomic_load_explicit(bells[i].word, memory_order_acquire);
            if (!(seen[i] & XS_SIGNALLED)) continue;
            rung = true;
            /* Used up, unless the loop's thread has armed it again meanwhile. */
            if (atomic_compare_exchange_strong_explicit(bells[i].word, &seen[i], 0, memory_order_acq_rel, memory_order_acquire))
                seen[i] = 0;
        }
        p->copy = p->state;
        pthread_cond_signal(&p->copied);
        pthread_mutex_unlock(&p->lock);
        if (rung) pb_waker_ring(&p->waker);
        enum pb_os_status status = pb_os_wait_many(pointers, seen, count, &p->alarm, PB_OS_FOREVER);
        if (status != PB_OS_STOPPED) continue;
        pb_os_alarm_reset(&p->alarm);
        atomic_store(&p->look, true);
        pb_waker_ring(&p->waker);
    }
    return NULL;
}

/* Tells the sleeper what to sleep on now; with `wait`, returns when it no longer uses anything else. */
static void set_bells(struct pb_ipc *p, uint32_t count, struct pb_os_bell *const *bells, bool wait) {
    pthread_mutex_lock(&p->lock);
    bool same = p->count == count;
    for (uint32_t i = 0; i < count; i++) {
        same = same && p->bells[i].word == bells[i]->word && p->bells[i].handle == bells[i]->handle;
        p->bells[i] = *bells[i];
    }
    p->count = count;
    if (!same) {
        p->state++;
        pb_os_alarm_set(&p->alarm);
    }
    while (wait && p->copy != p->state) pthread_cond_wait(&p->copied, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

/* A client's segment is about to be unmapped. */
static void let_go(void *given) { set_bells(given, 0, NULL, true); }

struct pb_ipc *pb_ipc_open(const char *name, int32_t handle, uint32_t flags, uint32_t clients, uint32_t connect_timeout_ms,
                           uint32_t reconnect_ms, pb_wake_fn wake, int32_t *code) {
    struct pb_ipc *p = calloc(1, sizeof *p);
    *code = XS_ACCESS;
    if (!p) return NULL;
    p->waker.fn = wake;
    struct xs_group_settings settings = {
        .name = flags & PB_IPC_FLAG_ANONYMOUS ? NULL : name,
        .handle = handle,
        .server = flags & PB_IPC_FLAG_SERVER,
        .slots = flags & PB_IPC_FLAG_SLOTS,
        .clients = clients,
        .connect_timeout_ms = connect_timeout_ms,
        .reconnect_ms = reconnect_ms,
    };
    if (pb_os_alarm_open(&p->alarm)) goto fail;
    *code = xs_group_open(&p->group, &settings, &p->alarm);
    if (*code) goto fail_alarm;
    p->group.before_close = let_go;
    p->group.context = p;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->copied, NULL);
    if (pthread_create(&p->thread, NULL, sleeper, p) == 0) return p;
    *code = XS_ACCESS;
    p->group.before_close = NULL;
    xs_group_close(&p->group);
fail_alarm:
    pb_os_alarm_close(&p->alarm);
fail:
    free(p);
    return NULL;
}

int32_t pb_ipc_handle(struct pb_ipc *p) {
    const struct pb_os_segment *segment = &p->group.ends[0].segment;
    return p->group.settings.server && !segment->name[0] ? (int32_t)segment->handle : -1;
}

uint32_t pb_ipc_service(struct pb_ipc *p, struct pb_ipc_event *events) {
    if (atomic_exchange(&p->look, false)) xs_group_note_deaths(&p->group);
    return xs_group_service(&p->group, pb_os_now_us(), (struct xs_group_event *)events);
}

uint32_t pb_ipc_rearm(struct pb_ipc *p) {
    struct pb_os_bell *bells[XS_GROUP_BELLS];
    pb_waker_arm(&p->waker);
    set_bells(p, xs_group_bells(&p->group, bells), bells, false);
    return xs_group_arm(&p->group) || atomic_load(&p->look);
}

double pb_ipc_deadline_ms(struct pb_ipc *p) {
    uint64_t deadline = xs_group_deadline(&p->group), now = pb_os_now_us();
    return deadline == PB_OS_FOREVER ? -1 : deadline <= now ? 0 : (double)(deadline - now) / 1000;
}

uint32_t pb_ipc_pending(struct pb_ipc *p) {
    uint32_t slots = 0;
    for (uint32_t i = 0; i < p->group.count; i++)
        if (xs_pending(&p->group.ends[i])) slots |= 1u << (p->group.settings.server ? i : p->group.slot);
    return slots;
}

int32_t pb_ipc_send(struct pb_ipc *p, uint32_t slot, const void *data, uint32_t size, uint32_t overwrite) {
    struct xs_endpoint *e = xs_group_end(&p->group, slot);
    uint32_t dropped = 0;
    int code = e ? xs_send(e, data, size, overwrite != 0, &dropped) : XS_NOT_FOUND;
    p->stats.sent += code == XS_OK;
    p->stats.overwritten += dropped;
    return code;
}

int32_t pb_ipc_send_many(struct pb_ipc *p, uint32_t slot, const void *data, const struct pb_ipc_entry *entries, uint32_t skip,
                         uint32_t count, uint32_t overwrite) {
    struct xs_endpoint *e = xs_group_end(&p->group, slot);
    uint32_t dropped = 0;
    int code = XS_NOT_FOUND;
    uint32_t sent =
        e ? xs_send_many(e, data, (const struct xs_entry *)entries + skip, count, overwrite != 0, &dropped, &code) : 0;
    p->stats.sent += sent;
    p->stats.overwritten += dropped;
    return sent || code == XS_OK || code == XS_FULL ? (int32_t)sent : code;
}

int32_t pb_ipc_take(struct pb_ipc *p, uint32_t slot, void *buffer, uint32_t room, struct pb_ipc_entry *entries, uint32_t most,
                    uint32_t spin_us) {
    struct xs_endpoint *e = xs_group_end(&p->group, slot);
    if (!e) return XS_NOT_FOUND;
    if (spin_us && !xs_pending(e)) {
        uint64_t now = pb_os_now_us(), until = now + spin_us, looked = 0;
        for (uint32_t i = 1; !xs_pending(e) && xs_linked(e) && now < until; i++) {
            pb_os_pause();
            if (i % 256) continue;
            now = pb_os_now_us();
            /* Perhaps a death; the thread that would tell may not get the processor from us. */
            if (now - looked < 1000 || !(pb_os_alarm_is_set(&p->alarm) || atomic_load(&p->look))) continue;
            looked = now;
            xs_group_note_deaths(&p->group);
        }
    }
    int taken = xs_take(e, buffer, room, (struct xs_entry *)entries, most);
    if (taken > 0) p->stats.received += (uint32_t)taken;
    /* A program that spins and never returns to its event loop hears of a death here. */
    else if (atomic_exchange(&p->look, false)) xs_group_note_deaths(&p->group);
    p->stats.lost += xs_dropped(e);
    return taken;
}

void pb_ipc_want_space(struct pb_ipc *p, uint32_t slot) {
    uint32_t index = p->group.settings.server ? slot : 0;
    if (xs_group_end(&p->group, slot)) p->group.want_space[index] = true;
}

void pb_ipc_drop(struct pb_ipc *p, uint32_t slot) {
    if (xs_group_end(&p->group, slot)) xs_group_drop(&p->group, slot);
}

void pb_ipc_stats(struct pb_ipc *p, struct pb_ipc_stats *out) { *out = p->stats; }

void pb_ipc_close(struct pb_ipc *p) {
    if (!p) return;
    atomic_store(&p->stop, true);
    pb_os_alarm_set(&p->alarm);
    pthread_join(p->thread, NULL);
    p->group.before_close = NULL;
    xs_group_close(&p->group);
    pthread_cond_destroy(&p->copied);
    pthread_mutex_destroy(&p->lock);
    pb_os_alarm_close(&p->alarm);
    free(p);
}
