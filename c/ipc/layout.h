/* The whole segment of a channel (xShm, section 3), from the parts that c/gen/layouts.h states. Every word of it lies in memory
 * that the other side can write at any moment: whoever loads one checks it before use. */
#ifndef PB_IPC_LAYOUT_H
#define PB_IPC_LAYOUT_H
#include "gen/layouts.h"

#define XS_RING_BYTES ((uint32_t)PB_SHM_LIMIT_RING_BYTES)
#define XS_RING_MASK (XS_RING_BYTES - 1u)
#define XS_MAX_MESSAGES ((uint32_t)PB_SHM_LIMIT_RING_MESSAGES)
#define XS_MIN_MESSAGE ((uint32_t)PB_SHM_LIMIT_MESSAGE_MIN)
#define XS_MAX_MESSAGE ((uint32_t)PB_SHM_LIMIT_MESSAGE_MAX)
#define XS_HEADER_BYTES ((uint32_t)PB_SHM_RECORD_BYTES)
#define XS_NO_SLOT PB_SHM_NO_SLOT

enum { XS_IDLE = PB_SHM_STATE_IDLE, XS_HELLO = PB_SHM_STATE_HELLO, XS_READY = PB_SHM_STATE_READY };

struct xs_segment {
    struct pb_shm_control control;
    struct pb_shm_ring a; /* server to client */
    uint8_t a_data[XS_RING_BYTES];
    struct pb_shm_ring b; /* client to server */
    uint8_t b_data[XS_RING_BYTES];
};

_Static_assert(offsetof(struct xs_segment, a) == PB_SHM_OFFSET_RING_A, "ring A");
_Static_assert(offsetof(struct xs_segment, a_data) == PB_SHM_OFFSET_DATA_A, "data A");
_Static_assert(offsetof(struct xs_segment, b) == PB_SHM_OFFSET_RING_B, "ring B");
_Static_assert(offsetof(struct xs_segment, b_data) == PB_SHM_OFFSET_DATA_B, "data B");
_Static_assert(sizeof(struct xs_segment) == PB_SHM_OFFSET_END, "segment");
_Static_assert(XS_MAX_MESSAGES < 256, "the producer's record of where messages begin");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "atomics of two processes must be lock-free");

#endif
