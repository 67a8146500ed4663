/**
 * One builder for each ds-stream frame and input event, arguments in the order of the source's builders: sequence (wraps at
 * 2^16), timestamp in milliseconds (wraps at 2^32), picture size, content (ds-stream section 3). Each returns a whole
 * message and throws a RangeError for what a decoder would refuse. They keep no state: counting sequences is the caller's.
 */
import { encodeFrame, encodeInput } from "./ds-codec.ts";
import {
  audioCodec,
  type InputName,
  keyframeFormat,
  type modifier,
  type PictureFormat,
  pcmFormat,
  pictureFormat,
  pointerMode,
  touchEnding,
} from "./ds-layouts.ts";

type Frame = Uint8Array<ArrayBuffer>;

/** A whole picture, RGBA, width x height x 4 bytes; carries the flag KEYFRAME. */
export const buildPixels = (
  sequence: number,
  timestampMs: number,
  width: number,
  height: number,
  rgba: Uint8Array,
): Frame => encodeFrame("pixels", { sequence, timestampMs, width, height, isKeyframe: true }, {}, rgba);

/** A whole picture, RGBA, already RLE packed. */
export const buildPackedPixels = (
  sequence: number,
  timestampMs: number,
  width: number,
  height: number,
  packed: Uint8Array,
): Frame =>
  encodeFrame("pixels", { sequence, timestampMs, width, height, isKeyframe: true, isCompressed: true }, {}, packed);

/** `data` is one still, or one access or temporal unit. `isKeyframe` says that a decoder can begin with it. */
export const buildCompressedPixels = (
  sequence: number,
  timestampMs: number,
  width: number,
  height: number,
  format: PictureFormat,
  data: Uint8Array,
  isKeyframe: boolean,
): Frame =>
  encodeFrame(
    "compressedPixels",
    { sequence, timestampMs, width, height, isKeyframe },
    { format: pictureFormat[format] },
    data,
  );

/** `packed` is what packDelta() of rle.ts makes. */
export const buildDeltaPixels = (
  sequence: number,
  timestampMs: number,
  width: number,
  height: number,
  packed: Uint8Array,
): Frame => encodeFrame("deltaPixels", { sequence, timestampMs, width, height, isCompressed: true }, {}, packed);

/** Full picture state. */
export const buildKeyframe = (
  sequence: number,
  timestampMs: number,
  width: number,
  height: number,
  format: keyof typeof keyframeFormat,
  data: Uint8Array,
): Frame =>
  encodeFrame(
    "keyframe",
    { sequence, timestampMs, width, height, isKeyframe: true },
    { format: keyframeFormat[format] },
    data,
  );

/** `samples`: whole interleaved samples. */
export const buildAudioPcm = (
  sequence: number,
  timestampMs: number,
  sampleRate: number,
  channels: number,
  format: keyof typeof pcmFormat,
  samples: Uint8Array,
): Frame =>
  encodeFrame("audioPcm", { sequence, timestampMs }, { sampleRate, channels, format: pcmFormat[format] }, samples);

/** One Opus packet of `samples` samples a channel. */
export const buildOpus = (
  sequence: number,
  timestampMs: number,
  sampleRate: number,
  channels: number,
  samples: number,
  packet: Uint8Array,
): Frame =>
  encodeFrame(
    "audioCompressed",
    { sequence, timestampMs },
    { codec: audioCodec.opus, channels, samples, sampleRate },
    packet,
  );

type Plain = (sequence: number, timestampMs: number, bytes: Uint8Array) => Frame;

/** JSON, UTF-8, of the complete state. */
export const buildSignalSync: Plain = (sequence, timestampMs, json) =>
  encodeFrame("signalSync", { sequence, timestampMs }, {}, json);
/** RFC 7396 merge patch, UTF-8. */
export const buildSignalDiff: Plain = (sequence, timestampMs, json) =>
  encodeFrame("signalDiff", { sequence, timestampMs }, {}, json);
export const buildSchemaAnnounce: Plain = (sequence, timestampMs, json) =>
  encodeFrame("schemaAnnounce", { sequence, timestampMs }, {}, json);

export type ApplicationFrame =
  | "haptic"
  | "actuator"
  | "ledMatrix"
  | "neuralFrame"
  | "neuralAudio"
  | "neuralActuator"
  | "neuralLatent";
