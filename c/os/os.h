/* What shared memory needs of the operating system: segments, who lives, sleeping on a word, time. linux.c implements it with
 * /dev/shm, futexes and pidfds; NT sections and events fit under the same functions. Both c/shmem and c/ipc stand on it, and
 * it knows neither: it never looks into a segment. Nothing here allocates but pb_os_watch (xshm section 13). */
#ifndef PB_OS_H
#define PB_OS_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pb_os_status {
    PB_OS_OK = 0,
    PB_OS_NAME,        /* empty, too long, or with a slash, a backslash, "..", a leading dot or a control character */
    PB_OS_NOT_FOUND,   /* nothing has this name */
    PB_OS_EXISTS,      /* the name is taken */
    PB_OS_DENIED,      /* another user's, open to others, or no plain segment at all */
    PB_OS_SIZE,        /* smaller than what the caller needs, or zero */
    PB_OS_NO_ROOM,     /* no memory left for it */
    PB_OS_TIMEOUT,     /* the time is over */
    PB_OS_STOPPED,     /* the alarm was set */
    PB_OS_UNSUPPORTED, /* this system cannot do it */
    PB_OS_SYSTEM       /* anything else; errno or GetLastError() tells */
};
/* A sentence for a person, without the name. */
const char *pb_os_text(enum pb_os_status status);

/* Segments. Named ones belong to this user and are closed to others: /dev/shm/pb_{uid}_{name} with mode 0600, or
 * Local\XSHM_SEG_{name} with a descriptor that admits the owner only. A peer of the same user may still cut a named segment
 * on Linux, and touching what is gone then ends the process (SIGBUS); anonymous ones are sealed against that. */
enum { PB_OS_NAME_BYTES = 200 };
struct pb_os_segment {
    void *memory; /* page-aligned; NULL when not mapped */
    size_t size;  /* bytes as the system tells them; the peer's claims are never used */
    intptr_t handle; /* descriptor or HANDLE, -1 when closed */
    char name[PB_OS_NAME_BYTES + 1]; /* empty: anonymous */
};
/* What an unused struct looks like; close accepts it. */
#define PB_OS_NO_SEGMENT ((struct pb_os_segment){.handle = -1})

enum pb_os_status pb_os_check_name(const char *name);
/* Makes a zeroed segment and maps it. On Linux nobody sees it before publish, which tells PB_OS_EXISTS, so a creator that
 * dies in between leaves nothing behind. On Windows it has its name at once and create tells PB_OS_EXISTS: whoever opens one
 * must therefore still check a word that the creator wrote last. */
enum pb_os_status pb_os_create(struct pb_os_segment *segment, const char *name, size_t size);
enum pb_os_status pb_os_publish(struct pb_os_segment *segment);
/* Opens and maps the whole of it; PB_OS_SIZE when it has less than `least` bytes. */
enum pb_os_status pb_os_open(struct pb_os_segment *segment, const char *name, size_t least);
/* Has no name; its handle goes to the peer (a descriptor over a Unix socket or by inheritance). Its size is sealed. */
enum pb_os_status pb_os_create_anonymous(struct pb_os_segment *segment, size_t size);
/* Maps a handle that a peer gave; takes it over, also when it fails. PB_OS_DENIED when its size is not sealed. */
enum pb_os_status pb_os_adopt(struct pb_os_segment *segment, intptr_t handle, size_t least);
/* Does the name still mean this very segment? Windows: always. */
bool pb_os_is_named(const struct pb_os_segment *segment);
/* Takes the name away; who has the segment mapped keeps it. Only while the name still means this very segment, so that a
 * newer one of the same name stays. Windows: nothing to do, a section goes with its last handle. */
enum pb_os_status pb_os_unlink(const struct pb_os_segment *segment);
/* The same without opening, whatever it is that has the name. */
enum pb_os_status pb_os_remove(const char *name);
/* Unmaps and closes; the name stays on Linux. */
void pb_os_close(struct pb_os_segment *segment);
/* Calls `each` with every named segment of this user until it returns false. */
enum pb_os_status pb_os_list(bool (*each)(const char *name, uint64_t size, void *context), void *context);

/* Processes. An identity is the process id (low 32 bits) and its start time (high 32 bits), so that a reused id is another
 * process. 0 stands for nobody. Both halves fit one atomic word. */
