/**
 * The relay at work: transport, store and clock around the core, opened in the order below and closed the other way round. This
 * shell does the I/O and decides nothing. Spec ds-stream.md sections 8, 10 and 14 (log lines, ticks, draining).
 */
import { createLog } from "../base/log.ts";
import { ok, type Result } from "../base/result.ts";
import type { Store } from "../store/database.ts";
import { listRelayMinutes, recordRelayMinutes } from "../store/relay.ts";
import { version } from "../version.ts";
import { type AccessRules, isLoopback, RelayAccess } from "./access.ts";
import { AddressLimit } from "./address-limit.ts";
import type { NatsAddress } from "./bus-nats.ts";
import { RelayCore } from "./core.ts";
import { answer, type HttpParts } from "./http.ts";
import { type JoinedCluster, joinCluster } from "./joined.ts";
import { closeCode, type RelaySettings, relayLimits } from "./limits.ts";
import { pageFor } from "./pages.ts";
import { channelLine, HistorySampler, isActive, processStats, type RelayReport } from "./stats.ts";
import type { ConnectionId, RelayRequest, RelayTransport, RelayTransportEvents } from "./transport.ts";
import { openTransport, type TransportOptions } from "./transports.ts";

const log = createLog("relay");

export interface RelayOptions extends TransportOptions {
  readonly settings: RelaySettings;
  readonly access: AccessRules;
  /** Keeps the history; without it there is none. */
  readonly store?: Store | undefined;
  /** The broker that joins this relay with others; without it, it is alone. */
  readonly bus?: NatsAddress | undefined;
}

/**
 * Between ticks while something waits for one, and while nothing does: waking up is a good part of a quiet relay's work. So events
 * bring the tick along when it is not just past.
 */
const tickMs = 50;
const restingTickMs = 250;
const historyMs = 60_000;
/** How often the owner's decisions are looked for in the database, at least: it is done in a tick. */
const reviewMs = 500;
/** Log lines about channels come at least this often. */
const longestLogMs = 30_000;
/** At the end, how long connections may take to hear of it. */
const drainMs = 2000;

const nowUs = () => performance.now() * 1000;

