/**
 * The connections of one publisher: the source's WebSocket, the room, the direct path to players, and the second channel of stills
 * while a player that cannot decode asks for it. It counts sequences and times of frames, and says when to hold back; what is in
 * the frames is not its affair. A connection that comes back is told to begin anew.
 */
import { type Address, socketUrl, stillsChannel } from "../lib/address.ts";
import { Room } from "../lib/room.ts";
import { DirectSource } from "../lib/rtc.ts";
import { ReturningSocket, type SocketState } from "../lib/socket.ts";

export interface PublisherEvents {
  state(state: SocketState, detail: { readonly retryMs?: number; readonly code?: number }): void;
  /** Players need a picture to begin with, and the whole state. */
  beginAnew(): void;
  input(bytes: Uint8Array): void;
}

type Build = (sequence: number, timestampMs: number) => Uint8Array<ArrayBuffer>;

/** Bytes waiting in the socket, besides two frames of the last one's size, above which a picture is skipped. */
const backlogBytes = 256 * 1024;
/** Requests for a keyframe are answered at most this often. */
const keyframeMs = 500;
/** A player that wants stills says so again within this time. */
const stillsMs = 25_000;

export class Publisher {
  readonly #address: Address;
  readonly #events: PublisherEvents;
  readonly #socket: ReturningSocket;
  readonly #room: Room;
  readonly #direct: DirectSource | undefined;
  readonly #startMs = performance.now();
  /** Begins anywhere, so that players tell one run from the next. */
  #sequence = crypto.getRandomValues(new Uint16Array(1))[0] ?? 0;
  #lastPicture = 0;
  #lastPictureBytes = 0;
  #keyframeMs = Number.NEGATIVE_INFINITY;
  #stills: ReturningSocket | undefined;
  #stillsUntilMs = 0;
  #stillsSequence = 0;
  #stillsTimer: ReturnType<typeof setInterval> | undefined;
  frames = 0;
  skipped = 0;

  constructor(address: Address, takesOver: boolean, events: PublisherEvents) {
    this.#address = address;
    this.#events = events;
    let replaces = takesOver;
    this.#socket = new ReturningSocket(() => socketUrl(address, "source", address.channel, replaces), {
      state: (state, detail) => {
        // Only the first time: coming back must not push out who came since.
        if (state === "open") {
          replaces = false;
          events.beginAnew();
        }
        events.state(state, detail);
      },
      binary: (bytes) => events.input(bytes),
    });
    this.#room = new Room(
      address,
      () => this.#room.send({ type: "here" }),
      (note) => {
        this.#direct?.note(note);
        if (note.type === "keyframe") this.#askedKeyframe();
        if (note.type === "stills") this.#askedStills();
        if (note.type === "clock" && note.at !== undefined && note.stream === undefined)
          this.#room.send({ type: "clock", to: note.from, at: note.at, stream: this.nowMs() });
      },
    );
    if (address.useRtc && typeof RTCPeerConnection !== "undefined")
      this.#direct = new DirectSource(this.#room, address.ice);
  }

  /** Milliseconds since the stream's start. */
  nowMs(): number {
    return performance.now() - this.#startMs;
  }

  get isOpen(): boolean {
    return this.#socket.isOpen;
  }

  get directPlayers(): number {
    return this.#direct?.open ?? 0;
  }

  get reconnects(): number {
    return this.#socket.reconnects;
  }

  get waitingBytes(): number {
    return this.#socket.waitingBytes;
  }

  /** False while what was sent still waits to leave: skip a picture then, before it is encoded. */
  hasRoom(): boolean {
    const has = this.#socket.waitingBytes <= backlogBytes + 2 * this.#lastPictureBytes;
    if (!has) this.skipped++;
    return has;
  }

  /** `startsAnew`: a player can begin with it. Returns its bytes. */
  picture(timestampMs: number, startsAnew: boolean, build: Build): number {
    const sequence = this.#sequence++ & 0xffff;
    const bytes = build(sequence, Math.round(timestampMs));
    this.#socket.send(bytes);
    this.#direct?.send({ bytes, sequence, after: this.#lastPicture, startsAnew });
    this.#lastPicture = sequence;
    this.#lastPictureBytes = bytes.length;
    this.frames++;
    return bytes.length;
  }

  /** State and sound stay on the WebSocket. */
  other(timestampMs: number, build: Build): number {
    const bytes = build(this.#sequence++ & 0xffff, Math.round(timestampMs));
    this.#socket.send(bytes);
    this.frames++;
    return bytes.length;
  }

  #askedKeyframe(): void {
    const now = performance.now();
    if (now - this.#keyframeMs < keyframeMs) return;
    this.#keyframeMs = now;
    this.#events.beginAnew();
  }

  #askedStills(): void {
    this.#stillsUntilMs = performance.now() + stillsMs;
    if (this.#stills) return;
    const url = () => socketUrl(this.#address, "source", stillsChannel(this.#address.channel), true);
    this.#stills = new ReturningSocket(url, { state: () => undefined });
    this.#stillsTimer = setInterval(() => {
      if (performance.now() > this.#stillsUntilMs) this.#endStills();
    }, 1000);
  }

  #endStills(): void {
    clearInterval(this.#stillsTimer);
    this.#stills?.close();
    this.#stills = undefined;
  }

  get wantsStills(): boolean {
    return this.#stills?.isOpen === true && this.#stills.waitingBytes < backlogBytes;
  }

  still(build: Build): void {
    this.#stills?.send(build(this.#stillsSequence++ & 0xffff, Math.round(this.nowMs())));
  }

  close(): void {
    this.#direct?.close();
    this.#endStills();
    this.#room.close();
    this.#socket.close();
  }
}
