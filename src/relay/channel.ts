/**
 * One channel of the relay: at most one source, its receivers, its signalling peers, and what a late joiner needs. It follows
 * ds-stream sections 8 to 13 without the defects of section 18. Pure: everything it does goes through the transport, and
 * time comes as an argument.
 */
import type { Counters } from "../base/counters.ts";
import { histogramBuckets, percentilesMs } from "../base/histogram.ts";
import { classify, frame, frameBytes } from "../wire/ds.ts";
import { Audience } from "./audience.ts";
import { ChannelCache } from "./cache.ts";
import type { ChannelStats } from "./channel-stats.ts";
import type { ClusterChannel, RemoteSource } from "./cluster-link.ts";
import { ChannelContent } from "./content.ts";
import { deliveryOf, forwardingRules } from "./forwarding.ts";
import { HeldInput } from "./held-input.ts";
import { InputQueue, type InputSink, inputProblem } from "./inputs.ts";
import { closeCode, type RelaySettings, relayLimits } from "./limits.ts";
import {
  type ConnectionId,
  type Delivery,
  delivery,
  type GroupId,
  type MessageRef,
  type RelayTransport,
} from "./transport.ts";

interface Receiver {
  /** Frames were left out for it, and what it shows can only be mended by a new picture. */
  lagging: boolean;
}

export class Channel implements ClusterChannel {
  readonly receivers = new Map<ConnectionId, Receiver>();
  readonly signalPeers = new Set<ConnectionId>();
  readonly cache: ChannelCache;
  readonly content = new ChannelContent();
  source: ConnectionId | undefined;
  totalConnections = 0;
  rejectedConnections = 0;
  peakReceivers = 0;
  framesRelayed = 0;
  bytesRelayed = 0;
  keyframes = 0;
  signalDiffs = 0;
  lastFrameTimestamp = 0;
  leftOut = 0;
  resyncs = 0;

  readonly #transport: RelayTransport;
  readonly #group: GroupId;
  readonly #inputs: InputQueue;
  readonly #held = new HeldInput();
  readonly #audience = new Audience();
  readonly #drops: Counters;
  readonly #createdUs: number;
  #sourceLeftUs: number | undefined;
  #anyLagging = false;
  #remote: RemoteSource | undefined;

  constructor(
    readonly name: string,
    settings: RelaySettings,
    transport: RelayTransport,
    drops: Counters,
    nowUs: number,
  ) {
    this.#transport = transport;
    this.#group = transport.createGroup({ messages: settings.queueMessages, bytes: settings.queueBytes });
    this.cache = new ChannelCache(transport);
    this.#inputs = new InputQueue(drops);
    this.#drops = drops;
    this.#createdUs = nowUs;
  }

  attachSource(connection: ConnectionId, wantsAudience: boolean): void {
    this.source = connection;
    this.totalConnections++;
    this.#sourceLeftUs = undefined;
    this.#audience.source = wantsAudience ? this.#sinkOf(connection) : undefined;
  }

  /** A source that was replaced has left already; only the present one's end counts. Returns whether it was that. */
  detachSource(connection: ConnectionId, nowUs: number): boolean {
    if (this.source !== connection) return false;
    this.source = undefined;
    this.#sourceLeftUs = nowUs;
    this.#audience.source = undefined;
    this.#inputs.clear();
    return true;
  }

  /** Lets receivers get what the source sends before the core does; `isUrgent`: the core passes it on too and must not wait. */
  forwardSource(isUrgent: boolean): void {
    if (this.source !== undefined) this.#transport.forward(this.source, this.#group, forwardingRules(), isUrgent);
  }

  /** Makes room for another source. */
  evictSource(nowUs: number): void {
    const { source } = this;
    if (source === undefined) return;
    this.#transport.close(source, closeCode.takenOver, "another source took over");
    this.detachSource(source, nowUs);
  }

  get remote(): RemoteSource | undefined {
    return this.#remote;
  }

