/**
 * The part of a RelayTransport that is the same for every kind of socket which takes whole messages: groups, one bounded queue a
 * connection, closing, counting. Bun's server and the transport in memory add how sockets come to be. It decides nothing
 * about who may connect.
 */
import { Counters } from "../base/counters.ts";
import { RecentHistogram } from "../base/histogram.ts";
import { limits } from "../base/limits.ts";
import { closeCode } from "./limits.ts";
import { type Message, Messages } from "./messages.ts";
import { type Outcome, SendQueue, type Waiting } from "./send-queue.ts";
import {
  type ConnectionId,
  type ConnectionStats,
  type Delivery,
  delivery,
  type GroupId,
  type MessageRef,
  type QueueLimits,
  type RelayTransport,
  type RelayTransportEvents,
  type TransportStats,
} from "./transport.ts";

export interface MessageSocket {
  /** Takes a copy or sends at once. */
  write(message: Uint8Array | string): void;
  /** Bytes that write() took and that have not left. */
  readonly buffered: number;
  ping(): void;
  /** Sends a close frame; ended() follows. */
  close(code: number, reason: string): void;
  /** Ends without a word. */
  terminate(): void;
}

interface Connection {
  readonly id: ConnectionId;
  readonly socket: MessageSocket;
  readonly queue: SendQueue;
  readonly maxMessageBytes: number;
  group: Group | undefined;
  closing: { readonly code: number; readonly reason: string } | undefined;
  patience: ReturnType<typeof setTimeout> | undefined;
  messagesOut: number;
  bytesOut: number;
  leftOut: number;
}

interface Group {
  readonly limits: QueueLimits;
  readonly members: Set<Connection>;
  readonly latency: RecentHistogram;
}

/** More is handed to a socket only when no more than this waits in it; the rest waits here, by reference. */
const socketBytes = 64 * 1024;
/** Of all messages that are held; a connection whose message finds none is closed. */
const messageMemory = limits.websocket.memory_mib * 1024 * 1024;
/** A closing connection has this long to take what is queued for it. */
const closeTimeoutMs = 1000;

export abstract class SocketTransport implements RelayTransport {
  protected readonly events: RelayTransportEvents;
  protected readonly refusals = new Counters();
  protected nextConnection: ConnectionId = 1;
  protected readonly messages = new Messages();
  readonly #memoryBytes: number;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #groups = new Map<GroupId, Group>();
  #nextGroup: GroupId = 1;
  #accepted = 0;
  #messagesIn = 0;
  #bytesIn = 0;
  #messagesOut = 0;
  #bytesOut = 0;
  #leftOut = 0;
  #latencyCount = 0;
  #latencySumUs = 0;

  constructor(events: RelayTransportEvents, memoryBytes: number = messageMemory) {
    this.events = events;
    this.#memoryBytes = memoryBytes;
  }

  abstract accept(connection: ConnectionId, maxMessageBytes: number): void;
  abstract respond(
    connection: ConnectionId,
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): void;
  abstract readonly port: number;
  abstract stopListening(): void;
  /** Ends everything at once. Idempotent. */
  protected abstract closeAll(): void;
  /** Runs `work` after the present call from outside is over: the core is never called back in the middle of a call of its own. */
  protected abstract later(work: () => void): void;

  /** Monotonic. */
  protected nowUs(): number {
    return performance.now() * 1000;
  }

  protected opened(id: ConnectionId, socket: MessageSocket, maxMessageBytes: number): void {
    const queue = new SendQueue(this.messages);
    const connection = {
      id,
      socket,
      queue,
      maxMessageBytes,
      group: undefined,
      closing: undefined,
      patience: undefined,
      messagesOut: 0,
      bytesOut: 0,
      leftOut: 0,
    };
    this.#connections.set(id, connection);
    this.#accepted++;
  }

  /** `bytes` may be kept by reference for as long as the message lives. */
  protected receivedBinary(id: ConnectionId, bytes: Uint8Array): void {
    const connection = this.#connections.get(id);
    if (!connection || connection.closing) return;
    if (bytes.length > connection.maxMessageBytes) {
      this.#tooLarge(connection);
      return;
    }
    if (this.messages.bytes + bytes.length > this.#memoryBytes) {
      this.refusals.add(String(closeCode.noMemory));
      this.#end(connection, closeCode.noMemory, "no memory for messages");
      return;
    }
    this.#messagesIn++;
    this.#bytesIn += bytes.length;
    const message = this.messages.add(bytes, this.nowUs());
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.events.binary(id, message.ref, bytes, view);
    this.messages.release(message);
  }

