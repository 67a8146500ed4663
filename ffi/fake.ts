/**
 * The native modules in memory, for tests of the loops above them: a grabber whose access units are small byte patterns, a player
 * that checks them and plays scripted input, an injector that remembers. They have the real ones' queues, limits and wake-ups,
 * and pass the same suites (tests/conformance). Nothing happens by itself: produce() and step() are their threads' turns.
 */
import type { Clock } from "../src/base/clock.ts";
import { limits } from "../src/base/limits.ts";
import { giveBack, lend, lentBytes } from "./fake-memory.ts";
import type {
  EncodedFrame,
  Grabber,
  GrabberDescription,
  GrabberSettings,
  GrabberStats,
  Injector,
  Picture,
  Player,
  PlayerEvent,
  PlayerSettings,
  PlayerStats,
} from "./interfaces.ts";

export { lend, lentBytes } from "./fake-memory.ts";
export { fakeUdp } from "./fake-udp.ts";

/** Start code, slice type (5: keyframe, 1: other), number of the frame, then bytes that follow from the number. */
export function fakeAccessUnit(sequence: number, keyframe: boolean, size: number): Uint8Array {
  const unit = new Uint8Array(Math.max(size, 16));
  unit.set([0, 0, 0, 1, keyframe ? 0x65 : 0x41]);
  new DataView(unit.buffer).setUint32(5, sequence, true);
  for (let i = 9; i < unit.length; i++) unit[i] = (sequence * 31 + i * 7) & 0xff;
  return unit;
}

/** Number and kind of a whole, undamaged fake access unit; undefined for anything else. */
export function readFakeAccessUnit(unit: Uint8Array): { sequence: number; keyframe: boolean } | undefined {
  if (unit.length < 16 || unit[2] !== 0 || unit[3] !== 1) return undefined;
  const keyframe = unit[4] === 0x65;
  const sequence = new DataView(unit.buffer, unit.byteOffset).getUint32(5, true);
  const wanted = fakeAccessUnit(sequence, keyframe, unit.length);
  return wanted.every((byte, i) => byte === unit[i]) ? { sequence, keyframe } : undefined;
}

/** Rings once until it is armed again. */
class Waker {
  #rung = false;
  readonly #onWake: () => void;
  constructor(onWake: () => void) {
    this.#onWake = onWake;
  }
  ring(): void {
    if (this.#rung) return;
    this.#rung = true;
    this.#onWake();
  }
  arm(): void {
    this.#rung = false;
  }
}

export class FakeGrabber implements Grabber {
  /** Size of the next access units; a keyframe has four times as much. */
  unitBytes = 3000;
  fps: number;
  bitrateBps: number;
  quality = 50;
  readonly #clock: Clock;
  readonly #settings: GrabberSettings;
  readonly #waker: Waker;
  readonly #queue: EncodedFrame[] = [];
  readonly #frame: EncodedFrame;
  readonly #stats: GrabberStats = {
    captured: 0,
    encoded: 0,
    keyframes: 0,
    skippedBusy: 0,
    skippedFull: 0,
    skippedEncoder: 0,
    encodedBytes: 0,
    wakeups: 0,
  };
  #taken = 0;
  #keyframeWanted = true;
  #sinceKeyframe = 0;
  #sequence = 0;
  #paused = false;
  #closed = false;
  #width: number;
  #height: number;

  constructor(settings: GrabberSettings, onWake: () => void, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#waker = new Waker(onWake);
    this.#width = settings.width || 1280;
    this.#height = settings.height || 720;
    this.fps = settings.fps;
    this.bitrateBps = settings.bitrateBps;
    this.#frame = this.#blank("frame");
  }

  /** One turn of the capture thread: a frame, unless paused or full. */
  produce(): void {
    if (this.#closed || this.#paused) return;
    if (this.#queue.length >= limits.encodedFramesQueued) {
      this.#stats.skippedFull++;
      return;
    }
    const interval = this.#settings.keyframeInterval;
    const keyframe = this.#keyframeWanted || (interval > 0 && this.#sinceKeyframe >= interval);
    const unit = fakeAccessUnit(this.#sequence, keyframe, keyframe ? this.unitBytes * 4 : this.unitBytes);
    this.#keyframeWanted = false;
    this.#sinceKeyframe = keyframe ? 1 : this.#sinceKeyframe + 1;
    this.#stats.captured++;
    this.#stats.encoded++;
    this.#stats.encodedBytes += unit.length;
    if (keyframe) this.#stats.keyframes++;
    const frame = this.#blank("frame");
    this.#put(Object.assign(frame, { keyframe, address: lend(unit), size: unit.length, sequence: this.#sequence++ }));
  }

  /** The source has another size from the next frame on. */
  resize(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
    this.#keyframeWanted = true;
    this.#put(this.#blank("resized"));
  }

  /** The source went away. */
  lose(): void {
    this.#put(this.#blank("lost"));
  }

  #blank(kind: EncodedFrame["kind"]): EncodedFrame {
    const nowUs = this.#clock.nowUs();
    return {
      kind,
      keyframe: false,
      address: 0,
      size: 0,
      width: this.#width,
      height: this.#height,
      sequence: 0,
      damageUs: nowUs,
      captureUs: nowUs,
      capturedUs: nowUs,
      convertedUs: nowUs,
      encodedUs: nowUs,
    };
  }

  #put(frame: EncodedFrame): void {
    this.#queue.push(frame);
    this.#stats.wakeups++;
    this.#waker.ring();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error("the grabber is closed");
  }

