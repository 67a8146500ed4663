/**
 * The host's screen for browsers on the status page's own address: a relay of one channel, whose source is this host and runs only
 * while somebody watches. Whoever gets here may see and control, so the caller must have let them in.
 */
import { Counters } from "../base/counters.ts";
import { type InsidePeer, insideAddress } from "../relay/bun-transport.ts";
import { type Denial, RelayCore } from "../relay/core.ts";
import { relayDefaults } from "../relay/limits.ts";
import type { ConnectionId, RelayRequest, RelayTransport, RelayTransportEvents } from "../relay/transport.ts";

export const screenChannel = "screen";

/** The host's end of the channel. */
export interface ScreenSource {
  start(nowUs: number): void;
  stop(): void;
  receive(message: Uint8Array, nowUs: number): void;
  releaseKeys(): void;
}

export type OpenScreen = (pipe: { send(message: Uint8Array<ArrayBuffer>): boolean }) => ScreenSource;

export interface InsideTransport extends RelayTransport {
  connectInside(target: string, peer: InsidePeer): ConnectionId | undefined;
  bringInside(connection: ConnectionId, bytes: Uint8Array): void;
  leaveInside(connection: ConnectionId): void;
}

export interface ScreenViewerParts {
  /** Why this request must not watch. */
  denial(request: RelayRequest): Denial | undefined;
  http(request: RelayRequest): void;
  log(text: string): void;
  /** Monotonic. */
  nowUs(): number;
}

/** Browsers at one time. */
const maxReceivers = 16;
const tickMs = 50;

export class ScreenViewer {
  /** Bind to the transport. */
  readonly events: RelayTransportEvents;
  readonly drops = new Counters();
  readonly #parts: ScreenViewerParts;
  readonly #source: ScreenSource;
  #core: RelayCore | undefined;
  #transport: InsideTransport | undefined;
  #publisher: ConnectionId | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor(open: OpenScreen, parts: ScreenViewerParts) {
    this.#parts = parts;
    this.#source = open({ send: (message) => this.#publish(message) });
    this.events = {
      request: (request) => this.#at()?.request(request),
      binary: (connection, message, bytes, view) => this.#at()?.binary(connection, message, bytes, view),
      text: (connection, text) => this.#at()?.text(connection, text),
      alive: (connection) => this.#at()?.alive(connection),
      lagged: (connection, messages) => this.#at()?.lagged(connection, messages),
      closed: (connection, code) => {
        this.#at()?.closed(connection, code);
        // Whoever left may have held something; who is still there will press it again.
        if (connection !== this.#publisher) this.#source.releaseKeys();
        this.#look();
      },
    };
  }

  /** Once, before the first event. */
  bind(transport: InsideTransport): void {
    const settings = { ...relayDefaults, maxReceivers, maxChannels: 1 };
    const outbox = { http: this.#parts.http, log: (text: string) => this.#parts.log(text) };
    this.#transport = transport;
    this.#core = new RelayCore(
      settings,
      transport,
      (request, route, role) => {
        const isInside = request.remote === insideAddress;
        if ((role === "source") !== isInside || route.channel !== screenChannel)
          return { status: 403, message: `Only /stream/${screenChannel} and /signal/${screenChannel} are here.` };
        const denial = isInside ? undefined : this.#parts.denial(request);
        if (!denial && !isInside) queueMicrotask(() => this.#look());
        return denial;
      },
      outbox,
      this.#parts.nowUs(),
    );
  }

  #at(): RelayTransportEvents | undefined {
    this.#core?.setTime(this.#parts.nowUs());
    return this.#core?.events;
  }

  #publish(message: Uint8Array<ArrayBuffer>): boolean {
    if (this.#publisher !== undefined) this.#transport?.bringInside(this.#publisher, message);
    return true;
  }

  /** Captures for those who watch, and for nobody else. */
  #look(): void {
    const core = this.#core;
    if (!core) return;
    const channel = core.channels.get(screenChannel);
    const isWatched = (channel?.receivers.size ?? 0) > 0;
    if (isWatched && this.#publisher === undefined) this.#begin();
    else if (!isWatched && this.#publisher !== undefined) {
      const publisher = this.#publisher;
      this.#publisher = undefined;
      this.#source.stop();
      this.#transport?.leaveInside(publisher);
      // The next to come must not see what was shown long ago.
      channel?.cache.clear();
    }
    if (core.hasPeers) this.#ticking ??= setInterval(() => core.tick(this.#parts.nowUs()), tickMs);
    else {
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    }
  }

  #begin(): void {
    this.#publisher = this.#transport?.connectInside(`/source/${screenChannel}`, {
      binary: (bytes) => this.#source.receive(bytes, this.#parts.nowUs()),
      closed: () => {
        this.#publisher = undefined;
        this.#source.stop();
      },
    });
    if (this.#publisher !== undefined) this.#source.start(this.#parts.nowUs());
  }

  /** Browsers are told; the transport is the caller's to close. */
  close(): void {
    clearInterval(this.#ticking);
    this.#core?.drain();
    this.#source.stop();
  }
}