export class Relay {
  readonly core: RelayCore;
  readonly #options: RelayOptions;
  readonly #transport: RelayTransport;
  readonly #transportName: string;
  readonly #access: RelayAccess;
  readonly #joined: JoinedCluster | undefined;
  readonly #attempts = new AddressLimit(
    relayLimits.attemptsPerSecond,
    relayLimits.attemptBurst,
    relayLimits.attemptAddresses,
  );
  readonly #history = new HistorySampler(Date.now());
  readonly #timers: ReturnType<typeof setInterval>[];
  #ticking: ReturnType<typeof setTimeout> | undefined;
  #tickPaceMs = restingTickMs;
  #tickedUs = 0;
  #reviewedUs = 0;
  #closing: Promise<void> | undefined;

  /** Listens at once. Code unavailable when that fails. */
  static open(options: RelayOptions): Result<Relay> {
    // Events come from the event loop, hence after `relay` is set.
    let relay: Relay | undefined;
    const opened = openTransport(
      options,
      eventsOf(() => relay),
    );
    if (!opened.ok) return opened;
    relay = new Relay(options, opened.value.transport, opened.value.name);
    return ok(relay);
  }

  private constructor(options: RelayOptions, transport: RelayTransport, transportName: string) {
    this.#options = options;
    this.#transport = transport;
    this.#transportName = transportName;
    this.#access = new RelayAccess(options.access);
    const { bus, settings } = options;
    this.#joined = bus && joinCluster(bus, settings, (text) => log.info(text), nowUs);
    this.core = new RelayCore(
      options.settings,
      transport,
      (request, route, role) => this.#access.upgrade(request, route, role),
      { http: (request) => void this.#answer(request), log: (text, level = "info") => log[level](text) },
      nowUs(),
      this.#joined?.cluster,
    );
    const logMs = Math.min(options.settings.collectSeconds * 1000, longestLogMs);
    this.#timers = [setInterval(() => this.#logChannels(), logMs), setInterval(() => this.#keepHistory(), historyMs)];
    this.#tickAfter(tickMs);
  }

  #tickAfter(paceMs: number): void {
    clearTimeout(this.#ticking);
    this.#tickPaceMs = paceMs;
    this.#ticking = setTimeout(() => this.#tick(nowUs()), paceMs);
  }

  #tick(timeUs: number): void {
    this.#tickedUs = timeUs;
    if (timeUs - this.#reviewedUs >= reviewMs * 1000) {
      this.#reviewedUs = timeUs;
      this.#endRevoked();
    }
    this.core.tick(timeUs);
    this.#tickAfter(this.core.isWaiting ? tickMs : restingTickMs);
  }

  /** An event comes; call before it is handed on. */
  turn(timeUs: number): void {
    if (timeUs - this.#tickedUs >= tickMs * 1000 && !this.#closing) this.#tick(timeUs);
    this.core.setTime(timeUs);
  }

  /** Something waits for the next tick now. */
  hurry(): void {
    if (this.#tickPaceMs > tickMs && !this.#closing) this.#tickAfter(tickMs);
  }

  get port(): number {
    return this.#transport.port;
  }

  /** Which server carries the WebSockets. */
  get transportName(): string {
    return this.#transportName;
  }

  /** Refuses addresses that try too often; those of this machine may try as often as they like. */
  request(request: RelayRequest): void {
    const { connection, isUpgrade, remote } = request;
    if (!isUpgrade || isLoopback(remote) || this.#attempts.take(remote, nowUs())) {
      this.core.events.request(request);
      if (this.core.isPeer(connection)) this.#access.entered(request);
      return;
    }
    this.core.drops.add("refused-too-many-attempts");
    const body = { error: "too-many-attempts", message: "This address tries to connect too often." };
    const headers = { "content-type": "application/json", "retry-after": "5" };
    this.#transport.respond(connection, 429, headers, new TextEncoder().encode(`${JSON.stringify(body)}\n`));
  }

  async #answer(request: RelayRequest): Promise<void> {
    const parts: HttpParts = {
      access: this.#access,
      pages: (target) => pageFor(target, { embedders: this.#access.embedders }),
      report: () => this.report(),
      peersOf: (channel) => this.core.peersOf(channel, nowUs()),
      history: (channel, sinceMs, count) => {
        const { store } = this.#options;
        return store ? listRelayMinutes(store, channel, sinceMs, count) : ok([]);
      },
    };
    try {
      const { status, headers, body } = await answer(request, parts);
      this.#transport.respond(request.connection, status, headers, body);
    } catch (cause) {
      log.error(`a request failed: ${cause instanceof Error ? cause.message : String(cause)}`);
      this.#transport.respond(request.connection, 500, {}, new Uint8Array(0));
    }
  }

  report(): RelayReport {
    return {
      version,
      ...this.core.stats(nowUs()),
      limits: this.#options.settings,
      transport: { name: this.#transportName, ...this.#transport.stats() },
      process: processStats(),
      cluster: this.#joined?.cluster.stats(),
    };
  }

  #endRevoked(): void {
    if (!this.#options.access.changed()) return;
    for (const connection of this.#access.revoked)
      this.#transport.close(connection, closeCode.notPermitted, "no longer permitted");
  }

  closed(connection: ConnectionId): void {
    this.#access.left(connection);
  }

  #logChannels(): void {
    const { maxReceivers } = this.#options.settings;
    for (const channel of this.core.stats(nowUs()).channels)
      if (isActive(channel)) log.info(channelLine(channel, maxReceivers));
  }

  #keepHistory(): void {
    const { store } = this.#options;
    if (!store) return;
    const kept = recordRelayMinutes(store, this.#history.sample(this.core.stats(nowUs()).channels, Date.now()));
    if (!kept.ok) log.warn(`a minute of history is lost: ${kept.message}`);
  }

  /** Everybody is told, and has a moment to hear it. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  async #drain(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#ticking);
    this.#keepHistory();
    this.core.drain();
    for (const end = performance.now() + drainMs; this.core.hasPeers && performance.now() < end; ) await Bun.sleep(10);
    await this.#joined?.close();
    this.#transport.close();
  }
}

/** Every event happens at the present time. */
function eventsOf(relay: () => Relay | undefined): RelayTransportEvents {
  const at = (): RelayTransportEvents | undefined => {
    const its = relay();
    its?.turn(nowUs());
    return its?.core.events;
  };
  return {
    request: (request) => {
      at();
      relay()?.request(request);
    },
    binary: (connection, message, bytes, view) => at()?.binary(connection, message, bytes, view),
    text: (connection, text) => at()?.text(connection, text),
    alive: (connection, isPong) => at()?.alive(connection, isPong),
    lagged: (connection, messages) => {
      at()?.lagged(connection, messages);
      relay()?.hurry();
    },
    closed: (connection, code) => {
      at()?.closed(connection, code);
      relay()?.closed(connection);
    },
  };
}
