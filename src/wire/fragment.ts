/**
 * How an encoded frame is cut into video packets (RootStream sections 4.3 and 13): the reference that the C sender is
 * held to byte for byte, and the sender of everything that runs without it. Every chunk but the last is full. It seals nothing.
 */
import {
  chunk,
  chunkBytes,
  chunkDataLimit,
  chunkFlag,
  headerBytes,
  packetSizeLimit,
  packetType,
  putHeader,
  tagBytes,
} from "./root.ts";

/** What the chunks of one frame have in common. */
export interface FrameHead {
  readonly frameId: number;
  /** Chunk flags without the last-chunk bit: keyframe bit and codec << codecShift. */
  readonly flags: number;
  readonly captureUs: number;
}

/** Packets that a frame of `size` bytes (1 and more) is cut into. */
export function chunkCount(size: number): number {
  return Math.ceil(size / chunkDataLimit);
}

/**
 * Writes packet `index` of `frame` at `at`: header with `counter`, chunk head, data, in plaintext. Returns its size; the caller
 * needs room for 16 bytes more, the seal's MAC. `to` and `view` lie over the same bytes. Throws for an index outside the frame.
 */
export function writeChunkPacket(
  frame: Uint8Array,
  index: number,
  head: FrameHead,
  counter: number,
  to: Uint8Array,
  view: DataView,
  at: number,
): number {
  const offset = index * chunkDataLimit;
  const size = Math.min(chunkDataLimit, frame.length - offset);
  if (index < 0 || size < 1) throw new RangeError(`frame of ${frame.length} bytes has no chunk ${index}`);
  const last = offset + size === frame.length ? chunkFlag.last : 0;
  const body = at + headerBytes;
  putHeader(view, at, packetType.video, counter, chunkBytes + size);
  chunk.set.frameId(view, body, head.frameId);
  chunk.set.totalSize(view, body, frame.length);
  chunk.set.offset(view, body, offset);
  chunk.set.chunkSize(view, body, size);
  chunk.set.flags(view, body, head.flags | last);
  chunk.set.timestampUs(view, body, head.captureUs);
  to.set(frame.subarray(offset, offset + size), body + chunkBytes);
  return headerBytes + chunkBytes + size;
}

/** Bytes that the sealed packets of a frame of `size` bytes take on the wire. */
export function sealedFrameBytes(size: number): number {
  return size + chunkCount(size) * (packetSizeLimit - chunkDataLimit);
}

/** Room that a buffer for one packet needs, its MAC included. */
export const packetRoom = headerBytes + chunkBytes + chunkDataLimit + tagBytes;