  describe(): GrabberDescription {
    this.#mustBeOpen();
    return { capture: "fake", encoder: "fake", width: this.#width, height: this.#height, detail: "in memory" };
  }

  rearm(): void {
    this.#mustBeOpen();
    this.#waker.arm();
  }

  take(): EncodedFrame | undefined {
    this.release();
    const next = this.#queue.shift();
    if (!next) return undefined;
    this.#taken = next.address;
    return Object.assign(this.#frame, next);
  }

  bytes(frame: EncodedFrame): Uint8Array {
    return frame.size === 0 ? new Uint8Array(0) : lentBytes(frame.address, frame.size);
  }

  release(): void {
    this.#mustBeOpen();
    giveBack(this.#taken);
    this.#taken = 0;
  }

  requestKeyframe(): void {
    this.#mustBeOpen();
    this.#keyframeWanted = true;
  }

  setBitrate(bps: number): void {
    this.#mustBeOpen();
    this.bitrateBps = bps;
  }

  setFps(fps: number): void {
    this.#mustBeOpen();
    this.fps = fps;
  }

  setQuality(percent: number): void {
    this.#mustBeOpen();
    this.quality = percent;
  }

  setPaused(paused: boolean): void {
    this.#mustBeOpen();
    this.#paused = paused;
  }

  stats(): GrabberStats {
    this.#mustBeOpen();
    return { ...this.#stats };
  }

  close(): void {
    if (this.#closed) return;
    this.release();
    for (const { address } of this.#queue) giveBack(address);
    this.#queue.length = 0;
    this.#closed = true;
  }
}

interface Unit {
  bytes: Uint8Array;
  frameId: number;
  captureUs: number;
  pushedUs: number;
}

const blankEvent: PlayerEvent = {
  kind: "lost",
  frameId: 0,
  captureUs: 0,
  pushedUs: 0,
  decodeBeginUs: 0,
  decodedUs: 0,
  shownUs: 0,
  timecodeUs: 0,
  type: 0,
  code: 0,
  value: 0,
  width: 0,
  height: 0,
};

export class FakePlayer implements Player {
  pointerGrabbed = false;
  fullscreen: boolean;
  readonly #clock: Clock;
  readonly #settings: PlayerSettings;
  readonly #waker: Waker;
  readonly #units: Unit[] = [];
  readonly #events: PlayerEvent[] = [];
  readonly #event: PlayerEvent = { ...blankEvent };
  readonly #stats: PlayerStats = { pushed: 0, decoded: 0, shown: 0, skippedLate: 0, refusedFull: 0, decodeErrors: 0 };
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
    this.#events.push({ ...blankEvent, ...event });
    this.#waker.ring();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error("the player is closed");
  }

  describe(): { display: string; decoder: string; detail: string } {
    this.#mustBeOpen();
    return { display: "fake", decoder: "fake", detail: "in memory" };
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

const keyMax = 0x2ff;
const eventTypeMax = 0x1f;

export class FakeInjector implements Injector {
  readonly backend = "fake";
  /** Everything injected, in order; releaseAll() adds what it released and a closing EV_SYN. */
  readonly events: { type: number; code: number; value: number }[] = [];
  readonly #down = new Set<number>();
  #closed = false;

  #mustBeOpen(): void {
    if (this.#closed) throw new Error("the injector is closed");
  }

  send(type: number, code: number, value: number): boolean {
    this.#mustBeOpen();
    if (type > eventTypeMax || code > keyMax) return false;
    this.events.push({ type, code, value });
    if (type === 1 && value !== 0) this.#down.add(code);
    if (type === 1 && value === 0) this.#down.delete(code);
    return true;
  }

  flush(): void {
    this.#mustBeOpen();
  }

  releaseAll(): number {
    this.#mustBeOpen();
    const keys = [...this.#down].sort((a, b) => a - b);
    for (const code of keys) this.events.push({ type: 1, code, value: 0 });
    if (keys.length) this.events.push({ type: 0, code: 0, value: 0 });
    this.#down.clear();
    return keys.length;
  }

  close(): void {
    if (this.#closed) return;
    this.releaseAll();
    this.#closed = true;
  }
}
