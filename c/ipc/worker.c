/* worker.h: service, callbacks, messages, sleep, in turn. The lock stands between senders and service, because a new connection
 * resets what a sender writes to; the receiving side is the worker's alone. */
#include "ipc/worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_BYTES = 128 * 1024, MOST_BATCH = 256 };

struct queued {
    void *data;
    uint32_t size;
};

struct xs_worker {
    struct xs_group group;
    struct pb_os_alarm alarm; /* somebody died, or something is asked of the worker */
    struct xs_worker_calls calls;
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    _Atomic bool stop, stop_itself;
    _Atomic uint32_t connected, slot;
    _Atomic uint64_t sent, send_overflows, received, receive_overflows;
    uint32_t batch;
    bool tell_space;
    struct queued *queue; /* under the lock, like the outgoing rings */
    uint32_t queue_room, queue_first, queue_count;
    uint32_t out_dropped[XS_MAX_SLOTS]; /* not yet told */
    struct xs_entry entries[MOST_BATCH];
    uint64_t bytes[BATCH_BYTES / 8];
};

static void add(_Atomic uint64_t *counter, uint64_t amount) { atomic_fetch_add_explicit(counter, amount, memory_order_relaxed); }

/* Under the lock. */
static int put_out(struct xs_worker *w, struct xs_endpoint *e, uint32_t slot, const void *data, uint32_t size) {
    uint32_t dropped = 0, index = w->group.settings.server ? slot : 0;
    int code = xs_send(e, data, size, true, &dropped);
    if (code == XS_OK) add(&w->sent, 1);
    if (dropped) {
        add(&w->send_overflows, dropped);
        w->out_dropped[index] += dropped;
        if (w->tell_space) w->group.want_space[index] = true;
        pb_os_alarm_set(&w->alarm); /* the worker tells of it */
    }
    return code;
}

static int enqueue(struct xs_worker *w, const void *data, uint32_t size) {
    if (size < XS_MIN_MESSAGE || size > XS_MAX_MESSAGE) return XS_BAD_PARAM;
    void *copy = malloc(size);
    if (!copy) return XS_ACCESS;
    memcpy(copy, data, size);
    if (w->queue_count == w->queue_room) {
        free(w->queue[w->queue_first].data);
        w->queue_first = (w->queue_first + 1) % w->queue_room;
        w->queue_count--;
        add(&w->send_overflows, 1);
    }
    w->queue[(w->queue_first + w->queue_count++) % w->queue_room] = (struct queued){copy, size};
    return XS_OK;
}

static void flush_queue(struct xs_worker *w, struct xs_endpoint *e) {
    for (; w->queue_count; w->queue_count--, w->queue_first = (w->queue_first + 1) % w->queue_room) {
        struct queued *oldest = &w->queue[w->queue_first];
        if (put_out(w, e, 0, oldest->data, oldest->size) == XS_NOT_FOUND) return;
        free(oldest->data);
    }
}

int xs_worker_send(struct xs_worker *w, uint32_t slot, const void *data, uint32_t size) {
    if (!data) return XS_BAD_PARAM;
    pthread_mutex_lock(&w->lock);
    struct xs_endpoint *e = xs_group_end(&w->group, slot);
    int code = e ? put_out(w, e, slot, data, size) : XS_NOT_FOUND;
    if (code == XS_NOT_FOUND && w->queue_room) code = enqueue(w, data, size);
    pthread_mutex_unlock(&w->lock);
    return code;
}

int xs_worker_drop(struct xs_worker *w, uint32_t slot) {
    pthread_mutex_lock(&w->lock);
    bool there = xs_group_end(&w->group, slot) != NULL;
    if (there) xs_group_drop(&w->group, slot);
    pthread_mutex_unlock(&w->lock);
    pb_os_alarm_set(&w->alarm);
    return there ? XS_OK : XS_NOT_FOUND;
}

