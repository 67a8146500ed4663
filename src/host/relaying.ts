/**
 * The host as a source of a relay's channel: keeps the connection for ever, feeds the channel while there is one, and tells the
 * owner what becomes of it. What the channel carries and what input it takes is channel.ts's to know.
 */
import { monotonicClock } from "../../ffi/clock.ts";
import { createLog } from "../base/log.ts";
import { type Credential, ReturningWebSocket } from "../net/websocket.ts";
import { audienceOf } from "../wire/ds.ts";
import { type ChannelHost, HostChannel } from "./channel.ts";
import { HostRoom } from "./room.ts";

const log = createLog("relay");

export interface RelayTarget {
  /** `ws://HOST:PORT` or `wss://HOST:PORT`. */
  readonly origin: string;
  readonly channel: string;
}

export interface RelayingOptions {
  readonly target: RelayTarget;
  readonly credentials: readonly Credential[];
  /** Whether input of the relay's receivers is injected. */
  readonly mayControl: boolean;
}

/** How long frames go on when the last receiver has left: who reloads a page, or comes and goes, costs no keyframe each time. */
const lingerMs = 2000;

export class Relaying {
  readonly channel: HostChannel;
  readonly target: RelayTarget;
  readonly #socket: ReturningWebSocket;
  /** Open while the channel is. */
  #room: ReturningWebSocket | undefined;
  #complaint = "";
  /** How many receivers the relay says there are; undefined as long as it says nothing. */
  #audience: number | undefined;
  #lingering: ReturnType<typeof setTimeout> | undefined;

  constructor({ target, credentials, mayControl }: RelayingOptions, host: ChannelHost) {
    this.target = target;
    const place = `${target.origin}/source/${target.channel}`;
    this.#socket = new ReturningWebSocket(
      // After a loss the relay may not know yet that this source's old connection is dead.
      { url: (again) => `${place}?audience=1${again ? "&takeover=1" : ""}`, credentials },
      {
        open: () => {
          this.#complaint = "";
          const control = mayControl ? "and may be controlled there" : "to be seen only";
          log.info(`published at ${target.origin}/stream/${target.channel}, ${control}`);
          this.channel.start(monotonicClock.nowUs());
          this.#room ??= this.#openRoom(credentials, host);
        },
        lost: (code) => {
          this.channel.stop();
          this.#forgetAudience();
          this.#closeRoom();
          log.warn(lossText(target, code));
        },
        failed: ({ message }) => {
          // The same again and again is said once.
          if (message !== this.#complaint) log.warn(`${target.origin} does not take "${target.channel}": ${message}`);
          this.#complaint = message;
        },
        binary: (bytes) => {
          const audience = audienceOf(bytes);
          if (audience === undefined) this.channel.receive(bytes, monotonicClock.nowUs());
          else this.#setAudience(audience);
        },
      },
    );
    this.channel = new HostChannel(host, { send: (message) => this.#socket.send(message) }, mayControl);
  }

  /** A relay that does not tell is taken to have somebody. */
  #setAudience(receivers: number): void {
    const isFirstWord = this.#audience === undefined;
    this.#audience = receivers;
    clearTimeout(this.#lingering);
    if (receivers > 0 || isFirstWord) this.channel.setWatched(receivers > 0);
    else this.#lingering = setTimeout(() => this.channel.setWatched(false), lingerMs);
  }

  #forgetAudience(): void {
    clearTimeout(this.#lingering);
    this.#audience = undefined;
  }

  /** The picture goes on without it, so its troubles are not worth a word. */
  #openRoom(credentials: readonly Credential[], host: ChannelHost): ReturningWebSocket {
    const { origin, channel } = this.target;
    const room = new HostRoom({
      needsKeyframe: () => host.requestKeyframe(),
      answer: (text) => void socket.send(text),
    });
    const socket = new ReturningWebSocket(
      { url: () => `${origin}/signal/${channel}`, credentials },
      {
        open: () => undefined,
        lost: () => undefined,
        failed: ({ message }) => log.debug(`no signalling at ${origin}: ${message}`),
        text: (text) => room.receive(text, monotonicClock.nowUs()),
      },
    );
    return socket;
  }

  #closeRoom(): void {
    this.#room?.close();
    this.#room = undefined;
  }

  get reconnects(): number {
    return this.#socket.reconnects;
  }

  /** Tells the receivers that the stream is over. Idempotent. */
  close(): void {
    this.channel.end();
    this.#forgetAudience();
    this.#closeRoom();
    this.#socket.close();
  }
}

const lossTexts: Readonly<Record<number, string>> = {
  1001: "the relay is shutting down",
  1009: "a picture was too large for it",
  4408: "the relay heard nothing from here",
  4409: "another source took the channel over",
};

function lossText({ origin, channel }: RelayTarget, code: number): string {
  return `"${channel}" at ${origin} is lost (${lossTexts[code] ?? `code ${code}`}); trying again`;
}
