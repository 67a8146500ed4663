/**
 * The relay's logic: who may connect where, which channel lives how long, who is alive. Pure: requests and messages come in as the
 * transport's events with the time, and everything it does goes through the transport. Spec ds-stream.md sections 6 to 13 and 19.
 */
import { Counters } from "../base/counters.ts";
import { histogramBuckets, percentilesMs, RecentHistogram } from "../base/histogram.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import { buildPing } from "../wire/ds.ts";
import { Channel } from "./channel.ts";
import type { RelayStats } from "./channel-stats.ts";
import type { ClusterLink } from "./cluster-link.ts";
import { inputProblem } from "./inputs.ts";
import { closeCode, type RelaySettings, relayLimits } from "./limits.ts";
import { parseRoute, type Role, type Route, type RouteRefusal, webSocketPaths } from "./paths.ts";
import { type PeerStats, peerStats } from "./peer-stats.ts";
import {
  type ConnectionId,
  delivery,
  type MessageRef,
  type RelayRequest,
  type RelayTransport,
  type RelayTransportEvents,
} from "./transport.ts";

export interface Denial {
  readonly status: 401 | 403 | 421;
  readonly message: string;
}

/** Whether a request may open its route as this role. Asked before anything is made for it. */
export type Access = (request: RelayRequest, route: Route, role: Role) => Denial | undefined;

const denialCode = { 401: "no-access", 403: "forbidden", 421: "wrong-host" } as const;

/** What an upgrade is answered instead (section 19). */
interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const refusal = (status: number, code: string, message: string): Refusal => ({ status, code, message });

const routeRefusals: Readonly<Record<RouteRefusal, Refusal>> = {
  "unknown-path": refusal(
    404,
    "unknown-path",
    `There is no such path; a WebSocket opens one of ${webSocketPaths.join(", ")}.`,
  ),
  "bad-name": refusal(400, "bad-name", "A channel name is letters, digits, . _ ~ - and single slashes, 128 at most."),
};

export interface RelayOutbox {
  /** A plain HTTP request: the pages, statistics, metrics. Answers through the transport. */
  http(request: RelayRequest): void;
  /** Worth a line in every log, or (a connection's coming and going) only in a talkative one. */
  log(text: string, level?: "info" | "debug"): void;
}

interface Peer {
  readonly role: Role;
  readonly channel: Channel;
  readonly remote: string;
  readonly budget: TokenBucket;
  readonly enteredUs: number;
  heardUs: number;
  /** When the oldest ping that is not answered left. */
  pingedUs: number | undefined;
  roundTripUs: number | undefined;
}

/** How often silent peers are looked for. */
const checkIntervalUs = 250_000;

export class RelayCore {
  readonly drops = new Counters();
  readonly channels = new Map<string, Channel>();
  /** Bind to the transport. */
  readonly events: RelayTransportEvents;

  readonly #settings: RelaySettings;
  readonly #transport: RelayTransport;
  readonly #access: Access;
  readonly #outbox: RelayOutbox;
  readonly #cluster: ClusterLink | undefined;
  readonly #peers = new Map<ConnectionId, Peer>();
  readonly #startedUs: number;
  #nowUs: number;
  #keepaliveUs: number;
  #checkUs: number;
  #collectUs: number;
  #pingSequence = 0;
  readonly #roundTrips = new RecentHistogram();
  #collected = 0;
  #draining = false;

  /** With `cluster`, this relay is one of several (cluster.ts). */
  constructor(
    settings: RelaySettings,
    transport: RelayTransport,
    access: Access,
    outbox: RelayOutbox,
    nowUs: number,
    cluster?: ClusterLink,
  ) {
    this.#settings = settings;
    this.#transport = transport;
    this.#access = access;
    this.#outbox = outbox;
    this.#cluster = cluster;
    this.#startedUs = nowUs;
    this.#nowUs = nowUs;
    this.#keepaliveUs = nowUs;
    this.#checkUs = nowUs;
    this.#collectUs = nowUs;
    this.events = {
      request: (request) => this.#request(request),
      binary: (connection, message, bytes, view) => this.#binary(connection, message, bytes, view),
      text: (connection, text) => this.#text(connection, text),
      alive: (connection, isPong) => this.#alive(connection, isPong),
      lagged: (connection) => this.#peers.get(connection)?.channel.lagged(connection),
      closed: (connection) => this.#closed(connection),
    };
  }

