/* Made from src/wire/layouts.ts by `bun src/wire/generate.ts`. Do not edit.
 * Shared memory of frame buffers and channels. Numbers are the machine's own, little-endian on all that are supported. */
#ifndef PB_GEN_LAYOUTS_H
#define PB_GEN_LAYOUTS_H
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { PB_SHM_FRAME_SLOTS = 3, PB_SHM_FRAME_PIXEL_BYTES = 4, PB_SHM_FRAME_MARK = 1111900752 };
enum { PB_SHM_CHANNEL_MAGIC = 1481853005, PB_SHM_CHANNEL_VERSION = 65536 };
enum { PB_SHM_STATE_IDLE = 0, PB_SHM_STATE_HELLO = 1, PB_SHM_STATE_READY = 2 };
enum { PB_SHM_LIMIT_RING_BYTES = 2097152, PB_SHM_LIMIT_RING_MESSAGES = 250, PB_SHM_LIMIT_MESSAGE_MIN = 2, PB_SHM_LIMIT_MESSAGE_MAX = 65535, PB_SHM_LIMIT_CLIENTS_DEFAULT = 20, PB_SHM_LIMIT_CLIENTS_MAX = 31 };
enum { PB_SHM_OFFSET_RING_A = 64, PB_SHM_OFFSET_DATA_A = 128, PB_SHM_OFFSET_RING_B = 2097280, PB_SHM_OFFSET_DATA_B = 2097344, PB_SHM_OFFSET_END = 4194496 };
enum { PB_SHM_RECORD_LENGTH_OFFSET = 0, PB_SHM_RECORD_FLAGS_OFFSET = 2, PB_SHM_RECORD_BYTES = 4 };
#define PB_SHM_NO_SLOT 0xFFFFFFFFu

/* Header of a frame buffer, followed by three pictures. */
struct pb_shm_frame_buffer {
    _Atomic uint32_t seq; /* odd while the header changes; +2 with each picture; sleepers wait on it */
    _Atomic uint32_t read_index; /* picture to read */
    _Atomic uint64_t pts_ms; /* presentation time in milliseconds */
    _Atomic uint32_t width; /* pixels; 0 until the header is complete */
    _Atomic uint32_t height; /* pixels */
    _Atomic uint32_t is_playing; /* 1 while the content plays */
    _Atomic uint32_t mark; /* free in the spec: PBFB when Patchbay made it */
    _Atomic uint64_t content_hash; /* FNV-1a (64 bits) of the content's name in UTF-8 */
    _Atomic uint64_t duration_ms; /* milliseconds, 0 unknown or live */
    _Atomic uint32_t writer_count; /* writers */
    _Atomic uint32_t sleepers; /* free in the spec: not 0 when somebody may sleep on seq */
    _Atomic uint64_t owner; /* free in the spec: writer's process id and above it its start time, 0 nobody */
};
_Static_assert(offsetof(struct pb_shm_frame_buffer, seq) == 0, "frameBuffer.seq");
_Static_assert(offsetof(struct pb_shm_frame_buffer, read_index) == 4, "frameBuffer.readIndex");
_Static_assert(offsetof(struct pb_shm_frame_buffer, pts_ms) == 8, "frameBuffer.ptsMs");
_Static_assert(offsetof(struct pb_shm_frame_buffer, width) == 16, "frameBuffer.width");
_Static_assert(offsetof(struct pb_shm_frame_buffer, height) == 20, "frameBuffer.height");
_Static_assert(offsetof(struct pb_shm_frame_buffer, is_playing) == 24, "frameBuffer.isPlaying");
_Static_assert(offsetof(struct pb_shm_frame_buffer, mark) == 28, "frameBuffer.mark");
_Static_assert(offsetof(struct pb_shm_frame_buffer, content_hash) == 32, "frameBuffer.contentHash");
_Static_assert(offsetof(struct pb_shm_frame_buffer, duration_ms) == 40, "frameBuffer.durationMs");
_Static_assert(offsetof(struct pb_shm_frame_buffer, writer_count) == 48, "frameBuffer.writerCount");
_Static_assert(offsetof(struct pb_shm_frame_buffer, sleepers) == 52, "frameBuffer.sleepers");
_Static_assert(offsetof(struct pb_shm_frame_buffer, owner) == 56, "frameBuffer.owner");
_Static_assert(sizeof(struct pb_shm_frame_buffer) == 64, "frameBuffer");