  /** Input that waits for one source is not for the next. */
  set remote(remote: RemoteSource | undefined) {
    if (remote?.relay !== this.#remote?.relay) this.#inputs.clear();
    this.#remote = remote;
  }

  get hasSource(): boolean {
    return this.source !== undefined;
  }

  get receiverCount(): number {
    return this.receivers.size;
  }

  get receiversElsewhere(): number {
    return this.#audience.elsewhere;
  }

  set receiversElsewhere(count: number) {
    this.#audience.elsewhere = count;
  }

  get hasSignalPeers(): boolean {
    return this.signalPeers.size > 0;
  }

  /** A source is connected, here or on another relay. */
  get isLive(): boolean {
    return this.source !== undefined || this.remote !== undefined;
  }

  /** Counts in and catches up in one step, so that no frame is missed and none comes twice. */
  attachReceiver(connection: ConnectionId): void {
    this.receivers.set(connection, { lagging: false });
    this.totalConnections++;
    this.peakReceivers = Math.max(this.peakReceivers, this.receivers.size);
    this.#catchUp(connection);
    this.#audience.here = this.receivers.size;
  }

  detachReceiver(connection: ConnectionId): void {
    if (!this.receivers.delete(connection)) return;
    this.#transport.leave(this.#group, connection);
    this.#release(connection);
    this.#audience.here = this.receivers.size;
  }

  releaseRemote(relay: number): void {
    this.#release(-relay);
  }

  #release(from: ConnectionId): void {
    const sink = this.#sink();
    for (const event of this.#held.release(from)) if (sink) this.#inputs.push(sink, from, event, viewOf(event));
  }

  #catchUp(connection: ConnectionId): void {
    for (const message of this.cache.catchUp()) this.#transport.sendRef(connection, message, delivery.state);
    this.#transport.join(this.#group, connection);
  }

  /** A message of the source. What is no frame is relayed and counted all the same, as the spec has it. */
  relay(message: MessageRef, bytes: Uint8Array, view: DataView): void {
    this.framesRelayed++;
    this.bytesRelayed += bytes.length;
    this.broadcast(message, this.#note(message, bytes, view));
  }

  relayRemote(bytes: Uint8Array): void {
    const message = this.#transport.store(bytes);
    if (message === undefined) return;
    this.relay(message, bytes, viewOf(bytes));
    this.#transport.release(message);
  }

  adopt(messages: readonly Uint8Array[]): void {
    this.cache.clear();
    for (const bytes of messages) {
      if (bytes.length < frameBytes) continue;
      const message = this.#transport.store(bytes);
      if (message === undefined) break;
      this.cache.add(classify(bytes[0] as number, bytes[1] as number, bytes), message, bytes);
      this.content.note(bytes, viewOf(bytes));
      this.#transport.release(message);
    }
    for (const [connection, receiver] of this.receivers) {
      receiver.lagging = false;
      this.#transport.leave(this.#group, connection);
      this.#catchUp(connection);
    }
  }

  snapshot(): Uint8Array[] {
    return this.cache.catchUp().map((message) => this.#transport.bytesOf(message));
  }

  forget(): void {
    this.cache.clear();
  }

  broadcast(message: MessageRef, how: Delivery): void {
    if (this.receivers.size === 0) return;
    const leftOut = this.#transport.broadcast(this.#group, message, how);
    this.leftOut += leftOut;
    // A new picture that all got mends what was left out before it.
    if (how === delivery.keyframe && leftOut === 0 && this.#anyLagging) this.#forgetLag();
  }

  #forgetLag(): void {
    this.#anyLagging = false;
    for (const receiver of this.receivers.values()) receiver.lagging = false;
  }

  #note(message: MessageRef, bytes: Uint8Array, view: DataView): Delivery {
    if (bytes.length < frameBytes) return delivery.loose;
    this.lastFrameTimestamp = frame.timestampMs(view, 0);
    this.content.note(bytes, view);
    const kind = classify(frame.type(view, 0), frame.flags(view, 0), bytes);
    this.cache.add(kind, message, bytes);
    if (kind === "keyframe") this.keyframes++;
    else if (kind === "state-diff") this.signalDiffs++;
    return deliveryOf(kind, frame.type(view, 0));
  }

  /** An input event of a receiver, for the source. */
  input(from: ConnectionId, event: Uint8Array, view: DataView): void {
    this.#held.note(from, view);
    this.#inputs.push(this.#sink(), from, event, view);
  }

  /** An input event that another relay's receiver sent; such a relay counts as one receiver. */
  inputRemote(relay: number, event: Uint8Array): void {
    const view = viewOf(event);
    const problem = inputProblem(event, view);
    if (problem) {
      this.#drops.add(problem);
      return;
    }
    this.#held.note(-relay, view);
    this.#inputs.push(this.source === undefined ? undefined : this.#sink(), -relay, event, view);
  }

  #sink(): InputSink | undefined {
    const { source } = this;
    return source === undefined ? this.remote : this.#sinkOf(source);
  }

