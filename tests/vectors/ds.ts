/**
 * ds-stream messages written by hand from ds-stream section 19 and the layouts of ds-layouts.ts, never by the encoder:
 * one table that feeds the decode test, the encode test and the fuzzer's seeds. Every row of hex is one field.
 */
import type { FrameName, InputName, WireError } from "../../src/wire/ds.ts";

const hex = (...rows: string[]): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(rows.join("").replaceAll(" ", ""));
const none = hex();

interface Head {
  readonly sequence: number;
  readonly timestampMs: number;
  readonly width?: number;
  readonly height?: number;
  readonly isKeyframe?: boolean;
  readonly isCompressed?: boolean;
}

interface MessageCase<Kind, Name> {
  readonly title: string;
  readonly kind: Kind;
  readonly name: Name;
  readonly bytes: Uint8Array;
  readonly head: Head;
  readonly fields: Readonly<Record<string, number>>;
  readonly tail: Uint8Array;
}
export type FrameCase = MessageCase<"frame", FrameName>;
export type InputCase = MessageCase<"input", InputName>;

export const frameCases: readonly FrameCase[] = [
  {
    title: "a picture of 2 x 1 pixels",
    kind: "frame",
    name: "pixels",
    bytes: hex(
      "01", // type Pixels
      "02", // flags KEYFRAME
      "34 12", // sequence 0x1234
      "78 56 34 12", // timestamp 0x12345678 ms
      "02 00", // width
      "01 00", // height
      "08 00 00 00", // payload size
      "ff 00 00 ff", // red
      "00 ff 00 80", // green, half transparent
    ),
    head: { sequence: 0x1234, timestampMs: 0x12345678, width: 2, height: 1, isKeyframe: true },
    fields: {},
    tail: hex("ff 00 00 ff 00 ff 00 80"),
  },
  {
    title: "a picture, RLE packed",
    kind: "frame",
    name: "pixels",
    bytes: hex(
      "01", // type Pixels
      "06", // flags KEYFRAME, COMPRESSED
      "00 00", // sequence
      "00 00 00 00", // timestamp
      "02 00", // width
      "01 00", // height
      "03 00 00 00", // payload size
      "00 08 00", // 8 zero bytes
    ),
    head: { sequence: 0, timestampMs: 0, width: 2, height: 1, isKeyframe: true, isCompressed: true },
    fields: {},
    tail: hex("00 08 00"),
  },
  {
    title: "H.264 between keyframes",
    kind: "frame",
    name: "compressedPixels",
    bytes: hex(
      "02", // type CompressedPixels
      "00", // flags
      "ff ff", // sequence, the last before it wraps
      "ff ff ff ff", // timestamp, the last before it wraps
      "80 07", // width 1920
      "38 04", // height 1080
      "07 00 00 00", // payload size
      "04", // format H.264
      "00 00 00 01 41 9a", // slice that is no IDR
    ),
    head: { sequence: 0xffff, timestampMs: 0xffff_ffff, width: 1920, height: 1080 },
    fields: { format: 4 },
    tail: hex("00 00 00 01 41 9a"),
  },
  {
    title: "a WebP still",
    kind: "frame",
    name: "compressedPixels",
    bytes: hex(
      "02", // type CompressedPixels
      "02", // flags KEYFRAME
      "01 00", // sequence
      "10 00 00 00", // timestamp
      "00 20", // width 8192, the largest
      "00 20", // height 8192
      "05 00 00 00", // payload size
      "02", // format WebP
      "52 49 46 46", // RIFF
    ),
    head: { sequence: 1, timestampMs: 16, width: 8192, height: 8192, isKeyframe: true },
    fields: { format: 2 },
    tail: hex("52 49 46 46"),
  },
  {
    title: "a picture that did not change",
    kind: "frame",
    name: "deltaPixels",
    bytes: hex(
      "03", // type DeltaPixels
      "04", // flags COMPRESSED
      "02 00", // sequence
      "20 00 00 00", // timestamp
      "0a 00", // width
      "0a 00", // height
      "03 00 00 00", // payload size
      "00 90 01", // 400 zero bytes
    ),
    head: { sequence: 2, timestampMs: 32, width: 10, height: 10, isCompressed: true },
    fields: {},
    tail: hex("00 90 01"),
  },
  {
    title: "two samples of stereo",
    kind: "frame",
    name: "audioPcm",
    bytes: hex(
      "10", // type AudioPcm
      "00", // flags
      "03 00", // sequence
      "21 00 00 00", // timestamp
      "00 00 00 00", // no picture
      "10 00 00 00", // payload size
      "80 bb 00 00", // 48000 Hz
      "02", // channels
      "01", // s16le
      "00 00", // reserved
      "01 00 ff ff 02 00 fe ff", // left, right, left, right
    ),
    head: { sequence: 3, timestampMs: 33 },
    fields: { sampleRate: 48_000, channels: 2, format: 1 },
    tail: hex("01 00 ff ff 02 00 fe ff"),
  },
  {
    title: "an Opus packet",
    kind: "frame",
    name: "audioCompressed",
    bytes: hex(
      "11", // type AudioCompressed
      "00", // flags
      "04 00", // sequence
      "22 00 00 00", // timestamp
      "00 00 00 00", // no picture
      "0b 00 00 00", // payload size
      "01", // Opus
      "02", // channels
      "c0 03", // 960 samples
      "80 bb 00 00", // 48000 Hz
      "fc ff fe", // packet
    ),
    head: { sequence: 4, timestampMs: 34 },
    fields: { codec: 1, channels: 2, samples: 960, sampleRate: 48_000 },
    tail: hex("fc ff fe"),
  },
  ...(
    [
      ["20", "haptic"],
      ["21", "actuator"],
      ["22", "ledMatrix"],
      ["40", "neuralFrame"],
      ["41", "neuralAudio"],
      ["42", "neuralActuator"],
      ["43", "neuralLatent"],
    ] as const
  ).map(
    ([type, name]): FrameCase => ({
      title: "bytes of the application",
      kind: "frame",
      name,
      bytes: hex(type, "00", "05 00", "23 00 00 00", "00 00 00 00", "02 00 00 00", "ab cd"),
      head: { sequence: 5, timestampMs: 35 },
      fields: {},
      tail: hex("ab cd"),
    }),
  ),
  ...(
    [
      ["30", "signalSync"],
      ["31", "signalDiff"],
      ["32", "schemaAnnounce"],
    ] as const
  ).map(
    ([type, name]): FrameCase => ({
      title: "an empty object",
      kind: "frame",
      name,
      bytes: hex(type, "00", "06 00", "24 00 00 00", "00 00 00 00", "02 00 00 00", "7b 7d"),
      head: { sequence: 6, timestampMs: 36 },
      fields: {},
      tail: hex("7b 7d"),
    }),
  ),
  {
    title: "full state as one RGBA pixel",
    kind: "frame",
    name: "keyframe",
    bytes: hex(
      "f0", // type Keyframe
      "02", // flags KEYFRAME
      "07 00", // sequence
      "25 00 00 00", // timestamp
      "01 00", // width
      "01 00", // height
      "05 00 00 00", // payload size
      "00", // format RGBA
      "01 02 03 04", // pixel
    ),
    head: { sequence: 7, timestampMs: 37, width: 1, height: 1, isKeyframe: true },
    fields: { format: 0 },
    tail: hex("01 02 03 04"),
  },
  {
    title: "three receivers, as a relay tells its source",
    kind: "frame",
    name: "audience",
    bytes: hex("fd", "00", "0a 00", "00 00 00 00", "00 00 00 00", "04 00 00 00", "03 00 00 00"),
    head: { sequence: 10, timestampMs: 0 },
    fields: { receivers: 3 },
    tail: none,
  },
  {
    title: "keepalive",
    kind: "frame",
    name: "ping",
    bytes: hex("fe", "00", "08 00", "00 00 00 00", "00 00 00 00", "00 00 00 00"),
    head: { sequence: 8, timestampMs: 0 },
    fields: {},
    tail: none,
  },
  {
    title: "the end",
    kind: "frame",
    name: "streamEnd",
    bytes: hex("ff", "00", "09 00", "26 00 00 00", "00 00 00 00", "00 00 00 00"),
    head: { sequence: 9, timestampMs: 38 },
    fields: {},
    tail: none,
  },
];

