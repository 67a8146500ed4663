/**
 * ds-stream frames as data: the 16-byte header, all frame and input types with their codes, flags and payload heads
 * (ds-stream sections 2 to 4, codes as frozen in section 19). The layouts of input payloads are Patchbay's own: fixed
 * sizes, no versions. It never reads or writes a byte: ds.ts does, and generate.ts makes c/gen/ds.h and the README's tables.
 */
import { limits } from "../base/limits.ts";
import { type Fields, type Layout, layout, reserved } from "./schema.ts";

/** The header of every frame. */
export const frameBytes = 16;
/** Most pixels of a picture. */
export const pixelLimit = limits.width * limits.height;
/** Most payload bytes: a picture RLE packed at its worst, and a format byte. Transports set lower limits of their own. */
export const framePayloadLimit = 2 * 4 * pixelLimit + 2;

/** Bits of the header's second byte. */
export const frameFlag = { input: 1, keyframe: 2, compressed: 4 } as const;

export const frameType = {
  pixels: 0x01,
  compressedPixels: 0x02,
  deltaPixels: 0x03,
  audioPcm: 0x10,
  audioCompressed: 0x11,
  haptic: 0x20,
  actuator: 0x21,
  ledMatrix: 0x22,
  signalSync: 0x30,
  signalDiff: 0x31,
  schemaAnnounce: 0x32,
  neuralFrame: 0x40,
  neuralAudio: 0x41,
  neuralActuator: 0x42,
  neuralLatent: 0x43,
  keyframe: 0xf0,
  /** Patchbay's own: from a relay to a source that asked for it (`?audience=1`), never relayed by it. */
  audience: 0xfd,
  ping: 0xfe,
  streamEnd: 0xff,
} as const;
export type FrameName = keyof typeof frameType;

/** Types of messages that carry the flag INPUT. */
export const inputEvent = {
  pointer: 0x01,
  pointerDown: 0x02,
  pointerUp: 0x03,
  keyDown: 0x10,
  keyUp: 0x11,
  touch: 0x20,
  touchEnd: 0x21,
  gamepadAxis: 0x30,
  gamepadButton: 0x31,
  midi: 0x40,
  scroll: 0x50,
  resize: 0x60,
  voice: 0x70,
  camera: 0x71,
  sensor: 0x80,
  bci: 0x90,
} as const;
export type InputName = keyof typeof inputEvent;

/** Formats of CompressedPixels. */
export const pictureFormat = {
  png: 1,
  webp: 2,
  jpeg: 3,
  h264: 4,
  hevc: 5,
  vp8: 6,
  vp9: 7,
  av1: 8,
  qoi: 9,
  zstd: 10,
  /** Patchbay's own, behind the last of section 19: none of those says which part of a picture is exact and which is video. */
  hybrid: 11,
} as const;
export type PictureFormat = keyof typeof pictureFormat;
/** Formats of Keyframe. */
export const keyframeFormat = { rgba: 0, ...pictureFormat } as const;

export const pcmFormat = { s16le: 1, f32le: 2 } as const;
export const audioCodec = { opus: 1 } as const;

/** As MouseEvent.buttons of browsers has them. */
export const pointerButton = { left: 1, right: 2, middle: 4, back: 8, forward: 16 } as const;
/** Absolute: 0 to 65535 across the picture. Relative: x and y are signed 16-bit motion (a locked pointer). */
export const pointerMode = { absolute: 0, relative: 1 } as const;
export const modifier = { shift: 1, control: 2, alt: 4, meta: 8, capsLock: 16, numLock: 32 } as const;
export const touchEnding = { lifted: 0, cancelled: 1 } as const;

const channels = { at: 0, type: "u8", range: [1, 8], doc: "channels" } as const;
const sampleRate = { at: 0, type: "u32", range: [1000, 384_000], doc: "samples a second of each channel" } as const;
const encoded = { min: 1, max: framePayloadLimit - 1, doc: "one encoded picture (video: one access or temporal unit)" };

export const frameLayout = layout({
  name: "frame",
  doc: "Header of every message; one WebSocket binary message is one frame",
  bytes: frameBytes,
  fields: {
    type: { at: 0, type: "u8", doc: "frame type; with the flag INPUT an input type" },
    flags: { at: 1, type: "u8", bits: frameFlag, error: "flags", doc: "1 INPUT, 2 KEYFRAME, 4 COMPRESSED (RLE)" },
    sequence: { at: 2, type: "u16", doc: "counting up, wrapping" },
    timestampMs: { at: 4, type: "u32", doc: "milliseconds since the stream's start" },
    width: { at: 8, type: "u16", doc: "pixels; of pictures 1 to 8192, else 0" },
    height: { at: 10, type: "u16", doc: "pixels; of pictures 1 to 8192, else 0" },
    payloadSize: { at: 12, type: "u32", doc: "bytes that follow" },
  },
  tail: { min: 0, max: framePayloadLimit, countedBy: "payloadSize", doc: "payload" },
});

