/**
 * The native WebSocket server (c/ws) as the relay's transport: a batch of events costs one native call, a message costs two
 * small views over memory that was wrapped once. What is queued within a batch or a turn of the event loop is written at its
 * end in one go. It decides nothing about who may connect or what anybody gets; TLS is not its business.
 */
import { type Pointer, toArrayBuffer } from "bun:ffi";
import { limits } from "../src/base/limits.ts";
import { fail, ok, type Result } from "../src/base/result.ts";
import type {
  ConnectionId,
  ConnectionStats,
  Delivery,
  GroupId,
  MessageRef,
  QueueLimits,
  RelayTransport,
  RelayTransportEvents,
  TransportStats,
} from "../src/relay/transport.ts";
import { enums, type structs } from "./abi.ts";
import { layoutOf } from "./abi-layout.ts";
import { withoutBrackets } from "./address-text.ts";
import { readRequest, responseHead } from "./http-text.ts";
import { cString, native, textOf, wakeCallback } from "./library.ts";

export interface WebSocketSettings {
  /** A literal address of this machine; "0.0.0.0" for all of IPv4, "::" for both families. */
  address: string;
  /** 0 for any free one. */
  port: number;
  /** What differs from the usual; each of them is explained in abi.ts. */
  native?: Partial<Record<keyof typeof structs.pb_ws_settings, number>>;
}

const chunkBytes = 2 ** 20;
/** From a message's handle to its bytes, and from the handle to its size. */
const messageHead = 64;
const sizeAt = 4;
const rulesBytes = 65_536 + 256;
const eventsAtOnce = 256;
/** After so many batches other work of the event loop gets its turn. */
const batchesAtOnce = 8;

const event = layoutOf("pb_ws_event");
const at = event.offsets as Record<keyof typeof structs.pb_ws_event, number>;
const settingsLayout = layoutOf("pb_ws_settings");
const statsLayout = layoutOf("pb_ws_stats");
const connectionLayout = layoutOf("pb_ws_connection_stats");
const nothing = new Uint8Array(1);
const bytesOrOne = (bytes: Uint8Array): Uint8Array => (bytes.length ? bytes : nothing);
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Listens, and tells `events` what happens until close(). */
export function openWebSocketServer(settings: WebSocketSettings, events: RelayTransportEvents): Result<RelayTransport> {
  const error = new Uint8Array(256);
  const wanted = new DataView(new ArrayBuffer(settingsLayout.size));
  const given: Record<string, number> = { ...limits.websocket, ...settings.native };
  for (const [field, value] of Object.entries(given)) {
    const offset = settingsLayout.offsets[field];
    if (offset === undefined) throw new Error(`pb_ws_settings has no ${field}`);
    wanted.setUint32(offset, value, true);
  }
  let server: NativeWebSockets | undefined;
  const wake = wakeCallback(() => server?.drain());
  const lib = native();
  const handle = lib.pb_ws_open(
    cString(withoutBrackets(settings.address)),
    settings.port,
    new Uint8Array(wanted.buffer),
    wake.ptr,
    error,
    error.length,
  );
  if (!handle) {
    wake.close();
    return fail("unavailable", textOf(error));
  }
  server = new NativeWebSockets(lib, handle, events, () => {
    lib.pb_ws_close(handle);
    wake.close();
  });
  // Someone may have connected before there was anyone to tell.
  queueMicrotask(() => server.drain());
  return ok(server);
}

type Library = ReturnType<typeof native>;

class NativeWebSockets implements RelayTransport {
  readonly port: number;
  readonly #lib: Library;
  readonly #handle: number;
  readonly #listener: RelayTransportEvents;
  readonly #closeNative: () => void;
  readonly #arena: number;
  /** Each chunk of the arena is wrapped when its first message is looked at, and stays mapped. */
  readonly #chunks: (ArrayBuffer | undefined)[] = [];
  readonly #events = new DataView(new ArrayBuffer(eventsAtOnce * event.size));
  readonly #eventBytes = new Uint8Array(this.#events.buffer);
  #next = 0;
  #count = 0;
  #draining = false;
  #flushing = false;
  #continuing = false;
  #closed = false;
  #lastStats: TransportStats | undefined;

  constructor(lib: Library, handle: number, listener: RelayTransportEvents, closeNative: () => void) {
    this.#lib = lib;
    this.#handle = handle;
    this.#listener = listener;
    this.#closeNative = closeNative;
    this.port = lib.pb_ws_port(handle);
    this.#arena = Number(lib.pb_ws_arena(handle));
  }