/** The header of an input message: type, flag INPUT, sequence 1, time 2 ms, no picture, payload size. */
const inputHead = (type: string, size: string): string => `${type} 01 0100 02000000 00000000 ${size}000000`;
const head: Head = { sequence: 1, timestampMs: 2 };
const input = (
  name: InputName,
  title: string,
  bytes: Uint8Array,
  fields: Readonly<Record<string, number>>,
  tail = none,
): InputCase => ({ kind: "input", name, title, bytes, head, fields, tail });

export const inputCases: readonly InputCase[] = [
  input(
    "pointer",
    "dragged with the left button to the lower right corner",
    hex(inputHead("01", "06"), "ff ff", "ff ff", "01", "00"),
    { x: 0xffff, y: 0xffff, buttons: 1, mode: 0 },
  ),
  input("pointer", "locked, moved by -1 and 2", hex(inputHead("01", "06"), "ff ff", "02 00", "00", "01"), {
    x: 0xffff,
    y: 2,
    buttons: 0,
    mode: 1,
  }),
  input("pointerDown", "right button", hex(inputHead("02", "06"), "00 01", "02 00", "02", "00"), {
    x: 256,
    y: 2,
    buttons: 2,
    mode: 0,
  }),
  input("pointerUp", "middle button", hex(inputHead("03", "06"), "00 00", "00 00", "04", "00"), {
    x: 0,
    y: 0,
    buttons: 4,
    mode: 0,
  }),
  input("keyDown", "A with shift, repeated", hex(inputHead("10", "04"), "1e 00", "01", "01"), {
    code: 30,
    modifiers: 1,
    repeat: 1,
  }),
  input("keyUp", "right control (97)", hex(inputHead("11", "04"), "61 00", "00", "00"), {
    code: 97,
    modifiers: 0,
    repeat: 0,
  }),
  input("touch", "finger 3, half pressed", hex(inputHead("20", "06"), "03", "80", "10 00", "20 00"), {
    id: 3,
    pressure: 128,
    x: 16,
    y: 32,
  }),
  input("touchEnd", "finger 3 lost to a gesture", hex(inputHead("21", "02"), "03", "01"), { id: 3, ending: 1 }),
  input("gamepadAxis", "left stick full left", hex(inputHead("30", "04"), "00", "00", "01 80"), {
    pad: 0,
    axis: 0,
    value: -32_767,
  }),
  input("gamepadButton", "trigger of the second pad", hex(inputHead("31", "04"), "01", "07", "ff 7f"), {
    pad: 1,
    button: 7,
    value: 0x7fff,
  }),
  input("midi", "middle C", hex(inputHead("40", "03"), "90", "3c", "7f"), { status: 0x90, data1: 60, data2: 127 }),
  input("scroll", "one notch up", hex(inputHead("50", "04"), "00 00", "88 ff"), { dx: 0, dy: -120 }),
  input("resize", "1280 x 720", hex(inputHead("60", "04"), "00 05", "d0 02"), { width: 1280, height: 720 }),
  ...(
    [
      ["70", "voice"],
      ["71", "camera"],
      ["80", "sensor"],
      ["90", "bci"],
    ] as const
  ).map(([type, name]) =>
    input(name, "bytes of the application", hex(inputHead(type, "03"), "01 02 03"), {}, hex("01 02 03")),
  ),
];

