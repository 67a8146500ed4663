/**
 * RootStream messages written by hand from the specification and never by the encoder: one table that feeds the decode test,
 * the encode test and the fuzzer's seeds. Every row of hex is one field.
 */
import type { PacketName, WireError } from "../../src/wire/root.ts";

const hex = (...rows: string[]): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(rows.join("").replaceAll(" ", ""));
const many = (byte: string, count: number): string => byte.repeat(count);

export interface HeaderCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly value: { readonly type: number; readonly counter: number; readonly payloadSize: number };
}

export const headers: readonly HeaderCase[] = [
  {
    name: "video, first counter",
    bytes: hex(
      "54 4f 4f 52", // magic 0x524F4F54
      "02", // version
      "02", // type VIDEO
      "00 00", // flags
      "01 00 00 00 00 00 00 00", // counter 1
      "56 05", // payload size 1366, the largest
    ),
    value: { type: 2, counter: 1, payloadSize: 1366 },
  },
  {
    name: "control, counter above 32 bits",
    bytes: hex(
      "54 4f 4f 52", // magic
      "02", // version
      "05", // type CONTROL
      "00 00", // flags
      "78 56 34 12 01 00 00 00", // counter 0x1_1234_5678
      "05 00", // payload size 5
    ),
    value: { type: 5, counter: 0x1_1234_5678, payloadSize: 5 },
  },
  {
    name: "ping, largest counter",
    bytes: hex(
      "54 4f 4f 52", // magic
      "02", // version
      "06", // type PING
      "00 00", // flags
      "ff ff ff ff ff ff 1f 00", // counter 2^53 - 1
      "10 00", // payload size 16
    ),
    value: { type: 6, counter: Number.MAX_SAFE_INTEGER, payloadSize: 16 },
  },
];

export interface PayloadCase {
  readonly name: string;
  readonly type: PacketName;
  readonly bytes: Uint8Array;
  readonly fields: Readonly<Record<string, number | Uint8Array>>;
  /** What follows the fixed fields. */
  readonly tail: Uint8Array;
}

const none = hex();

