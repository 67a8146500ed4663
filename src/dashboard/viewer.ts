/**
 * The host's screen for browsers on the status page's own address: a relay of one channel (and of stills beside it, for
 * browsers that cannot decode video), whose source is this host and runs only while somebody watches. Whoever gets here may see and control, so the caller must have let them in.
 */
import { HostRoom } from "../host/room.ts";
import { type InsidePeer, insideAddress } from "../relay/bun-transport.ts";
import { type Denial, RelayCore } from "../relay/core.ts";
import { relayDefaults } from "../relay/limits.ts";
import type { ConnectionId, RelayRequest, RelayTransport, RelayTransportEvents } from "../relay/transport.ts";

export const screenChannel = "screen";
/** Where players look for stills when they cannot decode the video (web/lib/address.ts). */
export const stillsChannel = `${screenChannel}.stills`;

/** The host's end of a channel. */
export interface ChannelSource {
  start(nowUs: number): void;
  stop(): void;
}

export interface ScreenSource extends ChannelSource {
  receive(message: Uint8Array, nowUs: number): void;
}

type Open<Source> = (pipe: { send(message: Uint8Array<ArrayBuffer>): boolean }) => Source;

/** The host's screen, as this page needs it. */
export interface ScreenHost {
  readonly screen: Open<ScreenSource>;
  readonly stills: Open<ChannelSource>;
  requestKeyframe(): void;
}

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

/** One channel, whose source runs only while somebody watches. */
class WatchedChannel<Source extends ChannelSource> {
  readonly source: Source;
  readonly #name: string;
  #transport: InsideTransport | undefined;
  #publisher: ConnectionId | undefined;

  constructor(name: string, open: Open<Source>) {
    this.#name = name;
    this.source = open({ send: (message) => this.#publish(message) });
  }

  #publish(message: Uint8Array<ArrayBuffer>): boolean {
    if (this.#publisher !== undefined) this.#transport?.bringInside(this.#publisher, message);
    return true;
  }

  /** Begins or ends as the audience has it. */
  look(core: RelayCore, transport: InsideTransport, receive: (bytes: Uint8Array) => void, nowUs: number): void {
    const channel = core.channels.get(this.#name);
    const isWatched = (channel?.receivers.size ?? 0) > 0;
    if (isWatched && this.#publisher === undefined) {
      this.#transport = transport;
      this.#publisher = transport.connectInside(`/source/${this.#name}`, {
        binary: receive,
        closed: () => {
          this.#publisher = undefined;
          this.source.stop();
        },
      });
      if (this.#publisher !== undefined) this.source.start(nowUs);
    } else if (!isWatched && this.#publisher !== undefined) {
      const publisher = this.#publisher;
      this.#publisher = undefined;
      this.source.stop();
      transport.leaveInside(publisher);
      // The next to come must not see what was shown long ago.
      channel?.cache.clear();
    }
  }
}

export class ScreenViewer {
  /** Bind to the transport. */
  readonly events: RelayTransportEvents;
  readonly #parts: ScreenViewerParts;
  readonly #screen: WatchedChannel<ScreenSource>;
  readonly #stills: WatchedChannel<ChannelSource>;
  readonly #room: HostRoom;
  #core: RelayCore | undefined;
  #transport: InsideTransport | undefined;
  /** Who said what the room is answering. */
  #speaker: ConnectionId = 0;
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor(host: ScreenHost, parts: ScreenViewerParts) {
    this.#parts = parts;
    this.#screen = new WatchedChannel(screenChannel, host.screen);
    this.#stills = new WatchedChannel(stillsChannel, host.stills);
    this.#room = new HostRoom({
      needsKeyframe: () => host.requestKeyframe(),
      answer: (text) => this.#transport?.sendText(this.#speaker, text),
    });
    this.events = {
      request: (request) => this.#at()?.request(request),
      binary: (connection, message, bytes, view) => this.#at()?.binary(connection, message, bytes, view),
      text: (connection, text) => {
        this.#at()?.text(connection, text);
        this.#speaker = connection;
        this.#room.receive(text, parts.nowUs());
      },
      alive: (connection, isPong) => this.#at()?.alive(connection, isPong),
      lagged: (connection, messages) => this.#at()?.lagged(connection, messages),
      closed: (connection, code) => {
        this.#at()?.closed(connection, code);
        this.#look();
      },
    };
  }

  /** Once, before the first event. */
  bind(transport: InsideTransport): void {
    const settings = { ...relayDefaults, maxReceivers, maxChannels: 2 };
    const outbox = { http: this.#parts.http, log: (text: string) => this.#parts.log(text) };
    this.#transport = transport;
    this.#core = new RelayCore(
      settings,
      transport,
      (request, route, role) => {
        const isInside = request.remote === insideAddress;
        const isHere = route.channel === screenChannel || (route.channel === stillsChannel && role !== "signal");
        if ((role === "source") !== isInside || !isHere)
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

  /** Captures for those who watch, and for nobody else. */
  #look(): void {
    const [core, transport, nowUs] = [this.#core, this.#transport, this.#parts.nowUs()];
    if (!core || !transport) return;
    this.#screen.look(core, transport, (bytes) => this.#screen.source.receive(bytes, this.#parts.nowUs()), nowUs);
    this.#stills.look(core, transport, () => undefined, nowUs);
    if (core.hasPeers) this.#ticking ??= setInterval(() => core.tick(this.#parts.nowUs()), tickMs);
    else {
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    }
  }

  /** Browsers are told; the transport is the caller's to close. */
  close(): void {
    clearInterval(this.#ticking);
    this.#core?.drain();
    this.#screen.source.stop();
    this.#stills.source.stop();
  }
}
