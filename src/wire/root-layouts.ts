/**
 * RootStream protocol version 2 as data: every fixed layout once, with its numbers (RootStream sections 3 and 4, as frozen
 * in section 13). Handshake body, identity, ping, pong, reliable and ack fill what the source leaves open and are Patchbay's own.
 * It never reads or writes a byte: root.ts does, and generate.ts turns this file into c/gen/wire.h and the README's tables.
 */
import { limits } from "../base/limits.ts";
import { layout, reserved } from "./schema.ts";

/** A datagram is never larger than this. */
export const packetSizeLimit = limits.packetBytes;
export const headerBytes = 18;
export const tagBytes = 16;
export const chunkBytes = 24;
/** Largest plaintext of a sealed packet: 1366. */
export const payloadSizeLimit = packetSizeLimit - headerBytes - tagBytes;
/** Largest piece of a frame in one packet: 1342. */
export const chunkDataLimit = payloadSizeLimit - chunkBytes;
/** A hello is padded to this, so that no answer to a forged address is larger than what came. */
export const helloBytes = 400;
export const handshakeSizeLimit = 1024;
export const inputEventsLimit = 100;

export const magic = 0x524f4f54;
export const version = 2;

export const packetType = {
  handshake: 1,
  video: 2,
  audio: 3,
  input: 4,
  control: 5,
  ping: 6,
  pong: 7,
  reliable: 8,
  ack: 9,
  deviceInput: 10,
  rumble: 11,
} as const;
export type PacketName = keyof typeof packetType;

export const chunkFlag = { keyframe: 1, last: 2 } as const;
/** Codecs stand in bits 4-7 of the chunk flags. */
export const codecShift = 4;
export const codec = { h264: 0, hevc: 1, av1: 2, mjpeg: 3 } as const;

/** Feature bits of an identity. */
export const feature = { hevc: 1 } as const;

/** Linux event types. */
export const inputType = { key: 1, relative: 2, absolute: 3 } as const;
/** A client's devices beside keyboard and pointer. Gamepads are numbered by each client for itself. */
export const device = { pad1: 1, pad2: 2, pad3: 3, pad4: 4, touch: 16, pen: 17 } as const;
export const deviceAction = { plug: 1, unplug: 2, events: 3 } as const;
/** Bits of a plugged device's capabilities. */
export const deviceCapability = { rumble: 1 } as const;
/** What the host answers to a plug, and says later when that changes: full for all pads in use, unavailable for not here. */
export const deviceState = { ready: 1, full: 2, unavailable: 3 } as const;
/** The answer's value carries both numbers: the device in the low byte, its state above. */
export const deviceStateShift = 8;
/** Lamps of the keyboard. */
export const lockKey = { num: 1, caps: 2, scroll: 4 } as const;
/** Absolute positions run from 0 to this across the captured picture. */
export const absoluteLimit = 65_535;

export const controlCommand = {
  pause: 1,
  resume: 2,
  setBitrate: 3,
  setFps: 4,
  requestKeyframe: 5,
  setQuality: 6,
  disconnect: 7,
  admit: 8,
  releaseKeys: 9,
  listen: 10,
  soundLoss: 11,
  deviceState: 12,
  lockKeys: 13,
} as const;
/** Bits of admit's value; 0 says that the client waits for approval. */
export const permission = { view: 1, sound: 2, input: 4, clipboard: 8, microphone: 16 } as const;

export const handshakeStep = { hello: 1, answer: 2, finish: 3, cookie: 4, refused: 5 } as const;
export const refusal = { version: 1, full: 2, revoked: 3, busy: 4 } as const;

/** A receiver skips what a later version puts behind the fields it knows. */
const laterFields = { min: 0, max: 64, doc: "fields of later versions, skipped" };