  /** Takes what has come, in batches; called by the waker. */
  drain(): void {
    if (this.#closed || this.#draining) return;
    this.#draining = true;
    let batches = 0;
    try {
      this.#lib.pb_ws_rearm(this.#handle);
      while (!this.#closed && batches < batchesAtOnce) {
        if (this.#next === this.#count) {
          this.#next = 0;
          this.#count = this.#lib.pb_ws_take(this.#handle, this.#eventBytes, eventsAtOnce);
          if (this.#count === 0) break;
        }
        while (this.#next < this.#count && !this.#closed) this.#dispatch(this.#next++ * event.size);
        if (!this.#closed) this.#lib.pb_ws_flush(this.#handle);
        batches++;
      }
    } finally {
      this.#draining = false;
      if (this.#closed) this.#closeNative();
      else if (this.#count) this.#goOn();
    }
  }

  /** There is more, or a listener threw: the rest comes in the next turn. */
  #goOn(): void {
    this.#touch();
    if (this.#continuing) return;
    this.#continuing = true;
    setImmediate(() => {
      this.#continuing = false;
      this.drain();
    });
  }

  #dispatch(base: number): void {
    const events = this.#events;
    const connection = events.getFloat64(base + at.connection, true);
    const size = events.getUint32(base + at.size, true);
    switch (events.getUint32(base + at.kind, true)) {
      case enums.ws.binary: {
        const message = events.getFloat64(base + at.message, true);
        const bytes = this.#view(message, size);
        const view = new DataView(bytes.buffer, bytes.byteOffset, size);
        this.#listener.binary(connection, message, bytes, view);
        break;
      }
      case enums.ws.text:
        this.#listener.text(connection, decoder.decode(this.#view(events.getFloat64(base + at.message, true), size)));
        break;
      case enums.ws.alive:
        this.#listener.alive(connection, events.getUint32(base + at.flags, true) !== 0);
        break;
      case enums.ws.lagged:
        this.#listener.lagged(connection, size);
        break;
      case enums.ws.closed:
        this.#listener.closed(connection, size);
        break;
      case enums.ws.request: {
        const bytes = this.#view(events.getFloat64(base + at.message, true), size);
        const isUpgrade = events.getUint32(base + at.flags, true) !== 0;
        this.#listener.request(readRequest(connection, bytes, events.getUint32(base + at.head_size, true), isUpgrade));
        break;
      }
      default:
        throw new Error("the native part tells of something unknown");
    }
  }

  #chunkAt(offset: number): ArrayBuffer {
    const index = Math.floor(offset / chunkBytes);
    let chunk = this.#chunks[index];
    if (!chunk) {
      chunk = toArrayBuffer(this.#arena as Pointer, index * chunkBytes, chunkBytes);
      this.#chunks[index] = chunk;
    }
    return chunk;
  }

  #view(message: MessageRef, size: number): Uint8Array {
    const offset = message - this.#arena + messageHead;
    const within = offset % chunkBytes;
    if (within + size <= chunkBytes) return new Uint8Array(this.#chunkAt(offset), within, size);
    // A large message spans chunks and is worth a wrapping of its own.
    return new Uint8Array(toArrayBuffer(this.#arena as Pointer, offset, size));
  }

  /** Outside a batch, what was queued leaves at the end of this turn. */
  #touch(): void {
    if (this.#draining || this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      if (!this.#closed) this.#lib.pb_ws_flush(this.#handle);
    });
  }

  #must(status: number, what: string): void {
    if (status < 0) throw new Error(`there is no such ${what}`);
  }

  accept(connection: ConnectionId, maxMessageBytes: number): void {
    if (!this.#closed) this.#lib.pb_ws_accept(this.#handle, connection, maxMessageBytes);
  }

  respond(connection: ConnectionId, status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): void {
    const head = responseHead(status, headers);
    if (this.#closed) return;
    this.#lib.pb_ws_respond(this.#handle, connection, head, head.length, bytesOrOne(body), body.length);
    this.#touch();
  }

  send(connection: ConnectionId, bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#lib.pb_ws_send(this.#handle, connection, bytesOrOne(bytes), bytes.length, 0);
    this.#touch();
  }

  sendRef(connection: ConnectionId, message: MessageRef, how: Delivery): void {
    if (this.#closed) return;
    this.#must(this.#lib.pb_ws_send_message(this.#handle, connection, message, how), "message");
    this.#touch();
  }

  sendText(connection: ConnectionId, text: string): void {
    if (this.#closed) return;
    const bytes = encoder.encode(text);
    this.#lib.pb_ws_send(this.#handle, connection, bytesOrOne(bytes), bytes.length, 1);
    this.#touch();
  }

  ping(connection: ConnectionId): void {
    if (this.#closed) return;
    this.#lib.pb_ws_ping(this.#handle, connection);
    this.#touch();
  }

  close(connection?: ConnectionId, code = 1000, reason = ""): void {
    if (this.#closed) return;
    if (connection !== undefined) {
      const bytes = encoder.encode(reason);
      if (bytes.length > 123) throw new RangeError("a reason has at most 123 bytes of UTF-8");
      this.#lib.pb_ws_end(this.#handle, connection, code, bytesOrOne(bytes), bytes.length);
      this.#touch();
      return;
    }
    this.#lastStats = this.stats();
    this.#closed = true;
    if (!this.#draining) this.#closeNative();
  }

  queued(connection: ConnectionId): number {
    return this.#closed ? 0 : this.#lib.pb_ws_queued(this.#handle, connection);
  }

  createGroup({ messages, bytes }: QueueLimits): GroupId {
    if (this.#closed) return 0;
    const group: number = this.#lib.pb_ws_group_open(this.#handle, messages, bytes);
    if (group === 0) throw new Error("out of memory");
    return group;
  }

  join(group: GroupId, connection: ConnectionId): void {
    if (!this.#closed) this.#must(this.#lib.pb_ws_group_join(this.#handle, group, connection), "group");
  }

  leave(group: GroupId, connection: ConnectionId): void {
    if (!this.#closed) this.#must(this.#lib.pb_ws_group_leave(this.#handle, group, connection), "group");
  }

  broadcast(group: GroupId, message: MessageRef, how: Delivery): number {
    if (this.#closed) return 0;
    const leftOut: number = this.#lib.pb_ws_broadcast(this.#handle, group, message, how);
    this.#must(leftOut, "group or message");
    this.#touch();
    return leftOut;
  }

  dropGroup(group: GroupId): void {
    if (!this.#closed) this.#must(this.#lib.pb_ws_group_close(this.#handle, group), "group");
  }

  forward(connection: ConnectionId, group: GroupId, rules: Uint8Array, isUrgent: boolean): void {
    if (rules.length !== rulesBytes) throw new RangeError(`rules have ${rulesBytes} bytes`);
    if (!this.#closed) this.#lib.pb_ws_forward(this.#handle, connection, group, rules, isUrgent ? 1 : 0);
  }

  store(bytes: Uint8Array): MessageRef | undefined {
    if (this.#closed) return undefined;
    const message: number = this.#lib.pb_ws_store(this.#handle, bytesOrOne(bytes), bytes.length);
    return message === 0 ? undefined : message;
  }

  retain(message: MessageRef): void {
    if (!this.#closed) this.#must(this.#lib.pb_ws_retain(this.#handle, message), "message");
  }

  release(message: MessageRef): void {
    if (!this.#closed) this.#must(this.#lib.pb_ws_release(this.#handle, message), "message");
  }

  bytesOf(message: MessageRef): Uint8Array {
    if (this.#closed) return new Uint8Array(0);
    const offset = message - this.#arena;
    if (!(offset >= 0 && offset % 64 === 0)) throw new Error("there is no such message");
    const head = new DataView(this.#chunkAt(offset), offset % chunkBytes, messageHead);
    return this.#view(message, head.getUint32(sizeAt, true));
  }

  connectionStats(connection: ConnectionId): ConnectionStats | undefined {
    const view = new DataView(new ArrayBuffer(connectionLayout.size));
    const bytes = new Uint8Array(view.buffer);
    if (this.#closed || this.#lib.pb_ws_connection_stats(this.#handle, connection, bytes) < 0) return undefined;
    const read = (field: keyof typeof structs.pb_ws_connection_stats) =>
      Number(view.getBigUint64(connectionLayout.offsets[field] as number, true));
    return {
      messagesOut: read("messages_out"),
      bytesOut: read("bytes_out"),
      leftOut: read("left_out"),
      queuedMessages: read("queued_messages"),
      queuedBytes: read("queued_bytes"),
      waitingUs: read("waiting_us"),
    };
  }

  addLatency(group: GroupId, counts: Uint32Array): void {
    if (!this.#closed) this.#must(this.#lib.pb_ws_group_latency(this.#handle, group, counts, counts.length), "group");
  }

  /** After close(): the numbers at the end. */
  stats(): TransportStats {
    if (this.#lastStats) return this.#lastStats;
    const view = new DataView(new ArrayBuffer(statsLayout.size));
    this.#lib.pb_ws_stats(this.#handle, new Uint8Array(view.buffer));
    const read = (field: keyof typeof structs.pb_ws_stats) =>
      Number(view.getBigUint64(statsLayout.offsets[field] as number, true));
    const refusals: Record<string, number> = {};
    for (const field of Object.keys(statsLayout.offsets) as (keyof typeof structs.pb_ws_stats)[])
      if (field.startsWith("refused_") && read(field) > 0) refusals[field.slice("refused_".length)] = read(field);
    return {
      connections: read("connections"),
      accepted: read("accepted"),
      messagesIn: read("messages_in"),
      bytesIn: read("bytes_in"),
      messagesOut: read("messages_out"),
      bytesOut: read("bytes_out"),
      leftOut: read("left_out"),
      latencyCount: read("latency_count"),
      latencySumUs: read("latency_sum_us"),
      refusals,
    };
  }

  stopListening(): void {
    if (!this.#closed) this.#lib.pb_ws_stop_listening(this.#handle);
  }
}
