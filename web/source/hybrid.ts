/**
 * The hybrid mode in a browser: what stands still is sent exactly, what moves as VP8 from one WebCodecs encoder a rectangle. Browsers
 * encode later than asked, so a rectangle's video is one or two frames behind the exact part.
 */
import { buildCompressedPixels } from "../../src/wire/ds.ts";
import type { Rectangle } from "../../src/wire/hybrid.ts";
import { HybridEncoder, type VideoPicture } from "../../src/wire/hybrid-encoder.ts";
import { type Emit, type Encoder, pixelsOf } from "./encoders.ts";
import { limitedFrame } from "./i420.ts";
import { encoderConfig } from "./video.ts";

/** Rectangles whose encoder is not used go when there are more. */
const encoderLimit = 6;
const keyframeMs = 10_000;

/** A video encoder for one rectangle, its units in order. */
class Region {
  readonly #encoder: VideoEncoder;
  #units: VideoPicture[] = [];
  #waitsForKey = true;
  #asksKey = true;

  constructor(width: number, height: number, fps: number, bitrateBps: number) {
    this.#encoder = new VideoEncoder({
      output: (chunk) => {
        const data = new Uint8Array(chunk.byteLength);
        chunk.copyTo(data);
        const isKeyframe = chunk.type === "key";
        if (isKeyframe) this.#units = [];
        if (isKeyframe) this.#waitsForKey = false;
        if (!this.#waitsForKey) this.#units.push({ format: "vp8", isKeyframe, data });
      },
      error: (cause) => console.warn("region", cause),
    });
    this.#encoder.configure(encoderConfig({ format: "vp8", width, height, fps, bitrateBps }));
  }

  /** The oldest unit that is ready; `isNew` waits for one that a decoder can begin with. */
  encode({ width, height }: Rectangle, rgba: Uint8Array, timestamp: number, isNew: boolean): VideoPicture | undefined {
    if (this.#encoder.state !== "configured") return undefined;
    const isBegun = this.#units[0]?.isKeyframe === true;
    if (isNew && !isBegun) {
      this.#units = [];
      if (!this.#waitsForKey) this.#asksKey = true;
      this.#waitsForKey = true;
    }
    if (this.#encoder.encodeQueueSize < 3) {
      const frame = limitedFrame(rgba, width, height, timestamp);
      this.#encoder.encode(frame, { keyFrame: this.#asksKey });
      this.#asksKey = false;
      frame.close();
    }
    return this.#units.shift();
  }

  close(): void {
    if (this.#encoder.state !== "closed") this.#encoder.close();
  }
}

export class HybridSender implements Encoder {
  readonly isBusy = false;
  /** Until every rectangle is exact again. */
  readonly settleFrames: number;
  readonly #emit: Emit;
  readonly #hybrid: HybridEncoder;
  readonly #regions = new Map<string, Region>();
  readonly #fps: number;
  readonly #bitrateBps: number;
  #keyframeMs = 0;

  constructor(width: number, height: number, fps: number, bitrateBps: number, emit: Emit) {
    this.#emit = emit;
    this.#fps = fps;
    this.#bitrateBps = bitrateBps;
    const leaveFrames = Math.max(5, Math.round(fps / 2));
    this.settleFrames = leaveFrames + 2;
    this.#hybrid = new HybridEncoder(width, height, { leaveFrames });
  }

  encode(canvas: HTMLCanvasElement, timestampMs: number, isAsked: boolean): void {
    const starts = isAsked || timestampMs - this.#keyframeMs > keyframeMs;
    if (starts) this.#keyframeMs = timestampMs;
    const { width, height } = canvas;
    const { data, isKeyframe } = this.#hybrid.encode(pixelsOf(canvas), starts, (rectangle, rgba, isNew) =>
      this.#region(rectangle).encode(rectangle, rgba, Math.round(timestampMs * 1000), isNew),
    );
    this.#emit(timestampMs, isKeyframe, (sequence, ms) =>
      buildCompressedPixels(sequence, ms, width, height, "hybrid", data, isKeyframe),
    );
  }

  /** Most recently used last. */
  #region({ x, y, width, height }: Rectangle): Region {
    const name = `${x} ${y} ${width} ${height}`;
    const region = this.#regions.get(name) ?? new Region(width, height, this.#fps, this.#bitrateBps);
    this.#regions.delete(name);
    this.#regions.set(name, region);
    for (const [oldest, unused] of this.#regions) {
      if (this.#regions.size <= encoderLimit) break;
      unused.close();
      this.#regions.delete(oldest);
    }
    return region;
  }

  close(): void {
    for (const region of this.#regions.values()) region.close();
    this.#regions.clear();
  }
}