export const headerLayout = layout({
  name: "header",
  doc: "Plaintext head of every datagram and associated data of its seal",
  bytes: headerBytes,
  fields: {
    magic: { at: 0, type: "u32", constant: magic, error: "magic", doc: '"ROOT"; on the wire 54 4F 4F 52' },
    version: {
      at: 4,
      type: "u8",
      constant: version,
      error: "version",
      errorFor: { 1: "version-1" },
      doc: "protocol version",
    },
    type: {
      at: 5,
      type: "u8",
      oneOf: packetType,
      error: "type",
      doc: "packet type; unknown ones are skipped and counted",
    },
    flags: { at: 6, type: "u16", constant: 0, error: "flags", doc: "reserved, 0" },
    counter: {
      at: 8,
      type: "u64",
      error: "counter",
      doc: "send counter, below 2^53; the seal's nonce; 0 in a handshake",
    },
    payloadSize: {
      at: 16,
      type: "u16",
      range: [0, payloadSizeLimit],
      error: "length",
      doc: "payload bytes without the MAC",
    },
  },
  tail: {
    min: 0,
    max: packetSizeLimit - headerBytes,
    doc: "sealed payload and its 16-byte MAC (a handshake: plaintext)",
  },
});

export const handshakeLayout = layout({
  name: "handshake",
  doc: "Handshake body",
  bytes: 24,
  fields: {
    step: { at: 0, type: "u8", oneOf: handshakeStep, doc: "step" },
    reason: {
      at: 1,
      type: "u8",
      rangeBy: { field: "step", of: { [handshakeStep.refused]: [1, 4] }, otherwise: [0, 0] },
      doc: "why refused: version 1, full 2, revoked 3, busy 4; else 0",
    },
    reserved: reserved(2, "u16"),
    connectionId: { at: 4, type: "u32", doc: "chosen by the client, echoed by the host" },
    cookie: { at: 8, type: "bytes", size: 16, doc: "given by the host under load, else zeros" },
  },
  tail: { min: 0, max: handshakeSizeLimit - 24, doc: "Noise message (a hello has 376 bytes or more)" },
});

export const identityLayout = layout({
  name: "identity",
  doc: "Payload of Noise messages 2 and 3",
  bytes: 101,
  fields: {
    publicKey: { at: 0, type: "bytes", size: 32, doc: "Ed25519 identity key" },
    signature: { at: 32, type: "bytes", size: 64, doc: "Ed25519 signature over the Noise static key" },
    features: { at: 96, type: "u32", doc: "feature bits: 1 decodes HEVC; unknown ones are skipped" },
    nameSize: { at: 100, type: "u8", range: [1, limits.deviceNameBytes], error: "length", doc: "bytes of the name" },
  },
  tail: { min: 1, max: 512, doc: "device name (UTF-8, no control characters), then fields of later versions" },
});

export const chunkLayout = layout({
  name: "chunk",
  doc: "Head of a video chunk",
  bytes: chunkBytes,
  fields: {
    frameId: { at: 0, type: "u32", doc: "frame number, counting up, wrapping" },
    totalSize: { at: 4, type: "u32", range: [1, limits.frameBytes], doc: "bytes of the whole encoded frame" },
    offset: { at: 8, type: "u32", range: [0, limits.frameBytes - 1], doc: "where this chunk lies in the frame" },
    chunkSize: { at: 12, type: "u16", range: [1, chunkDataLimit], error: "length", doc: "bytes of this chunk" },
    flags: {
      at: 14,
      type: "u16",
      bits: chunkFlag,
      part: { shift: codecShift, mask: 15, oneOf: codec },
      error: "flags",
      doc: "bit 0 keyframe, bit 1 last chunk, bits 4-7 codec",
    },
    timestampUs: { at: 16, type: "u64", doc: "capture time, microseconds of the host's monotonic clock" },
  },
  tail: { min: 1, max: chunkDataLimit, countedBy: "chunkSize", doc: "the chunk" },
});

