/* Sleeping until the next picture (frames.h): in the caller's thread, or in a listener's, which serves an event loop. A
 * sleeper costs nothing until the writer rings: the bell is seq itself, and the writer's end is heard by a watch. */
#include "frames.h"

#include <pthread.h>
#include <stdlib.h>

/* Is there something to tell at this moment? */
static enum pb_frames_status news(struct pb_frames *f, uint32_t last_seq, uint32_t *seen) {
    *seen = atomic_load_explicit(&f->header->seq, memory_order_acquire);
    if (!(*seen & 1) && *seen && *seen != last_seq) return PB_FRAMES_OK;
    /* Ended in order, which no watch tells: the process may live on. */
    if (!f->foreign && !atomic_load_explicit(&f->header->owner, memory_order_acquire)) return PB_FRAMES_GONE;
    return PB_FRAMES_SAME;
}

/* Until news or the alarm; the alarm tells TIMEOUT. */
static enum pb_frames_status sleep_for(struct pb_frames *f, uint32_t last_seq, struct pb_os_alarm *alarm, uint64_t until_us) {
    for (;;) {
        /* seq_cst: pairs with F2 of the writer, see frames.c. */
        atomic_exchange_explicit(&f->header->sleepers, 1, memory_order_seq_cst);
        uint32_t seen;
        enum pb_frames_status status = news(f, last_seq, &seen);
        if (status != PB_FRAMES_SAME) return status;
        uint64_t now = until_us == PB_OS_FOREVER ? 0 : pb_os_now_us();
        uint64_t left = until_us == PB_OS_FOREVER ? PB_OS_FOREVER : until_us > now ? until_us - now : 0;
        enum pb_os_status slept = pb_os_wait(&f->bell, seen, alarm, left);
        if (slept == PB_OS_OK) continue;
        /* A picture that came at the same moment as the end is still delivered. */
        return news(f, last_seq, &seen) == PB_FRAMES_OK ? PB_FRAMES_OK : PB_FRAMES_TIMEOUT;
    }
}

enum pb_frames_status pb_frames_wait(struct pb_frames *f, uint32_t last_seq, struct pb_os_alarm *alarm, uint64_t timeout_us) {
    uint64_t now = pb_os_now_us();
    uint64_t until_us = timeout_us < PB_OS_FOREVER - now ? now + timeout_us : PB_OS_FOREVER;
    /* Nobody tells this thread of the writer's death, so it looks now and then, while nothing comes. */
    for (;;) {
        uint64_t look_us = pb_os_now_us() + 50000;
        enum pb_frames_status status = sleep_for(f, last_seq, alarm, look_us < until_us ? look_us : until_us);
        if (status != PB_FRAMES_TIMEOUT) return status;
        if (!pb_frames_has_writer(f)) return PB_FRAMES_GONE;
        if (pb_os_now_us() >= until_us || (alarm && pb_os_alarm_is_set(alarm))) return PB_FRAMES_TIMEOUT;
    }
}

struct pb_frames_listener {
    struct pb_frames *frames;
    void (*tell)(void *);
    void *context;
    pthread_t thread;
    struct pb_os_alarm alarm; /* closing, or the watched writer's end */
    struct pb_os_bell arming;
    _Atomic uint32_t arms;     /* counts arm() */
    _Atomic uint32_t last_seq; /* of the latest arm() */
    atomic_bool closing;
};

/* One arm: sleeps until there is something to tell. False when closing. */
static bool serve(struct pb_frames_listener *l, struct pb_os_watch **watch, pb_os_identity *watched) {
    struct pb_frames *f = l->frames;
    uint32_t last_seq = atomic_load_explicit(&l->last_seq, memory_order_relaxed);
    pb_os_identity owner = f->foreign ? 0 : atomic_load_explicit(&f->header->owner, memory_order_acquire);
    if (owner != *watched || pb_os_alarm_is_set(&l->alarm)) {
        pb_os_unwatch(*watch);
        pb_os_alarm_reset(&l->alarm);
        *watch = owner ? pb_os_watch(owner, &l->alarm) : NULL;
        *watched = *watch ? owner : 0;
    }
    /* Without a watch (no descriptors left) the thread looks now and then. */
    bool blind = owner && !*watch;
    if (!atomic_load(&l->closing)) {
        if (blind)
            pb_frames_wait(f, last_seq, &l->alarm, PB_OS_FOREVER);
        else
            sleep_for(f, last_seq, &l->alarm, PB_OS_FOREVER);
    }
    return !atomic_load(&l->closing);
}

static void *listen_loop(void *given) {
    struct pb_frames_listener *l = given;
    struct pb_os_watch *watch = NULL;
    pb_os_identity watched = 0;
    for (uint32_t served = 0; !atomic_load(&l->closing);) {
        /* acquire: pairs with the release in pb_frames_arm, so last_seq is that of this arm. */
        uint32_t arms = atomic_load_explicit(&l->arms, memory_order_acquire);
        if (arms == served) {
            pb_os_wait(&l->arming, served, NULL, PB_OS_FOREVER);
            continue;
        }
        served = arms;
        if (serve(l, &watch, &watched)) l->tell(l->context);
    }
    pb_os_unwatch(watch);
    return NULL;
}

struct pb_frames_listener *pb_frames_listen(struct pb_frames *frames, void (*tell)(void *), void *context) {
    struct pb_frames_listener *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->frames = frames;
    l->tell = tell;
    l->context = context;
    if (pb_os_alarm_open(&l->alarm)) goto no_alarm;
    if (pb_os_bell_open(&l->arming, &l->arms, NULL)) goto no_bell;
    if (!pthread_create(&l->thread, NULL, listen_loop, l)) return l;
    pb_os_bell_close(&l->arming);
no_bell:
    pb_os_alarm_close(&l->alarm);
no_alarm:
    free(l);
    return NULL;
}

void pb_frames_arm(struct pb_frames_listener *l, uint32_t last_seq) {
    atomic_store_explicit(&l->last_seq, last_seq, memory_order_relaxed);
    atomic_fetch_add_explicit(&l->arms, 1, memory_order_release);
    pb_os_ring(&l->arming, 1);
}

void pb_frames_unlisten(struct pb_frames_listener *l) {
    if (!l) return;
    atomic_store(&l->closing, true);
    atomic_fetch_add(&l->arms, 1);
    pb_os_alarm_set(&l->alarm);
    pb_os_ring(&l->arming, 1);
    pthread_join(l->thread, NULL);
    pb_os_bell_close(&l->arming);
    pb_os_alarm_close(&l->alarm);
    free(l);
}