  #sinkOf(source: ConnectionId): InputSink {
    return {
      ready: () => this.#transport.queued(source) < relayLimits.sourceBacklogBytes,
      send: (event) => this.#transport.send(source, event),
    };
  }

  /** Text of a signalling peer, for the others. */
  signal(from: ConnectionId, text: string): void {
    for (const peer of this.signalPeers) if (peer !== from) this.#transport.sendText(peer, text);
  }

  /** Text of a signalling peer on another relay. */
  signalRemote(text: string): void {
    for (const peer of this.signalPeers) this.#transport.sendText(peer, text);
  }

  lagged(connection: ConnectionId): void {
    const receiver = this.receivers.get(connection);
    if (!receiver) return;
    receiver.lagging = true;
    this.#anyLagging = true;
  }

  /** Input, a receiver that missed something, or word for the source waits for a tick. */
  get isWaiting(): boolean {
    return this.#anyLagging || this.#inputs.size > 0 || this.#audience.isOwed;
  }

  /** Moves what waits, and gives a receiver that has caught its breath the whole picture from the cache. */
  tick(): void {
    const sink = this.#sink();
    if (sink) this.#inputs.flush(sink);
    this.#audience.tell();
    if (!this.#anyLagging) return;
    this.#anyLagging = false;
    for (const [connection, receiver] of this.receivers) {
      if (!receiver.lagging) continue;
      if (this.#transport.queued(connection) > 0) {
        this.#anyLagging = true;
        continue;
      }
      receiver.lagging = false;
      if (!this.cache.hasPicture) continue;
      this.resyncs++;
      this.#transport.leave(this.#group, connection);
      for (const message of this.cache.picture()) this.#transport.sendRef(connection, message, delivery.state);
      this.#transport.join(this.#group, connection);
    }
  }

  /** Whether the source has been away for longer than `graceUs`; never while none has left. */
  graceExpired(nowUs: number, graceUs: number): boolean {
    return this.#sourceLeftUs !== undefined && nowUs - this.#sourceLeftUs > graceUs;
  }

  /** Nobody here. A channel with anybody on it is never collected. */
  get isDeserted(): boolean {
    return this.source === undefined && this.receivers.size === 0 && this.signalPeers.size === 0;
  }

  /** Deserted, and nothing worth keeping. */
  get isIdle(): boolean {
    return this.isDeserted && !this.cache.hasState;
  }

  /** Adds its latencies, in microseconds, to the buckets of base/histogram.ts. */
  latency(counts: Uint32Array): Uint32Array {
    this.#transport.addLatency(this.#group, counts);
    return counts;
  }

  stats(nowUs: number): ChannelStats {
    return {
      name: this.name,
      framesRelayed: this.framesRelayed,
      bytesRelayed: this.bytesRelayed,
      inputsRelayed: this.#inputs.relayed,
      connectedReceivers: this.receivers.size,
      signalPeers: this.signalPeers.size,
      sourceConnected: this.isLive,
      lastFrameTimestamp: this.lastFrameTimestamp,
      keyframes: this.keyframes,
      signalDiffs: this.signalDiffs,
      uptimeSeconds: (nowUs - this.#createdUs) / 1e6,
      peakReceivers: this.peakReceivers,
      totalConnections: this.totalConnections,
      rejectedConnections: this.rejectedConnections,
      leftOut: this.leftOut,
      resyncs: this.resyncs,
      hasState: this.cache.hasState,
      pictures: this.content.pictures,
      picture: this.content.picture,
      sound: this.content.sound,
      cachedBytes: this.cache.stats.bytes,
      sourceElsewhere: this.source === undefined && this.remote !== undefined,
      latencyMs: percentilesMs(this.latency(new Uint32Array(histogramBuckets))),
    };
  }

  /** Forgets the cache and the group; connections are the core's to close. */
  close(): void {
    this.cache.clear();
    this.#transport.dropGroup(this.#group);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
