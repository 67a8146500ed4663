/* os.h for Windows: sleeping by auto-reset events that have names beside the segment's, and hearing of another process's end
 * by its handle. */
#ifdef _WIN32
#include "os.h"
#include "windows_nt.h"

#include <stdlib.h>

/* An event wakes one sleeper and remembers one ring. With several sleepers one that is just about to lie down may therefore
 * miss its ring, so nobody sleeps longer than this without looking. */
enum { look_ms = 100, most_rings = 64 };

enum pb_os_status pb_os_alarm_open(struct pb_os_alarm *alarm) {
    alarm->set = 0;
    alarm->handle = (intptr_t)CreateEventW(NULL, TRUE, FALSE, NULL);
    return alarm->handle ? PB_OS_OK : PB_OS_NO_ROOM;
}

void pb_os_alarm_set(struct pb_os_alarm *alarm) {
    atomic_store_explicit(&alarm->set, 1, memory_order_release);
    SetEvent((HANDLE)alarm->handle);
}

void pb_os_alarm_reset(struct pb_os_alarm *alarm) {
    ResetEvent((HANDLE)alarm->handle);
    atomic_store_explicit(&alarm->set, 0, memory_order_seq_cst);
}

void pb_os_alarm_close(struct pb_os_alarm *alarm) {
    if (alarm->handle) CloseHandle((HANDLE)alarm->handle);
    alarm->handle = 0;
}

/* SynchronizationEvent is the kind that goes off again when it has woken one sleeper. */
enum { synchronization_event = 1 };

enum pb_os_status pb_os_bell_open(struct pb_os_bell *bell, _Atomic uint32_t *word, const char *event) {
    *bell = (struct pb_os_bell){.word = word, .handle = -1};
    if (!event) return PB_OS_OK;
    struct pb_os_nt_name path;
    struct pb_os_security security;
    if (!pb_os_nt_name(&path, "XSHM_", event)) return PB_OS_NAME;
    if (!pb_os_owner_only(&security)) return PB_OS_SYSTEM;
    OBJECT_ATTRIBUTES about;
    InitializeObjectAttributes(&about, &path.string, OBJ_CASE_INSENSITIVE | OBJ_OPENIF, NULL, &security.descriptor);
    HANDLE handle = NULL;
    NTSTATUS code = NtCreateEvent(&handle, EVENT_ALL_ACCESS, &about, synchronization_event, FALSE);
    pb_os_security_free(&security);
    if (code < 0) return (uint32_t)code == 0xC0000022 ? PB_OS_DENIED : PB_OS_SYSTEM;
    if (code > 0 && !pb_os_is_ours(handle)) { /* it was there, and somebody else's */
        NtClose(handle);
        return PB_OS_DENIED;
    }
    bell->handle = (intptr_t)handle;
    return PB_OS_OK;
}

void pb_os_bell_close(struct pb_os_bell *bell) {
    if (bell->handle != -1) NtClose((HANDLE)bell->handle);
    bell->handle = -1;
}

void pb_os_ring(struct pb_os_bell *bell, uint32_t sleepers) {
    if (bell->handle == -1) return;
    for (uint32_t rung = 0; rung < sleepers && rung < most_rings; rung++) NtSetEvent((HANDLE)bell->handle, NULL);
}

