/**
 * The run-length code of ds-stream (ds-stream sections 5 and 19) and XOR deltas on it: 0x00 and a u16 n stand for n zero
 * bytes, any other byte for itself. Runs of zeros are looked for a word at a time. Packed bytes come from strangers: unpacking
 * checks them whole before it writes anything, and allocates nothing.
 */
import type { WireError } from "./schema.ts";

const longestRun = 0xffff;
/** Up to here a loop is quicker than a call. */
const shortRun = 32;
const noWords = new Int32Array(0);

/** The largest size that `sizeBytes` can have packed: every second byte a lone zero, which takes three. */
export function rleBound(sizeBytes: number): number {
  return 2 * sizeBytes + 1;
}

/** The whole words (little-endian, as on every machine with a browser) of bytes that begin on a word; none of others, whose zeros are then looked for by the byte. */
function wordsOf(bytes: Uint8Array): Int32Array {
  const isAligned = bytes.byteOffset % 4 === 0;
  return new Int32Array(bytes.buffer, isAligned ? bytes.byteOffset : 0, isAligned ? bytes.length >> 2 : 0);
}

function putZeros(out: Uint8Array, to: number, count: number): number {
  let at = to;
  for (let left = count; left > 0; left -= longestRun) {
    const run = Math.min(left, longestRun);
    out[at] = 0;
    out[at + 1] = run & 0xff;
    out[at + 2] = run >> 8;
    at += 3;
  }
  return at;
}

function needRoom(out: Uint8Array, sizeBytes: number): void {
  if (out.length < rleBound(sizeBytes))
    throw new RangeError(`packing ${sizeBytes} bytes needs room for ${rleBound(sizeBytes)}, given ${out.length}`);
}

/** The loop of both packers; `before` is undefined or as long as `now`. */
function pack(now: Uint8Array, before: Uint8Array | undefined, out: Uint8Array): number {
  needRoom(out, now.length);
  const words = wordsOf(now);
  const others = before ? wordsOf(before) : noWords;
  const wordCount = before ? Math.min(words.length, others.length) : words.length;
  let at = 0;
  let run = 0;
  for (let k = 0; k < wordCount; k++) {
    const word = before ? (words[k] as number) ^ (others[k] as number) : (words[k] as number);
    if (word === 0) {
      const from = k++;
      if (before) while (k < wordCount && words[k] === others[k]) k++;
      else while (k < wordCount && words[k] === 0) k++;
      run += 4 * (k-- - from);
      continue;
    }
    for (let shift = 0; shift < 32; shift += 8) {
      const byte = (word >>> shift) & 0xff;
      if (byte === 0) run++;
      else {
        if (run > 0) at = putZeros(out, at, run);
        run = 0;
        out[at++] = byte;
      }
    }
  }
  for (let i = 4 * wordCount; i < now.length; i++) {
    const byte = (now[i] as number) ^ (before ? (before[i] as number) : 0);
    if (byte === 0) run++;
    else {
      if (run > 0) at = putZeros(out, at, run);
      run = 0;
      out[at++] = byte;
    }
  }
  return putZeros(out, at, run);
}

/** Packs `bytes` into `out`, which has rleBound() bytes, and returns how many it wrote. */
export function rleEncode(bytes: Uint8Array, out: Uint8Array): number {
  return pack(bytes, undefined, out);
}

/**
 * Packs `now` XOR `before`, the payload of a DeltaPixels frame, into `out`, which has rleBound() bytes, and returns how many it
 * wrote. The two pictures have the same size; where they are equal they are only compared.
 */
export function packDelta(before: Uint8Array, now: Uint8Array, out: Uint8Array): number {
  if (before.length !== now.length) throw new RangeError(`a delta of ${before.length} and ${now.length} bytes`);
  return pack(now, before, out);
}

/** Checks that `packed` stands for exactly `sizeBytes` bytes. "short": cut off or too few; "length": too many; "range": n = 0. */
export function checkRle(packed: Uint8Array, sizeBytes: number): WireError | undefined {
  const end = packed.length;
  let size = 0;
  for (let at = 0; at < end; ) {
    if (packed[at++] !== 0) {
      size++;
      continue;
    }
    if (at + 2 > end) return "short";
    const run = (packed[at] as number) | ((packed[at + 1] as number) << 8);
    if (run === 0) return "range";
    size += run;
    at += 2;
    if (size > sizeBytes) return "length";
  }
  if (size === sizeBytes) return undefined;
  return size < sizeBytes ? "short" : "length";
}

/** Unpacks into all of `out`; with an error nothing is written. */
export function rleDecode(packed: Uint8Array, out: Uint8Array): WireError | undefined {
  const error = checkRle(packed, out.length);
  if (error) return error;
  const end = packed.length;
  let i = 0;
  for (let at = 0; at < end; ) {
    const byte = packed[at++] as number;
    if (byte !== 0) {
      out[i++] = byte;
      continue;
    }
    const run = (packed[at] as number) | ((packed[at + 1] as number) << 8);
    if (run > shortRun) out.fill(0, i, i + run);
    else for (let k = i; k < i + run; k++) out[k] = 0;
    i += run;
    at += 2;
  }
  return undefined;
}

/** Makes the next picture of `picture` in place, by a DeltaPixels payload; with an error the picture stays as it was. */
export function applyDelta(packed: Uint8Array, picture: Uint8Array): WireError | undefined {
  const error = checkRle(packed, picture.length);
  if (error) return error;
  const end = packed.length;
  let i = 0;
  for (let at = 0; at < end; ) {
    const byte = packed[at++] as number;
    if (byte !== 0) {
      picture[i] = (picture[i] as number) ^ byte;
      i++;
      continue;
    }
    i += (packed[at] as number) | ((packed[at + 1] as number) << 8);
    at += 2;
  }
  return undefined;
}
