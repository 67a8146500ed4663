/* The seven auto-reset events of a channel. Each is a word of the control block's reserved ones, on which the waiting side
 * sleeps through the operating system (os.h). A signal costs a system call only while somebody sleeps: bit 1 says so.
 *
 * Sleeping loses no wake-up: the sleeper sets WAITING, makes a seq_cst fence, looks at the ring once more and then sleeps only
 * while the word is unchanged; the signaller publishes, makes a seq_cst fence (xs_producer_publish; the consumer's claim is a
 * seq_cst operation itself) and looks at the word. In the one total order of these either the sleeper sees what was published or
 * the signaller sees WAITING. A signaller that dies before it wakes anybody is noticed by the watch on its process. Whatever a
 * hostile peer writes here, waits end in time. */
#ifndef PB_IPC_EVENT_H
#define PB_IPC_EVENT_H
#include "ipc/layout.h"
#include "os/os.h"

enum { XS_SIGNALLED = 1, XS_WAITING = 2 };
/* Who waits: client, server, client, server, client, server, client. In the order of their words. */
enum xs_event_name {
    XS_S2C_DATA,
    XS_S2C_SPACE,
    XS_C2S_SPACE,
    XS_C2S_DATA,
    XS_S2C_CONNECT,
    XS_C2S_CONNECT_REQ,
    XS_S2C_DISCONNECT,
    XS_EVENTS
};


static inline void xs_event_fire(struct pb_os_bell *event) {
    /* release: pairs with the acquire in xs_event_clear, so states written before are seen after waking. */
    atomic_exchange_explicit(event->word, XS_SIGNALLED, memory_order_release);
    pb_os_ring(event, 1);
}

/* Follows a seq_cst fence, or a seq_cst operation that published; for the sake of the latter the load is seq_cst too. */
static inline void xs_event_signal(struct pb_os_bell *event) {
    if (atomic_load_explicit(event->word, memory_order_seq_cst) & XS_WAITING) xs_event_fire(event);
}

/* Says that somebody sleeps or is about to, and uses up a signal that came; so look once more after this, then sleep. */
static inline void xs_event_arm(struct pb_os_bell *event) {
    atomic_exchange_explicit(event->word, XS_WAITING, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
}

/* Nobody sleeps, and a signal that came is used up. */
static inline void xs_event_clear(struct pb_os_bell *event) {
    atomic_exchange_explicit(event->word, 0, memory_order_acquire);
}

#endif
