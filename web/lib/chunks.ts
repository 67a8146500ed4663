/**
 * Frames on a WebRTC data channel. Messages stay below 16 KiB, which every browser passes on, so a frame travels as chunks, each
 * with a head of 16 bytes, little-endian:
 *
 *   0 u8  version, 1            1 u8  1 when the picture can be begun with, else 0
 *   2 u16 sequence of the frame 4 u16 sequence of the picture before it
 *   6 u16 chunk, from 0         8 u16 chunks of this frame, at least 1
 *  10 u16 0                    12 u32 bytes of the whole frame
 *
 * Chunks may be lost or come in any order; a frame that lacks one is given up when newer ones need the room. Pure.
 */
export const chunkHeadBytes = 16;
const chunkBytes = 16 * 1024 - chunkHeadBytes;
/** Frames larger than this stay on the WebSocket. */
export const directFrameBytes = 8 * 1024 * 1024;
/** Unfinished frames kept; the oldest goes first. */
const partialFrames = 8;

export interface DirectFrame {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sequence: number;
  /** Sequence of the picture that this one builds on. */
  readonly after: number;
  readonly startsAnew: boolean;
}

export function cutFrame(frame: DirectFrame): Uint8Array<ArrayBuffer>[] {
  const { bytes, sequence, after, startsAnew } = frame;
  if (bytes.length > directFrameBytes) throw new RangeError(`a frame of ${bytes.length} bytes is too large to cut`);
  const count = Math.max(1, Math.ceil(bytes.length / chunkBytes));
  return Array.from({ length: count }, (_, index) => {
    const part = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    const out = new Uint8Array(chunkHeadBytes + part.length);
    const view = new DataView(out.buffer);
    view.setUint8(0, 1);
    view.setUint8(1, startsAnew ? 1 : 0);
    view.setUint16(2, sequence, true);
    view.setUint16(4, after, true);
    view.setUint16(6, index, true);
    view.setUint16(8, count, true);
    view.setUint32(12, bytes.length, true);
    out.set(part, chunkHeadBytes);
    return out;
  });
}

interface Partial {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly has: Uint8Array;
  missing: number;
}

export class ChunkJoiner {
  readonly #partial = new Map<number, Partial>();
  /** Messages that are no chunk, and frames that were never finished. */
  malformed = 0;
  unfinished = 0;

  /** The whole frame when this chunk was its last. */
  add(chunk: Uint8Array): DirectFrame | undefined {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    if (!isChunk(chunk, view)) {
      this.malformed++;
      return undefined;
    }
    const sequence = view.getUint16(2, true);
    const [index, count, size] = [view.getUint16(6, true), view.getUint16(8, true), view.getUint32(12, true)];
    let partial = this.#partial.get(sequence);
    if (partial?.bytes.length !== size) {
      partial = { bytes: new Uint8Array(size), has: new Uint8Array(count), missing: count };
      this.#partial.delete(sequence);
      this.#partial.set(sequence, partial);
      this.#makeRoom();
    }
    if (partial.has[index] === 1) return undefined;
    partial.has[index] = 1;
    partial.bytes.set(chunk.subarray(chunkHeadBytes), index * chunkBytes);
    if (--partial.missing > 0) return undefined;
    this.#partial.delete(sequence);
    return { bytes: partial.bytes, sequence, after: view.getUint16(4, true), startsAnew: chunk[1] === 1 };
  }

  #makeRoom(): void {
    for (const sequence of this.#partial.keys()) {
      if (this.#partial.size <= partialFrames) return;
      this.#partial.delete(sequence);
      this.unfinished++;
    }
  }
}

/** Sizes and numbers agree, so that nothing is written beside its place. */
function isChunk(chunk: Uint8Array, view: DataView): boolean {
  if (chunk.length < chunkHeadBytes || chunk[0] !== 1 || (chunk[1] as number) > 1 || view.getUint16(10, true) !== 0)
    return false;
  const [index, count, size] = [view.getUint16(6, true), view.getUint16(8, true), view.getUint32(12, true)];
  if (size > directFrameBytes || count !== Math.max(1, Math.ceil(size / chunkBytes)) || index >= count) return false;
  const expected = index === count - 1 ? size - index * chunkBytes : chunkBytes;
  return chunk.length - chunkHeadBytes === expected;
}
