/* os.h for Linux: sleeping on many words at once, and signals of programs outside (eventfds). */
#ifndef _WIN32
#include "os.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct timespec timespec_of(uint64_t us) {
    return (struct timespec){.tv_sec = (time_t)(us / 1000000u), .tv_nsec = (long)(us % 1000000u) * 1000};
}

/* Kernels before 5.16 and some sandboxes lack the call; then a nap, and the caller looks again. */
static enum pb_os_status nap(uint64_t left_us) {
    uint64_t slice = 5000;
    struct timespec time = timespec_of(left_us < slice ? left_us : slice);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
    return left_us <= slice ? PB_OS_TIMEOUT : PB_OS_OK;
}

enum pb_os_status pb_os_wait_many(struct pb_os_bell *const *bells, const uint32_t *seen, uint32_t count,
                                  struct pb_os_alarm *alarm, uint64_t timeout_us) {
    if (pb_os_alarm_is_set(alarm)) return PB_OS_STOPPED;
    if (count > PB_OS_MANY_BELLS) return PB_OS_UNSUPPORTED;
#if defined(SYS_futex_waitv) && defined(FUTEX_32)
    struct futex_waitv words[PB_OS_MANY_BELLS + 1] = {
        {.val = 0, .uaddr = (uint64_t)(uintptr_t)&alarm->set, .flags = FUTEX_32},
    };
    for (uint32_t i = 0; i < count; i++)
        words[i + 1] = (struct futex_waitv){
            .val = seen[i], .uaddr = (uint64_t)(uintptr_t)bells[i]->word, .flags = FUTEX_32};
    uint64_t now = timeout_us == PB_OS_FOREVER ? 0 : pb_os_now_us();
    bool forever = timeout_us > PB_OS_FOREVER - 1 - now;
    struct timespec until = timespec_of(forever ? 0 : now + timeout_us);
    long result = syscall(SYS_futex_waitv, words, count + 1, 0, forever ? NULL : &until, CLOCK_MONOTONIC);
    int fault = result < 0 ? errno : 0;
    if (pb_os_alarm_is_set(alarm)) return PB_OS_STOPPED;
    if (!fault || fault == EAGAIN || fault == EINTR) return PB_OS_OK;
    if (fault == ETIMEDOUT) return PB_OS_TIMEOUT;
    if (fault != ENOSYS && fault != EPERM && fault != EINVAL) return PB_OS_SYSTEM;
#endif
    for (uint32_t i = 0; i < count; i++)
        if (atomic_load_explicit(bells[i]->word, memory_order_acquire) != seen[i]) return PB_OS_OK;
    return nap(timeout_us);
}

intptr_t pb_os_signal_open(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void pb_os_signal_set(intptr_t signal) { eventfd_write((int)signal, 1); }

enum pb_os_status pb_os_signal_wait(intptr_t signal, intptr_t stop) {
    struct pollfd both[2] = {{(int)signal, POLLIN, 0}, {(int)stop, POLLIN, 0}};
    while (poll(both, 2, -1) < 0)
        if (errno != EINTR) return PB_OS_SYSTEM;
    if (both[1].revents) return PB_OS_STOPPED;
    eventfd_t used;
    return eventfd_read((int)signal, &used) && errno != EAGAIN ? PB_OS_SYSTEM : PB_OS_OK;
}

void pb_os_signal_close(intptr_t signal) {
    if (signal >= 0) close((int)signal);
}
#endif
