/**
 * A frame of which some chunks have come: its buffer, the bitmap of what is there, and what all its chunks must agree on.
 * Used by reassembly.ts alone. It decides nothing about order, time or loss.
 *
 * Chunks of one frame all have one size but the last, which is no larger. That size is learned from the first chunk that is
 * not the last, so a sender may choose smaller chunks than the largest.
 */
import { limits } from "../base/limits.ts";
import { chunk, chunkFlag } from "./root.ts";

/** Chunks that are not a frame's last have at least this many bytes; it bounds the bitmap. */
const smallestChunk = 512;
const bitmapWords = limits.frameBytes / smallestChunk / 32;

export interface PartialFrame {
  active: boolean;
  frameId: number;
  totalSize: number;
  /** Without the last-chunk bit. */
  flags: number;
  captureUs: number;
  firstUs: number;
  touchedUs: number;
  received: number;
  /** Size of every chunk but the last; 0 while unknown. */
  unit: number;
  /** Offset of the last chunk; -1 while it is missing. */
  lastOffset: number;
  bitmap: Uint32Array;
  buffer: Uint8Array;
}

export const emptyPartial = (): PartialFrame => ({
  active: false,
  frameId: 0,
  totalSize: 0,
  flags: 0,
  captureUs: 0,
  firstUs: 0,
  touchedUs: 0,
  received: 0,
  unit: 0,
  lastOffset: -1,
  bitmap: new Uint32Array(bitmapWords),
  buffer: new Uint8Array(0),
});

/** Makes `partial` the frame that the chunk at `at` belongs to. */
export function start(partial: PartialFrame, frameId: number, view: DataView, at: number, nowUs: number): void {
  partial.active = true;
  partial.frameId = frameId;
  partial.totalSize = chunk.totalSize(view, at);
  partial.flags = chunk.flags(view, at) & ~chunkFlag.last;
  partial.captureUs = chunk.timestampUs(view, at);
  partial.firstUs = nowUs;
  partial.touchedUs = nowUs;
  partial.received = 0;
  partial.unit = 0;
  partial.lastOffset = -1;
  if (partial.buffer.length < partial.totalSize) {
    // A quarter more than asked for: frames of a stream vary, and each growth leaves a buffer to the collector.
    partial.buffer = new Uint8Array(Math.min(limits.frameBytes, Math.ceil(partial.totalSize * 1.25)));
  }
}

/** True when the chunk tells the same of its frame as those before it. */
export function agrees(partial: PartialFrame, view: DataView, at: number): boolean {
  if (partial.totalSize !== chunk.totalSize(view, at)) return false;
  if (partial.flags !== (chunk.flags(view, at) & ~chunkFlag.last)) return false;
  if (partial.captureUs !== chunk.timestampUs(view, at)) return false;
  return fits(partial, chunk.offset(view, at), chunk.chunkSize(view, at));
}

/** Holds a chunk against the grid of its frame, and takes the grid's size from the first chunk that shows it. */
function fits(partial: PartialFrame, offset: number, size: number): boolean {
  if (offset + size === partial.totalSize) {
    if (partial.lastOffset >= 0) return offset === partial.lastOffset;
    return partial.unit === 0 || (offset % partial.unit === 0 && size <= partial.unit);
  }
  if (partial.unit !== 0) return size === partial.unit && offset % size === 0;
  if (size < smallestChunk || offset % size !== 0) return false;
  const last = partial.lastOffset;
  if (last >= 0 && (last % size !== 0 || partial.totalSize - last > size)) return false;
  partial.unit = size;
  partial.bitmap.fill(0, 0, (Math.ceil(partial.totalSize / size) + 31) >>> 5);
  return true;
}

/** Notes a chunk that fits; false when it was there already. */
export function mark(partial: PartialFrame, offset: number, size: number): boolean {
  if (offset + size === partial.totalSize) {
    if (partial.lastOffset >= 0) return false;
    partial.lastOffset = offset;
    return true;
  }
  const index = offset / partial.unit;
  const bit = 1 << (index & 31);
  const word = partial.bitmap[index >>> 5] as number;
  if ((word & bit) !== 0) return false;
  partial.bitmap[index >>> 5] = word | bit;
  return true;
}
