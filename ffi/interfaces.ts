/**
 * What the native modules look like from TypeScript. The real ones (grabber.ts, player.ts, input.ts, udp.ts) and the fake
 * (fake.ts) implement these; tests/conformance runs one suite over both. Objects passed out of `take` and `drain` are reused
 * by the next call, so that a frame or a packet allocates nothing; whoever keeps one copies it.
 */
import type { Result } from "../src/base/result.ts";

/** What is encoded here; the wire knows more. */
export type VideoCodec = "h264" | "hevc";

export interface GrabberSettings {
  /** Backend name, or "auto" for the first that works. A named one that fails is an error. */
  capture: string;
  /** X display, device or file; "" for the default. */
  target: string;
  encoder: string;
  /** Only for sources that may choose their size; 0 for the default. */
  width: number;
  height: number;
  fps: number;
  bitrateBps: number;
  /** Frames from keyframe to keyframe; 0 for only on demand. */
  keyframeInterval: number;
  codec: VideoCodec;
}

export interface GrabberDescription {
  capture: string;
  encoder: string;
  width: number;
  height: number;
  codec: VideoCodec;
  detail: string;
}

/**
 * One encoded frame, or a notice, whose text() may say more: another encoder or another source goes on ("from<TAB>to<TAB>why"),
 * or nothing does. Times are microseconds of CLOCK_MONOTONIC.
 */
export interface EncodedFrame {
  kind: "frame" | "resized" | "lost" | "encoder" | "capture";
  keyframe: boolean;
  /** Native address of the access unit; valid until release(). */
  address: number;
  size: number;
  width: number;
  height: number;
  sequence: number;
  damageUs: number;
  captureUs: number;
  capturedUs: number;
  convertedUs: number;
  encodedUs: number;
}

export interface GrabberStats {
  captured: number;
  encoded: number;
  keyframes: number;
  skippedBusy: number;
  skippedFull: number;
  skippedEncoder: number;
  encodedBytes: number;
  wakeups: number;
  /** Captures that the encoder read where they lie, without a conversion. */
  imported: number;
  /** Frames lost because the encoder failed at them. */
  encoderFaults: number;
  /** How often another took over from one that failed. */
  encoderChanges: number;
  captureChanges: number;
}

export interface Grabber {
  describe(): GrabberDescription;
  /** Call first in every wake-up, then take() until it returns undefined. */
  rearm(): void;
  take(): EncodedFrame | undefined;
  /** The bytes of the frame last taken, as a view that is valid until release(). */
  bytes(frame: EncodedFrame): Uint8Array;
  /** What the notice last taken says; "" for nothing. */
  text(notice: EncodedFrame): string;
  release(): void;
  requestKeyframe(): void;
  setBitrate(bps: number): void;
  setFps(fps: number): void;
  setQuality(percent: number): void;
  setPaused(paused: boolean): void;
  stats(): GrabberStats;
  close(): void;
}

export interface PlayerSettings {
  display: string;
  target: string;
  decoder: string;
  title: string;
  width: number;
  height: number;
  fullscreen: boolean;
  /** Read the timecode out of each displayed picture (costs a little). */
  readTimecode: boolean;
  /** Gamepads and touch are wanted. */
  devices?: boolean | undefined;
}

/** A frame's fate, or what a person did. Only the fields of its kind are meaningful. */
export interface PlayerEvent {
  kind:
    | "shown"
    | "skipped"
    | "decode-error"
    | "input"
    | "focus-lost"
    | "closed"
    | "resized"
    | "lost"
    /** Another decoder goes on, or none can: describe() says why. */
    | "decoder"
    | "no-decoder"
    | "plugged"
    | "unplugged";
  frameId: number;
  captureUs: number;
  pushedUs: number;
  decodeBeginUs: number;
  decodedUs: number;
  shownUs: number;
  /** 0 when the picture carries none. */
  timecodeUs: number;
  type: number;
  code: number;
  value: number;
  width: number;
  height: number;
  /** Of input, plugged and unplugged: 0 keyboard and pointer, 1-4 gamepads, 16 touch screen, 17 pen. */
  device: number;
}

/** To begin with, for one event that is filled in again and again. */
export const blankPlayerEvent: Readonly<PlayerEvent> = {
  kind: "lost",
  frameId: 0,
  captureUs: 0,
  pushedUs: 0,
  decodeBeginUs: 0,
  decodedUs: 0,
  shownUs: 0,
  timecodeUs: 0,
  type: 0,
  code: 0,
  value: 0,
  width: 0,
  height: 0,
  device: 0,
};