export const payloadCases: readonly PayloadCase[] = [
  {
    name: "hello of the least size",
    type: "handshake",
    bytes: hex(
      "01", // step hello
      "00", // reason
      "00 00", // reserved
      "04 03 02 01", // connection id 0x01020304
      many("00", 16), // no cookie
      many("ab", 376), // Noise message
    ),
    fields: { step: 1, reason: 0, connectionId: 0x01020304, cookie: new Uint8Array(16) },
    tail: hex(many("ab", 376)),
  },
  {
    name: "answer",
    type: "handshake",
    bytes: hex(
      "02", // step answer
      "00", // reason
      "00 00", // reserved
      "ff ff ff ff", // connection id, the largest
      many("00", 16), // cookie
      "01 02 03", // Noise message (too short to be real; the wire layer does not look into it)
    ),
    fields: { step: 2, reason: 0, connectionId: 0xffff_ffff, cookie: new Uint8Array(16) },
    tail: hex("01 02 03"),
  },
  {
    name: "cookie",
    type: "handshake",
    bytes: hex(
      "04", // step cookie
      "00", // reason
      "00 00", // reserved
      "07 00 00 00", // connection id
      "00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff", // cookie
    ),
    fields: { step: 4, reason: 0, connectionId: 7, cookie: hex("00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff") },
    tail: none,
  },
  {
    name: "refused, host is full",
    type: "handshake",
    bytes: hex(
      "05", // step refused
      "02", // reason full
      "00 00", // reserved
      "07 00 00 00", // connection id
      many("00", 16), // cookie
    ),
    fields: { step: 5, reason: 2, connectionId: 7, cookie: new Uint8Array(16) },
    tail: none,
  },
  {
    name: "frame in one chunk, H.264 keyframe",
    type: "video",
    bytes: hex(
      "2a 00 00 00", // frame 42
      "05 00 00 00", // 5 bytes in all
      "00 00 00 00", // offset
      "05 00", // 5 bytes here
      "03 00", // keyframe and last chunk, codec 0
      "40 42 0f 00 00 00 00 00", // captured at 1 000 000 us
      "00 00 00 01 65", // start code and an IDR slice
    ),
    fields: { frameId: 42, totalSize: 5, offset: 0, chunkSize: 5, flags: 3, timestampUs: 1_000_000 },
    tail: hex("00 00 00 01 65"),
  },
  {
    name: "middle chunk of the largest frame, AV1",
    type: "video",
    bytes: hex(
      "ff ff ff ff", // frame 2^32 - 1
      "00 00 00 01", // 16 MiB in all
      "3e 05 00 00", // offset 1342
      "3e 05", // 1342 bytes here, the most
      "20 00", // neither keyframe nor last, codec 2
      "00 00 00 00 01 00 00 00", // captured at 2^32 us
      many("5a", 1342), // data
    ),
    fields: {
      frameId: 0xffff_ffff,
      totalSize: 16 * 1024 * 1024,
      offset: 1342,
      chunkSize: 1342,
      flags: 0x20,
      timestampUs: 2 ** 32,
    },
    tail: hex(many("5a", 1342)),
  },
  {
    name: "last chunk, MJPEG",
    type: "video",
    bytes: hex(
      "01 00 00 00", // frame 1
      "40 05 00 00", // 1344 bytes in all
      "3e 05 00 00", // offset 1342
      "02 00", // 2 bytes here
      "33 00", // keyframe, last, codec 3
      "01 00 00 00 00 00 00 00", // captured at 1 us
      "ff d9", // data
    ),
    fields: { frameId: 1, totalSize: 1344, offset: 1342, chunkSize: 2, flags: 0x33, timestampUs: 1 },
    tail: hex("ff d9"),
  },
  {
    name: "20 ms of stereo",
    type: "audio",
    bytes: hex(
      "20 4e 00 00 00 00 00 00", // captured at 20 000 us
      "80 bb 00 00", // 48 000 samples a second
      "02 00", // 2 channels
      "c0 03", // 960 samples per channel
      "fc ff fe", // Opus packet: silence
    ),
    fields: { timestampUs: 20_000, sampleRate: 48_000, channels: 2, samples: 960 },
    tail: hex("fc ff fe"),
  },
  {
    name: "2.5 ms of a microphone, the largest packet",
    type: "audio",
    bytes: hex(
      "ff ff ff ff ff ff 1f 00", // captured at 2^53 - 1 us
      "80 3e 00 00", // 16 000 samples a second
      "01 00", // 1 channel
      "28 00", // 40 samples
      many("5a", 1350), // Opus packet (the wire layer does not look into it)
    ),
    fields: { timestampUs: Number.MAX_SAFE_INTEGER, sampleRate: 16_000, channels: 1, samples: 40 },
    tail: hex(many("5a", 1350)),
  },
  {
    name: "key A pressed",
    type: "input",
    bytes: hex(
      "01", // EV_KEY
      "1e 00", // KEY_A
      "01 00 00 00", // pressed
    ),
    fields: { type: 1, code: 30, value: 1 },
    tail: none,
  },
  {
    name: "pointer moved, then wheel",
    type: "input",
    bytes: hex(
      "03", // EV_ABS
      "00 00", // ABS_X
      "ff ff 00 00", // right edge
      "02", // EV_REL
      "08 00", // REL_WHEEL
      "ff ff ff ff", // one step down, -1
    ),
    fields: { type: 3, code: 0, value: 65_535 },
    tail: hex("02 08 00 ff ff ff ff"),
  },
  {
    name: "set bit rate",
    type: "control",
    bytes: hex(
      "03", // SET_BITRATE
      "80 96 98 00", // 10 000 000 bit/s
    ),
    fields: { command: 3, value: 10_000_000 },
    tail: none,
  },
  {
    name: "request keyframe",
    type: "control",
    bytes: hex(
      "05", // REQUEST_KEYFRAME
      "00 00 00 00", // no value
    ),
    fields: { command: 5, value: 0 },
    tail: none,
  },
  {
    name: "admit to view and input",
    type: "control",
    bytes: hex(
      "08", // ADMIT
      "05 00 00 00", // view 1 and input 4
    ),
    fields: { command: 8, value: 5 },
    tail: none,
  },
  {
    name: "admit to everything",
    type: "control",
    bytes: hex(
      "08", // ADMIT
      "1f 00 00 00", // view 1, sound 2, input 4, clipboard 8 and microphone 16
    ),
    fields: { command: 8, value: 31 },
    tail: none,
  },
  {
    name: "listen",
    type: "control",
    bytes: hex(
      "0a", // LISTEN
      "01 00 00 00", // sound, please
    ),
    fields: { command: 10, value: 1 },
    tail: none,
  },
  {
    name: "a third of the sound was lost",
    type: "control",
    bytes: hex(
      "0b", // SOUND_LOSS
      "21 00 00 00", // 33 percent
    ),
    fields: { command: 11, value: 33 },
    tail: none,
  },
  {
    name: "release keys, with a field of a later version",
    type: "control",
    bytes: hex(
      "09", // RELEASE_KEYS
      "00 00 00 00", // no value
      "77", // unknown
    ),
    fields: { command: 9, value: 0 },
    tail: hex("77"),
  },
  {
    name: "ping",
    type: "ping",
    bytes: hex(
      "15 cd 5b 07 00 00 00 00", // 123 456 789 us
      "2a 00 00 00", // last frame 42
      "00 00 00 00", // reserved
    ),
    fields: { timeUs: 123_456_789, lastFrameId: 42 },
    tail: none,
  },
  {
    name: "pong",
    type: "pong",
    bytes: hex(
      "15 cd 5b 07 00 00 00 00", // echoed 123 456 789 us
      "00 00 00 00 00 00 10 00", // received at 2^52 us
      "0a 00 00 00 00 00 10 00", // sent 10 us later
    ),
    fields: { echoedUs: 123_456_789, receivedUs: 2 ** 52, sentUs: 2 ** 52 + 10 },
    tail: none,
  },
  {
    name: "button released, reliably",
    type: "reliable",
    bytes: hex(
      "09 00 00 00", // sequence 9
      "04", // inner type INPUT
      "00 00 00", // reserved
      "01", // EV_KEY
      "10 01", // BTN_LEFT
      "00 00 00 00", // released
    ),
    fields: { sequence: 9, innerType: 4 },
    tail: hex("01 10 01 00 00 00 00"),
  },
  {
    name: "pause, reliably",
    type: "reliable",
    bytes: hex(
      "ff ff ff ff", // sequence 2^32 - 1
      "05", // inner type CONTROL
      "00 00 00", // reserved
      "01", // PAUSE
      "00 00 00 00", // no value
    ),
    fields: { sequence: 0xffff_ffff, innerType: 5 },
    tail: hex("01 00 00 00 00"),
  },
  {
    name: "ack",
    type: "ack",
    bytes: hex(
      "0a 00 00 00", // next expected 10
      "00 00 00 00", // reserved
    ),
    fields: { next: 10 },
    tail: none,
  },
  {
    name: "second gamepad plugged, with motors",
    type: "deviceInput",
    bytes: hex(
      "02", // gamepad 2
      "01", // plug
      "01 00", // rumbles
      "58 62 6f 78 20 c3 a9", // "Xbox é"
    ),
    fields: { device: 2, action: 1, capabilities: 1 },
    tail: hex("58 62 6f 78 20 c3 a9"),
  },
  {
    name: "gamepad: A pressed, left stick full left, right trigger half",
    type: "deviceInput",
    bytes: hex(
      "01", // gamepad 1
      "03", // events
      "00 00", // no capabilities
      "01 30 01 01 00 00 00", // EV_KEY BTN_A pressed
      "03 00 00 00 80 ff ff", // EV_ABS ABS_X -32768
      "03 05 00 80 00 00 00", // EV_ABS ABS_RZ 128
    ),
    fields: { device: 1, action: 3, capabilities: 0 },
    tail: hex("01 30 01 01 00 00 00 03 00 00 00 80 ff ff 03 05 00 80 00 00 00"),
  },
  {
    name: "touch: sixteenth slot lifted",
    type: "deviceInput",
    bytes: hex(
      "10", // touch screen
      "03", // events
      "00 00", // no capabilities
      "03 2f 00 0f 00 00 00", // EV_ABS ABS_MT_SLOT 15
      "03 39 00 ff ff ff ff", // EV_ABS ABS_MT_TRACKING_ID -1
    ),
    fields: { device: 16, action: 3, capabilities: 0 },
    tail: hex("03 2f 00 0f 00 00 00 03 39 00 ff ff ff ff"),
  },
  {
    name: "pen tilted left as far as it goes",
    type: "deviceInput",
    bytes: hex(
      "11", // pen
      "03", // events
      "00 00", // no capabilities
      "03 1a 00 a6 ff ff ff", // EV_ABS ABS_TILT_X -90
    ),
    fields: { device: 17, action: 3, capabilities: 0 },
    tail: hex("03 1a 00 a6 ff ff ff"),
  },
  {
    name: "gamepad unplugged, reliably",
    type: "reliable",
    bytes: hex(
      "01 00 00 00", // sequence 1
      "0a", // inner type DEVICE INPUT
      "00 00 00", // reserved
      "04", // gamepad 4
      "02", // unplug
      "00 00", // no capabilities
    ),
    fields: { sequence: 1, innerType: 10 },
    tail: hex("04 02 00 00"),
  },
  {
    name: "rumble",
    type: "rumble",
    bytes: hex(
      "03", // gamepad 3
      "00", // reserved
      "ff ff", // heavy motor, all it can
      "00 40", // light motor, a quarter
      "f4 01", // 500 ms
    ),
    fields: { device: 3, strong: 0xffff, weak: 0x4000, durationMs: 500 },
    tail: none,
  },
  {
    name: "the first gamepad is ready",
    type: "control",
    bytes: hex(
      "0c", // DEVICE_STATE
      "01 01 00 00", // gamepad 1, ready 1
    ),
    fields: { command: 12, value: 0x101 },
    tail: none,
  },
];