export const compressedPixelsLayout = layout({
  name: "compressedPixels",
  doc: "Encoded picture; H.264 and HEVC as Annex B with parameter sets in every keyframe",
  bytes: 1,
  fields: { format: { at: 0, type: "u8", oneOf: pictureFormat, doc: "format; 11 is Patchbay's own, see hybrid" } },
  tail: encoded,
});

export const keyframeLayout = layout({
  name: "keyframe",
  doc: "Full picture state, always cached",
  bytes: 1,
  fields: { format: { at: 0, type: "u8", oneOf: keyframeFormat, doc: "format; 0 is RGBA" } },
  tail: encoded,
});

export const audioPcmLayout = layout({
  name: "audioPcm",
  doc: "Uncompressed sound",
  bytes: 8,
  fields: {
    sampleRate,
    channels: { ...channels, at: 4 },
    format: { at: 5, type: "u8", oneOf: pcmFormat, doc: "sample format" },
    reserved: reserved(6, "u16"),
  },
  tail: { min: 0, max: 1024 * 1024, doc: "interleaved samples, whole ones of all channels" },
});

export const audioCompressedLayout = layout({
  name: "audioCompressed",
  doc: "Compressed sound",
  bytes: 8,
  fields: {
    codec: { at: 0, type: "u8", oneOf: audioCodec, doc: "codec" },
    channels: { ...channels, at: 1 },
    samples: { at: 2, type: "u16", range: [1, 0xffff], doc: "samples of each channel" },
    sampleRate: { ...sampleRate, at: 4 },
  },
  tail: { min: 1, max: 64 * 1024, doc: "one packet" },
});

/** A payload without fixed fields. */
const bare = (name: string, doc: string, min: number, max: number, tail = doc): Layout<Fields> =>
  layout({ name, doc, bytes: 0, fields: {}, tail: { min, max, doc: tail } });

export const pixelsLayout = bare("pixels", "RGBA, width x height x 4 bytes", 1, framePayloadLimit);
export const deltaPixelsLayout = bare(
  "deltaPixels",
  "RLE of this picture XOR the one before, flag COMPRESSED set",
  1,
  framePayloadLimit,
);
export const signalLayout = bare("signal", "JSON, UTF-8 (a diff: RFC 7396 merge patch)", 1, limits.signalBytes);
export const applicationLayout = bare("application", "Bytes of the application", 0, 16 * 1024 * 1024);
export const emptyLayout = bare("empty", "Nothing", 0, 0);

export const audienceLayout = layout({
  name: "audience",
  doc: "How many receivers a source's channel has, on all relays; to a source that asked by ?audience=1",
  bytes: 4,
  fields: { receivers: { at: 0, type: "u32", doc: "receivers now" } },
});

export const pointerLayout = layout({
  name: "pointer",
  doc: "Pointer moved, button pressed or released",
  bytes: 6,
  fields: {
    x: { at: 0, type: "u16", doc: "0 to 65535 across the picture; relative: signed motion" },
    y: { at: 2, type: "u16", doc: "0 to 65535 down the picture; relative: signed motion" },
    buttons: { at: 4, type: "u8", bits: pointerButton, doc: "of a move: held; else: pressed or released now" },
    mode: { at: 5, type: "u8", oneOf: pointerMode, doc: "how x and y count" },
  },
});

export const keyLayout = layout({
  name: "key",
  doc: "Key pressed or released",
  bytes: 4,
  fields: {
    code: { at: 0, type: "u16", range: [1, 767], doc: "Linux key code (KEY_...)" },
    modifiers: { at: 2, type: "u8", bits: modifier, doc: "modifiers held" },
    repeat: { at: 3, type: "u8", range: [0, 1], doc: "1 when the keyboard repeats a held key" },
  },
});

export const touchLayout = layout({
  name: "touch",
  doc: "Finger down or moved",
  bytes: 6,
  fields: {
    id: { at: 0, type: "u8", doc: "finger, until its TouchEnd" },
    pressure: { at: 1, type: "u8", doc: "0 unknown, else 1 to 255" },
    x: { at: 2, type: "u16", doc: "0 to 65535 across the picture" },
    y: { at: 4, type: "u16", doc: "0 to 65535 down the picture" },
  },
});

export const touchEndLayout = layout({
  name: "touchEnd",
  doc: "Finger gone",
  bytes: 2,
  fields: {
    id: { at: 0, type: "u8", doc: "finger" },
    ending: { at: 1, type: "u8", oneOf: touchEnding, doc: "how" },
  },
});

export const gamepadAxisLayout = layout({
  name: "gamepadAxis",
  doc: "Stick or trigger moved",
  bytes: 4,
  fields: {
    pad: { at: 0, type: "u8", doc: "gamepad" },
    axis: { at: 1, type: "u8", doc: "axis in the standard mapping of browsers" },
    value: { at: 2, type: "i16", range: [-32_767, 32_767], doc: "-32767 left or up, 32767 right or down" },
  },
});

