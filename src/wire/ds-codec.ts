/**
 * Reading and writing ds-stream frames (ds-stream sections 2 to 4 and 19): accessors, the check of a whole message,
 * encoders and decoders. Pure; what a peer sends wrong is a WireError value. A relay needs the accessors of the header only and
 * passes unknown types on; whoever plays or injects calls checkFrame or decodeFrame first.
 */
import { limits } from "../base/limits.ts";
import { accessors, check, encode, read } from "./codec.ts";
import {
  audienceLayout,
  audioCompressedLayout,
  audioPcmLayout,
  compressedPixelsLayout,
  type FrameName,
  frameBytes,
  frameFlag,
  frameLayout,
  framePayloads,
  frameType,
  gamepadAxisLayout,
  gamepadButtonLayout,
  type InputName,
  inputEvent,
  inputPayloads,
  keyframeFormat,
  keyframeLayout,
  keyLayout,
  midiLayout,
  pcmFormat,
  pointerLayout,
  resizeLayout,
  scrollLayout,
  touchEndLayout,
  touchLayout,
} from "./ds-layouts.ts";
import { rleBound } from "./rle.ts";
import type { Decoded, Layout, Values, WireError } from "./schema.ts";

/** Header accessors: `frame.type(view, at)`, `frame.set.sequence(view, at, 7)`; for messages of at least 16 bytes. */
export const frame = accessors(frameLayout);
/** Payload accessors; `at` is where the payload begins: 16 behind the frame. */
export const compressedPixels = accessors(compressedPixelsLayout);
export const keyframe = accessors(keyframeLayout);
export const audience = accessors(audienceLayout);
export const audioPcm = accessors(audioPcmLayout);
export const audioCompressed = accessors(audioCompressedLayout);
export const pointer = accessors(pointerLayout);
export const key = accessors(keyLayout);
export const touch = accessors(touchLayout);
export const touchEnd = accessors(touchEndLayout);
export const gamepadAxis = accessors(gamepadAxisLayout);
export const gamepadButton = accessors(gamepadButtonLayout);
export const midi = accessors(midiLayout);
export const scroll = accessors(scrollLayout);
export const resize = accessors(resizeLayout);

/** x or y of a pointer in relative mode, as signed motion. */
export const signed16 = (value: number): number => (value << 16) >> 16;

const noBytes = new Uint8Array(0);
const frameNames: (FrameName | undefined)[] = [];
for (const name of Object.keys(frameType) as FrameName[]) frameNames[frameType[name]] = name;
const inputNames: (InputName | undefined)[] = [];
for (const name of Object.keys(inputEvent) as InputName[]) inputNames[inputEvent[name]] = name;

/** Undefined for a code without a name. */
export const frameNameOf = (type: number): FrameName | undefined => frameNames[type];
export const inputNameOf = (type: number): InputName | undefined => inputNames[type];

const pictures: ReadonlySet<FrameName> = new Set(["pixels", "compressedPixels", "deltaPixels", "keyframe"]);
/** Frames that a receiver may begin with when they carry the flag KEYFRAME. */
const starters: ReadonlySet<FrameName> = new Set(["pixels", "compressedPixels", "keyframe", "neuralFrame"]);
/** Checks one whole message: header, flags, that sizes agree, and the payload's fixed fields. Allocates nothing. */
export function checkFrame(view: DataView, at: number, size: number): WireError | undefined {
  const error = check(frameLayout, view, at, size);
  if (error) return error;
  const flags = frame.flags(view, at);
  const type = frame.type(view, at);
  const payload = at + frameBytes;
  if ((flags & frameFlag.input) !== 0) {
    const event = inputNames[type];
    if (!event) return "type";
    return flags === frameFlag.input ? check(inputPayloads[event], view, payload, size - frameBytes) : "flags";
  }
  const name = frameNames[type];
  if (!name) return "type";
  if ((flags & frameFlag.keyframe) !== 0 && !starters.has(name)) return "flags";
  return (
    check(framePayloads[name], view, payload, size - frameBytes) ??
    (pictures.has(name) ? checkPicture(name, view, at, size - frameBytes) : undefined) ??
    checkPlain(name, view, at, size - frameBytes)
  );
}

/** The receivers that a well-formed Audience speaks of; undefined for every other message. */
export function audienceOf(message: Uint8Array): number | undefined {
  if (message[0] !== frameType.audience || message.length !== frameBytes + audienceLayout.bytes) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  return checkFrame(view, 0, message.length) === undefined ? audience.receivers(view, frameBytes) : undefined;
}

/** Sizes of raw and RLE packed pictures. */
function checkPicture(name: FrameName, view: DataView, at: number, size: number): WireError | undefined {
  const [width, height] = [frame.width(view, at), frame.height(view, at)];
  if (width < 1 || height < 1 || width > limits.width || height > limits.height) return "range";
  const isPacked = (frame.flags(view, at) & frameFlag.compressed) !== 0;
  const isRaw =
    name === "pixels" ||
    name === "deltaPixels" ||
    (name === "keyframe" && view.getUint8(at + frameBytes) === keyframeFormat.rgba);
  if (!isRaw) return isPacked ? "flags" : undefined;
  if (name === "deltaPixels" && !isPacked) return "flags";
  const bytes = size - framePayloads[name].bytes;
  if (isPacked) return bytes <= rleBound(4 * width * height) ? undefined : "length";
  return bytes === 4 * width * height ? undefined : "length";
}