export const identityCase = {
  bytes: hex(
    many("11", 32), // Ed25519 key
    many("22", 64), // signature
    "03 00 00 80", // features 0x80000003
    "06", // 6 bytes of name
    "42 c3 bc 72 6f 31", // "Büro1"
  ),
  value: {
    publicKey: hex(many("11", 32)),
    signature: hex(many("22", 64)),
    features: 0x8000_0003,
    name: "Büro1",
  },
};

/** A whole datagram: header and handshake body, in plaintext. */
export const handshakeDatagram = hex(
  "54 4f 4f 52", // magic
  "02", // version
  "01", // type HANDSHAKE
  "00 00", // flags
  "00 00 00 00 00 00 00 00", // counter 0
  "18 00", // payload size 24
  "04", // step cookie
  "00", // reason
  "00 00", // reserved
  "07 00 00 00", // connection id
  "00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff", // cookie
);

export interface RefusedDatagram {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly error: WireError;
}

/** 18 bytes of header with one thing wrong, then `rest` zeros. */
const wrong = (name: string, error: WireError, header: string, rest = 16 + 5): RefusedDatagram => ({
  name,
  error,
  bytes: hex(header, many("00", rest)),
});

export const refusedDatagrams: readonly RefusedDatagram[] = [
  { name: "nothing", bytes: none, error: "short" },
  wrong("wrong magic", "magic", "54 4f 4f 53 02 05 0000 0100000000000000 0500"),
  wrong("magic in network order", "magic", "52 4f 4f 54 02 05 0000 0100000000000000 0500"),
  wrong("protocol version 1", "version-1", "54 4f 4f 52 01 05 0000 0100000000000000 0500"),
  wrong("protocol version 3", "version", "54 4f 4f 52 03 05 0000 0100000000000000 0500"),
  wrong("type 0", "type", "54 4f 4f 52 02 00 0000 0100000000000000 0500"),
  wrong("type 12", "type", "54 4f 4f 52 02 0c 0000 0100000000000000 0500"),
  wrong("flags", "flags", "54 4f 4f 52 02 05 0080 0100000000000000 0500"),
  wrong("counter 2^53", "counter", "54 4f 4f 52 02 05 0000 0000000000002000 0500"),
  wrong("counter 2^64 - 1", "counter", "54 4f 4f 52 02 05 0000 ffffffffffffffff 0500"),
  wrong("payload size one too large", "length", "54 4f 4f 52 02 05 0000 0100000000000000 0600"),
  wrong("payload size one too small", "length", "54 4f 4f 52 02 05 0000 0100000000000000 0400"),
  wrong("payload size that counts the MAC", "length", "54 4f 4f 52 02 05 0000 0100000000000000 1500"),
  wrong("no room for the MAC", "length", "54 4f 4f 52 02 05 0000 0100000000000000 0000", 15),
  wrong("payload above the limit", "length", "54 4f 4f 52 02 02 0000 0100000000000000 5705", 1367 + 16),
  wrong("handshake with a counter", "counter", "54 4f 4f 52 02 01 0000 0100000000000000 1800", 24),
  wrong("handshake with a MAC", "length", "54 4f 4f 52 02 01 0000 0000000000000000 1800", 24 + 16),
];