  /** Call before handing events on, and in each tick. */
  setTime(nowUs: number): void {
    this.#nowUs = nowUs;
    this.#cluster?.setTime(nowUs);
  }

  #request(request: RelayRequest): void {
    if (!request.isUpgrade) {
      this.#outbox.http(request);
      return;
    }
    const refusal = this.#open(request);
    if (refusal) this.#refuse(request, refusal);
  }

  #open(request: RelayRequest): Refusal | undefined {
    const route = parseRoute(request.target);
    if (typeof route === "string") return routeRefusals[route];
    const role = this.#admit(request, route);
    if (typeof role === "object") return role;
    if (this.#draining) return refusal(503, "shutting-down", "This relay is shutting down.");
    const channel = this.#channel(route.channel);
    if (!channel) return refusal(503, "too-many-channels", "This relay has as many channels as it may.");
    return this.#refusalOn(channel, route, role) ?? this.#enter(request, role, channel, route.wantsAudience);
  }

  /** The role that the request gets. At `/` whoever may not publish receives. */
  #admit(request: RelayRequest, route: Route): Role | Refusal {
    const mayLead = route.isLegacy && !this.#hasSource(route.channel);
    if (mayLead && this.#access(request, route, "source") === undefined) return "source";
    const denied = this.#access(request, route, route.role);
    return denied ? refusal(denied.status, denialCode[denied.status], denied.message) : route.role;
  }

  /** Here or on another relay. */
  #hasSource(name: string): boolean {
    return this.channels.get(name)?.source !== undefined || this.#cluster?.isTaken(name) === true;
  }

  #refusalOn(channel: Channel, route: Route, role: Role): Refusal | undefined {
    const { name } = channel;
    if (role === "source" && !route.takesOver && this.#hasSource(name))
      return refusal(409, "source-connected", `"${name}" has a source already; ?takeover=1 replaces it.`);
    if (role === "receiver" && channel.receivers.size >= this.#settings.maxReceivers) {
      channel.rejectedConnections++;
      return refusal(503, "too-many-receivers", `"${name}" has as many receivers as it may.`);
    }
    if (role === "signal" && channel.signalPeers.size >= relayLimits.signalPeers)
      return refusal(503, "too-many-peers", `"${name}" has as many signalling peers as it may.`);
    return undefined;
  }

  /** Nothing comes between the checks and this, so no two can have the same place. */
  #enter({ connection, remote }: RelayRequest, role: Role, channel: Channel, wantsAudience: boolean): undefined {
    if (role === "source") channel.evictSource(this.#nowUs);
    const rate = role === "signal" ? relayLimits.signalsPerSecond : relayLimits.inputsPerSecond;
    const budget = new TokenBucket(rate);
    const [enteredUs, heardUs] = [this.#nowUs, this.#nowUs];
    const unknown = { pingedUs: undefined, roundTripUs: undefined };
    this.#peers.set(connection, { role, channel, remote, budget, enteredUs, heardUs, ...unknown });
    const largest = {
      source: this.#settings.maxMessageBytes,
      receiver: relayLimits.receiverMessageBytes,
      signal: relayLimits.signalBytes,
    };
    this.#transport.accept(connection, largest[role]);
    if (role === "source") channel.attachSource(connection, wantsAudience);
    else if (role === "receiver") channel.attachReceiver(connection);
    else channel.signalPeers.add(connection);
    if (role === "source") {
      channel.forwardSource(this.#cluster !== undefined);
      this.#cluster?.sourceCame(channel);
    } else this.#cluster?.audienceChanged(channel);
    this.#outbox.log(`${role} of "${channel.name}" from ${remote}`, "debug");
  }

  #channel(name: string): Channel | undefined {
    const known = this.channels.get(name);
    if (known) return known;
    if (this.channels.size >= this.#settings.maxChannels) this.#collect();
    if (this.channels.size >= this.#settings.maxChannels) return undefined;
    const channel = new Channel(name, this.#settings, this.#transport, this.drops, this.#nowUs);
    this.channels.set(name, channel);
    return channel;
  }

  #refuse(request: RelayRequest, { status, code, message }: Refusal): void {
    this.drops.add(`refused-${code}`);
    const body = new TextEncoder().encode(
      `${JSON.stringify({ error: code, message, ...(status === 404 ? { paths: webSocketPaths } : {}) })}\n`,
    );
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (status === 401) headers["www-authenticate"] = 'Bearer realm="patchbay relay"';
    this.#transport.respond(request.connection, status, headers, body);
  }

  #heard(connection: ConnectionId): Peer | undefined {
    const peer = this.#peers.get(connection);
    if (peer) peer.heardUs = this.#nowUs;
    return peer;
  }

  #alive(connection: ConnectionId, isPong: boolean): void {
    const peer = this.#heard(connection);
    if (!isPong || peer?.pingedUs === undefined) return;
    peer.roundTripUs = this.#nowUs - peer.pingedUs;
    peer.pingedUs = undefined;
    this.#roundTrips.add(peer.roundTripUs, this.#nowUs);
  }

  #binary(connection: ConnectionId, message: MessageRef, bytes: Uint8Array, view: DataView): void {
    const peer = this.#heard(connection);
    if (!peer) return;
    if (peer.role === "receiver") this.#input(peer, connection, bytes, view);
    else if (peer.role === "signal") this.drops.add("binary-signal");
    // What a replaced source still sends while it closes belongs to nobody.
    else if (peer.channel.source !== connection) this.drops.add("replaced-source");
    else {
      peer.channel.relay(message, bytes, view);
      this.#cluster?.frame(peer.channel.name, bytes);
    }
  }

  #input(peer: Peer, connection: ConnectionId, bytes: Uint8Array, view: DataView): void {
    const problem = inputProblem(bytes, view);
    if (problem) this.drops.add(problem);
    else if (!peer.budget.take(this.#nowUs)) this.drops.add("input-rate");
    else peer.channel.input(connection, bytes, view);
  }

  #text(connection: ConnectionId, text: string): void {
    const peer = this.#heard(connection);
    if (!peer) return;
    if (peer.role !== "signal") this.drops.add("text-ignored");
    else if (!peer.budget.take(this.#nowUs)) this.drops.add("signal-rate");
    else {
      peer.channel.signal(connection, text);
      this.#cluster?.signal(peer.channel.name, text);
    }
  }

  #closed(connection: ConnectionId): void {
    const peer = this.#peers.get(connection);
    if (!peer) return;
    this.#peers.delete(connection);
    const { channel, role, remote } = peer;
    if (role === "source") {
      if (channel.detachSource(connection, this.#nowUs)) this.#cluster?.sourceLeft(channel);
    } else {
      if (role === "receiver") channel.detachReceiver(connection);
      else channel.signalPeers.delete(connection);
      this.#cluster?.audienceChanged(channel);
    }
    this.#outbox.log(`${role} of "${channel.name}" from ${remote} left`, "debug");
  }

  /** Something waits for a tick; otherwise four a second are enough. */
  get isWaiting(): boolean {
    if (this.#cluster) return true;
    for (const channel of this.channels.values()) if (channel.isWaiting) return true;
    return false;
  }

  /** Call about every 50 ms, or every 250 while nothing waits. */
  tick(nowUs: number): void {
    this.#nowUs = nowUs;
    this.#cluster?.tick(nowUs);
    for (const channel of this.channels.values()) channel.tick();
    if (nowUs - this.#checkUs >= checkIntervalUs) this.#endSilent();
    if (nowUs - this.#keepaliveUs >= this.#settings.keepaliveSeconds * 1e6) this.#keepalive();
    if (nowUs - this.#collectUs >= this.#settings.collectSeconds * 1e6) this.#collect();
  }

  /** Who has said nothing for too long is let go. Its place is free at once, whatever becomes of the connection. */
  #endSilent(): void {
    this.#checkUs = this.#nowUs;
    for (const [connection, peer] of this.#peers) {
      if (this.#nowUs - peer.heardUs <= this.#settings.keepaliveTimeoutSeconds * 1e6) continue;
      this.drops.add("keepalive-timeout");
      this.#transport.close(connection, closeCode.keepalive, "no sign of life");
      this.#closed(connection);
    }
  }

  /** Everybody is pinged. Receivers of a channel with a source also get the format's own Ping. */
  #keepalive(): void {
    this.#keepaliveUs = this.#nowUs;
    for (const [connection, peer] of this.#peers) {
      this.#transport.ping(connection);
      peer.pingedUs ??= this.#nowUs;
    }
    const ping = this.#transport.store(buildPing(this.#pingSequence++ & 0xffff, 0));
    if (ping === undefined) return;
    for (const channel of this.channels.values()) if (channel.isLive) channel.broadcast(ping, delivery.loose);
    this.#transport.release(ping);
  }

  /** Removes channels that nobody is on and whose state is gone or too old. */
  #collect(): void {
    this.#collectUs = this.#nowUs;
    const before = this.channels.size;
    for (const [name, channel] of this.channels) {
      const isOver = channel.graceExpired(this.#nowUs, this.#settings.graceSeconds * 1e6);
      if (!channel.isIdle && !(channel.isDeserted && isOver)) continue;
      channel.close();
      this.channels.delete(name);
      this.#cluster?.channelGone(name);
    }
    const removed = before - this.channels.size;
    this.#collected += removed;
    if (removed > 0) this.#outbox.log(`${removed} deserted channels removed, ${this.channels.size} left`);
  }

  stats(nowUs: number): RelayStats {
    const roles = { source: 0, receiver: 0, signal: 0 };
    for (const peer of this.#peers.values()) roles[peer.role]++;
    const [latency, roundTrips] = [new Uint32Array(histogramBuckets), new Uint32Array(histogramBuckets)];
    for (const channel of this.channels.values()) channel.latency(latency);
    this.#roundTrips.addTo(roundTrips, nowUs);
    return {
      uptimeSeconds: (nowUs - this.#startedUs) / 1e6,
      channels: [...this.channels.values()].map((channel) => channel.stats(nowUs)),
      connections: { sources: roles.source, receivers: roles.receiver, signalPeers: roles.signal },
      drops: this.drops.toJSON(),
      channelsCollected: this.#collected,
      latencyMs: percentilesMs(latency),
      roundTripMs: percentilesMs(roundTrips),
    };
  }

  /** Who is on a channel of this relay; empty for one that there is not. */
  peersOf(channel: string, nowUs: number): PeerStats[] {
    const on = [...this.#peers].filter(([, peer]) => peer.channel.name === channel);
    return on.flatMap(([connection, peer]) => {
      const stats = this.#transport.connectionStats(connection);
      return stats ? [peerStats(connection, peer, stats, nowUs)] : [];
    });
  }

  /** False for who was refused or has left. */
  isPeer(connection: ConnectionId): boolean {
    return this.#peers.has(connection);
  }

  get hasPeers(): boolean {
    return this.#peers.size > 0;
  }

  /** No newcomers; everybody is told. The transport closes when all have left or the caller's patience ends. */
  drain(): void {
    this.#draining = true;
    this.#transport.stopListening();
    for (const connection of this.#peers.keys())
      this.#transport.close(connection, closeCode.goingAway, "the relay is shutting down");
  }
}