static void note(struct xs_worker *w, const struct xs_group_event *event) {
    uint32_t bit = event->slot < XS_MAX_SLOTS ? 1u << event->slot : 0;
    if (event->kind == XS_CONNECTED) {
        atomic_fetch_or(&w->connected, bit);
        atomic_store(&w->slot, event->slot);
        if (w->queue_room) flush_queue(w, xs_group_end(&w->group, event->slot));
    } else if (event->kind == XS_DISCONNECTED) {
        atomic_fetch_and(&w->connected, ~bit);
        atomic_store(&w->slot, XS_NO_SLOT);
    }
}

static void serve(struct xs_worker *w) {
    struct xs_group_event events[XS_GROUP_EVENTS];
    uint32_t told[XS_MAX_SLOTS];
    pthread_mutex_lock(&w->lock);
    uint32_t count = xs_group_service(&w->group, pb_os_now_us(), events);
    for (uint32_t i = 0; i < count; i++) note(w, &events[i]);
    memcpy(told, w->out_dropped, sizeof told);
    memset(w->out_dropped, 0, sizeof w->out_dropped);
    pthread_mutex_unlock(&w->lock);
    for (uint32_t i = 0; i < count && !atomic_load(&w->stop); i++) w->calls.event(w->context, &events[i]);
    for (uint32_t i = 0; w->calls.overflow && i < w->group.count && !atomic_load(&w->stop); i++)
        if (told[i]) w->calls.overflow(w->context, i, true, told[i]);
}

static void fail_slot(struct xs_worker *w, uint32_t index, int code) {
    struct xs_group_event event = {XS_FAILED, w->group.settings.server ? index : w->group.slot, code};
    pthread_mutex_lock(&w->lock);
    xs_group_drop(&w->group, event.slot);
    pthread_mutex_unlock(&w->lock);
    w->calls.event(w->context, &event);
}

/* One batch from each slot, so that a busy client keeps nobody else waiting for long. True when there was any. */
static bool deliver(struct xs_worker *w) {
    bool any = false;
    for (uint32_t i = 0; i < w->group.count && !atomic_load(&w->stop); i++) {
        struct xs_endpoint *e = &w->group.ends[i];
        if (!xs_pending(e) || w->group.sick[i]) continue;
        int taken = xs_take(e, w->bytes, sizeof w->bytes, w->entries, w->batch);
        uint32_t slot = w->group.settings.server ? i : w->group.slot, lost = xs_dropped(e);
        if (taken < 0 && taken != XS_NOT_READY && taken != XS_NOT_FOUND) fail_slot(w, i, taken);
        any = true;
        if (lost) add(&w->receive_overflows, lost);
        if (lost && w->calls.overflow) w->calls.overflow(w->context, slot, false, lost);
        if (taken > 0 && w->calls.waiting && !atomic_load(&w->stop)) w->calls.waiting(w->context);
        for (int n = 0; n < taken && !atomic_load(&w->stop); n++) {
            add(&w->received, 1);
            w->calls.message(w->context, slot, (const uint8_t *)w->bytes + w->entries[n].at, w->entries[n].size);
        }
    }
    return any;
}

static void rest(struct xs_worker *w) {
    struct pb_os_bell *bells[XS_GROUP_BELLS];
    uint32_t seen[XS_GROUP_BELLS];
    pthread_mutex_lock(&w->lock);
    bool ready = xs_group_arm(&w->group);
    uint32_t count = xs_group_bells(&w->group, bells);
    uint64_t deadline = xs_group_deadline(&w->group), now = pb_os_now_us();
    pthread_mutex_unlock(&w->lock);
    if (ready || deadline <= now) return;
    for (uint32_t i = 0; i < count; i++) seen[i] = XS_WAITING;
    enum pb_os_status status =
        pb_os_wait_many(bells, seen, count, &w->alarm, deadline == PB_OS_FOREVER ? PB_OS_FOREVER : deadline - now);
    if (status != PB_OS_STOPPED) return;
    pb_os_alarm_reset(&w->alarm);
    pthread_mutex_lock(&w->lock);
    xs_group_note_deaths(&w->group);
    pthread_mutex_unlock(&w->lock);
}

