/* os.h for Linux: sleeping on words in shared memory by futex, and hearing of another process's end by pidfd. */
#ifndef _WIN32
#include "os.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Without FUTEX_PRIVATE: the words lie in memory of several processes. */
static long futex(_Atomic uint32_t *word, int operation, uint32_t value, const struct timespec *timeout) {
    return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

static struct timespec timespec_of(uint64_t us) {
    return (struct timespec){.tv_sec = (time_t)(us / 1000000u), .tv_nsec = (long)(us % 1000000u) * 1000};
}

enum pb_os_status pb_os_alarm_open(struct pb_os_alarm *alarm) {
    *alarm = (struct pb_os_alarm){.handle = -1};
    return PB_OS_OK;
}

void pb_os_alarm_set(struct pb_os_alarm *alarm) {
    atomic_store_explicit(&alarm->set, 1, memory_order_release);
    futex(&alarm->set, FUTEX_WAKE, INT_MAX, NULL);
}

void pb_os_alarm_reset(struct pb_os_alarm *alarm) {
    /* seq_cst: what the alarm stood for is looked at after this, never before. */
    atomic_exchange_explicit(&alarm->set, 0, memory_order_seq_cst);
}

void pb_os_alarm_close(struct pb_os_alarm *alarm) { (void)alarm; }

enum pb_os_status pb_os_bell_open(struct pb_os_bell *bell, _Atomic uint32_t *word, const char *event) {
    (void)event;
    *bell = (struct pb_os_bell){.word = word, .handle = -1};
    return PB_OS_OK;
}

void pb_os_bell_close(struct pb_os_bell *bell) { (void)bell; }

void pb_os_ring(struct pb_os_bell *bell, uint32_t sleepers) {
    futex(bell->word, FUTEX_WAKE, sleepers > INT_MAX ? INT_MAX : sleepers, NULL);
}

static enum pb_os_status slept(long result) {
    if (result >= 0 || errno == EAGAIN || errno == EINTR) return PB_OS_OK;
    return errno == ETIMEDOUT ? PB_OS_TIMEOUT : PB_OS_SYSTEM;
}

/* On both words at once. Kernels before 5.16 and some sandboxes lack the call; then slices of 20 ms, looking in between. */
static enum pb_os_status wait_two(struct pb_os_bell *bell, uint32_t seen, struct pb_os_alarm *alarm, uint64_t deadline) {
#if defined(SYS_futex_waitv) && defined(FUTEX_32)
    struct futex_waitv words[2] = {
        {.val = seen, .uaddr = (uint64_t)(uintptr_t)bell->word, .flags = FUTEX_32},
        {.val = 0, .uaddr = (uint64_t)(uintptr_t)&alarm->set, .flags = FUTEX_32},
    };
    struct timespec until = timespec_of(deadline);
    long result = syscall(SYS_futex_waitv, words, 2, 0, deadline == PB_OS_FOREVER ? NULL : &until, CLOCK_MONOTONIC);
    if (result >= 0 || (errno != ENOSYS && errno != EPERM && errno != EINVAL)) return slept(result);
#endif
    uint64_t now = pb_os_now_us(), slice = 20000;
    if (deadline <= now) return PB_OS_TIMEOUT;
    bool last = deadline - now <= slice;
    struct timespec timeout = timespec_of(last ? deadline - now : slice);
    enum pb_os_status status = slept(futex(bell->word, FUTEX_WAIT, seen, &timeout));
    return status == PB_OS_TIMEOUT && !last ? PB_OS_OK : status;
}

enum pb_os_status pb_os_wait(struct pb_os_bell *bell, uint32_t seen, struct pb_os_alarm *alarm, uint64_t timeout_us) {
    if (alarm) {
        if (pb_os_alarm_is_set(alarm)) return PB_OS_STOPPED;
        uint64_t now = timeout_us == PB_OS_FOREVER ? 0 : pb_os_now_us();
        uint64_t deadline = timeout_us > PB_OS_FOREVER - 1 - now ? PB_OS_FOREVER : now + timeout_us;
        enum pb_os_status status = wait_two(bell, seen, alarm, deadline);
        return pb_os_alarm_is_set(alarm) ? PB_OS_STOPPED : status;
    }
    struct timespec timeout = timespec_of(timeout_us);
    return slept(futex(bell->word, FUTEX_WAIT, seen, timeout_us == PB_OS_FOREVER ? NULL : &timeout));
}

struct pb_os_watch {
    struct pb_os_alarm *alarm;
    int process, stop;
    pthread_t thread;
};

void pb_os_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

static void *watch_loop(void *given) {
    pb_os_name_thread("patchbay-watch");
    struct pb_os_watch *w = given;
    struct pollfd both[2] = {{w->process, POLLIN, 0}, {w->stop, POLLIN, 0}};
    while (poll(both, 2, -1) < 0 && errno == EINTR) {}
    if (!both[1].revents) pb_os_alarm_set(w->alarm);
    return NULL;
}

static void end(struct pb_os_watch *w) {
    if (w->process >= 0) close(w->process);
    if (w->stop >= 0) close(w->stop);
    free(w);
}

struct pb_os_watch *pb_os_watch(pb_os_identity identity, struct pb_os_alarm *alarm) {
    struct pb_os_watch *w = malloc(sizeof *w);
    if (!w) return NULL;
    *w = (struct pb_os_watch){.alarm = alarm, .stop = eventfd(0, EFD_CLOEXEC)};
    w->process = (int)syscall(SYS_pidfd_open, (pid_t)(uint32_t)identity, 0);
    /* Looked at after the pidfd is held: from here on the id cannot pass to another process unnoticed. */
    bool alive = pb_os_process_alive(identity);
    if (w->stop < 0 || (w->process < 0 && alive)) goto fail;
    if (!alive) {
        if (w->process >= 0) close(w->process);
        w->process = eventfd(1, EFD_CLOEXEC); /* readable at once */
        if (w->process < 0) goto fail;
    }
    if (pthread_create(&w->thread, NULL, watch_loop, w)) goto fail;
    return w;
fail:
    end(w);
    return NULL;
}

void pb_os_unwatch(struct pb_os_watch *w) {
    if (!w) return;
    eventfd_write(w->stop, 1);
    pthread_join(w->thread, NULL);
    end(w);
}
#endif