  protected receivedText(id: ConnectionId, text: string): void {
    const connection = this.#connections.get(id);
    if (!connection || connection.closing) return;
    if (Buffer.byteLength(text) > connection.maxMessageBytes) {
      this.#tooLarge(connection);
      return;
    }
    this.#messagesIn++;
    this.#bytesIn += text.length;
    this.events.text(id, text);
  }

  #tooLarge(connection: Connection): void {
    this.refusals.add(String(closeCode.tooLarge));
    this.#end(connection, closeCode.tooLarge, "the message is too large");
  }

  protected alive(id: ConnectionId, isPong: boolean): void {
    if (this.#connections.has(id)) this.events.alive(id, isPong);
  }

  /** The socket can take more. */
  protected writable(id: ConnectionId): void {
    const connection = this.#connections.get(id);
    if (connection) this.#pump(connection);
  }

  /** The socket is gone. */
  protected ended(id: ConnectionId, code: number): void {
    const connection = this.#connections.get(id);
    if (!connection) return;
    this.#connections.delete(id);
    connection.group?.members.delete(connection);
    connection.queue.clear();
    clearTimeout(connection.patience);
    this.later(() => this.events.closed(id, connection.closing?.code ?? code));
  }

  #pump(connection: Connection): void {
    const { queue, socket } = connection;
    while (!queue.isEmpty && socket.buffered <= socketBytes) queue.next((item) => this.#write(connection, item));
    if (queue.isEmpty && connection.closing) this.#finish(connection);
  }

  #write(connection: Connection, { message, text, size, isCast }: Waiting): void {
    connection.socket.write(message ? message.bytes : text);
    this.#messagesOut++;
    this.#bytesOut += size;
    connection.messagesOut++;
    connection.bytesOut += size;
    if (isCast && message) this.#took(connection, message);
  }

  #took({ group }: Connection, { cameUs }: Message): void {
    const nowUs = this.nowUs();
    this.#latencyCount++;
    this.#latencySumUs += nowUs - cameUs;
    group?.latency.add(nowUs - cameUs, nowUs);
  }

  #after(connection: Connection, outcome: Outcome): boolean {
    if (outcome === "waits") this.#pump(connection);
    else if (outcome === "too-slow") {
      this.refusals.add(String(closeCode.tooSlow));
      this.#end(connection, closeCode.tooSlow, "too slow for state");
    } else this.#leaveOut(connection, 1);
    return outcome !== "left-out";
  }

  #leaveOut(connection: Connection, messages: number): void {
    this.#leftOut += messages;
    connection.leftOut += messages;
  }

  /** Ends without what is queued. */
  #end(connection: Connection, code: number, reason: string): void {
    connection.queue.clear();
    connection.closing ??= { code, reason };
    this.#finish(connection);
  }

  #finish({ id, socket, closing, patience }: Connection): void {
    clearTimeout(patience);
    socket.close(closing?.code ?? closeCode.goingAway, closing?.reason ?? "");
    const connection = this.#connections.get(id);
    if (connection) connection.patience = setTimeout(() => socket.terminate(), closeTimeoutMs);
  }

  send(id: ConnectionId, bytes: Uint8Array): void {
    const connection = this.#connections.get(id);
    if (!connection || connection.closing) return;
    const message = this.messages.add(bytes.slice(), this.nowUs());
    this.#after(connection, connection.queue.send(message));
    this.messages.release(message);
  }

  sendRef(id: ConnectionId, ref: MessageRef, how: Delivery): void {
    const connection = this.#connections.get(id);
    if (!connection || connection.closing) return;
    const message = this.messages.get(ref);
    const { queue, group } = connection;
    if (group && how !== delivery.state) this.#cast(connection, group, message, how);
    else this.#after(connection, queue.send(message));
  }

  sendText(id: ConnectionId, text: string): void {
    const connection = this.#connections.get(id);
    if (connection && !connection.closing) this.#after(connection, connection.queue.sendText(text));
  }

  ping(id: ConnectionId): void {
    this.#connections.get(id)?.socket.ping();
  }

  close(id?: ConnectionId, code = 1000, reason = ""): void {
    if (id === undefined) {
      this.closeAll();
      return;
    }
    const connection = this.#connections.get(id);
    if (!connection || connection.closing) return;
    connection.closing = { code, reason };
    connection.group?.members.delete(connection);
    if (connection.queue.isEmpty) this.#finish(connection);
    else connection.patience = setTimeout(() => this.#end(connection, code, reason), closeTimeoutMs);
  }

  queued(id: ConnectionId): number {
    const connection = this.#connections.get(id);
    return connection ? connection.queue.bytes + connection.socket.buffered : 0;
  }

  createGroup(limits: QueueLimits): GroupId {
    this.#groups.set(this.#nextGroup, { limits, members: new Set(), latency: new RecentHistogram() });
    return this.#nextGroup++;
  }

  /** What was left out before does not count: whoever joins has a whole picture, or none. */
  join(id: GroupId, connectionId: ConnectionId): void {
    const connection = this.#connections.get(connectionId);
    const group = this.#groups.get(id);
    if (!connection || !group || connection.closing) return;
    connection.group?.members.delete(connection);
    connection.group = group;
    connection.queue.isSkipping = false;
    group.members.add(connection);
  }

  leave(id: GroupId, connectionId: ConnectionId): void {
    const connection = this.#connections.get(connectionId);
    if (!connection || connection.group !== this.#groups.get(id)) return;
    connection.group?.members.delete(connection);
    connection.group = undefined;
  }

  broadcast(id: GroupId, ref: MessageRef, how: Delivery): number {
    const group = this.#groups.get(id);
    if (!group) return 0;
    const message = this.messages.get(ref);
    let leftOut = 0;
    for (const connection of group.members) if (!this.#cast(connection, group, message, how)) leftOut++;
    return leftOut;
  }

  #cast(connection: Connection, { limits }: Group, message: Message, how: Delivery): boolean {
    const { queue } = connection;
    const { isSkipping: wasSkipping, discarded } = queue;
    const passed = this.#after(connection, queue.cast(message, how, limits));
    this.#leaveOut(connection, queue.discarded - discarded);
    if (queue.isSkipping && (!wasSkipping || how === delivery.keyframe))
      this.later(() => this.events.lagged(connection.id, 1));
    return passed;
  }

  dropGroup(id: GroupId): void {
    for (const connection of this.#groups.get(id)?.members ?? []) connection.group = undefined;
    this.#groups.delete(id);
  }

  forward(): void {
    // Messages come on the thread that sends them on, so there is nothing to be ahead of.
  }

  store(bytes: Uint8Array): MessageRef | undefined {
    if (this.messages.bytes + bytes.length > this.#memoryBytes) return undefined;
    return this.messages.add(bytes.slice(), this.nowUs()).ref;
  }

  retain(ref: MessageRef): void {
    this.messages.get(ref).holders++;
  }

  release(ref: MessageRef): void {
    this.messages.release(this.messages.get(ref));
  }

  bytesOf(ref: MessageRef): Uint8Array {
    return this.messages.get(ref).bytes;
  }

  connectionStats(id: ConnectionId): ConnectionStats | undefined {
    const connection = this.#connections.get(id);
    if (!connection) return undefined;
    const { queue, socket, messagesOut, bytesOut, leftOut } = connection;
    const { oldestUs } = queue;
    return {
      messagesOut,
      bytesOut,
      leftOut,
      queuedMessages: queue.length,
      queuedBytes: queue.bytes + socket.buffered,
      waitingUs: oldestUs === undefined ? 0 : this.nowUs() - oldestUs,
    };
  }

  addLatency(id: GroupId, counts: Uint32Array): void {
    this.#groups.get(id)?.latency.addTo(counts, this.nowUs());
  }

  stats(): TransportStats {
    return {
      connections: this.#connections.size,
      accepted: this.#accepted,
      messagesIn: this.#messagesIn,
      bytesIn: this.#bytesIn,
      messagesOut: this.#messagesOut,
      bytesOut: this.#bytesOut,
      leftOut: this.#leftOut,
      latencyCount: this.#latencyCount,
      latencySumUs: this.#latencySumUs,
      refusals: this.refusals.toJSON(),
    };
  }
}
