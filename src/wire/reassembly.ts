/**
 * Puts the chunks of video frames together again (RootStream section 4.3), without that section's weaknesses: a bitmap
 * a frame counts duplicates once, late chunks never disturb a newer frame, half frames end by time and by number.
 * Frames leave in rising order only: when one is complete, older ones still missing pieces are lost. Pure: it reads no clock,
 * asks for nothing again, and allocates nothing per packet once its buffers have grown.
 */
import { limits } from "../base/limits.ts";
import { agrees, emptyPartial, mark, type PartialFrame, start } from "./partial-frame.ts";
import { checkPayload, chunk, chunkBytes, chunkFlag, codecShift, packetType } from "./root.ts";

/** Copies bytes without making a view. */
export type Copy = (to: Uint8Array, toStart: number, from: Uint8Array, fromStart: number, size: number) => void;

/** A whole frame; the object and its buffer are the reassembler's, valid until the next push or reset. */
export interface WholeFrame {
  /** The frame is bytes [0, size). */
  buffer: Uint8Array;
  size: number;
  frameId: number;
  keyframe: boolean;
  codec: number;
  captureUs: number;
  /** Frames lost between this one and the one before it; a decoder then needs a keyframe. */
  lostBefore: number;
  /** When its first chunk came, on the clock passed to push. */
  firstUs: number;
}

export interface ReassemblyStats {
  completed: number;
  /** Frames given up or never seen; counted once each. */
  lost: number;
  /** Half frames that ended by time; they and all older ones are lost. */
  timedOut: number;
  /** Chunks that were there already. */
  duplicates: number;
  /** Chunks of frames already delivered or given up. */
  late: number;
  /** Chunks that contradict the others of their frame. */
  inconsistent: number;
  /** Chunks that break the layout. */
  refused: number;
}

/** How far frame `a` is ahead of frame `b`; frame numbers wrap at 2^32. */
const ahead = (a: number, b: number): number => (a - b) | 0;

/** Works everywhere; where there is a Buffer, Buffer.prototype.copy does the same about four times as fast. */
export const copyByLoop: Copy = (to, toStart, from, fromStart, size) => {
  for (let i = 0; i < size; i++) to[toStart + i] = from[fromStart + i] as number;
};