export const audioLayout = layout({
  name: "audio",
  doc: "Head of an audio packet",
  bytes: 16,
  fields: {
    timestampUs: { at: 0, type: "u64", doc: "capture time, microseconds of the sender's monotonic clock" },
    sampleRate: { at: 8, type: "u32", range: [8_000, 48_000], doc: "samples a second" },
    channels: { at: 12, type: "u16", range: [1, 2], doc: "channels" },
    samples: { at: 14, type: "u16", range: [1, 5_760], doc: "samples per channel" },
  },
  tail: { min: 1, max: payloadSizeLimit - 16, doc: "one Opus packet" },
});

export const inputLayout = layout({
  name: "input",
  doc: "One input event; an INPUT payload is 1 to 100 of them back to back",
  bytes: 7,
  fields: {
    type: { at: 0, type: "u8", oneOf: inputType, doc: "Linux event type: EV_KEY 1, EV_REL 2, EV_ABS 3" },
    code: {
      at: 1,
      type: "u16",
      rangeBy: { field: "type", of: { 1: [1, 0x2ff], 2: [0, 0x0f], 3: [0, 0x3f] }, otherwise: [0, 0] },
      doc: "Linux event code: key or button, or axis",
    },
    value: {
      at: 3,
      type: "i32",
      rangeBy: { field: "type", of: { 1: [0, 2], 2: [-32_768, 32_767], 3: [0, absoluteLimit] }, otherwise: [0, 0] },
      doc: "key: 0 up, 1 down, 2 repeat; relative: delta; absolute: 0-65535 across the picture",
    },
  },
  tail: { min: 0, max: (inputEventsLimit - 1) * 7, unit: 7, doc: "more events" },
});

export const controlLayout = layout({
  name: "control",
  doc: "A command",
  bytes: 5,
  fields: {
    command: { at: 0, type: "u8", oneOf: controlCommand, doc: "command" },
    value: {
      at: 1,
      type: "u32",
      rangeBy: {
        field: "command",
        of: {
          [controlCommand.setBitrate]: [limits.bitrateBps.min, limits.bitrateBps.max],
          [controlCommand.setFps]: [limits.fps.min, limits.fps.max],
          [controlCommand.setQuality]: [0, 100],
          [controlCommand.admit]: [0, 31],
          [controlCommand.listen]: [0, 1],
          [controlCommand.soundLoss]: [0, 100],
          [controlCommand.deviceState]: [(deviceState.ready << deviceStateShift) + 1, 0x3ff],
          [controlCommand.lockKeys]: [0, 7],
        },
        otherwise: [0, 0],
      },
      doc:
        "set bitrate: bit/s; set fps: frames/s; set quality: 0-100; admit: permission bits; listen: 1 asks for sound, 0 " +
        "for none; sound loss: percent of the sound that did not arrive lately; device state: device in the low byte, " +
        "above it ready 1, full 2, unavailable 3; lock keys: num 1, caps 2, scroll 4; else 0",
    },
  },
  tail: laterFields,
});

export const pingLayout = layout({
  name: "ping",
  doc: "Keepalive and clock question",
  bytes: 16,
  fields: {
    timeUs: { at: 0, type: "u64", doc: "sender's monotonic clock, microseconds" },
    lastFrameId: { at: 8, type: "u32", doc: "last video frame sent (host), else 0" },
    reserved: reserved(12, "u32"),
  },
  tail: laterFields,
});

export const pongLayout = layout({
  name: "pong",
  doc: "Answer to a ping",
  bytes: 24,
  fields: {
    echoedUs: { at: 0, type: "u64", doc: "the ping's time" },
    receivedUs: { at: 8, type: "u64", doc: "when the ping came, answerer's monotonic clock" },
    sentUs: { at: 16, type: "u64", doc: "when this pong left, answerer's monotonic clock" },
  },
  tail: laterFields,
});

