/**
 * The native boundary, once: every struct and function that TypeScript and C share.
 * From this table come the C header c/gen/abi.h (`bun ffi/generate.ts`), the dlopen signatures (library.ts) and the field offsets.
 * A C type decides both sides: pointers cross as addresses, times are microseconds of CLOCK_MONOTONIC, sizes are bytes.
 *
 * Shared conventions:
 * - `*_open` returns a handle, or NULL after writing one sentence for a person (NUL-terminated) into `error`.
 * - `*_close` accepts NULL, stops the module's threads and frees everything. It is called once.
 * - `wake` is called from a native thread when there is something to take. It is called once until `*_rearm` is called;
 *   a taker calls rearm first and then takes until nothing is left.
 * - `*_take` returns 1 and fills `out`, or returns 0 when nothing is there.
 */
import { audioEnums, audioFunctions, audioStructs } from "./abi-audio.ts";
import { cameraEnums, cameraFunctions, cameraStructs } from "./abi-camera.ts";
import { ipcEnums, ipcFunctions, ipcStructs } from "./abi-ipc.ts";
import { mediaEnums, mediaFunctions, mediaStructs } from "./abi-media.ts";
import { shmemEnums, shmemFunctions, shmemStructs } from "./abi-shmem.ts";
import { type CType, errorArgs, type NativeFunction } from "./abi-types.ts";

export type { CType, NativeFunction } from "./abi-types.ts";

/** Fields in order; each must be naturally aligned by the order itself, the generator refuses padding. */
export const structs = {
  ...mediaStructs,
  ...cameraStructs,
  ...audioStructs,
  /** A UDP address. IPv4 lies in the first 4 bytes of `ip`. */
  pb_address: {
    ip: "uint8_t[16]",
    /** 4 or 6. */
    family: "uint16_t",
    port: "uint16_t",
    scope: "uint32_t",
  },
  /** Head of one slot in the datagram ring; the datagram follows at once. */
  pb_datagram: {
    ip: "uint8_t[16]",
    family: "uint16_t",
    port: "uint16_t",
    scope: "uint32_t",
    received_us: "uint64_t",
    /** A number that is equal for equal addresses: exact for IPv4, a keyed hash for IPv6. Below 2^53. */
    address_key: "double",
    size: "uint32_t",
    /** Bit 0: the datagram was longer than the slot and is cut. */
    flags: "uint32_t",
  },
  pb_udp_stats: {
    received: "uint64_t",
    received_bytes: "uint64_t",
    sent: "uint64_t",
    sent_bytes: "uint64_t",
    /** Datagrams dropped because TypeScript was slow to drain the ring. */
    dropped_ring_full: "uint64_t",
    /** Datagrams that the kernel dropped because the socket's buffer was full. */
    dropped_kernel: "uint64_t",
    /** Frames refused because the send queue was full. */
    dropped_send_full: "uint64_t",
    send_errors: "uint64_t",
    send_batches: "uint64_t",
  },
  ...shmemStructs,
  /** What a WebSocket server is opened with; zero means the default that c/ws/server.c states. */
  pb_ws_settings: {
    /** Threads that read and write. */
    threads: "uint32_t",
    /** Connections of all kinds; the next one is answered 503 and closed. */
    connections: "uint32_t",
    /** Connections without a complete request; the oldest one makes room for a new one. */
    pending: "uint32_t",
    head_timeout_ms: "uint32_t",
    /** Time for TypeScript to answer a request, then 503. */
    answer_timeout_ms: "uint32_t",
    /** Time for a closing connection to write what is queued and to hear the peer's close. */
    close_timeout_ms: "uint32_t",
    /** Largest request body. */
    body_bytes: "uint32_t",
    /** What may wait for one connection by single sends; beyond it the connection is closed with 4413. */
    queue_messages: "uint32_t",
    queue_bytes: "uint32_t",
    /** What one connection may have waiting for TypeScript; then it is not read until there is room. */
    source_messages: "uint32_t",
    source_bytes: "uint32_t",
    /** Memory for messages, in MiB; a connection whose message finds none is closed with 1013. */
    memory_mib: "uint32_t",
    /** Kernel's send buffer for a connection in bytes; 1 leaves it to the kernel. */
    send_buffer_bytes: "uint32_t",
    /** Of what waits for one connection by single sends, that which pb_ws_send copied. */
    copied_bytes: "uint32_t",
  },
  pb_ws_event: {
    connection: "double",
    /** request, binary, text: the message's handle, which lies 64 bytes before its bytes. */
    message: "double",
    /** enums.ws. */
    kind: "uint32_t",
    /** Bytes of the message; for lagged, messages left out; for closed, the code. */
    size: "uint32_t",
    /** request: bytes of the head within the message; the body follows. binary: the group that it went ahead to, or 0. */
    head_size: "uint32_t",
    /** request: bit 0 upgrade; alive: bit 0 a pong. */
    flags: "uint32_t",
  },
  pb_ws_stats: {
    connections: "uint64_t",
    accepted: "uint64_t",
    messages_in: "uint64_t",
    bytes_in: "uint64_t",
    messages_out: "uint64_t",
    bytes_out: "uint64_t",
    left_out: "uint64_t",
    /** Calls that wrote to a socket. */
    writes: "uint64_t",
    /** Messages to groups that left, and how long they took from their last byte's coming to its going, summed. */
    latency_count: "uint64_t",
    latency_sum_us: "uint64_t",
    /** Message memory in use, and what of it the process really holds, in bytes. */
    memory_used: "uint64_t",
    memory_held: "uint64_t",
    refused_400: "uint64_t",
    refused_408: "uint64_t",
    refused_413: "uint64_t",
    refused_417: "uint64_t",
    refused_426: "uint64_t",
    refused_431: "uint64_t",
    refused_501: "uint64_t",
    refused_503: "uint64_t",
    refused_505: "uint64_t",
    refused_1002: "uint64_t",
    refused_1007: "uint64_t",
    refused_1009: "uint64_t",
    refused_1013: "uint64_t",
    refused_4413: "uint64_t",
  },
  pb_ws_connection_stats: {
    messages_out: "uint64_t",
    bytes_out: "uint64_t",
    left_out: "uint64_t",
    queued_messages: "uint64_t",
    queued_bytes: "uint64_t",
    /** How long the oldest message to its group has waited. */
    waiting_us: "uint64_t",
  },
  ...ipcStructs,
} as const satisfies Record<string, Record<string, CType>>;

