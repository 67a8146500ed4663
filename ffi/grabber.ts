/**
 * The native grabber (c/media/grabber.c) as a `Grabber`: capture, conversion and encoding in one thread of its own.
 * This file marshals and decides nothing. A taken frame and its bytes are views of native memory, valid until release().
 */
import { toArrayBuffer } from "bun:ffi";
import { limits } from "../src/base/limits.ts";
import { fail, ok, type Result } from "../src/base/result.ts";
import { codec } from "../src/wire/root.ts";
import { enums, structs } from "./abi.ts";
import { layoutOf } from "./abi-layout.ts";
import type { EncodedFrame, Grabber, GrabberDescription, GrabberSettings, GrabberStats } from "./interfaces.ts";
import { cString, native, type Pointer, ptr, textOf, wakeCallback } from "./library.ts";

const encoded = layoutOf("pb_encoded");
const statsFields = Object.keys(structs.pb_grabber_stats) as (keyof typeof structs.pb_grabber_stats)[];
const statsLayout = layoutOf("pb_grabber_stats");

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
  let open = true;
  const wake = wakeCallback(() => {
    if (open) onWake();
  });
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
  return ok(
    new NativeGrabber(handle, () => {
      open = false;
      // Wake-ups that were on their way into the event loop still arrive.
      setTimeout(() => wake.close(), 100).unref();
    }),
  );
}

class NativeGrabber implements Grabber {
  readonly #native = native();
  readonly #record = new Uint8Array(encoded.size);
  readonly #view = new DataView(this.#record.buffer);
  readonly #recordPointer = ptr(this.#record);
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
  readonly #onClosed: () => void;
  #handle: Pointer | null;
  #lastStats: GrabberStats | undefined;

  constructor(handle: Pointer, onClosed: () => void) {
    this.#handle = handle;
    this.#onClosed = onClosed;
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
    if (!this.#native.pb_grabber_take(this.#open(), this.#recordPointer)) return undefined;
    const frame = this.#frame;
    frame.kind = kinds[this.#view.getUint32(encoded.offsets.kind as number, true)] ?? "lost";
    frame.keyframe = (this.#u32("flags") & enums.encoded_flag.keyframe) !== 0;
    frame.address = this.#u64("data");
    frame.size = this.#u32("size");
    frame.width = this.#u32("width");
    frame.height = this.#u32("height");
    frame.sequence = this.#u32("sequence");
    frame.damageUs = this.#u64("damage_us");
    frame.captureUs = this.#u64("capture_us");
    frame.capturedUs = this.#u64("captured_us");
    frame.convertedUs = this.#u64("converted_us");
    frame.encodedUs = this.#u64("encoded_us");
    return frame;
  }

  #u32(field: keyof typeof structs.pb_encoded): number {
    return this.#view.getUint32(encoded.offsets[field] as number, true);
  }

  /** Times and addresses stay below 2^53, so two halves make an exact number without a BigInt. */
  #u64(field: keyof typeof structs.pb_encoded): number {
    const at = encoded.offsets[field] as number;
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000;
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
    const out = new BigUint64Array(statsFields.length);
    this.#native.pb_grabber_stats(this.#open(), ptr(out));
    const value = (field: keyof typeof structs.pb_grabber_stats) =>
      Number(out[(statsLayout.offsets[field] as number) / 8] ?? 0n);
    return {
      captured: value("captured"),
      encoded: value("encoded"),
      keyframes: value("keyframes"),
      skippedBusy: value("skipped_busy"),
      skippedFull: value("skipped_full"),
      skippedEncoder: value("skipped_encoder"),
      encodedBytes: value("encoded_bytes"),
      wakeups: value("wakeups"),
      imported: value("imported"),
      encoderFaults: value("encoder_faults"),
      encoderChanges: value("encoder_changes"),
      captureChanges: value("capture_changes"),
    };
  }

  close(): void {
    if (this.#handle === null) return;
    this.#lastStats = this.stats();
    this.#native.pb_grabber_close(this.#handle);
    this.#handle = null;
    this.#onClosed();
  }
}