export interface PlayerStats {
  pushed: number;
  decoded: number;
  shown: number;
  skippedLate: number;
  refusedFull: number;
  decodeErrors: number;
  /** How often another decoder took over from one that failed. */
  decoderChanges: number;
}

export interface PlayerDescription {
  display: string;
  decoder: string;
  /** Which decoder failed last and why; "" when none did. */
  failure: string;
  detail: string;
}

export interface Picture {
  width: number;
  height: number;
  /** BGRA, rows tightly packed. */
  pixels: Uint8Array;
}

export interface Player {
  describe(): PlayerDescription;
  /** Copies the access unit. False when the queue is full: drop up to the next keyframe and ask for one. */
  push(
    data: Uint8Array,
    size: number,
    frameId: number,
    keyframe: boolean,
    captureUs: number,
    coded?: VideoCodec,
  ): boolean;
  rearm(): void;
  take(): PlayerEvent | undefined;
  setPointerGrab(on: boolean): void;
  setFullscreen(on: boolean): void;
  /** Fingers are to come as fingers, and no longer move the pointer. */
  setTouch(on: boolean): void;
  /** What a gamepad calls itself. */
  deviceName(device: number): string;
  /** Strengths of 0 to 65535, until the next call or `durationMs` are over. */
  rumble(device: number, strong: number, weak: number, durationMs: number): void;
  snapshot(): Picture | undefined;
  stats(): PlayerStats;
  close(): void;
}

export interface InputFeedback {
  kind: "rumble" | "leds";
  device: number;
  /** 0 to 65535. */
  strong: number;
  weak: number;
  durationMs: number;
  /** Bit 0 num lock, 1 caps lock, 2 scroll lock. */
  leds: number;
}

export interface Injector {
  readonly backend: string;
  /** False for what this backend cannot inject. */
  send(type: number, code: number, value: number): boolean;
  flush(): void;
  /** Releases all keys and buttons of keyboard and pointer that are down; returns how many. */
  releaseAll(): number;
  /** Makes a device: 1-4 gamepads, 16 touch screen, 17 pen. What is plugged stays as it is. */
  plug(device: number, name: string): Result<void>;
  unplug(device: number): void;
  /** An event of a plugged device; type 0 ends a group. False for what it cannot do. */
  sendTo(device: number, type: number, code: number, value: number): boolean;
  /** Calls `onWake` when there is feedback: it should call rearm() and then feedback() until nothing is left. */
  listen(onWake: () => void): void;
  rearm(): void;
  /** The newest that this machine wants; used again by the next call. */
  feedback(): InputFeedback | undefined;
  close(): void;
}

/** An IP address and port. `key` is equal for equal addresses. */
export interface Address {
  readonly key: number;
  readonly host: string;
  readonly port: number;
  /** For the socket that made it. */
  readonly native: Uint8Array;
}

/** A received datagram in place: bytes [start, start + size) of `buffer`, valid during the callback only. */
export interface Datagram {
  buffer: Uint8Array;
  view: DataView;
  start: number;
  size: number;
  receivedUs: number;
  addressKey: number;
}

export interface FrameToSend {
  /** Native address of the access unit. */
  address: number;
  size: number;
  frameId: number;
  chunkFlags: number;
  captureUs: number;
  spreadUs: number;
}

export interface UdpStats {
  received: number;
  receivedBytes: number;
  sent: number;
  sentBytes: number;
  droppedRingFull: number;
  droppedKernel: number;
  droppedSendFull: number;
  sendErrors: number;
  sendBatches: number;
}

export interface UdpSocket {
  readonly port: number;
  readonly bufferBytes: number;
  rearm(): void;
  /** Hands each waiting datagram to `handle` and gives the slots back. Returns how many. */
  drain(handle: (datagram: Datagram) => void): number;
  /** The sender of a datagram as an address that can be kept (allocates). */
  addressOf(datagram: Datagram): Address;
  /** A literal IPv4 or IPv6 address. */
  address(host: string, port: number): Result<Address>;
  /** False when the system refused it (counted). */
  send(to: Address, data: Uint8Array, size: number): boolean;
  /** Seals under `key` with counters from `counter`. Returns the number of packets, or -1 when the queue has no room. */
  sendFrame(to: Address, key: Uint8Array, counter: number, frame: FrameToSend): number;
  stats(): UdpStats;
  close(): void;
}
