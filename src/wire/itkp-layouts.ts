/**
 * ITKP messages (itk-protocol, sections 1.1 to 1.4) stated once, data only: the 20-byte header, every message type with its fields,
 * and what validation asks of them. It reads and writes no byte: itkp-codec.ts does, and itkp-c.ts makes the C header from it.
 *
 * The encoding of payloads is Patchbay's own, since the original's is that of one library and nowhere written down:
 * - A payload begins with the four bytes of `encodingTag`: "PBK" and the encoding's version. Payloads of the original, which has
 *   the same header version, are refused by it. A message without fields has an empty payload, in both.
 * - Fields follow in the order of the tables, packed, little-endian. `valueTypes` says how each type is written.
 * - An optional field is one byte, 0 for absent or 1, then the value if there is one.
 * - Later versions of Patchbay may append optional fields. Bytes behind the known fields are skipped, and a field that is
 *   missing because the payload ends before it is absent. Any other change gets a new version byte.
 */
import { layout } from "./schema.ts";

export const headerLayout = layout({
  name: "header",
  doc: "Head of every message",
  bytes: 20,
  fields: {
    magic: { at: 0, type: "u32", constant: 0x504b5449, error: "magic", doc: '"ITKP"; bytes 49 54 4B 50' },
    version: { at: 4, type: "u32", constant: 2, error: "version", doc: "protocol version" },
    type: { at: 8, type: "u32", doc: "message type" },
    payloadSize: { at: 12, type: "u32", range: [0, 1_048_576], error: "length", doc: "bytes of the payload" },
    crc: { at: 16, type: "u32", doc: "CRC-32 (IEEE) of the payload" },
  },
  tail: { min: 0, max: 1_048_576, countedBy: "payloadSize", doc: "payload" },
});

export const headerBytes = 20;
export const magic = 0x504b5449;
export const protocolVersion = 2;
/** Most bytes of a payload, of a string's UTF-8, and of a data field's UTF-8. */
export const payloadLimit = 1_048_576;
export const stringLimit = 256;
export const dataLimit = 65_536;
/** "PBK" and the encoding's version, as they stand on the wire. */
export const encodingTag = [0x50, 0x42, 0x4b, 0x01] as const;
/** Whole numbers of 64 bits stop here, so that every language can count them exactly. */
export const u64Limit = Number.MAX_SAFE_INTEGER;
/** A string's size is written in two bytes. */
export const stringSizeLimit = 0xffff;

export const valueTypes = {
  bool: "1 byte, 0 or 1",
  u32: "4 bytes",
  i32: "4 bytes, two's complement",
  u64: "8 bytes, at most 2^53 - 1",
  f32: "4 bytes, IEEE 754",
  f64: "8 bytes, IEEE 754",
  str: "2 bytes for the size, then that much UTF-8",
  data: "4 bytes for the size, then that much UTF-8",
} as const;
export type ValueType = keyof typeof valueTypes;

/** A field is a value or another structure. Every float must be finite; strings and data have the limits above. */
export interface ValueField {
  readonly type: ValueType;
  readonly doc: string;
  readonly optional?: true;
  /** Validation: at least, at most, and above these. */
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
}
export interface StructField {
  readonly struct: "ScreenRect" | "WindowState";
  readonly doc: string;
}
export type PayloadField = ValueField | StructField;
export interface MessageLayout {
  readonly type: number;
  readonly doc: string;
  readonly fields: Readonly<Record<string, PayloadField>>;
}

const appId = { type: "str", doc: "who the state is of" } as const;
const timestampMs = { type: "u64", doc: "monotonic clock, ms" } as const;
const contentId = { type: "str", doc: "what is played" } as const;
const playbackRate = { type: "f64", above: 0, doc: "speed; 1 is normal" } as const;
const positionMs = { type: "u64", doc: "position, ms" } as const;
const durationMs = { type: "u64", doc: "whole length, ms; 0 is unknown or live" } as const;
const isPlaying = { type: "bool", doc: "not paused" } as const;