export class Reassembler {
  readonly stats: ReassemblyStats = {
    completed: 0,
    lost: 0,
    timedOut: 0,
    duplicates: 0,
    late: 0,
    inconsistent: 0,
    refused: 0,
  };
  readonly #copy: Copy;
  readonly #partials: readonly PartialFrame[];
  readonly #whole: WholeFrame = {
    buffer: new Uint8Array(0),
    size: 0,
    frameId: 0,
    keyframe: false,
    codec: 0,
    captureUs: 0,
    lostBefore: 0,
    firstUs: 0,
  };
  /** Frames up to this one are settled: delivered or lost. */
  #settled = 0;
  /** Nothing seen yet, or chunks seen but no frame settled yet, or running. */
  #phase: "idle" | "first" | "running" = "idle";
  #lostSinceWhole = 0;

  constructor(copy: Copy = copyByLoop) {
    this.#copy = copy;
    this.#partials = Array.from({ length: limits.partialFrames }, emptyPartial);
  }

  /** Frames begun and not complete. */
  get inProgress(): number {
    let count = 0;
    for (let i = 0; i < this.#partials.length; i++) if (this.#partials[i]?.active) count++;
    return count;
  }

  /** Bytes held in buffers, at most limits.partialFrames x limits.frameBytes. */
  get bufferBytes(): number {
    return this.#partials.reduce((sum, partial) => sum + partial.buffer.length, 0);
  }

  /**
   * Takes the plaintext payload of one VIDEO packet: bytes [at, at + size) of `bytes`, over which `view` lies as well.
   * Returns the frame that it completes. What is wrong with a chunk is counted in `stats`.
   */
  push(bytes: Uint8Array, view: DataView, at: number, size: number, nowUs: number): WholeFrame | undefined {
    if (checkPayload(packetType.video, view, at, size) !== undefined) return this.#count("refused");
    const frameId = chunk.frameId(view, at);
    this.#meet(frameId);
    if (ahead(frameId, this.#settled) <= 0) return this.#count("late");
    const partial = this.#find(frameId) ?? this.#begin(frameId, view, at, nowUs);
    if (!partial) return this.#count("late");
    if (!agrees(partial, view, at)) return this.#count("inconsistent");
    if (!mark(partial, chunk.offset(view, at), chunk.chunkSize(view, at))) return this.#count("duplicates");
    const chunkSize = chunk.chunkSize(view, at);
    this.#copy(partial.buffer, chunk.offset(view, at), bytes, at + chunkBytes, chunkSize);
    partial.received += chunkSize;
    partial.touchedUs = nowUs;
    return partial.received === partial.totalSize ? this.#deliver(partial) : undefined;
  }

  /** Gives up frames whose chunks stopped coming. Returns how many frames are lost by it. Call now and then. */
  expire(nowUs: number): number {
    let newest: PartialFrame | undefined;
    for (let i = 0; i < this.#partials.length; i++) {
      const partial = this.#partials[i] as PartialFrame;
      if (!partial.active || nowUs - partial.touchedUs < limits.partialFrameTimeoutUs) continue;
      this.stats.timedOut++;
      if (!newest || ahead(partial.frameId, newest.frameId) > 0) newest = partial;
    }
    const before = this.stats.lost;
    if (newest) this.#settle(newest.frameId, true);
    return this.stats.lost - before;
  }

  /** Forgets all frames, for a new session; keeps buffers and statistics. */
  reset(): void {
    for (const partial of this.#partials) partial.active = false;
    this.#phase = "idle";
    this.#lostSinceWhole = 0;
  }

  #count(what: "late" | "inconsistent" | "duplicates" | "refused"): undefined {
    this.stats[what]++;
  }

  /** The first frames may come in any order: until one is settled, the start is moved back to the oldest seen. */
  #meet(frameId: number): void {
    if (this.#phase === "running") return;
    const back = ahead(frameId, this.#settled);
    if (this.#phase === "idle" || (back <= 0 && back > -limits.partialFrames)) this.#settled = (frameId - 1) >>> 0;
    this.#phase = "first";
  }

  #find(frameId: number): PartialFrame | undefined {
    for (let i = 0; i < this.#partials.length; i++) {
      const partial = this.#partials[i] as PartialFrame;
      if (partial.active && partial.frameId === frameId) return partial;
    }
    return undefined;
  }

  /** A place for a new frame; the oldest gives way. Undefined when the new frame is itself the oldest. */
  #begin(frameId: number, view: DataView, at: number, nowUs: number): PartialFrame | undefined {
    let place: PartialFrame | undefined;
    let oldest = this.#partials[0] as PartialFrame;
    for (let i = 0; i < this.#partials.length; i++) {
      const partial = this.#partials[i] as PartialFrame;
      if (!partial.active) place = partial;
      else if (ahead(partial.frameId, oldest.frameId) < 0) oldest = partial;
    }
    if (!place) {
      if (ahead(frameId, oldest.frameId) < 0) return undefined;
      this.#settle(oldest.frameId, true);
      place = oldest;
    }
    start(place, frameId, view, at, nowUs);
    return place;
  }

  /** Everything up to `frameId` is over; with `gaveUp`, itself lost too. */
  #settle(frameId: number, gaveUp: boolean): void {
    const passed = ahead(frameId, this.#settled);
    if (passed > 0) {
      const lost = gaveUp ? passed : passed - 1;
      this.stats.lost += lost;
      this.#lostSinceWhole += lost;
      this.#settled = frameId;
    }
    this.#phase = "running";
    for (let i = 0; i < this.#partials.length; i++) {
      const partial = this.#partials[i] as PartialFrame;
      if (ahead(partial.frameId, frameId) <= 0) partial.active = false;
    }
  }

  #deliver(partial: PartialFrame): WholeFrame {
    this.#settle(partial.frameId, false);
    this.stats.completed++;
    const whole = this.#whole;
    whole.buffer = partial.buffer;
    whole.size = partial.totalSize;
    whole.frameId = partial.frameId;
    whole.keyframe = (partial.flags & chunkFlag.keyframe) !== 0;
    whole.codec = partial.flags >>> codecShift;
    whole.captureUs = partial.captureUs;
    whole.lostBefore = this.#lostSinceWhole;
    whole.firstUs = partial.firstUs;
    this.#lostSinceWhole = 0;
    return whole;
  }
}
