/**
 * Seeded mutation fuzz of the ds-stream codecs: `bun tests/fuzz/ds.ts [--seconds N] [--seed N]`. Seeds are the hand-written
 * vectors. Decoders may refuse or accept but never throw, never read or write outside their bytes; what is accepted encodes to
 * the same bytes, and what is refused leaves pictures and state as they were. Ends with the failing input as hex.
 */
import { Prng } from "../../src/base/prng.ts";
import {
  checkFrame,
  classify,
  decodeFrame,
  encodeFrame,
  encodeInput,
  h264CodecString,
  isH264Keyframe,
} from "../../src/wire/ds.ts";
import { HybridDecoder } from "../../src/wire/hybrid.ts";
import { inspectPacket, packetsOf } from "../../src/wire/inspect.ts";
import { applyMergePatch, diffSignals, parseSignal, SignalState } from "../../src/wire/merge.ts";
import { applyDelta, rleBound, rleDecode, rleEncode } from "../../src/wire/rle.ts";
import { wireErrors } from "../../src/wire/schema.ts";
import { frameCases, inputCases, refusedMessages } from "../vectors/ds.ts";
import { hybridCases } from "../vectors/hybrid.ts";
import { type FuzzReport, fuzzLong } from "./long.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const corpus: readonly Uint8Array[] = [
  ...[...frameCases, ...inputCases, ...refusedMessages].map((one) => one.bytes),
  ...hybridCases.map((one) => one.bytes),
  ...['{"a":{"b":[1,null,"x"]},"c":1e3}', '{"a":null}', '{"__proto__":{"a":{}}}', "null", "[]"].map(utf8),
];
const telling = [0, 1, 2, 0x22, 0x7b, 0x7d, 0x7f, 0x80, 0xfe, 0xff];

function mutate(random: Prng): Uint8Array {
  let bytes = (corpus[random.below(corpus.length)] as Uint8Array).slice();
  for (let times = random.below(5); times > 0; times--) {
    const at = random.below(Math.max(1, bytes.length));
    const kind = random.below(6);
    if (kind === 0) bytes = bytes.slice(0, at);
    else if (kind === 1) bytes = new Uint8Array([...bytes, ...random.bytes(random.below(40))]);
    else if (kind === 2)
      bytes = new Uint8Array([...bytes.subarray(0, at), ...(corpus[random.below(corpus.length)] as Uint8Array)]);
    else if (bytes.length > 0)
      bytes[at] = kind === 3 ? random.u32() : (telling[random.below(telling.length)] as number);
  }
  // A size that fits lets the payload's checks be reached.
  if (bytes.length >= 16 && random.below(2) === 0) new DataView(bytes.buffer).setUint32(12, bytes.length - 16, true);
  return bytes.slice(0, 3000);
}

function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

function tryFrame(bytes: Uint8Array): boolean {
  const room = new Uint8Array(bytes.length + 64).fill(0xff);
  room.set(bytes, 32);
  const inside = checkFrame(new DataView(room.buffer), 32, bytes.length);
  must(inside === checkFrame(new DataView(bytes.buffer), 0, bytes.length), "checkFrame reads outside");
  if (bytes.length > 1) classify(bytes[0] as number, bytes[1] as number, bytes);
  const decoded = decodeFrame(bytes);
  if (!decoded.ok) {
    must(wireErrors.includes(decoded.error), `error without a name: ${decoded.error}`);
    return false;
  }
  const { value } = decoded;
  const again =
    value.kind === "frame"
      ? encodeFrame(value.name, value, value.fields as never, value.tail)
      : encodeInput(value.name, value, value.fields as never, value.tail);
  must(again.toHex() === bytes.toHex(), `${value.name}: encodes to other bytes`);
  return true;
}

function tryRle(bytes: Uint8Array, size: number): boolean {
  const room = new Uint8Array(size + 32).fill(0xee);
  const picture = room.subarray(16, 16 + size);
  const isRefused = rleDecode(bytes, picture) !== undefined;
  must(
    room.subarray(0, 16).every((byte) => byte === 0xee),
    "wrote before",
  );
  must(
    room.subarray(16 + size).every((byte) => byte === 0xee),
    "wrote behind",
  );
  must(!isRefused || picture.every((byte) => byte === 0xee), "wrote what it refused");
  must((applyDelta(bytes, picture) !== undefined) === isRefused, "decoding and applying disagree");
  must(isRefused || picture.every((byte) => byte === 0), "a picture XOR itself is not zero");
  const packed = new Uint8Array(rleBound(bytes.length));
  const back = new Uint8Array(bytes.length);
  must(rleDecode(packed.subarray(0, rleEncode(bytes, packed)), back) === undefined, "refuses what it packed");
  must(back.toHex() === bytes.toHex(), "unpacks to other bytes");
  return !isRefused;
}

function trySignal(state: SignalState, bytes: Uint8Array): boolean {
  const before = state.value === undefined ? undefined : JSON.stringify(state.value);
  const error = state.diff(bytes);
  must(
    error === undefined || before === (state.value === undefined ? undefined : JSON.stringify(state.value)),
    "changed",
  );
  const parsed = parseSignal(bytes);
  if (!parsed.ok || state.value === undefined) return false;
  const patch = diffSignals(state.value, parsed.value);
  if (patch !== undefined) {
    const made = applyMergePatch(state.value, patch);
    const rest = JSON.stringify(diffSignals(made, parsed.value));
    const isObject = typeof parsed.value === "object" && parsed.value !== null && !Array.isArray(parsed.value);
    must(rest === (isObject ? "{}" : JSON.stringify(parsed.value)), "diff then apply is not the identity");
  }
  return true;
}

function tryHybrid(bytes: Uint8Array): boolean {
  const decoder = new HybridDecoder(32, 16);
  const videos = decoder.decode(bytes, bytes.length % 2 === 0);
  if (!videos.ok)
    must(
      decoder.picture.every((byte) => byte === 0),
      "drew what it refused",
    );
  else
    for (const one of videos.value)
      must(decoder.show(one, new Uint8Array(one.width * one.height * 4)), "a rectangle that cannot be shown");
  return videos.ok;
}

/** Runs until `enough` says so, given the runs so far; or to the first failure. */
export function fuzzDs(seed: number, enough: (runs: number) => boolean): FuzzReport {
  const random = new Prng(seed);
  let state = new SignalState(4096);
  let accepted = 0;
  let runs = 0;
  for (; !enough(runs); runs++) {
    const bytes = mutate(random);
    try {
      let isTaken = tryFrame(bytes);
      isTaken = tryRle(bytes, random.below(64)) || isTaken;
      isTaken = trySignal(state, bytes) || isTaken;
      isTaken = tryHybrid(bytes) || isTaken;
      if (isTaken) accepted++;
      h264CodecString(bytes);
      isH264Keyframe(bytes);
      inspectPacket(bytes);
      for (const packet of packetsOf(bytes)) must(packet.length > 0, "an empty packet in a file");
      if (runs % 256 === 0) state = new SignalState(4096);
      must(!Object.hasOwn(Object.prototype, "a"), "the prototype is polluted");
    } catch (cause) {
      return { runs, accepted, failure: `${cause}\ninput: ${bytes.toHex()}` };
    }
  }
  return { runs, accepted, failure: undefined };
}

if (import.meta.main) await fuzzLong("ds", fuzzDs);