export const reliableLayout = layout({
  name: "reliable",
  doc: "An INPUT, CONTROL, DEVICE INPUT or RUMBLE payload that is sent again until acknowledged",
  bytes: 8,
  fields: {
    sequence: { at: 0, type: "u32", doc: "sequence number, from 0, wrapping" },
    innerType: {
      at: 4,
      type: "u8",
      oneOf: {
        input: packetType.input,
        control: packetType.control,
        deviceInput: packetType.deviceInput,
        rumble: packetType.rumble,
      },
      doc: "4, 5, 10 or 11",
    },
    reserved: reserved(5, "u8"),
    reserved2: reserved(6, "u16"),
  },
  tail: { min: 4, max: payloadSizeLimit - 8, doc: "the inner payload" },
});

export const ackLayout = layout({
  name: "ack",
  doc: "Acknowledges every reliable message before `next`",
  bytes: 8,
  fields: {
    next: { at: 0, type: "u32", doc: "next sequence number expected" },
    reserved: reserved(4, "u32"),
  },
  tail: laterFields,
});

export const deviceInputLayout = layout({
  name: "deviceInput",
  doc: "A gamepad, touch screen or pen comes, goes, or was used",
  bytes: 4,
  fields: {
    device: { at: 0, type: "u8", oneOf: device, doc: "gamepads 1-4, touch screen 16, pen 17" },
    action: { at: 1, type: "u8", oneOf: deviceAction, doc: "plug 1, unplug 2, events 3" },
    capabilities: {
      at: 2,
      type: "u16",
      rangeBy: { field: "action", of: { [deviceAction.plug]: [0, deviceCapability.rumble] }, otherwise: [0, 0] },
      doc: "plug: bit 0 rumbles; else 0",
    },
  },
  tail: {
    min: 0,
    max: inputEventsLimit * inputLayout.bytes,
    doc: "plug: name (UTF-8, 1-63 bytes, no control characters); events: 1-100 of 7 bytes, laid out as input events",
  },
});

export const rumbleLayout = layout({
  name: "rumble",
  doc: "What the motors of a client's gamepad shall do from now on",
  bytes: 8,
  fields: {
    device: { at: 0, type: "u8", range: [device.pad1, device.pad4], doc: "the client's number of the gamepad" },
    reserved: reserved(1, "u8"),
    strong: { at: 2, type: "u16", doc: "strength of the heavy motor" },
    weak: { at: 4, type: "u16", doc: "strength of the light motor" },
    durationMs: { at: 6, type: "u16", doc: "milliseconds, unless the next message comes before" },
  },
  tail: laterFields,
});

/** What a packet type carries, for dispatch, tables and tests. `sealed` is false for plaintext without a MAC. */
export const payloads = {
  handshake: { layout: handshakeLayout, sealed: false, direction: "both", doc: "key exchange" },
  video: { layout: chunkLayout, sealed: true, direction: "host to client", doc: "one chunk of an encoded frame" },
  audio: { layout: audioLayout, sealed: true, direction: "both", doc: "one Opus packet: sound, or a microphone back" },
  input: { layout: inputLayout, sealed: true, direction: "client to host", doc: "input events" },
  control: { layout: controlLayout, sealed: true, direction: "both", doc: "a command" },
  ping: { layout: pingLayout, sealed: true, direction: "both", doc: "keepalive" },
  pong: { layout: pongLayout, sealed: true, direction: "both", doc: "keepalive answer" },
  reliable: {
    layout: reliableLayout,
    sealed: true,
    direction: "both",
    doc: "input or command, repeated until acknowledged",
  },
  ack: { layout: ackLayout, sealed: true, direction: "both", doc: "acknowledgement of reliable packets" },
  deviceInput: {
    layout: deviceInputLayout,
    sealed: true,
    direction: "client to host",
    doc: "gamepads, touch screen and pen",
  },
  rumble: { layout: rumbleLayout, sealed: true, direction: "host to client", doc: "force feedback of a gamepad" },
} as const satisfies Record<PacketName, unknown>;