export const gamepadButtonLayout = layout({
  name: "gamepadButton",
  doc: "Gamepad button changed",
  bytes: 4,
  fields: {
    pad: { at: 0, type: "u8", doc: "gamepad" },
    button: { at: 1, type: "u8", doc: "button in the standard mapping of browsers" },
    value: { at: 2, type: "u16", doc: "0 released, 65535 pressed, between for analog ones" },
  },
});

export const midiLayout = layout({
  name: "midi",
  doc: "MIDI message",
  bytes: 3,
  fields: {
    status: { at: 0, type: "u8", range: [0x80, 0xff], doc: "status byte" },
    data1: { at: 1, type: "u8", range: [0, 127], doc: "first data byte, 0 when there is none" },
    data2: { at: 2, type: "u8", range: [0, 127], doc: "second data byte, 0 when there is none" },
  },
});

export const scrollLayout = layout({
  name: "scroll",
  doc: "Wheel turned",
  bytes: 4,
  fields: {
    dx: { at: 0, type: "i16", doc: "120 is one notch to the right" },
    dy: { at: 2, type: "i16", doc: "120 is one notch down" },
  },
});

export const resizeLayout = layout({
  name: "resize",
  doc: "Receiver's view has a new size",
  bytes: 4,
  fields: {
    width: { at: 0, type: "u16", range: [1, limits.width], doc: "pixels" },
    height: { at: 2, type: "u16", range: [1, limits.height], doc: "pixels" },
  },
});

export const hybridLayout = layout({
  name: "hybrid",
  doc: "Data of a picture of format hybrid (11), which players of other programs refuse as unknown",
  bytes: 8,
  fields: {
    tileSize: { at: 0, type: "u16", range: [16, 256], doc: "pixels of a tile's side; at most 128 tiles each way" },
    rectangles: { at: 2, type: "u16", doc: "video rectangles" },
    packedSize: { at: 4, type: "u32", doc: "bytes of the exact part" },
  },
  tail: {
    min: 2,
    max: framePayloadLimit,
    doc: "a bit a tile (1 video), exact part (RLE of an XOR, zero in video tiles), then the rectangles",
  },
});

export const hybridVideoLayout = layout({
  name: "hybridVideo",
  doc: "Head of a video rectangle in a hybrid picture; its edges are those of video tiles",
  bytes: 16,
  fields: {
    x: { at: 0, type: "u16", doc: "left edge in pixels" },
    y: { at: 2, type: "u16", doc: "upper edge in pixels" },
    width: { at: 4, type: "u16", range: [1, limits.width], doc: "pixels" },
    height: { at: 6, type: "u16", range: [1, limits.height], doc: "pixels" },
    dataSize: { at: 8, type: "u32", doc: "bytes of the encoded picture" },
    format: { at: 12, type: "u8", range: [pictureFormat.png, pictureFormat.zstd], doc: "as in compressedPixels" },
    isKeyframe: { at: 13, type: "u8", range: [0, 1], doc: "1 when a decoder can begin here; a new rectangle does" },
    reserved: reserved(14, "u16"),
  },
  tail: { min: 1, max: framePayloadLimit, countedBy: "dataSize", doc: "one encoded picture" },
});

/** What follows the header, by frame type. */
export const framePayloads = {
  pixels: pixelsLayout,
  compressedPixels: compressedPixelsLayout,
  deltaPixels: deltaPixelsLayout,
  audioPcm: audioPcmLayout,
  audioCompressed: audioCompressedLayout,
  haptic: applicationLayout,
  actuator: applicationLayout,
  ledMatrix: applicationLayout,
  signalSync: signalLayout,
  signalDiff: signalLayout,
  schemaAnnounce: signalLayout,
  neuralFrame: applicationLayout,
  neuralAudio: applicationLayout,
  neuralActuator: applicationLayout,
  neuralLatent: applicationLayout,
  keyframe: keyframeLayout,
  audience: audienceLayout,
  ping: emptyLayout,
  streamEnd: emptyLayout,
} as const satisfies Record<FrameName, Layout>;

/** What follows the header, by input type. */
export const inputPayloads = {
  pointer: pointerLayout,
  pointerDown: pointerLayout,
  pointerUp: pointerLayout,
  keyDown: keyLayout,
  keyUp: keyLayout,
  touch: touchLayout,
  touchEnd: touchEndLayout,
  gamepadAxis: gamepadAxisLayout,
  gamepadButton: gamepadButtonLayout,
  midi: midiLayout,
  scroll: scrollLayout,
  resize: resizeLayout,
  voice: applicationLayout,
  camera: applicationLayout,
  sensor: applicationLayout,
  bci: applicationLayout,
} as const satisfies Record<InputName, Layout>;

/** Every layout, the header first; those that several types share stand once. */
export const dsLayouts: readonly Layout[] = [
  frameLayout,
  ...new Set<Layout>([...Object.values(framePayloads), ...Object.values(inputPayloads)]),
  hybridLayout,
  hybridVideoLayout,
];