export interface RefusedMessage {
  readonly title: string;
  readonly bytes: Uint8Array;
  readonly error: WireError;
}

/** A frame of type and flags with sizes and a payload, for what is wrong with it. */
const spoilt = (type: string, flags: string, size: string, payload: string, picture = "01 00 01 00"): Uint8Array =>
  hex(type, flags, "00 00", "00 00 00 00", picture, size, payload);

export const refusedMessages: readonly RefusedMessage[] = [
  { title: "nothing", bytes: none, error: "short" },
  { title: "a header cut by one byte", bytes: hex("fe", "00", "00".repeat(13)), error: "short" },
  {
    title: "a size that says more than there is",
    bytes: spoilt("01", "02", "05 00 00 00", "01 02 03 04"),
    error: "length",
  },
  {
    title: "a size that says less than there is",
    bytes: spoilt("01", "02", "03 00 00 00", "01 02 03 04"),
    error: "length",
  },
  { title: "the largest size said of nothing", bytes: spoilt("01", "02", "ff ff ff ff", ""), error: "length" },
  { title: "an unknown flag", bytes: spoilt("fe", "08", "00 00 00 00", ""), error: "flags" },
  { title: "an unknown frame type", bytes: spoilt("04", "00", "00 00 00 00", ""), error: "type" },
  { title: "a frame type that is no input type", bytes: spoilt("fe", "01", "00 00 00 00", ""), error: "type" },
  { title: "an input event that says keyframe", bytes: spoilt("60", "03", "04 00 00 00", "00050005"), error: "flags" },
  { title: "a picture of no width", bytes: spoilt("01", "02", "01 00 00 00", "01", "00 00 01 00"), error: "range" },
  { title: "a picture of no height", bytes: spoilt("01", "02", "01 00 00 00", "01", "01 00 00 00"), error: "range" },
  { title: "a picture too wide", bytes: spoilt("02", "00", "02 00 00 00", "0401", "01 20 01 00"), error: "range" },
  { title: "fewer pixels than the picture has", bytes: spoilt("01", "02", "03 00 00 00", "010203"), error: "length" },
  {
    title: "more pixels than the picture has",
    bytes: spoilt("01", "02", "05 00 00 00", "0102030405"),
    error: "length",
  },
  { title: "no pixels at all", bytes: spoilt("01", "02", "00 00 00 00", ""), error: "length" },
  { title: "packed over the bound", bytes: spoilt("01", "06", "0a 00 00 00", "01".repeat(10)), error: "length" },
  { title: "a delta that is not packed", bytes: spoilt("03", "00", "04 00 00 00", "01020304"), error: "flags" },
  { title: "a delta that says keyframe", bytes: spoilt("03", "06", "03 00 00 00", "000400"), error: "flags" },
  { title: "a delta over the bound", bytes: spoilt("03", "04", "0a 00 00 00", "01".repeat(10)), error: "length" },
  { title: "an encoded picture, packed", bytes: spoilt("02", "04", "02 00 00 00", "0401"), error: "flags" },
  { title: "a format of no name", bytes: spoilt("02", "00", "02 00 00 00", "0c01"), error: "range" },
  { title: "format 0 outside a keyframe", bytes: spoilt("02", "00", "05 00 00 00", "0001020304"), error: "range" },
  { title: "an encoded picture of no bytes", bytes: spoilt("02", "00", "01 00 00 00", "04"), error: "length" },
  { title: "a keyframe of too few pixels", bytes: spoilt("f0", "02", "04 00 00 00", "00010203"), error: "length" },
  { title: "half a sample", bytes: spoilt("10", "00", "0b 00 00 00", "80bb0000 02 01 0000 010203"), error: "length" },
  {
    title: "reserved bytes of sound",
    bytes: spoilt("10", "00", "08 00 00 00", "80bb0000 02 01 0100"),
    error: "reserved",
  },
  {
    title: "sound that says keyframe",
    bytes: spoilt("10", "02", "08 00 00 00", "80bb0000 02 01 0000"),
    error: "flags",
  },
  { title: "sound that says packed", bytes: spoilt("10", "04", "08 00 00 00", "80bb0000 02 01 0000"), error: "flags" },
  { title: "a signal of no bytes", bytes: spoilt("30", "00", "00 00 00 00", ""), error: "length" },
  { title: "a ping with a payload", bytes: spoilt("fe", "00", "01 00 00 00", "00"), error: "length" },
  { title: "an unknown pointer button", bytes: spoilt("01", "01", "06 00 00 00", "00000000 20 00"), error: "range" },
  { title: "a key event cut short", bytes: spoilt("10", "01", "03 00 00 00", "1e0001"), error: "short" },
  { title: "a key event too long", bytes: spoilt("10", "01", "05 00 00 00", "1e00000000"), error: "length" },
  { title: "a view of no width", bytes: spoilt("60", "01", "04 00 00 00", "00000100"), error: "range" },
];
