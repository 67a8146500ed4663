/**
 * A Grabber in memory: access units are small byte patterns. It has the real one's queue, keyframes and wake-ups; produce() is
 * its thread's turn, nothing happens by itself.
 */
import type { Clock } from "../src/base/clock.ts";
import { limits } from "../src/base/limits.ts";
import { giveBack, lend, lentBytes } from "./fake-memory.ts";
import { fakeAccessUnit, Waker } from "./fake-unit.ts";
import type { EncodedFrame, Grabber, GrabberDescription, GrabberSettings, GrabberStats } from "./interfaces.ts";

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
    imported: 0,
    encoderFaults: 0,
    encoderChanges: 0,
    captureChanges: 0,
  };
  #taken = 0;
  #keyframeWanted = true;
  #sinceKeyframe = 0;
  #sequence = 0;
  #paused = false;
  #closed = false;
  #encoder = "fake";
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

  /** The encoder failed and another goes on, with a keyframe. */
  replaceEncoder(to: string, why: string): void {
    const told = new TextEncoder().encode(`${this.#encoder}\t${to}\t${why}`);
    this.#encoder = to;
    this.#keyframeWanted = true;
    this.#stats.encoderChanges++;
    this.#put(Object.assign(this.#blank("encoder"), { address: lend(told), size: told.length }));
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
    const { codec } = this.#settings;
    const size = { width: this.#width, height: this.#height };
    return { capture: "fake", encoder: this.#encoder, ...size, codec, detail: "in memory" };
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

  text(notice: EncodedFrame): string {
    return new TextDecoder().decode(this.bytes(notice));
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