static void end(struct xs_worker *w) {
    xs_group_close(&w->group);
    for (; w->queue_count; w->queue_count--, w->queue_first = (w->queue_first + 1) % w->queue_room)
        free(w->queue[w->queue_first].data);
    free(w->queue);
    pb_os_alarm_close(&w->alarm);
    pthread_mutex_destroy(&w->lock);
    w->calls.ended(w->context);
    free(w);
}

static void *work(void *given) {
    struct xs_worker *w = given;
    pb_os_name_thread("patchbay-ipc");
    while (!atomic_load(&w->stop)) {
        serve(w);
        if (!deliver(w) && !atomic_load(&w->stop)) rest(w);
    }
    /* Stopped from inside a callback: nobody joins. */
    if (atomic_load(&w->stop_itself)) end(w);
    return NULL;
}

int xs_worker_start(struct xs_worker **out, const struct xs_worker_settings *settings, const struct xs_worker_calls *calls,
                    void *context) {
    struct xs_worker *w = calloc(1, sizeof *w);
    if (!w) return XS_ACCESS;
    w->calls = *calls;
    w->context = context;
    w->batch = settings->batch < 1 ? 1 : settings->batch > MOST_BATCH ? MOST_BATCH : settings->batch;
    w->tell_space = settings->tell_space;
    w->queue_room = settings->queue;
    atomic_store(&w->slot, XS_NO_SLOT);
    int code = XS_ACCESS;
    if (settings->queue && !(w->queue = calloc(settings->queue, sizeof *w->queue))) goto fail;
    if (pb_os_alarm_open(&w->alarm)) goto fail;
    pthread_mutex_init(&w->lock, NULL);
    code = xs_group_open(&w->group, &settings->group, &w->alarm);
    if (code == XS_OK) {
        *out = w; /* a callback may come before this function returns */
        pthread_mutex_lock(&w->lock);
        code = pthread_create(&w->thread, NULL, work, w) ? XS_ACCESS : XS_OK;
        pthread_mutex_unlock(&w->lock);
        if (code == XS_OK) return XS_OK;
        xs_group_close(&w->group);
    }
    pthread_mutex_destroy(&w->lock);
    pb_os_alarm_close(&w->alarm);
fail:
    *out = NULL;
    free(w->queue);
    free(w);
    return code;
}

void xs_worker_stop(struct xs_worker *w) {
    pthread_mutex_lock(&w->lock); /* w->thread is written under it */
    bool inside = pthread_equal(pthread_self(), w->thread);
    pthread_mutex_unlock(&w->lock);
    if (inside) {
        atomic_store(&w->stop_itself, true);
        pthread_detach(w->thread);
        atomic_store(&w->stop, true);
        return;
    }
    atomic_store(&w->stop, true);
    pb_os_alarm_set(&w->alarm);
    pthread_join(w->thread, NULL);
    end(w);
}

uint32_t xs_worker_connected(const struct xs_worker *w) { return atomic_load(&w->connected); }
uint32_t xs_worker_slot(const struct xs_worker *w) { return atomic_load(&w->slot); }
const struct xs_group *xs_worker_group(const struct xs_worker *w) { return &w->group; }

void xs_worker_stats(const struct xs_worker *w, shm_auto_stats_t *out) {
    out->sent_messages = atomic_load_explicit(&w->sent, memory_order_relaxed);
    out->send_overflows = atomic_load_explicit(&w->send_overflows, memory_order_relaxed);
    out->received_messages = atomic_load_explicit(&w->received, memory_order_relaxed);
    out->receive_overflows = atomic_load_explicit(&w->receive_overflows, memory_order_relaxed);
}
