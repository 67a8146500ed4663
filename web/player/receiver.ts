/**
 * The connections of one player: the stream's WebSocket, the room, the direct path, and the stills for want of a decoder. It merges the
 * two ways of pictures and hands on whole frames in order; what they mean is not its affair.
 */
import { classify, frame, frameBytes } from "../../src/wire/ds.ts";
import { type Address, socketUrl, stillsChannel } from "../lib/address.ts";
import type { StreamClock } from "../lib/clock.ts";
import { Room } from "../lib/room.ts";
import { DirectPlayer } from "../lib/rtc.ts";
import { ReturningSocket, type SocketState } from "../lib/socket.ts";
import { type Path, TwoPaths } from "../lib/two-paths.ts";

export interface ReceiverEvents {
  state(state: SocketState, detail: { readonly retryMs?: number; readonly code?: number }): void;
  /** Every message as it comes over the relay, for the meters. */
  arrived(bytes: Uint8Array): void;
  frame(bytes: Uint8Array, path: Path): void;
  /** One of the stills that stand in for a video. */
  still(bytes: Uint8Array): void;
}

/** Clock questions: soon at first, then now and then. */
const clockMs = [0, 500, 1000, 2000, 5000] as const;
const clockEveryMs = 15_000;
/** The source keeps stills up this long after being asked, so asking comes sooner. */
const stillsEveryMs = 10_000;

export class Receiver {
  readonly #address: Address;
  readonly #events: ReceiverEvents;
  readonly #clock: StreamClock;
  readonly #socket: ReturningSocket;
  readonly #paths: TwoPaths;
  readonly #room: Room | undefined;
  readonly #direct: DirectPlayer | undefined;
  #stills: ReturningSocket | undefined;
  #stillsTimer: ReturnType<typeof setInterval> | undefined;
  #sequence = 0;

  constructor(address: Address, clock: StreamClock, events: ReceiverEvents) {
    this.#address = address;
    this.#events = events;
    this.#clock = clock;
    this.#paths = new TwoPaths(
      (bytes, path) => events.frame(bytes, path),
      () => this.#direct?.drop(),
    );
    this.#socket = new ReturningSocket(() => socketUrl(address, "stream"), {
      state: (state, detail) => events.state(state, detail),
      binary: (bytes) => this.#relayed(bytes),
    });
    this.#room = new Room(
      address,
      () => {
        this.#askClock();
        this.#direct?.hello();
      },
      (note) => {
        this.#direct?.note(note);
        if (note.type === "here") {
          clock.reset();
          this.#askClock();
          if (this.#stills) this.#room?.send({ type: "stills" });
        }
        if (note.type === "clock" && note.to && note.at !== undefined && note.stream !== undefined)
          clock.answered(note.at, note.stream, performance.now());
      },
    );
    if (address.useRtc && typeof RTCPeerConnection !== "undefined")
      this.#direct = new DirectPlayer(this.#room, address.ice, {
        frame: (direct) => this.#paths.came(direct),
        open: (isOpen) => {
          this.#paths.direct = isOpen;
        },
      });
    setInterval(() => this.#room?.send({ type: "clock", at: performance.now() }), clockEveryMs);
  }

  get reconnects(): number {
    return this.#socket.reconnects;
  }

  get isDirect(): boolean {
    return this.#paths.direct;
  }

  get counts(): TwoPaths["counts"] {
    return this.#paths.counts;
  }

  #askClock(): void {
    for (const ms of clockMs) setTimeout(() => this.#room?.send({ type: "clock", at: performance.now() }), ms);
  }

  #relayed(bytes: Uint8Array): void {
    this.#events.arrived(bytes);
    if (bytes.length < frameBytes) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const kind = classify(frame.type(view, 0), frame.flags(view, 0), bytes);
    if (kind !== "keyframe" && kind !== "delta") {
      this.#events.frame(bytes, "websocket");
      return;
    }
    const timestampMs = frame.timestampMs(view, 0);
    this.#clock.arrived(timestampMs, performance.now());
    this.#paths.relayed({ bytes, sequence: frame.sequence(view, 0), timestampMs, startsAnew: kind === "keyframe" });
  }

  /** Sends an input event; it is lost without a connection. */
  input(build: (sequence: number, timestampMs: number) => Uint8Array<ArrayBuffer>): number {
    if (!this.#socket.isOpen) return 0;
    const message = build(this.#sequence++ & 0xffff, Math.round(performance.now()));
    return this.#socket.send(message) ? message.length : 0;
  }

  askKeyframe(): void {
    this.#room?.send({ type: "keyframe" });
  }

  /** Follows the channel of stills, and asks the source to keep it up. */
  followStills(): void {
    if (this.#stills) return;
    const ask = () => this.#room?.send({ type: "stills" });
    this.#stills = new ReturningSocket(() => socketUrl(this.#address, "stream", stillsChannel(this.#address.channel)), {
      state: () => undefined,
      binary: (bytes) => this.#events.still(bytes),
    });
    ask();
    this.#stillsTimer = setInterval(ask, stillsEveryMs);
  }

  leaveStills(): void {
    clearInterval(this.#stillsTimer);
    this.#stills?.close();
    this.#stills = undefined;
  }
}