/** Numbers with names on both sides: PB_<ENUM>_<NAME> in C, enums.<enum>.<name> here. */
export const enums = {
  ...mediaEnums,
  ...cameraEnums,
  ...audioEnums,
  datagram_flag: { cut: 1 },
  ws: { request: 0, binary: 1, text: 2, alive: 3, lagged: 4, closed: 5 },
  ...ipcEnums,
  ws_delivery: { droppable: 0, keyframe: 1, state: 2, loose: 3 },
  ...shmemEnums,
  /** What a rule of pb_ws_forward may be besides a delivery: the byte at 16 tells, or TypeScript decides. */
  ws_rule: { look: 254, ask: 255 },
} as const;

export const functions = {
  /** Bumped with every change of this table; library.ts refuses a shim of another number. */
  pb_abi_version: { returns: "uint32_t", args: [] },
  pb_now_us: { returns: "double", args: [] },
  /** Address of a buffer that TypeScript keeps alive (for handing out addresses inside one buffer). */
  pb_copy: { returns: "void", args: ["void *to", "const void *from", "uint32_t size"] },

  ...mediaFunctions,
  ...cameraFunctions,
  ...audioFunctions,

  // UDP (c/net): a receiving thread with a ring of datagrams, a pacing thread for what is sent.
  pb_udp_open: {
    returns: "struct pb_udp *",
    args: [
      "const char *address",
      "uint32_t port",
      "uint32_t buffer_bytes",
      "uint32_t slots",
      "pb_wake_fn wake",
      ...errorArgs,
    ],
  },
  pb_udp_port: { returns: "uint32_t", args: ["struct pb_udp *udp"] },
  /** Receive buffer really granted, in bytes. */
  pb_udp_buffer_bytes: { returns: "uint32_t", args: ["struct pb_udp *udp"] },
  /** Start of the ring: `slots` slots of 2048 bytes, each a struct pb_datagram and the datagram. */
  pb_udp_ring: { returns: "void *", args: ["struct pb_udp *udp"] },
  /**
   * A literal address in the form that received ones have, with its key; only ip, family, port, scope and address_key are
   * written. Returns 0, -1 for text that is no address, or -2 for a family that this socket cannot reach.
   */
  pb_udp_address: {
    returns: "int32_t",
    args: ["struct pb_udp *udp", "const char *host", "uint32_t port", "struct pb_datagram *out"],
  },
  pb_udp_rearm: { returns: "void", args: ["struct pb_udp *udp"] },
  /** How many slots are filled, from the one at index `*first` (modulo slots). */
  pb_udp_ready: { returns: "uint32_t", args: ["struct pb_udp *udp", "uint32_t *first"] },
  pb_udp_release: { returns: "void", args: ["struct pb_udp *udp", "uint32_t count"] },
  pb_udp_send: {
    returns: "int32_t",
    args: ["struct pb_udp *udp", "const struct pb_address *to", "const void *data", "uint32_t size"],
  },
  /**
   * Cuts an encoded frame into chunks, seals each under `key` with counters from `counter` upwards and sends them, spread over
   * `spread_us`. Returns the number of packets (and so of counters used), or -1 when the send queue has no room (nothing is sent).
   */
  pb_udp_send_frame: {
    returns: "int32_t",
    args: [
      "struct pb_udp *udp",
      "const struct pb_address *to",
      "const uint8_t *key",
      "uint64_t counter",
      "const void *data",
      "uint32_t size",
      "uint32_t frame_id",
      "uint32_t chunk_flags",
      "uint64_t capture_us",
      "uint32_t spread_us",
    ],
  },
  pb_udp_stats: { returns: "void", args: ["struct pb_udp *udp", "struct pb_udp_stats *out"] },
  pb_udp_close: { returns: "void", args: ["struct pb_udp *udp"] },

  // ChaCha20-Poly1305 of RFC 8439 (c/crypto). The nonce is four zero bytes and the counter, little-endian. In place is allowed.
  /** Writes size + 16 bytes to `out`. */
  pb_aead_seal: {
    returns: "void",
    args: [
      "const uint8_t *key",
      "uint64_t counter",
      "const void *data_to_authenticate",
      "uint32_t authenticate_size",
      "const void *plain",
      "uint32_t size",
      "void *out",
    ],
  },
  /** `size` counts the 16-byte tag. Returns the plaintext's size, or -1 for a forgery (`out` is then undefined). */
  pb_aead_open: {
    returns: "int32_t",
    args: [
      "const uint8_t *key",
      "uint64_t counter",
      "const void *data_to_authenticate",
      "uint32_t authenticate_size",
      "const void *sealed",
      "uint32_t size",
      "void *out",
    ],
  },

  // WebSocket server (c/ws): threads that read, parse and write; TypeScript decides about requests and who gets what.
  // A connection is a number below 2^53; calls about one that is gone do nothing. Only one thread calls these.
  pb_ws_open: {
    returns: "struct pb_ws *",
    args: [
      "const char *address",
      "uint32_t port",
      "const struct pb_ws_settings *settings",
      "pb_wake_fn wake",
      ...errorArgs,
    ],
  },
  pb_ws_port: { returns: "uint32_t", args: ["struct pb_ws *server"] },
  /** Start of the memory that all messages lie in, mapped until close. It is made of chunks of 1 MiB. */
  pb_ws_arena: { returns: "void *", args: ["struct pb_ws *server"] },
  pb_ws_rearm: { returns: "void", args: ["struct pb_ws *server"] },
  /** Fills up to `max` events and returns how many. Their messages stay until the next take, or longer when retained. */
  pb_ws_take: { returns: "uint32_t", args: ["struct pb_ws *server", "struct pb_ws_event *out", "uint32_t max"] },
  /** Writes what is queued, as far as sockets take it. What is queued without a flush may wait. */
  pb_ws_flush: { returns: "void", args: ["struct pb_ws *server"] },
  pb_ws_accept: { returns: "void", args: ["struct pb_ws *server", "double connection", "uint32_t max_message_bytes"] },
  /** `head` is the status line and fields, each with its CRLF; the fields Connection and Content-Length and the empty line are added. */
  pb_ws_respond: {
    returns: "void",
    args: [
      "struct pb_ws *server",
      "double connection",
      "const void *head",
      "uint32_t head_size",
      "const void *body",
      "uint32_t body_size",
    ],
  },
  pb_ws_send: {
    returns: "void",
    args: ["struct pb_ws *server", "double connection", "const void *data", "uint32_t size", "uint32_t is_text"],
  },
  /** Returns 0, or -1 for what is no message. */
  pb_ws_send_message: {
    returns: "int32_t",
    args: ["struct pb_ws *server", "double connection", "double message", "uint32_t how"],
  },
  pb_ws_ping: { returns: "void", args: ["struct pb_ws *server", "double connection"] },
  pb_ws_end: {
    returns: "void",
    args: ["struct pb_ws *server", "double connection", "uint32_t code", "const void *reason", "uint32_t reason_size"],
  },
  /** Bytes of messages waiting to leave. */
  pb_ws_queued: { returns: "double", args: ["struct pb_ws *server", "double connection"] },
  pb_ws_group_open: { returns: "uint32_t", args: ["struct pb_ws *server", "uint32_t messages", "uint32_t bytes"] },
  /** A connection is in one group at most: joining another leaves the first. Returns 0, or -1 for an unknown group. */
  pb_ws_group_join: { returns: "int32_t", args: ["struct pb_ws *server", "uint32_t group", "double connection"] },
  pb_ws_group_leave: { returns: "int32_t", args: ["struct pb_ws *server", "uint32_t group", "double connection"] },
  pb_ws_group_close: { returns: "int32_t", args: ["struct pb_ws *server", "uint32_t group"] },
  /** Queues a message for all of a group by enums.ws_delivery. Returns for how many it was left out, or -1 for an unknown group or message. */
  pb_ws_broadcast: {
    returns: "int32_t",
    args: ["struct pb_ws *server", "uint32_t group", "double message", "uint32_t how"],
  },
  /**
   * From now on binary messages of a connection go to the group ahead of TypeScript, which broadcasts each of them all the same when
   * it comes to it. `rules`, one set for all: a delivery or enums.ws_rule for each pair of first bytes (65536), then for
   * each byte at 16 (256). Shorter messages are TypeScript's. Unless urgent, TypeScript hears of them up to 0.25 s later.
   */
  pb_ws_forward: {
    returns: "void",
    args: ["struct pb_ws *server", "double connection", "uint32_t group", "const uint8_t *rules", "uint32_t urgent"],
  },
  /** Copies bytes into a message. Returns its handle, or 0 when there is no memory. */
  pb_ws_store: { returns: "double", args: ["struct pb_ws *server", "const void *data", "uint32_t size"] },
  /** Both return 0, or -1 for what is no message. */
  pb_ws_retain: { returns: "int32_t", args: ["struct pb_ws *server", "double message"] },
  pb_ws_release: { returns: "int32_t", args: ["struct pb_ws *server", "double message"] },
  pb_ws_stats: { returns: "void", args: ["struct pb_ws *server", "struct pb_ws_stats *out"] },
  /** Returns 0, or -1 for a connection that is gone. */
  pb_ws_connection_stats: {
    returns: "int32_t",
    args: ["struct pb_ws *server", "double connection", "struct pb_ws_connection_stats *out"],
  },
  /** Adds to `counts` (buckets of base/histogram.ts) how long the group's messages took in the last 30 to 60 s. Returns 0, or -1 for an unknown group. */
  pb_ws_group_latency: {
    returns: "int32_t",
    args: ["struct pb_ws *server", "uint32_t group", "uint32_t *counts", "uint32_t size"],
  },
  pb_ws_stop_listening: { returns: "void", args: ["struct pb_ws *server"] },
  pb_ws_close: { returns: "void", args: ["struct pb_ws *server"] },

  // Local channels (c/net/local.c).
  /** Writes uid and pid of the process at the other end of a Unix socket as it connected or listened. Returns 0, or -1. */
  pb_local_peer: { returns: "int32_t", args: ["int32_t socket", "uint32_t *out"] },
  /** A lock that ends with this process at the latest. Returns a descriptor, -1 when another holds it, or -2 for a failure. */
  pb_local_lock: { returns: "int32_t", args: ["const char *path", ...errorArgs] },
  /** Removes the file and lets go. */
  pb_local_unlock: { returns: "void", args: ["const char *path", "int32_t lock"] },

  ...shmemFunctions,

  // Scene (c/meter): a window with moving content and a timecode, painted by a thread of its own.
  pb_scene_open: {
    returns: "struct pb_scene *",
    args: ["const char *target", "uint32_t width", "uint32_t height", "uint32_t fps", "const char *mode", ...errorArgs],
  },
  pb_scene_painted: { returns: "uint64_t", args: ["struct pb_scene *scene"] },
  pb_scene_close: { returns: "void", args: ["struct pb_scene *scene"] },
  ...ipcFunctions,
} as const satisfies Record<string, NativeFunction>;

export type FunctionName = keyof typeof functions;
export type StructName = keyof typeof structs;

export const abiVersion = 1;
