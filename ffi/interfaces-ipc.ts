/** The shape of the native channels, for the layers above, which know ffi by type only where they must stay free of effects. */

export interface NativeSettings {
  /** Undefined: anonymous, reached by its section's handle. */
  name: string | undefined;
  server: boolean;
  /** The name is a base name with numbered slots. */
  slots: boolean;
  /** An anonymous client's handle of the section; taken over. */
  section?: number;
  /** Slots of a server with slots, 1 to 31. */
  clients?: number;
  connectTimeoutMs?: number;
  /** From a failed attempt to the next; without it there is one attempt and one connection. */
  reconnectMs?: number;
}

export interface NativeEvent {
  kind: "connected" | "disconnected" | "failed" | "space";
  /** 0xFFFFFFFF: of no slot. */
  slot: number;
  /** failed: a code of xshm.h. */
  code: number;
}

export interface ChannelStats {
  /** Messages. */
  sent: number;
  /** Older messages that gave way in a full ring to those that we sent. */
  overwritten: number;
  received: number;
  /** Messages that the peer overwrote before we took them. */
  lost: number;
}

export interface NativeChannels {
  /** The descriptor of an anonymous server, else -1. */
  readonly section: number;
  service(tell: (event: NativeEvent) => void): void;
  /** True when something is there already. */
  rearm(): boolean;
  /** Until service wants to be called again even if nothing happens; -1: never. */
  deadlineMs(): number;
  /** Bit by bit, the slots with messages. */
  pending(): number;
  /** 0 or a code of xshm.h. */
  send(slot: number, data: Uint8Array, size: number, overwrite: boolean): number;
  /** How many went, or a code. `entries` holds pairs of offset and size in `data`; the first `skip` of them are left out. */
  sendMany(
    slot: number,
    data: Uint8Array,
    entries: Uint32Array,
    skip: number,
    count: number,
    overwrite: boolean,
  ): number;
  /** How many were copied into `buffer`, or a code. Fills `entries` with pairs. */
  take(slot: number, buffer: Uint8Array, entries: Uint32Array, most: number, spinUs: number): number;
  wantSpace(slot: number): void;
  drop(slot: number): void;
  stats(): ChannelStats;
  close(): void;
}
