/**
 * A Player in memory: it accepts the fake grabber's access units in order, reports each one's fate, and plays what a test scripts
 * as a person's doings. step() is its thread's turn, nothing happens by itself.
 */
import type { Clock } from "../src/base/clock.ts";
import { limits } from "../src/base/limits.ts";
import { readFakeAccessUnit, Waker } from "./fake-unit.ts";
import {
  blankPlayerEvent,
  type Picture,
  type Player,
  type PlayerDescription,
  type PlayerEvent,
  type PlayerSettings,
  type PlayerStats,
} from "./interfaces.ts";

interface Unit {
  bytes: Uint8Array;
  frameId: number;
  captureUs: number;
  pushedUs: number;
}

export class FakePlayer implements Player {
  pointerGrabbed = false;
  fullscreen: boolean;
  readonly #clock: Clock;
  readonly #settings: PlayerSettings;
  readonly #waker: Waker;
  readonly #units: Unit[] = [];
  readonly #events: PlayerEvent[] = [];
  readonly #event: PlayerEvent = { ...blankPlayerEvent };
  readonly #stats: PlayerStats = {
    pushed: 0,
    decoded: 0,
    shown: 0,
    skippedLate: 0,
    refusedFull: 0,
    decodeErrors: 0,
    decoderChanges: 0,
  };
  /** Number of the frame decoded last; undefined: only a keyframe can be decoded. */
  #decoded: number | undefined;
  #shown: number | undefined;
  #closed = false;

  constructor(settings: PlayerSettings, onWake: () => void, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#waker = new Waker(onWake);
    this.fullscreen = settings.fullscreen;
  }

  /** One turn of the player's thread: decodes one access unit and shows it unless a newer one waits. False: there was none. */
  step(): boolean {
    const unit = this.#units.shift();
    if (!unit || this.#closed) return false;
    const { frameId, captureUs, pushedUs } = unit;
    const nowUs = this.#clock.nowUs();
    const times = { frameId, captureUs, pushedUs, decodeBeginUs: nowUs, decodedUs: nowUs };
    const seen = readFakeAccessUnit(unit.bytes);
    if (!seen || (!seen.keyframe && seen.sequence - 1 !== this.#decoded)) {
      this.#decoded = undefined;
      this.#stats.decodeErrors++;
      this.#report({ kind: "decode-error", ...times });
      return true;
    }
    this.#decoded = seen.sequence;
    this.#stats.decoded++;
    const size = { width: this.#settings.width, height: this.#settings.height };
    if (this.#units.length > 0) {
      this.#stats.skippedLate++;
      this.#report({ kind: "skipped", ...times, ...size });
      return true;
    }
    this.#shown = seen.sequence;
    this.#stats.shown++;
    this.#report({
      kind: "shown",
      ...times,
      ...size,
      shownUs: nowUs,
      timecodeUs: this.#settings.readTimecode ? captureUs : 0,
    });
    return true;
  }

  /** What a person does in the window. */
  script(...events: (Partial<PlayerEvent> & Pick<PlayerEvent, "kind">)[]): void {
    for (const event of events) this.#report(event);
  }

  #report(event: Partial<PlayerEvent>): void {
    this.#events.push({ ...blankPlayerEvent, ...event });
    this.#waker.ring();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error("the player is closed");
  }

  describe(): PlayerDescription {
    this.#mustBeOpen();
    return { display: "fake", decoder: "fake", failure: "", detail: "in memory" };
  }

  push(data: Uint8Array, size: number, frameId: number, _keyframe: boolean, captureUs: number): boolean {
    this.#mustBeOpen();
    if (size > data.length) throw new RangeError(`${size} bytes of ${data.length}`);
    if (size < 1 || size > limits.frameBytes || this.#units.length >= limits.framesToDecode) {
      this.#stats.refusedFull++;
      return false;
    }
    this.#stats.pushed++;
    this.#units.push({ bytes: data.slice(0, size), frameId, captureUs, pushedUs: this.#clock.nowUs() });
    return true;
  }

  rearm(): void {
    this.#mustBeOpen();
    this.#waker.arm();
  }

  take(): PlayerEvent | undefined {
    this.#mustBeOpen();
    const next = this.#events.shift();
    return next && Object.assign(this.#event, next);
  }

  setPointerGrab(on: boolean): void {
    this.#mustBeOpen();
    this.pointerGrabbed = on;
  }

  setFullscreen(on: boolean): void {
    this.#mustBeOpen();
    this.fullscreen = on;
  }

  setTouch(): void {
    this.#mustBeOpen();
  }

  deviceName(device: number): string {
    this.#mustBeOpen();
    return `pad ${device}`;
  }

  rumble(): void {
    this.#mustBeOpen();
  }

  /** Grey, by the number of the frame shown. */
  snapshot(): Picture | undefined {
    this.#mustBeOpen();
    if (this.#shown === undefined) return undefined;
    const { width, height } = this.#settings;
    return { width, height, pixels: new Uint8Array(width * height * 4).fill(this.#shown & 0xff) };
  }

  stats(): PlayerStats {
    this.#mustBeOpen();
    return { ...this.#stats };
  }

  close(): void {
    this.#closed = true;
  }
}
