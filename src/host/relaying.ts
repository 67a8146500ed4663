/**
 * The host as a source of a relay's channel: keeps the connection for ever, feeds the channel while there is one, and tells the
 * owner what becomes of it. What the channel carries and what input it takes is channel.ts's to know.
 */
import { monotonicClock } from "../../ffi/clock.ts";
import { createLog } from "../base/log.ts";
import { type Credential, ReturningWebSocket } from "../net/websocket.ts";
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

export class Relaying {
  readonly channel: HostChannel;
  readonly target: RelayTarget;
  readonly #socket: ReturningWebSocket;
  /** Open while the channel is. */
  #room: ReturningWebSocket | undefined;
  #complaint = "";

  constructor({ target, credentials, mayControl }: RelayingOptions, host: ChannelHost) {
    this.target = target;
    const place = `${target.origin}/source/${target.channel}`;
    this.#socket = new ReturningWebSocket(
      // After a loss the relay may not know yet that this source's old connection is dead.
      { url: (again) => (again ? `${place}?takeover=1` : place), credentials },
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
          this.#closeRoom();
          log.warn(lossText(target, code));
        },
        failed: ({ message }) => {
          // The same again and again is said once.
          if (message !== this.#complaint) log.warn(`${target.origin} does not take "${target.channel}": ${message}`);
          this.#complaint = message;
        },
        binary: (bytes) => this.channel.receive(bytes, monotonicClock.nowUs()),
      },
    );
    this.channel = new HostChannel(host, { send: (message) => this.#socket.send(message) }, mayControl);
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
