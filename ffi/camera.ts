/**
 * Cameras (c/camera): what there is and what each offers, its controls, and frames as the device gives them. This file
 * marshals and reads the native side's lines of text; it decides nothing. Numbers of 64 bits are bigint.
 */
import { toArrayBuffer } from "bun:ffi";
import { fail, ok, type Result } from "../src/base/result.ts";
import { enums } from "./abi.ts";
import { type CameraDetails, type CameraList, readDetails, readList } from "./camera-lines.ts";
import { cString, native, type Pointer, ptr, textOf, type Wake, wakeCallback } from "./library.ts";
import { type NativeCounters, NativeRecord, readCounters } from "./record.ts";

const listBytes = 1 << 20;

/** Every camera node and media controller of this machine; those that cannot be opened say why. */
export function listCameras(): CameraList {
  const out = new Uint8Array(listBytes);
  const size = native().pb_camera_list(ptr(out), out.length) as number;
  return readList(textOf(out, size));
}

/** Inputs, formats and controls. `target` is a path, or the beginning of a name or bus address. */
export function describeCamera(target: string): Result<CameraDetails> {
  const out = new Uint8Array(listBytes);
  const error = new Uint8Array(512);
  const size = native().pb_camera_info(ptr(cString(target)), ptr(out), out.length, ptr(error), error.length) as number;
  return size < 0 ? fail("unavailable", textOf(error)) : ok(readDetails(textOf(out, size)));
}

/**
 * Sets one control by `CONTROL=VALUE`, or presses a button by its name; with `check` only says whether that could be.
 * The value says what the driver made of it, in the same form.
 */
export function setCameraControl(target: string, text: string, check = false): Result<string> {
  const out = new Uint8Array(4096);
  const error = new Uint8Array(512);
  const texts = [cString(target), cString(text)] as const;
  const lib = native();
  const size = lib.pb_camera_set(
    ptr(texts[0]),
    ptr(texts[1]),
    check ? 1 : 0,
    ptr(out),
    out.length,
    ptr(error),
    error.length,
  ) as number;
  return size < 0 ? fail("unavailable", textOf(error)) : ok(textOf(out, size).trimEnd());
}

export interface CameraSettings {
  /** DEVICE[,format=FOURCC][,input=N][,gone=wait|end]; "" for the first camera. */
  readonly target: string;
  /** Wishes in pixels and frames a second; 0 for none. */
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

/** Used again by the next take(). */
export interface CameraFrame {
  /** True at the end of a camera that is not waited for; there are no bytes then. */
  lost: boolean;
  compressed: boolean;
  /** Four characters. */
  format: string;
  width: number;
  height: number;
  /** Bytes from row to row of the first plane; 0 for compressed frames. */
  stride: number;
  sequence: number;
  captureUs: number;
  /** A view of native memory, valid until the next take() or close(). */
  data: Uint8Array;
}

export type CameraStats = NativeCounters<"pb_camera_stats">;

/** The camera that `--capture camera` takes pictures from; undefined when there is none. */
export function capturedCamera(): { away: boolean; rests: boolean; what: string; stats: CameraStats } | undefined {
  const out = new Uint8Array(512);
  let state: number = enums.camera_state.none;
  const stats = readCounters("pb_camera_stats", (counters) => {
    state = native().pb_camera_captured(ptr(out), out.length, ptr(counters));
  });
  if (state === enums.camera_state.none) return undefined;
  const { away, rests } = enums.camera_state;
  return { away: state === away, rests: state === rests, what: textOf(out), stats };
}

export interface Camera {
  /** What streams, or why nothing does at the moment. */
  describe(): string;
  rearm(): void;
  /** The newest frame; undefined when there is none since the last. */
  take(): CameraFrame | undefined;
  /** The taken frame as BGRA. A failure ("bad-data") means that the device gave a broken frame. */
  decode(): Result<{ width: number; height: number; pixels: Uint8Array }>;
  stats(): CameraStats;
  /** May be called twice. */
  close(): void;
}

const characters = (fourcc: number): string => {
  const letters = [0, 8, 16, 24].map((shift) => String.fromCharCode((fourcc >>> shift) & 0x7f)).join("");
  return letters.trimEnd() + (fourcc >>> 31 ? "-BE" : "");
};

/** Starts streaming. `onWake` runs on the event loop when there is a frame; it calls rearm() and then take(). */
export function openCamera(settings: CameraSettings, onWake: () => void): Result<Camera> {
  const lib = native();
  const error = new Uint8Array(512);
  const wake = wakeCallback(onWake);
  const target = cString(settings.target);
  const handle = lib.pb_camera_open(
    ptr(target),
    settings.width,
    settings.height,
    settings.fps,
    wake.ptr,
    ptr(error),
    error.length,
  ) as Pointer | null;
  if (!handle) {
    wake.close();
    return fail("unavailable", textOf(error) || "There is no memory.");
  }
  return ok(new NativeCamera(handle, wake));
}

class NativeCamera implements Camera {
  readonly #native = native();
  readonly #record = new NativeRecord("pb_camera_frame");
  readonly #frame: CameraFrame = {
    lost: false,
    compressed: false,
    format: "",
    width: 0,
    height: 0,
    stride: 0,
    sequence: 0,
    captureUs: 0,
    data: new Uint8Array(0),
  };
  readonly #wake: Wake;
  #handle: Pointer | null;
  #last: CameraStats | undefined;

  constructor(handle: Pointer, wake: Wake) {
    this.#handle = handle;
    this.#wake = wake;
  }

  #open(): Pointer {
    if (this.#handle === null) throw new Error("the camera is closed");
    return this.#handle;
  }

  describe(): string {
    const out = new Uint8Array(512);
    const size = this.#native.pb_camera_describe(this.#open(), ptr(out), out.length) as number;
    return textOf(out, size);
  }

  rearm(): void {
    this.#native.pb_camera_rearm(this.#open());
  }

  take(): CameraFrame | undefined {
    if (!this.#native.pb_camera_take(this.#open(), this.#record.pointer)) return undefined;
    const [frame, record] = [this.#frame, this.#record];
    const flags = record.u32("flags");
    const size = record.u32("size");
    frame.lost = (flags & enums.camera_flag.lost) !== 0;
    frame.compressed = (flags & enums.camera_flag.compressed) !== 0;
    frame.format = characters(record.u32("fourcc"));
    frame.width = record.u32("width");
    frame.height = record.u32("height");
    frame.stride = record.u32("stride");
    frame.sequence = record.u32("sequence");
    frame.captureUs = record.u64("capture_us");
    frame.data = size ? new Uint8Array(toArrayBuffer(record.u64("data") as Pointer, 0, size)) : new Uint8Array(0);
    return frame;
  }

  decode(): Result<{ width: number; height: number; pixels: Uint8Array }> {
    const { width, height } = this.#frame;
    const pixels = new Uint8Array(width * height * 4);
    const error = new Uint8Array(512);
    if (this.#native.pb_camera_decode(this.#open(), ptr(pixels), pixels.length, ptr(error), error.length) === 0)
      return ok({ width, height, pixels });
    return fail("bad-data", textOf(error));
  }

  /** After close(): the numbers at the end. */
  stats(): CameraStats {
    if (this.#handle === null && this.#last) return this.#last;
    const handle = this.#open();
    return readCounters("pb_camera_stats", (out) => this.#native.pb_camera_stats(handle, ptr(out)));
  }

  close(): void {
    if (this.#handle === null) return;
    this.#last = this.stats();
    this.#native.pb_camera_close(this.#handle);
    this.#handle = null;
    this.#wake.close();
  }
}
