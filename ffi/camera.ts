/**
 * Cameras (c/camera): what there is and what each offers, its controls, and frames as the device gives them. This file
 * marshals and reads the native side's lines of text; it decides nothing. Numbers of 64 bits are bigint.
 */
import { toArrayBuffer } from "bun:ffi";
import { fail, ok, type Result } from "../src/base/result.ts";
import { enums, structs } from "./abi.ts";
import { layoutOf } from "./abi-layout.ts";
import { type CameraDetails, type CameraList, readDetails, readList } from "./camera-lines.ts";
import { cString, native, type Pointer, ptr, textOf, wakeCallback } from "./library.ts";

const listBytes = 1 << 20;
const frameLayout = layoutOf("pb_camera_frame");
const statsFields = Object.keys(structs.pb_camera_stats) as (keyof typeof structs.pb_camera_stats)[];

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

export type CameraStats = Record<keyof typeof structs.pb_camera_stats, number>;

function readStats(out: BigUint64Array): CameraStats {
  return Object.fromEntries(statsFields.map((field, index) => [field, Number(out[index] ?? 0n)])) as CameraStats;
}

/** The camera that `--capture camera` takes pictures from; undefined when there is none. */
export function capturedCamera(): { away: boolean; what: string; stats: CameraStats } | undefined {
  const out = new Uint8Array(512);
  const stats = new BigUint64Array(statsFields.length);
  const state = native().pb_camera_captured(ptr(out), out.length, ptr(stats)) as number;
  if (state === enums.camera_state.none) return undefined;
  return { away: state === enums.camera_state.away, what: textOf(out), stats: readStats(stats) };
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
  let isOpen = true;
  const wake = wakeCallback(() => {
    if (isOpen) onWake();
  });
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
  return ok(
    new NativeCamera(handle, () => {
      isOpen = false;
      // Wake-ups that were on their way into the event loop still arrive.
      setTimeout(() => wake.close(), 100).unref();
    }),
  );
}

class NativeCamera implements Camera {
  readonly #native = native();
  readonly #record = new Uint8Array(frameLayout.size);
  readonly #view = new DataView(this.#record.buffer);
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
  readonly #onClosed: () => void;
  #handle: Pointer | null;
  #last: CameraStats | undefined;

  constructor(handle: Pointer, onClosed: () => void) {
    this.#handle = handle;
    this.#onClosed = onClosed;
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
    if (!this.#native.pb_camera_take(this.#open(), ptr(this.#record))) return undefined;
    const u32 = (field: keyof typeof structs.pb_camera_frame) =>
      this.#view.getUint32(frameLayout.offsets[field] as number, true);
    const u64 = (field: keyof typeof structs.pb_camera_frame) =>
      Number(this.#view.getBigUint64(frameLayout.offsets[field] as number, true));
    const frame = this.#frame;
    const flags = u32("flags");
    const size = u32("size");
    frame.lost = (flags & enums.camera_flag.lost) !== 0;
    frame.compressed = (flags & enums.camera_flag.compressed) !== 0;
    frame.format = characters(u32("fourcc"));
    frame.width = u32("width");
    frame.height = u32("height");
    frame.stride = u32("stride");
    frame.sequence = u32("sequence");
    frame.captureUs = u64("capture_us");
    frame.data = size ? new Uint8Array(toArrayBuffer(u64("data") as Pointer, 0, size)) : new Uint8Array(0);
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
    const out = new BigUint64Array(statsFields.length);
    this.#native.pb_camera_stats(this.#open(), ptr(out));
    return readStats(out);
  }

  close(): void {
    if (this.#handle === null) return;
    this.#last = this.stats();
    this.#native.pb_camera_close(this.#handle);
    this.#handle = null;
    this.#onClosed();
  }
}