/** By the names of itk-protocol, section 1.3. */
export const messages = {
  Ping: { type: 0, doc: "Are you there", fields: {} },
  Pong: { type: 1, doc: "Answer to Ping", fields: {} },
  ScreenRect: {
    type: 10,
    doc: "Where something stands in a window",
    fields: {
      x: { type: "f32", doc: "left edge, window pixels" },
      y: { type: "f32", doc: "upper edge, window pixels" },
      width: { type: "f32", doc: "window pixels" },
      height: { type: "f32", doc: "window pixels" },
      rotation: { type: "f32", doc: "radians" },
      visible: { type: "bool", doc: "to be shown" },
    },
  },
  WindowState: {
    type: 11,
    doc: "A window and its screen",
    fields: {
      x: { type: "i32", doc: "left edge, screen pixels" },
      y: { type: "i32", doc: "upper edge, screen pixels" },
      width: { type: "u32", doc: "screen pixels" },
      height: { type: "u32", doc: "screen pixels" },
      dpiScale: { type: "f32", min: 0.1, max: 10, doc: "1 is 96 dots an inch" },
      isFullscreen: { type: "bool", doc: "fills the screen" },
      isBorderless: { type: "bool", doc: "has no frame" },
      isFocused: { type: "bool", doc: "has the keyboard" },
    },
  },
  OverlayUpdate: {
    type: 12,
    doc: "Both at one time",
    fields: {
      rect: { struct: "ScreenRect", doc: "where the overlay stands" },
      window: { struct: "WindowState", doc: "the window below it" },
      timestampMs,
    },
  },
  StateSnapshot: {
    type: 20,
    doc: "All of a program's state",
    fields: { appId, timestampMs, data: { type: "data", doc: "the state, JSON" } },
  },
  StateEvent: {
    type: 21,
    doc: "Something happened",
    fields: {
      appId,
      eventType: { type: "str", doc: "what happened" },
      timestampMs,
      data: { type: "data", doc: "more about it, JSON" },
    },
  },
  StateQuery: {
    type: 22,
    doc: "A question about state",
    fields: {
      appId,
      queryType: { type: "str", doc: "what is asked" },
      params: { type: "data", doc: "more about it, JSON" },
    },
  },
  StateResponse: {
    type: 23,
    doc: "Answer to StateQuery",
    fields: {
      success: { type: "bool", doc: "it was answered" },
      data: { type: "data", optional: true, doc: "the answer on success, JSON" },
      error: { type: "str", optional: true, doc: "why not, on failure" },
    },
  },
  SyncState: {
    type: 30,
    doc: "Where playback stands, as a reference point",
    fields: {
      contentId,
      positionAtRefMs: { type: "u64", doc: "position at the reference time, ms" },
      refWallclockMs: { type: "u64", doc: "reference time, Unix ms" },
      isPlaying,
      playbackRate,
    },
  },
  ClockPing: { type: 31, doc: "Clock question", fields: { senderTimeMs: { type: "u64", doc: "asker's clock, ms" } } },
  ClockPong: {
    type: 32,
    doc: "Answer to ClockPing",
    fields: {
      senderTimeMs: { type: "u64", doc: "copied from the question" },
      receiverTimeMs: { type: "u64", doc: "answerer's clock, ms" },
    },
  },
  VideoLoad: {
    type: 40,
    doc: "Open a video",
    fields: {
      source: { type: "data", doc: "file or URL" },
      startPositionMs: { type: "u64", doc: "where to begin, ms" },
      autoplay: { type: "bool", doc: "play at once" },
    },
  },
  VideoPlay: {
    type: 41,
    doc: "Play",
    fields: { fromPositionMs: { type: "u64", optional: true, doc: "from here, ms; absent: from where it stands" } },
  },
  VideoPause: { type: 42, doc: "Pause", fields: {} },
  VideoSeek: { type: 43, doc: "Go to a position", fields: { positionMs } },
  VideoState: {
    type: 44,
    doc: "What the player does",
    fields: {
      contentId,
      positionMs,
      durationMs,
      isPlaying,
      isBuffering: { type: "bool", doc: "waiting for data" },
      playbackRate,
      volume: { type: "f32", min: 0, max: 1, doc: "0 is silent, 1 is full" },
    },
  },
  VideoMetadata: {
    type: 45,
    doc: "What the player plays",
    fields: {
      contentId,
      width: { type: "u32", doc: "pixels" },
      height: { type: "u32", doc: "pixels" },
      durationMs,
      fps: { type: "f32", doc: "pictures a second; 0 is unknown" },
      codec: { type: "str", doc: "the video codec's name" },
      isLive: { type: "bool", doc: "has no end" },
      title: { type: "str", optional: true, doc: "for people" },
    },
  },
  VideoError: {
    type: 46,
    doc: "The player failed",
    fields: {
      code: { type: "u32", doc: "a video error code; unknown ones are passed on" },
      message: { type: "str", doc: "for people" },
      isRecoverable: { type: "bool", doc: "trying again may help" },
    },
  },
  Error: {
    type: 255,
    doc: "A request failed",
    fields: { code: { type: "u32", doc: "the answerer's own number" }, message: { type: "str", doc: "for people" } },
  },
} as const satisfies Readonly<Record<string, MessageLayout>>;

export type ItkpName = keyof typeof messages;

/** `code` of VideoError. */
export const videoErrorCode = {
  unknown: 0,
  openFailed: 1,
  noVideoStream: 2,
  codecUnsupported: 3,
  decode: 4,
  network: 5,
  authenticationNeeded: 6,
  regionBlocked: 7,
  youtubeExtractionFailed: 8,
  youtubeNotEnabled: 9,
} as const;

/** Why a payload is refused, the same words in both languages. */
export const reasons = {
  short: "is cut short",
  tag: "is not Patchbay's encoding",
  encoding: "is an encoding of another version",
  bool: "is neither 0 nor 1",
  utf8: "is not UTF-8",
  big: "is above 2^53 - 1",
  number: "does not fit its type",
  finite: "is not a finite number",
  string: `is longer than ${stringLimit} bytes`,
  data: `is longer than ${dataLimit} bytes`,
  low: "is below its range",
  high: "is above its range",
} as const;
export type Reason = (typeof reasons)[keyof typeof reasons];

type TypeOf<T extends ValueType> = T extends "bool" ? boolean : T extends "str" | "data" ? string : number;
type FieldType<F> = F extends { readonly struct: infer S extends ItkpName }
  ? Payload<S>
  : F extends { readonly type: infer T extends ValueType }
    ? TypeOf<T>
    : never;
type FieldsOf<N extends ItkpName> = (typeof messages)[N]["fields"];
type OptionalKeys<F> = { [K in keyof F]: F[K] extends { readonly optional: true } ? K : never }[keyof F];
type PayloadOf<F> = { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: FieldType<F[K]> } & {
  readonly [K in OptionalKeys<F>]?: FieldType<F[K]> | undefined;
};

/** A message's fields: numbers, booleans and strings; optional ones may be left out. */
export type Payload<N extends ItkpName> = PayloadOf<FieldsOf<N>>;
/** A decoded message; `name` tells which payload it has. */
export type ItkpMessage = { readonly [N in ItkpName]: { readonly name: N; readonly payload: Payload<N> } }[ItkpName];
