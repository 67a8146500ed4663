/** The part of the native table (abi.ts) that is channels between local programs: c/ipc/abi.c. */
import type { CType, NativeFunction } from "./abi-types.ts";

export const ipcStructs = {
  /** Something happened to a channel. */
  pb_ipc_event: {
    /** enums.ipc. */
    kind: "uint32_t",
    /** The client's slot; 0xFFFFFFFF for none. */
    slot: "uint32_t",
    /** failed: one of the codes of xshm.h. */
    code: "int32_t",
  },
  /** Where a message lies in a buffer. Batches cross the boundary as an array of these. */
  pb_ipc_entry: {
    at: "uint32_t",
    size: "uint32_t",
  },
  pb_ipc_stats: {
    sent: "uint64_t",
    /** Messages that gave way in a full ring to those that we sent. */
    overwritten: "uint64_t",
    received: "uint64_t",
    /** Messages that a peer overwrote before we took them. */
    lost: "uint64_t",
  },
} as const satisfies Record<string, Record<string, CType>>;

export const ipcEnums = {
  ipc: { connected: 1, disconnected: 2, failed: 3, space: 4 },
  ipc_flag: { server: 1, slots: 2, anonymous: 4 },
} as const;

export const ipcFunctions = {
  // Channels between local programs (c/ipc): rings in shared memory, and one thread that sleeps until something happens.
  /** A server's segments are there when it returns; a client connects in pb_ipc_service. On failure `code` is one of xshm.h. */
  pb_ipc_open: {
    returns: "struct pb_ipc *",
    args: [
      "const char *name",
      "int32_t handle",
      "uint32_t flags",
      "uint32_t clients",
      "uint32_t connect_timeout_ms",
      "uint32_t reconnect_ms",
      "pb_wake_fn wake",
      "int32_t *code",
    ],
  },
  /** The descriptor of an anonymous server, to be handed to a client; -1 for others. It stays the server's. */
  pb_ipc_handle: { returns: "int32_t", args: ["struct pb_ipc *ipc"] },
  /** Takes clients, notes who went, connects. Fills `events` (room for 124) and returns how many. */
  pb_ipc_service: { returns: "uint32_t", args: ["struct pb_ipc *ipc", "struct pb_ipc_event *events"] },
  /** Returns 1 when something is there already. */
  pb_ipc_rearm: { returns: "uint32_t", args: ["struct pb_ipc *ipc"] },
  /** In how many milliseconds to call service even if nothing happens, or -1. */
  pb_ipc_deadline_ms: { returns: "double", args: ["struct pb_ipc *ipc"] },
  /** Bit by bit, the slots with messages to take. */
  pb_ipc_pending: { returns: "uint32_t", args: ["struct pb_ipc *ipc"] },
  /** 0 or a code of xshm.h. Without `overwrite`, a full ring is an error (-10). */
  pb_ipc_send: {
    returns: "int32_t",
    args: ["struct pb_ipc *ipc", "uint32_t slot", "const void *data", "uint32_t size", "uint32_t overwrite"],
  },
  /** Sends entries[skip] and `count` - 1 after it until one finds no room. Returns how many went, or a code when none could. */
  pb_ipc_send_many: {
    returns: "int32_t",
    args: [
      "struct pb_ipc *ipc",
      "uint32_t slot",
      "const void *data",
      "const struct pb_ipc_entry *entries",
      "uint32_t skip",
      "uint32_t count",
      "uint32_t overwrite",
    ],
  },
  /** Copies up to `most` messages, each to a multiple of 8. Spins up to `spin_us` for the first. Returns how many, or a code. */
  pb_ipc_take: {
    returns: "int32_t",
    args: [
      "struct pb_ipc *ipc",
      "uint32_t slot",
      "void *buffer",
      "uint32_t room",
      "struct pb_ipc_entry *entries",
      "uint32_t most",
      "uint32_t spin_us",
    ],
  },
  /** An event of kind space comes when the slot's ring has room again. */
  pb_ipc_want_space: { returns: "void", args: ["struct pb_ipc *ipc", "uint32_t slot"] },
  pb_ipc_drop: { returns: "void", args: ["struct pb_ipc *ipc", "uint32_t slot"] },
  pb_ipc_stats: { returns: "void", args: ["struct pb_ipc *ipc", "struct pb_ipc_stats *out"] },
  pb_ipc_close: { returns: "void", args: ["struct pb_ipc *ipc"] },
} as const satisfies Record<string, NativeFunction>;