/** What is left to check of frames that are no pictures. */
function checkPlain(name: FrameName, view: DataView, at: number, size: number): WireError | undefined {
  if (pictures.has(name)) return undefined;
  if ((frame.flags(view, at) & frameFlag.compressed) !== 0) return "flags";
  if (name !== "audioPcm") return undefined;
  const head = at + frameBytes;
  const sampleBytes = audioPcm.format(view, head) === pcmFormat.f32le ? 4 : 2;
  return (size - audioPcmLayout.bytes) % (sampleBytes * audioPcm.channels(view, head)) === 0 ? undefined : "length";
}

export interface FrameHead {
  /** 0 to 65535. */
  readonly sequence: number;
  /** Milliseconds since the stream's start, below 2^32. */
  readonly timestampMs: number;
  /** Pixels; 0 for what is no picture. */
  readonly width: number;
  readonly height: number;
  readonly isKeyframe: boolean;
  /** The payload is RLE packed (behind its format byte, where it has one). */
  readonly isCompressed: boolean;
}

type FrameFields<Name extends FrameName> = Values<(typeof framePayloads)[Name]>;
type InputFields<Name extends InputName> = Values<(typeof inputPayloads)[Name]>;

export type FrameMessage<Name extends FrameName = FrameName> = {
  [N in Name]: FrameHead & {
    readonly kind: "frame";
    readonly name: N;
    readonly fields: FrameFields<N>;
    /** What follows the fixed fields; a view into the message, not a copy. */
    readonly tail: Uint8Array;
  };
}[Name];

export type InputMessage<Name extends InputName = InputName> = {
  [N in Name]: FrameHead & {
    readonly kind: "input";
    readonly name: N;
    readonly fields: InputFields<N>;
    readonly tail: Uint8Array;
  };
}[Name];

/** Checks and reads one whole message. Pictures and sound are not copied: `tail` lives as long as `bytes` does. */
export function decodeFrame(bytes: Uint8Array): Decoded<FrameMessage | InputMessage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const error = checkFrame(view, 0, bytes.length);
  if (error) return { ok: false, error };
  const { type, flags, payloadSize, ...numbers } = read(frameLayout, view, 0);
  const isInput = (flags & frameFlag.input) !== 0;
  const name = isInput ? inputNames[type] : frameNames[type];
  const of: Layout = isInput ? inputPayloads[name as InputName] : framePayloads[name as FrameName];
  const value = {
    ...numbers,
    isKeyframe: (flags & frameFlag.keyframe) !== 0,
    isCompressed: (flags & frameFlag.compressed) !== 0,
    kind: isInput ? "input" : "frame",
    name,
    fields: read(of, view, frameBytes),
    tail: bytes.subarray(frameBytes + of.bytes),
  };
  return { ok: true, value: value as unknown as FrameMessage | InputMessage };
}

/** Parts of a header that need not be said; sizes 0, flags false. */
export type HeadValues = Pick<FrameHead, "sequence" | "timestampMs"> & Partial<FrameHead>;

/** Writes a header; `payloadSize` bytes follow it. `sequence` wraps at 2^16 and `timestampMs` at 2^32. Allocates nothing. */
export function putFrameHeader(
  view: DataView,
  at: number,
  type: number,
  flags: number,
  sequence: number,
  timestampMs: number,
  width: number,
  height: number,
  payloadSize: number,
): void {
  frame.set.type(view, at, type);
  frame.set.flags(view, at, flags);
  frame.set.sequence(view, at, sequence);
  frame.set.timestampMs(view, at, timestampMs);
  frame.set.width(view, at, width);
  frame.set.height(view, at, height);
  frame.set.payloadSize(view, at, payloadSize);
}

function make(type: number, flags: number, of: Layout, head: HeadValues, fields: unknown, tail: Uint8Array) {
  const out = new Uint8Array(frameBytes + of.bytes + tail.length);
  const view = new DataView(out.buffer);
  const { width = 0, height = 0 } = head;
  putFrameHeader(view, 0, type, flags, head.sequence, head.timestampMs, width, height, of.bytes + tail.length);
  encode(of, fields as Values<Layout>, view, frameBytes, tail.length);
  out.set(tail, frameBytes + of.bytes);
  const error = checkFrame(view, 0, out.length);
  if (error) throw new RangeError(`a ${of.name} frame would be refused: ${error}`);
  return out;
}

/** Makes a whole frame message. Throws a RangeError for one that decodeFrame would refuse. */
export function encodeFrame<Name extends FrameName>(
  name: Name,
  head: HeadValues,
  fields: FrameFields<Name>,
  tail: Uint8Array = noBytes,
): Uint8Array<ArrayBuffer> {
  const flags = (head.isKeyframe ? frameFlag.keyframe : 0) | (head.isCompressed ? frameFlag.compressed : 0);
  return make(frameType[name], flags, framePayloads[name], head, fields, tail);
}

/** Makes a whole input message; `tail` is for Voice, Camera, Sensor and Bci. Throws a RangeError like encodeFrame. */
export function encodeInput<Name extends InputName>(
  name: Name,
  head: HeadValues,
  fields: InputFields<Name>,
  tail: Uint8Array = noBytes,
): Uint8Array<ArrayBuffer> {
  return make(inputEvent[name], frameFlag.input, inputPayloads[name], head, fields, tail);
}
