/**
 * WebSockets in memory, for tests of the relay: peers are objects, a stalled one takes nothing, and nothing happens by itself. It keeps
 * to the same queues as the transport over Bun's server; what it leaves out is the protocol on the wire.
 */
import { type MessageSocket, SocketTransport } from "./socket-transport.ts";
import type { ConnectionId } from "./transport.ts";

export interface PeerRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly remote?: string;
  /** False for a plain GET. */
  readonly isUpgrade?: boolean;
}

/** The far end of a connection. */
export class MemoryPeer implements MessageSocket {
  readonly id: ConnectionId;
  readonly #transport: MemoryTransport;
  /** Messages that arrived; taken out by take(). */
  #received: (Uint8Array | string)[] = [];
  #stalled: (Uint8Array | string)[] = [];
  isStalled = false;
  isOpen = false;
  /** Answers pings. */
  isAnswering = true;
  pings = 0;
  /** Of the plain answer, when there was one. */
  status: number | undefined;
  headers: Readonly<Record<string, string>> = {};
  body = "";
  /** Why the relay closed it. */
  code: number | undefined;

  constructor(id: ConnectionId, transport: MemoryTransport) {
    this.id = id;
    this.#transport = transport;
  }

  get buffered(): number {
    return this.#stalled.reduce((sum, message) => sum + message.length, 0);
  }

  write(message: Uint8Array | string): void {
    const copy = typeof message === "string" ? message : message.slice();
    (this.isStalled ? this.#stalled : this.#received).push(copy);
  }

  ping(): void {
    this.pings++;
    if (this.isAnswering && !this.isStalled) this.#transport.hear(this);
  }

  close(code: number): void {
    this.isOpen = false;
    this.code = code;
    this.#transport.lose(this, code);
  }

  terminate(): void {
    this.close(1006);
  }

  /** Goes on after a stall. */
  resume(): void {
    this.isStalled = false;
    this.#received.push(...this.#stalled);
    this.#stalled = [];
    this.#transport.goOn(this);
  }

  /** All that arrived since the last call. */
  take(): (Uint8Array | string)[] {
    const taken = this.#received;
    this.#received = [];
    return taken;
  }

  send(message: Uint8Array | string): void {
    this.#transport.bring(this, message);
  }

  /** Vanishes. */
  leave(code = 1006): void {
    this.isOpen = false;
    this.#transport.lose(this, code);
    this.#transport.settle();
  }
}

export class MemoryTransport extends SocketTransport {
  readonly port = 0;
  readonly #peers = new Map<ConnectionId, MemoryPeer>();
  #work: (() => void)[] = [];
  isListening = true;

  /** A request as a client makes it; the peer has been accepted or answered when this returns, unless the answer comes later. */
  connect(target: string, { headers = {}, remote = "127.0.0.1", isUpgrade = true }: PeerRequest = {}): MemoryPeer {
    const peer = new MemoryPeer(this.nextConnection++, this);
    this.#peers.set(peer.id, peer);
    const all = new Map(Object.entries({ host: "127.0.0.1:9100", ...headers }));
    const fixed = { connection: peer.id, method: "GET", isSecure: false };
    this.events.request({ ...fixed, target, headers: all, remote, isUpgrade });
    this.settle();
    return peer;
  }

  /** Messages that somebody holds. */
  get messagesAlive(): number {
    return this.messages.size;
  }

  accept(id: ConnectionId, maxMessageBytes: number): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    peer.isOpen = true;
    this.opened(id, peer, maxMessageBytes);
  }

  respond(id: ConnectionId, status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): void {
    const peer = this.#peers.get(id);
    this.#peers.delete(id);
    if (!peer) return;
    peer.status = status;
    peer.headers = headers;
    peer.body = new TextDecoder().decode(body);
  }

  bring(peer: MemoryPeer, message: Uint8Array | string): void {
    if (typeof message === "string") this.receivedText(peer.id, message);
    else this.receivedBinary(peer.id, message.slice());
    this.settle();
  }

  hear(peer: MemoryPeer): void {
    this.later(() => this.alive(peer.id, true));
  }

  goOn(peer: MemoryPeer): void {
    this.writable(peer.id);
    this.settle();
  }

  lose(peer: MemoryPeer, code: number): void {
    if (this.#peers.delete(peer.id)) this.ended(peer.id, code);
  }

  protected later(work: () => void): void {
    this.#work.push(work);
  }

  /** What was put off until after the last call. */
  settle(): void {
    for (let work = this.#work.shift(); work; work = this.#work.shift()) work();
  }

  stopListening(): void {
    this.isListening = false;
  }

  protected closeAll(): void {
    for (const peer of [...this.#peers.values()]) peer.close(1001);
    this.settle();
  }
}
