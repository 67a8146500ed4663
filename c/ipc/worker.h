/* A thread that serves a group and calls back, for the automatic and multi-client handles of xshm.h. It sleeps until something
 * happens. Messages may be sent from any thread; callbacks come from the worker only and hold no lock. */
#ifndef PB_IPC_WORKER_H
#define PB_IPC_WORKER_H
#include "include/xshm.h"
#include "ipc/group.h"

struct xs_worker;
struct xs_worker_calls {
    void (*event)(void *context, const struct xs_group_event *event);
    void (*message)(void *context, uint32_t slot, const void *data, uint32_t size);
    void (*waiting)(void *context);                                        /* before a batch of messages; may be NULL */
    void (*overflow)(void *context, uint32_t slot, bool outgoing, uint32_t dropped); /* may be NULL */
    void (*ended)(void *context); /* the last call: the context may be freed */
};
struct xs_worker_settings {
    struct xs_group_settings group;
    uint32_t queue; /* messages kept while nobody is connected; 0: none, sending then fails */
    uint32_t batch;
    bool tell_space;
};

/* Starts it. XS_OK or a code, and then `calls` are never called. The context is the caller's and holds its copy of `calls`. */
int xs_worker_start(struct xs_worker **out, const struct xs_worker_settings *settings, const struct xs_worker_calls *calls,
                    void *context);
/* To a slot; a group without slots has slot 0. */
int xs_worker_send(struct xs_worker *w, uint32_t slot, const void *data, uint32_t size);
int xs_worker_drop(struct xs_worker *w, uint32_t slot);
/* Bit by bit, which slots are connected. */
uint32_t xs_worker_connected(const struct xs_worker *w);
/* Client: its slot, or XS_NO_SLOT. */
uint32_t xs_worker_slot(const struct xs_worker *w);
void xs_worker_stats(const struct xs_worker *w, shm_auto_stats_t *out);
const struct xs_group *xs_worker_group(const struct xs_worker *w);
/* Ends the connections and the thread. Waits for a callback in progress, but not for itself: called from inside a callback, it
 * returns and the worker ends after that callback. `ended` is called in both cases. */
void xs_worker_stop(struct xs_worker *w);

#endif