enum pb_os_status pb_os_wait_many(struct pb_os_bell *const *bells, const uint32_t *seen, uint32_t count,
                                  struct pb_os_alarm *alarm, uint64_t timeout_us) {
    uint64_t begun = pb_os_now_us();
    HANDLE handles[MAXIMUM_WAIT_OBJECTS];
    DWORD waited = 0, most = look_ms;
    if (count > MAXIMUM_WAIT_OBJECTS - 2) return PB_OS_UNSUPPORTED;
    for (uint32_t i = 0; i < count; i++) {
        if (bells[i]->handle == -1) most = 1; /* no event: look each millisecond */
        else handles[waited++] = (HANDLE)bells[i]->handle;
    }
    if (alarm) handles[waited++] = (HANDLE)alarm->handle;
    for (;;) {
        if (alarm && pb_os_alarm_is_set(alarm)) return PB_OS_STOPPED;
        /* acquire: pairs with the release of who changed the word before ringing. */
        for (uint32_t i = 0; i < count; i++)
            if (atomic_load_explicit(bells[i]->word, memory_order_acquire) != seen[i]) return PB_OS_OK;
        uint64_t passed = pb_os_now_us() - begun;
        if (passed >= timeout_us) return PB_OS_TIMEOUT;
        uint64_t left_ms = timeout_us == PB_OS_FOREVER ? look_ms : (timeout_us - passed + 999u) / 1000u;
        DWORD slice = left_ms < most ? (DWORD)left_ms : most;
        if (!waited) Sleep(slice);
        else if (WaitForMultipleObjects(waited, handles, FALSE, slice) == WAIT_FAILED) return PB_OS_SYSTEM;
    }
}

enum pb_os_status pb_os_wait(struct pb_os_bell *bell, uint32_t seen, struct pb_os_alarm *alarm, uint64_t timeout_us) {
    return pb_os_wait_many(&bell, &seen, 1, alarm, timeout_us);
}

void pb_os_name_thread(const char *name) { (void)name; }

intptr_t pb_os_signal_open(void) {
    HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);
    return event ? (intptr_t)event : -1;
}

void pb_os_signal_set(intptr_t signal) { SetEvent((HANDLE)signal); }

enum pb_os_status pb_os_signal_wait(intptr_t signal, intptr_t stop) {
    HANDLE both[2] = {(HANDLE)stop, (HANDLE)signal};
    switch (WaitForMultipleObjects(2, both, FALSE, INFINITE)) {
    case WAIT_OBJECT_0: return PB_OS_STOPPED;
    case WAIT_OBJECT_0 + 1: return PB_OS_OK;
    default: return PB_OS_SYSTEM;
    }
}

void pb_os_signal_close(intptr_t signal) {
    if (signal != -1) CloseHandle((HANDLE)signal);
}

enum pb_os_status pb_os_handle_send(intptr_t socket, intptr_t handle) {
    (void)socket, (void)handle;
    return PB_OS_UNSUPPORTED;
}

enum pb_os_status pb_os_handle_receive(intptr_t socket, intptr_t *handle) {
    (void)socket, (void)handle;
    return PB_OS_UNSUPPORTED;
}

struct pb_os_watch {
    struct pb_os_alarm *alarm;
    HANDLE process, stop, thread;
};

static DWORD WINAPI watch_loop(void *given) {
    struct pb_os_watch *w = given;
    HANDLE both[2] = {w->stop, w->process};
    if (!w->process || WaitForMultipleObjects(2, both, FALSE, INFINITE) != WAIT_OBJECT_0) pb_os_alarm_set(w->alarm);
    return 0;
}

static void end(struct pb_os_watch *w) {
    if (w->process) CloseHandle(w->process);
    if (w->stop) CloseHandle(w->stop);
    if (w->thread) CloseHandle(w->thread);
    free(w);
}

struct pb_os_watch *pb_os_watch(pb_os_identity identity, struct pb_os_alarm *alarm) {
    struct pb_os_watch *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->alarm = alarm;
    w->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    w->process = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)identity);
    /* Looked at after the handle is held: from here on the id cannot pass to another process unnoticed. */
    if (!pb_os_process_alive(identity) && w->process) {
        CloseHandle(w->process);
        w->process = NULL;
    }
    w->thread = w->stop ? CreateThread(NULL, 0, watch_loop, w, 0, NULL) : NULL;
    if (w->thread) return w;
    end(w);
    return NULL;
}

void pb_os_unwatch(struct pb_os_watch *w) {
    if (!w) return;
    SetEvent(w->stop);
    WaitForSingleObject(w->thread, INFINITE);
    end(w);
}
#endif