export interface RefusedPayload {
  readonly name: string;
  readonly type: PacketName;
  readonly bytes: Uint8Array;
  readonly error: WireError;
}

/** What constraints of single fields (see the generated negative tests) do not show. */
export const refusedPayloads: readonly RefusedPayload[] = [
  {
    name: "hello one byte too short to be answered",
    type: "handshake",
    bytes: hex("01 00 0000 04030201", many("00", 16), many("ab", 375)),
    error: "length",
  },
  {
    name: "hello with a reason",
    type: "handshake",
    bytes: hex("01 01 0000 04030201", many("00", 392)),
    error: "range",
  },
  {
    name: "refused for no reason",
    type: "handshake",
    bytes: hex("05 00 0000 04030201", many("00", 16)),
    error: "range",
  },
  {
    name: "chunk behind the frame's end",
    type: "video",
    bytes: hex("01000000 04000000 03000000 0200 0000", many("00", 8), "aa aa"),
    error: "range",
  },
  {
    name: "chunk that says less than it has",
    type: "video",
    bytes: hex("01000000 04000000 00000000 0200 0000", many("00", 8), "aa aa aa"),
    error: "length",
  },
  {
    name: "last chunk without its flag",
    type: "video",
    bytes: hex("01000000 02000000 00000000 0200 0000", many("00", 8), "aa aa"),
    error: "flags",
  },
  {
    name: "flag of the last chunk too early",
    type: "video",
    bytes: hex("01000000 03000000 00000000 0200 0200", many("00", 8), "aa aa"),
    error: "flags",
  },
  {
    name: "unknown codec",
    type: "video",
    bytes: hex("01000000 02000000 00000000 0200 4200", many("00", 8), "aa aa"),
    error: "flags",
  },
  {
    name: "reserved chunk flag",
    type: "video",
    bytes: hex("01000000 02000000 00000000 0200 0600", many("00", 8), "aa aa"),
    error: "flags",
  },
  {
    name: "empty frame",
    type: "video",
    bytes: hex("01000000 00000000 00000000 0000 0200", many("00", 8)),
    error: "range",
  },
  {
    name: "audio of 7999 samples a second",
    type: "audio",
    bytes: hex("0000000000000000 3f1f0000 0200 c003 fc"),
    error: "range",
  },
  {
    name: "audio of three channels",
    type: "audio",
    bytes: hex("0000000000000000 80bb0000 0300 c003 fc"),
    error: "range",
  },
  {
    name: "audio of more than 120 ms",
    type: "audio",
    bytes: hex("0000000000000000 80bb0000 0200 8116 fc"),
    error: "range",
  },
  { name: "audio without sound", type: "audio", bytes: hex("0000000000000000 80bb0000 0200 c003"), error: "length" },
  { name: "no events", type: "input", bytes: hex(""), error: "short" },
  { name: "an event and a half", type: "input", bytes: hex("01 1e00 01000000 01 1e00"), error: "length" },
  { name: "101 events", type: "input", bytes: hex(many("01 1e00 01000000", 101)), error: "length" },
  {
    name: "second event of unknown type",
    type: "input",
    bytes: hex("01 1e00 01000000 04 0000 00000000"),
    error: "range",
  },
  { name: "key code above KEY_MAX", type: "input", bytes: hex("01 0003 01000000"), error: "range" },
  { name: "key neither up, down nor repeated", type: "input", bytes: hex("01 1e00 03000000"), error: "range" },
  { name: "position left of the picture", type: "input", bytes: hex("03 0000 ffffffff"), error: "range" },
  { name: "bit rate below the range", type: "control", bytes: hex("03 1fa10700"), error: "range" },
  { name: "bit rate above the range", type: "control", bytes: hex("03 81f0fa02"), error: "range" },
  { name: "no frames a second", type: "control", bytes: hex("04 00000000"), error: "range" },
  { name: "145 frames a second", type: "control", bytes: hex("04 91000000"), error: "range" },
  { name: "quality 101", type: "control", bytes: hex("06 65000000"), error: "range" },
  { name: "unknown permission", type: "control", bytes: hex("08 20000000"), error: "range" },
  { name: "listen twice", type: "control", bytes: hex("0a 02000000"), error: "range" },
  { name: "101 percent of the sound lost", type: "control", bytes: hex("0b 65000000"), error: "range" },
  { name: "pause with a value", type: "control", bytes: hex("01 01000000"), error: "range" },
  {
    name: "reliable video",
    type: "reliable",
    bytes: hex("00000000 02 000000", "01000000 02000000 00000000 0200 0200", many("00", 8), "aa aa"),
    error: "range",
  },
  { name: "reliable in reliable", type: "reliable", bytes: hex("00000000 08 000000", many("00", 16)), error: "range" },
  {
    name: "reliable with half an event",
    type: "reliable",
    bytes: hex("00000000 04 000000 01 1e00 0100"),
    error: "short",
  },
  {
    name: "reliable with a wrong command",
    type: "reliable",
    bytes: hex("00000000 05 000000 7f 00000000"),
    error: "range",
  },
  { name: "unknown device", type: "deviceInput", bytes: hex("05 02 0000"), error: "range" },
  { name: "unplug with a name", type: "deviceInput", bytes: hex("01 02 0000 41"), error: "length" },
  { name: "unplug that rumbles", type: "deviceInput", bytes: hex("01 02 0100"), error: "range" },
  { name: "plug without a name", type: "deviceInput", bytes: hex("01 01 0000"), error: "length" },
  {
    name: "plug with 64 bytes of name",
    type: "deviceInput",
    bytes: hex("01 01 0000", many("41", 64)),
    error: "length",
  },
  { name: "plug with a line in its name", type: "deviceInput", bytes: hex("01 01 0000 41 0a 42"), error: "text" },
  { name: "plug whose name is no UTF-8", type: "deviceInput", bytes: hex("01 01 0000 ff fe"), error: "text" },
  { name: "no device events", type: "deviceInput", bytes: hex("01 03 0000"), error: "length" },
  {
    name: "101 device events",
    type: "deviceInput",
    bytes: hex("01 03 0000", many("01 3001 01000000", 101)),
    error: "length",
  },
  {
    name: "gamepad with a key of a keyboard",
    type: "deviceInput",
    bytes: hex("01 03 0000 01 1e00 01000000"),
    error: "range",
  },
  {
    name: "gamepad button that repeats",
    type: "deviceInput",
    bytes: hex("01 03 0000 01 3001 02000000"),
    error: "range",
  },
  { name: "stick beyond its end", type: "deviceInput", bytes: hex("01 03 0000 03 0000 00800000"), error: "range" },
  { name: "trigger above 255", type: "deviceInput", bytes: hex("01 03 0000 03 0200 00010000"), error: "range" },
  { name: "touch slot 16", type: "deviceInput", bytes: hex("10 03 0000 03 2f00 10000000"), error: "range" },
  { name: "pen that moves a wheel", type: "deviceInput", bytes: hex("11 03 0000 02 0800 01000000"), error: "range" },
  { name: "rumble of a touch screen", type: "rumble", bytes: hex("10 00 0000 0000 0000"), error: "range" },
  { name: "state of no device", type: "control", bytes: hex("0c 00010000"), error: "range" },
  { name: "a fourth lock key", type: "control", bytes: hex("0d 08000000"), error: "range" },
];
