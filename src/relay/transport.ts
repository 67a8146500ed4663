/**
 * What the relay's core needs of WebSockets, stated once for every implementation: the native server (ffi/websocket.ts), Bun's own
 * (for TLS) and the one in memory (tests). Connections are numbers. A message that came in lives in the transport's memory and
 * is handed on by reference, so that one copy serves every receiver and the cache; the core decides, the transport carries out.
 */

/** A connection; never used again after its `closed`. */
export type ConnectionId = number;
/** A set of receivers that get the same messages. */
export type GroupId = number;
/** A message that the transport holds; alive during the callback that brings it, and longer while retained. */
export type MessageRef = number;

/** An HTTP request that was read whole (head and at most a small body), before any answer. */
export interface RelayRequest {
  readonly connection: ConnectionId;
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** Names in lower case; a repeated one is joined by ", ". */
  readonly headers: ReadonlyMap<string, string>;
  /** Literal address of the peer. */
  readonly remote: string;
  /** True for a well-formed WebSocket upgrade (RFC 6455 section 4.2.1). */
  readonly isUpgrade: boolean;
  readonly isSecure: boolean;
  /** The body, a copy; absent or empty when there is none. */
  readonly body?: Uint8Array;
}

export interface RelayTransportEvents {
  /** Answer with accept() or respond() now or later; until then nothing more is read from the connection. */
  request(request: RelayRequest): void;
  /** A whole binary message; `bytes` are valid during the call. */
  binary(connection: ConnectionId, message: MessageRef, bytes: Uint8Array, view: DataView): void;
  text(connection: ConnectionId, text: string): void;
  /** A WebSocket ping or pong came: the peer lives. */
  alive(connection: ConnectionId, isPong: boolean): void;
  /** Frames for this connection were left out since the last keyframe; asked for by the core's policy. */
  lagged(connection: ConnectionId, messages: number): void;
  /** The connection is over, for whatever reason; `code` as received or assigned (1006 for a vanished peer). */
  closed(connection: ConnectionId, code: number): void;
}

/** What happens to a message for a receiver whose queue is full. */
export const delivery = {
  /** Left out, and so is everything droppable after it until a `keyframe` message fits. */
  droppable: 0,
  /** Starts a new picture: ends the leaving-out. What is queued of the old picture is discarded when there is no room. */
  keyframe: 1,
  /** Never left out: a receiver without room for it is closed with 4413. */
  state: 2,
  /** Left out when there is no room, without consequence for what follows (audio, keepalive). */
  loose: 3,
} as const;
export type Delivery = (typeof delivery)[keyof typeof delivery];

export interface QueueLimits {
  /** Messages waiting for one receiver. */
  readonly messages: number;
  /** Bytes waiting for one receiver, the largest single message aside. */
  readonly bytes: number;
}

export interface RelayTransport {
  /** Completes the upgrade. `maxMessageBytes`: a larger message closes the connection with 1009. */
  accept(connection: ConnectionId, maxMessageBytes: number): void;
  /** Answers a request over plain HTTP; an upgrade that is refused gets its status this way. Then the connection is closed or kept for the next request. */
  respond(connection: ConnectionId, status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): void;
  /** Queues a message for one receiver, as `state` delivery. */
  send(connection: ConnectionId, bytes: Uint8Array): void;
  sendRef(connection: ConnectionId, message: MessageRef, how: Delivery): void;
  sendText(connection: ConnectionId, text: string): void;
  ping(connection: ConnectionId): void;
  /** Closes after what is queued, or after `limits` of time; `closed` follows. Codes of spec section 19. */
  close(connection: ConnectionId, code: number, reason: string): void;
  /** Ends everything at once. Idempotent. */
  close(): void;
  /** Bytes waiting to leave. */
  queued(connection: ConnectionId): number;

  createGroup(limits: QueueLimits): GroupId;
  /** A connection is in one group at most; joining another leaves the first. */
  join(group: GroupId, connection: ConnectionId): void;
  leave(group: GroupId, connection: ConnectionId): void;
  /** One call for all receivers: the message is queued for each by reference. Returns for how many it was left out. */
  broadcast(group: GroupId, message: MessageRef, how: Delivery): number;
  dropGroup(group: GroupId): void;
  /**
   * What a connection sends may from now on reach the group ahead of `binary`, by `rules` (forwarding.ts); the core broadcasts each
   * message all the same, and everybody gets it once. Unless urgent, `binary` may then come a quarter of a second late, but never
   * behind anything else that happened later. A transport that gains nothing by it does nothing.
   */
  forward(connection: ConnectionId, group: GroupId, rules: Uint8Array, isUrgent: boolean): void;

  /** A message of one's own making, held until released. Undefined when there is no memory for messages left. */
  store(bytes: Uint8Array): MessageRef | undefined;
  retain(message: MessageRef): void;
  release(message: MessageRef): void;
  bytesOf(message: MessageRef): Uint8Array;

  readonly port: number;
  stats(): TransportStats;
  /** Undefined for one that is gone. */
  connectionStats(connection: ConnectionId): ConnectionStats | undefined;
  /** Adds to `counts` (buckets of base/histogram.ts) how many microseconds each of a group's messages took in the last 30 to 60 s. */
  addLatency(group: GroupId, counts: Uint32Array): void;
  /** Stops accepting; open connections go on. */
  stopListening(): void;
}

export interface ConnectionStats {
  readonly messagesOut: number;
  readonly bytesOut: number;
  readonly leftOut: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  /** How long the oldest message to its group has waited here. */
  readonly waitingUs: number;
}

export interface TransportStats {
  readonly connections: number;
  readonly accepted: number;
  readonly messagesIn: number;
  readonly bytesIn: number;
  /** One for each receiver that a message left for. */
  readonly messagesOut: number;
  readonly bytesOut: number;
  readonly leftOut: number;
  /**
   * Messages of groups that left, and the sum of what they took: from when the last byte was read from the source's socket (or
   * the message was stored) to when the last byte was taken by the kernel for the receiver.
   */
  readonly latencyCount: number;
  readonly latencySumUs: number;
  /** Connections ended for breaking the protocol, by close code or HTTP status. */
  readonly refusals: Readonly<Record<string, number>>;
}
