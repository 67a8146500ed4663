/* One or many channels of one name, in service without waiting: who comes, who went, who is to be called again. A server has a
 * slot a client (xShm, section 8) or just one without number; a client looks for a free slot and comes back after an end. It
 * belongs to one thread; worker.c runs it for C programs with callbacks, abi.c for the event loop of a TypeScript program.
 * Nothing here sleeps: xs_group_arm tells on what to sleep. */
#ifndef PB_IPC_GROUP_H
#define PB_IPC_GROUP_H
#include "ipc/endpoint.h"

enum {
    XS_MAX_SLOTS = PB_SHM_LIMIT_CLIENTS_MAX,
    XS_GROUP_EVENTS = XS_MAX_SLOTS * 4,
    XS_GROUP_BELLS = XS_MAX_SLOTS * 2
};
#define XS_NEVER 0xFFFFFFFFu

enum xs_group_kind { XS_CONNECTED = 1, XS_DISCONNECTED = 2, XS_FAILED = 3, XS_SPACE = 4 };
struct xs_group_event {
    uint32_t kind;
    uint32_t slot; /* XS_NO_SLOT: of no slot */
    int32_t code;  /* XS_FAILED: why */
};

struct xs_group_settings {
    const char *name; /* NULL: anonymous, without slots */
    intptr_t handle;  /* client without name: the handle it was given */
    bool server;
    bool slots;                  /* the name is a base name, followed by _0, _1, ... */
    uint32_t clients;            /* server with slots: how many */
    uint32_t connect_timeout_ms; /* client: for an answer to its hello */
    uint32_t reconnect_ms;       /* client: till the next attempt; XS_NEVER: one attempt, one connection */
};

struct xs_group {
    struct xs_group_settings settings;
    char name[PB_OS_NAME_BYTES + 1];
    struct xs_endpoint ends[XS_MAX_SLOTS]; /* a client uses the first */
    uint32_t count;                        /* endpoints */
    uint32_t slot;                         /* client: which one it has or asks for */
    uint64_t until_us;                     /* client: end of its patience, or time of the next attempt */
    bool calling;                          /* client: it said hello */
    int32_t last_failure;                  /* client: told once, not with each attempt */
    bool over;                             /* client that does not come back: nothing will happen any more */
    struct pb_os_alarm *alarm;
    void (*before_close)(void *context); /* client: its segment is about to be unmapped; may be NULL */
    void *context;
    bool want_space[XS_MAX_SLOTS]; /* a sender found no room: XS_SPACE tells when there is some, once */
    _Atomic bool sick[XS_MAX_SLOTS]; /* the peer broke the protocol: out with it, drained or not */
};

/* Opens a server's segments, or checks a client's settings. On failure nothing stays open. */
int xs_group_open(struct xs_group *g, const struct xs_group_settings *settings, struct pb_os_alarm *alarm);
/* What has happened since; `events` has room for XS_GROUP_EVENTS. A connection that ended is reported when nothing is left to
 * take from it. Returns how many events. */
uint32_t xs_group_service(struct xs_group *g, uint64_t now_us, struct xs_group_event *events);
/* When service wants to be called even if nothing happens, or PB_OS_FOREVER. */
uint64_t xs_group_deadline(const struct xs_group *g);
/* Arms every event that matters now. True when something is there already: then do not sleep. */
bool xs_group_arm(struct xs_group *g);
/* The events that xs_group_arm arms; they change with service only. `bells` has room for XS_GROUP_BELLS. */
uint32_t xs_group_bells(struct xs_group *g, struct pb_os_bell **bells);
/* After the alarm: notes which peers are gone. */
void xs_group_note_deaths(struct xs_group *g);
/* The endpoint of a connected slot, or NULL. */
struct xs_endpoint *xs_group_end(struct xs_group *g, uint32_t slot);
/* Ends one connection; a server's slot takes a new client. The event comes with the next service. */
void xs_group_drop(struct xs_group *g, uint32_t slot);
void xs_group_close(struct xs_group *g);

#endif