/* Control block of a channel. */
struct pb_shm_control {
    _Atomic uint32_t magic; /* XSHM */
    _Atomic uint32_t version; /* version */
    _Atomic uint32_t generation; /* 1 after creation, +1 with each connection */
    _Atomic uint32_t server_state; /* server */
    _Atomic uint32_t client_state; /* client */
    _Atomic uint32_t claim; /* reserved[0]: token of the client that has this slot, 0 free */
    _Atomic uint32_t claim_process; /* reserved[1]: that client's process id */
    _Atomic uint32_t message_limit; /* reserved[2]: most messages in a ring, 0 of an original peer */
    _Atomic uint32_t ring_bytes; /* reserved[3]: capacity of a ring, 0 of an original peer */
    _Atomic uint32_t s2c_data; /* reserved[4]: client sleeps here till a message comes (bit 0 signalled, bit 1 somebody sleeps) */
    _Atomic uint32_t s2c_space; /* reserved[5]: server sleeps here till the client emptied ring A */
    _Atomic uint32_t c2s_space; /* reserved[6]: client sleeps here till the server emptied ring B */
    _Atomic uint32_t c2s_data; /* reserved[7]: server sleeps here till a message comes */
    _Atomic uint32_t s2c_connect; /* reserved[8]: client sleeps here till the server answers its hello */
    _Atomic uint32_t c2s_connect_req; /* reserved[9]: server sleeps here till a client says hello */
    _Atomic uint32_t s2c_disconnect; /* reserved[10]: the connection ended */
};
_Static_assert(offsetof(struct pb_shm_control, magic) == 0, "control.magic");
_Static_assert(offsetof(struct pb_shm_control, version) == 4, "control.version");
_Static_assert(offsetof(struct pb_shm_control, generation) == 8, "control.generation");
_Static_assert(offsetof(struct pb_shm_control, server_state) == 12, "control.serverState");
_Static_assert(offsetof(struct pb_shm_control, client_state) == 16, "control.clientState");
_Static_assert(offsetof(struct pb_shm_control, claim) == 20, "control.claim");
_Static_assert(offsetof(struct pb_shm_control, claim_process) == 24, "control.claimProcess");
_Static_assert(offsetof(struct pb_shm_control, message_limit) == 28, "control.messageLimit");
_Static_assert(offsetof(struct pb_shm_control, ring_bytes) == 32, "control.ringBytes");
_Static_assert(offsetof(struct pb_shm_control, s2c_data) == 36, "control.s2cData");
_Static_assert(offsetof(struct pb_shm_control, s2c_space) == 40, "control.s2cSpace");
_Static_assert(offsetof(struct pb_shm_control, c2s_space) == 44, "control.c2sSpace");
_Static_assert(offsetof(struct pb_shm_control, c2s_data) == 48, "control.c2sData");
_Static_assert(offsetof(struct pb_shm_control, s2c_connect) == 52, "control.s2cConnect");
_Static_assert(offsetof(struct pb_shm_control, c2s_connect_req) == 56, "control.c2sConnectReq");
_Static_assert(offsetof(struct pb_shm_control, s2c_disconnect) == 60, "control.s2cDisconnect");
_Static_assert(sizeof(struct pb_shm_control) == 64, "control");

/* Header of a ring. */
struct pb_shm_ring {
    _Atomic uint32_t write_position; /* bytes ever written, wrapping */
    _Atomic uint32_t read_position; /* bytes ever read or discarded, wrapping */
    _Atomic uint32_t message_count; /* messages in the ring */
    _Atomic uint32_t drop_count; /* messages discarded for newer ones */
    _Atomic uint32_t sequence; /* +1 when the ring turns non-empty or empty */
    _Atomic uint32_t connection_generation; /* generation of the connection it was reset for */
    _Atomic uint32_t handshake_state; /* as in the control block */
    _Atomic uint32_t producer_process; /* reserved[0]: process id of who writes this ring, 0 of an original peer */
    _Atomic uint32_t producer_start; /* reserved[1]: that process's start time, low 32 bits */
    _Atomic uint32_t reserved2; /* reserved[2] */
    _Atomic uint32_t reserved3; /* reserved[3] */
    _Atomic uint32_t reserved4; /* reserved[4] */
    _Atomic uint32_t reserved5; /* reserved[5] */
    _Atomic uint32_t reserved6; /* reserved[6] */
    _Atomic uint32_t reserved7; /* reserved[7] */
    _Atomic uint32_t padding; /* padding */
};
_Static_assert(offsetof(struct pb_shm_ring, write_position) == 0, "ring.writePosition");
_Static_assert(offsetof(struct pb_shm_ring, read_position) == 4, "ring.readPosition");
_Static_assert(offsetof(struct pb_shm_ring, message_count) == 8, "ring.messageCount");
_Static_assert(offsetof(struct pb_shm_ring, drop_count) == 12, "ring.dropCount");
_Static_assert(offsetof(struct pb_shm_ring, sequence) == 16, "ring.sequence");
_Static_assert(offsetof(struct pb_shm_ring, connection_generation) == 20, "ring.connectionGeneration");
_Static_assert(offsetof(struct pb_shm_ring, handshake_state) == 24, "ring.handshakeState");
_Static_assert(offsetof(struct pb_shm_ring, producer_process) == 28, "ring.producerProcess");
_Static_assert(offsetof(struct pb_shm_ring, producer_start) == 32, "ring.producerStart");
_Static_assert(offsetof(struct pb_shm_ring, reserved2) == 36, "ring.reserved2");
_Static_assert(offsetof(struct pb_shm_ring, reserved3) == 40, "ring.reserved3");
_Static_assert(offsetof(struct pb_shm_ring, reserved4) == 44, "ring.reserved4");
_Static_assert(offsetof(struct pb_shm_ring, reserved5) == 48, "ring.reserved5");
_Static_assert(offsetof(struct pb_shm_ring, reserved6) == 52, "ring.reserved6");
_Static_assert(offsetof(struct pb_shm_ring, reserved7) == 56, "ring.reserved7");
_Static_assert(offsetof(struct pb_shm_ring, padding) == 60, "ring.padding");
_Static_assert(sizeof(struct pb_shm_ring) == 64, "ring");

#endif