/** Frames whose bytes only the application knows; a neuralFrame may carry the flag KEYFRAME. */
export const buildApplication = (
  name: ApplicationFrame,
  sequence: number,
  timestampMs: number,
  bytes: Uint8Array,
  isKeyframe = false,
): Frame => encodeFrame(name, { sequence, timestampMs, isKeyframe }, {}, bytes);

export const buildPing = (sequence: number, timestampMs: number): Frame =>
  encodeFrame("ping", { sequence, timestampMs }, {});
export const buildStreamEnd = (sequence: number, timestampMs: number): Frame =>
  encodeFrame("streamEnd", { sequence, timestampMs }, {});

/** For a source: how many receivers its channel has. */
export const buildAudience = (sequence: number, timestampMs: number, receivers: number): Frame =>
  encodeFrame("audience", { sequence, timestampMs }, { receivers });

type PointerName = "pointer" | "pointerDown" | "pointerUp";

/** `x` and `y` from 0 to 65535 across the picture; `buttons` held (a move) or changed now (down, up). */
export const buildPointer = (
  name: PointerName,
  sequence: number,
  timestampMs: number,
  x: number,
  y: number,
  buttons: number,
): Frame => encodeInput(name, { sequence, timestampMs }, { x, y, buttons, mode: pointerMode.absolute });

/** Motion of a locked pointer in pixels, -32768 to 32767 each way. */
export const buildPointerMotion = (
  name: PointerName,
  sequence: number,
  timestampMs: number,
  dx: number,
  dy: number,
  buttons: number,
): Frame =>
  encodeInput(name, { sequence, timestampMs }, { x: dx & 0xffff, y: dy & 0xffff, buttons, mode: pointerMode.relative });

/** `code` is a Linux key code, `modifiers` bits of {@link modifier}. */
export const buildKeyDown = (
  sequence: number,
  timestampMs: number,
  code: number,
  modifiers: number,
  isRepeat: boolean,
): Frame => encodeInput("keyDown", { sequence, timestampMs }, { code, modifiers, repeat: isRepeat ? 1 : 0 });
export const buildKeyUp = (sequence: number, timestampMs: number, code: number, modifiers: number): Frame =>
  encodeInput("keyUp", { sequence, timestampMs }, { code, modifiers, repeat: 0 });

/** 120 is one notch of the wheel, to the right and down. */
export const buildScroll = (sequence: number, timestampMs: number, dx: number, dy: number): Frame =>
  encodeInput("scroll", { sequence, timestampMs }, { dx, dy });

export const buildTouch = (
  sequence: number,
  timestampMs: number,
  id: number,
  x: number,
  y: number,
  pressure: number,
): Frame => encodeInput("touch", { sequence, timestampMs }, { id, pressure, x, y });
export const buildTouchEnd = (
  sequence: number,
  timestampMs: number,
  id: number,
  ending: keyof typeof touchEnding = "lifted",
): Frame => encodeInput("touchEnd", { sequence, timestampMs }, { id, ending: touchEnding[ending] });

/** `value` from -32767 to 32767. */
export const buildGamepadAxis = (
  sequence: number,
  timestampMs: number,
  pad: number,
  axis: number,
  value: number,
): Frame => encodeInput("gamepadAxis", { sequence, timestampMs }, { pad, axis, value });
/** `value` from 0 to 65535. */
export const buildGamepadButton = (
  sequence: number,
  timestampMs: number,
  pad: number,
  button: number,
  value: number,
): Frame => encodeInput("gamepadButton", { sequence, timestampMs }, { pad, button, value });

export const buildMidi = (sequence: number, timestampMs: number, status: number, data1: number, data2: number): Frame =>
  encodeInput("midi", { sequence, timestampMs }, { status, data1, data2 });
/** Pixels of the receiver's view. */
export const buildResize = (sequence: number, timestampMs: number, width: number, height: number): Frame =>
  encodeInput("resize", { sequence, timestampMs }, { width, height });

export type ApplicationInput = Extract<InputName, "voice" | "camera" | "sensor" | "bci">;
/** Input whose bytes only the application knows. */
export const buildApplicationInput = (
  name: ApplicationInput,
  sequence: number,
  timestampMs: number,
  bytes: Uint8Array,
): Frame => encodeInput(name, { sequence, timestampMs }, {}, bytes);
