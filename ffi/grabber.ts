/**
 * The native grabber (c/media/grabber.c) as a `Grabber`: capture, conversion and encoding in one thread of its own.
 * This file marshals and decides nothing. A taken frame and its bytes are views of native memory, valid until release().
 */
import { toArrayBuffer } from "bun:ffi";
import { limits } from "../src/base/limits.ts";
import { fail, ok, type Result } from "../src/base/result.ts";
import { codec } from "../src/wire/root.ts";
import { enums } from "./abi.ts";
import type { EncodedFrame, Grabber, GrabberDescription, GrabberSettings, GrabberStats } from "./interfaces.ts";
import { cString, native, type Pointer, ptr, textOf, type Wake, wakeCallback } from "./library.ts";
import { NativeRecord, readCounters } from "./record.ts";

/** By number of enums.encoded. */
const kinds: readonly EncodedFrame["kind"][] = ["frame", "resized", "lost", "encoder", "capture"];

/** What `pb_probe` says: one backend a line. */
export interface BackendReport {
  name: string;
  usable: boolean;
  detail: string;
}

/** Asks each backend of a module ("capture", "encode", "decode", "display", "input") whether it works here. */
export function probeBackends(module: string, target = ""): BackendReport[] {
  const out = new Uint8Array(8192);
  const size = native().pb_probe(ptr(cString(module)), ptr(cString(target)), ptr(out), out.length) as number;
  const lines = textOf(out, size).split("\n").filter(Boolean);
  return lines.map((line) => {
    const [name = "", state, detail = ""] = line.split("\t");
    return { name, usable: state === "ok", detail };
  });
}

/**
 * Opens the source and the encoder and starts capturing. `onWake` runs on the event loop when there is something to take;
 * it should call rearm() and then take() until nothing is left. A failure says in one sentence what cannot be used and why.
 */
export function openGrabber(settings: GrabberSettings, onWake: () => void): Result<Grabber> {
  const error = new Uint8Array(1024);
  const wake = wakeCallback(onWake);
  const capture = cString(settings.capture);
  const target = cString(settings.target);
  const encoder = cString(settings.encoder);
  const handle = native().pb_grabber_open(
    ptr(capture),
    ptr(target),
    ptr(encoder),
    settings.width,
    settings.height,
    settings.fps,
    settings.bitrateBps,
    settings.keyframeInterval,
    codec[settings.codec],
    wake.ptr,
    ptr(error),
    error.length,
  ) as Pointer | null;
  if (!handle) {
    wake.close();
    return fail("unavailable", textOf(error) || "the screen cannot be captured");
  }
  return ok(new NativeGrabber(handle, wake));
}

class NativeGrabber implements Grabber {
  readonly #native = native();
  readonly #record = new NativeRecord("pb_encoded");
  readonly #frame: EncodedFrame = {
    kind: "frame",
    keyframe: false,
    address: 0,
    size: 0,
    width: 0,
    height: 0,
    sequence: 0,
    damageUs: 0,
    captureUs: 0,
    capturedUs: 0,
    convertedUs: 0,
    encodedUs: 0,
  };
  readonly #wake: Wake;
  #handle: Pointer | null;
  #lastStats: GrabberStats | undefined;

  constructor(handle: Pointer, wake: Wake) {
    this.#handle = handle;
    this.#wake = wake;
  }

  #open(): Pointer {
    if (this.#handle === null) throw new Error("the grabber is closed");
    return this.#handle;
  }

  describe(): GrabberDescription {
    const out = new Uint8Array(1024);
    const size = this.#native.pb_grabber_describe(this.#open(), ptr(out), out.length) as number;
    const [capture = "", encoder = "", width, height, coded, detail = ""] = textOf(out, size).split("\t");
    const size2d = { width: Number(width), height: Number(height) };
    return { capture, encoder, ...size2d, codec: coded === "hevc" ? "hevc" : "h264", detail };
  }

  rearm(): void {
    this.#native.pb_grabber_rearm(this.#open());
  }

  take(): EncodedFrame | undefined {
    if (!this.#native.pb_grabber_take(this.#open(), this.#record.pointer)) return undefined;
    const [frame, record] = [this.#frame, this.#record];
    frame.kind = kinds[record.u32("kind")] ?? "lost";
    frame.keyframe = (record.u32("flags") & enums.encoded_flag.keyframe) !== 0;
    frame.address = record.u64("data");
    frame.size = record.u32("size");
    frame.width = record.u32("width");
    frame.height = record.u32("height");
    frame.sequence = record.u32("sequence");
    frame.damageUs = record.u64("damage_us");
    frame.captureUs = record.u64("capture_us");
    frame.capturedUs = record.u64("captured_us");
    frame.convertedUs = record.u64("converted_us");
    frame.encodedUs = record.u64("encoded_us");
    return frame;
  }

  bytes(frame: EncodedFrame): Uint8Array {
    if (frame.size === 0) return new Uint8Array(0);
    return new Uint8Array(toArrayBuffer(frame.address as Pointer, 0, frame.size));
  }

  text(notice: EncodedFrame): string {
    return textOf(this.bytes(notice), notice.size);
  }

  release(): void {
    this.#native.pb_grabber_release(this.#open());
  }

  requestKeyframe(): void {
    this.#set("keyframe", 1);
  }

  setBitrate(bps: number): void {
    this.#set("bitrate_bps", Math.min(Math.max(Math.round(bps), limits.bitrateBps.min), limits.bitrateBps.max));
  }

  setFps(fps: number): void {
    this.#set("fps", Math.min(Math.max(Math.round(fps), limits.fps.min), limits.fps.max));
  }

  setQuality(percent: number): void {
    this.#set("quality", Math.min(Math.max(Math.round(percent), 0), 100));
  }

  setPaused(paused: boolean): void {
    this.#set("paused", paused ? 1 : 0);
  }

  #set(key: keyof typeof enums.grabber_key, value: number): void {
    if (this.#native.pb_grabber_set(this.#open(), enums.grabber_key[key], value) !== 0)
      throw new Error(`the grabber refuses ${key} = ${value}`);
  }

  /** After close(): the numbers at the end. */
  stats(): GrabberStats {
    if (this.#handle === null && this.#lastStats) return this.#lastStats;
    const handle = this.#open();
    return readCounters("pb_grabber_stats", (out) => this.#native.pb_grabber_stats(handle, ptr(out)));
  }

  close(): void {
    if (this.#handle === null) return;
    this.#lastStats = this.stats();
    this.#native.pb_grabber_close(this.#handle);
    this.#handle = null;
    this.#wake.close();
  }
}