typedef uint64_t pb_os_identity;
pb_os_identity pb_os_self(void);
/* Of any process, 0 when there is none of this id. */
pb_os_identity pb_os_identity_of(uint32_t process_id);
/* False for 0, for the dead, for those not yet reaped, and when the id belongs to another process by now. */
bool pb_os_process_alive(pb_os_identity identity);

/* An alarm: a flag of this process that is set once and ends waits. */
struct pb_os_alarm {
    _Atomic uint32_t set;
    intptr_t handle; /* event on Windows */
};
enum pb_os_status pb_os_alarm_open(struct pb_os_alarm *alarm);
void pb_os_alarm_set(struct pb_os_alarm *alarm);
static inline bool pb_os_alarm_is_set(struct pb_os_alarm *alarm) {
    /* acquire: pairs with the release in pb_os_alarm_set, so what was written before setting it is seen. */
    return atomic_load_explicit(&alarm->set, memory_order_acquire) != 0;
}
/* Ready to be set again; whoever resets it looks afterwards at what it stood for. */
void pb_os_alarm_reset(struct pb_os_alarm *alarm);
void pb_os_alarm_close(struct pb_os_alarm *alarm);

/* Sets the alarm when that process ends, at once when it is gone already. A thread sleeps meanwhile; nothing polls.
 * NULL when there is no memory or descriptor left. pb_os_unwatch accepts NULL, and the alarm must outlive the watch. */
struct pb_os_watch;
struct pb_os_watch *pb_os_watch(pb_os_identity identity, struct pb_os_alarm *alarm);
void pb_os_unwatch(struct pb_os_watch *watch);

/* Bells: sleeping until a 32-bit word in shared memory has another value. On Linux the word itself is the bell (a futex that
 * is shared between processes, wherever each has it mapped); on Windows an event of the name Local\XSHM_{name}, beside it. */
struct pb_os_bell {
    _Atomic uint32_t *word;
    intptr_t handle; /* event on Windows, -1 without: then pb_os_wait polls once a millisecond */
};
/* `event` names the event and may be NULL on Linux and for anonymous segments; it is made or opened, whoever comes first. */
enum pb_os_status pb_os_bell_open(struct pb_os_bell *bell, _Atomic uint32_t *word, const char *event);
void pb_os_bell_close(struct pb_os_bell *bell);
#define PB_OS_FOREVER UINT64_MAX
/* Sleeps while *word == seen. PB_OS_OK when it has another value or perhaps without a reason (look again), PB_OS_TIMEOUT,
 * or PB_OS_STOPPED when the alarm is set (alarm may be NULL). */
enum pb_os_status pb_os_wait(struct pb_os_bell *bell, uint32_t seen, struct pb_os_alarm *alarm, uint64_t timeout_us);
/* The same for several bells at once (Windows: at most 62): sleeps while each *bells[i]->word == seen[i]. */
enum { PB_OS_MANY_BELLS = 100 };
enum pb_os_status pb_os_wait_many(struct pb_os_bell *const *bells, const uint32_t *seen, uint32_t count,
                                  struct pb_os_alarm *alarm, uint64_t timeout_us);
/* Wakes up to `sleepers` of them (Windows: one, or all that are in pb_os_wait when more are asked for). Always a system
 * call: keep a word beside that tells whether anybody sleeps. */
void pb_os_ring(struct pb_os_bell *bell, uint32_t sleepers);

/* Signals that programs outside wait for or give: an eventfd, or on Windows an event. -1 when there is none left. */
intptr_t pb_os_signal_open(void);
void pb_os_signal_set(intptr_t signal);
/* Sleeps until the signal is given, and uses it up; PB_OS_STOPPED when `stop` is given, PB_OS_TIMEOUT never. */
enum pb_os_status pb_os_signal_wait(intptr_t signal, intptr_t stop);
void pb_os_signal_close(intptr_t signal);
/* Hands a segment's handle to the process at the other end of a connected Unix socket, and takes one from there; only between
 * processes of one user (PB_OS_DENIED). PB_OS_UNSUPPORTED on Windows, where handles are inherited or duplicated. */
enum pb_os_status pb_os_handle_send(intptr_t socket, intptr_t handle);
enum pb_os_status pb_os_handle_receive(intptr_t socket, intptr_t *handle);

/* What debuggers and /proc call the calling thread: up to 15 bytes. */
void pb_os_name_thread(const char *name);

uint64_t pb_os_now_us(void); /* monotonic microseconds, the same clock in all processes */
static inline void pb_os_pause(void) { /* in spinning loops */
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
#endif
