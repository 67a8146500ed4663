/**
 * The native player (c/media/player.c) as a `Player`: decoding, the window and its input in one thread of their own.
 * This file marshals and decides nothing. The event that take() returns is reused by the next call.
 */
import { fail, ok, type Result } from "../src/base/result.ts";
import { codec } from "../src/wire/root.ts";
import { enums } from "./abi.ts";
import {
  blankPlayerEvent,
  type Picture,
  type Player,
  type PlayerDescription,
  type PlayerEvent,
  type PlayerSettings,
  type PlayerStats,
  type VideoCodec,
} from "./interfaces.ts";
import { cString, native, type Pointer, ptr, textOf, type Wake, wakeCallback } from "./library.ts";
import { NativeRecord, readCounters } from "./record.ts";

/** By number of enums.player. */
const kinds: readonly PlayerEvent["kind"][] = [
  "shown",
  "skipped",
  "decode-error",
  "input",
  "focus-lost",
  "closed",
  "resized",
  "lost",
  "decoder",
  "no-decoder",
  "plugged",
  "unplugged",
];

/** Codecs that a decoder of this name, or any for "auto", decodes here. It opens each for a moment. */
export function decodableCodecs(decoder: string): VideoCodec[] {
  const bits = native().pb_decoder_codecs(ptr(cString(decoder))) as number;
  return (["h264", "hevc"] as const).filter((name) => (bits & (1 << codec[name])) !== 0);
}

/**
 * Opens the window and the decoder. `onWake` runs on the event loop when there is something to take; it should call rearm()
 * and then take() until nothing is left. A failure says in one sentence what cannot be used and why.
 */
export function openPlayer(settings: PlayerSettings, onWake: () => void): Result<Player> {
  const error = new Uint8Array(1024);
  const wake = wakeCallback(onWake);
  const display = cString(settings.display);
  const target = cString(settings.target);
  const decoder = cString(settings.decoder);
  const title = cString(settings.title);
  const handle = native().pb_player_open(
    ptr(display),
    ptr(target),
    ptr(decoder),
    ptr(title),
    settings.width,
    settings.height,
    (settings.fullscreen ? enums.player_flag.fullscreen : 0) |
      (settings.readTimecode ? enums.player_flag.read_timecode : 0) |
      (settings.devices ? enums.player_flag.devices : 0),
    wake.ptr,
    ptr(error),
    error.length,
  ) as Pointer | null;
  if (!handle) {
    wake.close();
    return fail("unavailable", textOf(error) || "no window can be opened");
  }
  return ok(new NativePlayer(handle, wake));
}

class NativePlayer implements Player {
  readonly #native = native();
  readonly #record = new NativeRecord("pb_player_event");
  readonly #event: PlayerEvent = { ...blankPlayerEvent };
  readonly #wake: Wake;
  #handle: Pointer | null;
  /** Room that the last snapshot needed, in bytes. */
  #snapshotBytes = 1920 * 1080 * 4;

  constructor(handle: Pointer, wake: Wake) {
    this.#handle = handle;
    this.#wake = wake;
  }

  #open(): Pointer {
    if (this.#handle === null) throw new Error("the player is closed");
    return this.#handle;
  }

  describe(): PlayerDescription {
    const out = new Uint8Array(2048);
    const size = this.#native.pb_player_describe(this.#open(), ptr(out), out.length) as number;
    const [display = "", decoder = "", failure = "", detail = ""] = textOf(out, size).split("\t");
    return { display, decoder, failure, detail };
  }

  push(
    data: Uint8Array,
    size: number,
    frameId: number,
    keyframe: boolean,
    captureUs: number,
    coded: VideoCodec = "h264",
  ): boolean {
    if (size > data.length) throw new RangeError(`${size} bytes of ${data.length}`);
    const flags = (keyframe ? enums.encoded_flag.keyframe : 0) | (codec[coded] << enums.encoded_codec.shift);
    return this.#native.pb_player_push(this.#open(), data, size, frameId, flags, captureUs) === 0;
  }

  rearm(): void {
    this.#native.pb_player_rearm(this.#open());
  }

  take(): PlayerEvent | undefined {
    if (!this.#native.pb_player_take(this.#open(), this.#record.pointer)) return undefined;
    const [event, record] = [this.#event, this.#record];
    event.kind = kinds[record.u32("kind")] ?? "lost";
    event.frameId = record.u32("frame_id");
    event.captureUs = record.u64("capture_us");
    event.pushedUs = record.u64("pushed_us");
    event.decodeBeginUs = record.u64("decode_begin_us");
    event.decodedUs = record.u64("decoded_us");
    event.shownUs = record.u64("shown_us");
    event.timecodeUs = record.u64("timecode_us");
    event.type = record.u32("type");
    event.code = record.u32("code");
    event.value = record.i32("value");
    event.width = record.u32("width");
    event.height = record.u32("height");
    event.device = record.u32("device");
    return event;
  }

  setPointerGrab(on: boolean): void {
    this.#native.pb_player_set(this.#open(), enums.player_key.grab_pointer, on ? 1 : 0);
  }

  setFullscreen(on: boolean): void {
    this.#native.pb_player_set(this.#open(), enums.player_key.fullscreen, on ? 1 : 0);
  }

  setTouch(on: boolean): void {
    this.#native.pb_player_set(this.#open(), enums.player_key.touch, on ? 1 : 0);
  }

  deviceName(device: number): string {
    const out = new Uint8Array(256);
    const size = this.#native.pb_player_device_name(this.#open(), device, ptr(out), out.length) as number;
    return textOf(out, size);
  }

  rumble(device: number, strong: number, weak: number, durationMs: number): void {
    this.#native.pb_player_rumble(this.#open(), device, strong, weak, durationMs);
  }

  snapshot(): Picture | undefined {
    const largest = 8192 * 8192 * 4;
    for (;;) {
      const pixels = new Uint8Array(this.#snapshotBytes);
      const packed = this.#native.pb_player_snapshot(this.#open(), ptr(pixels), pixels.length) as number;
      const width = packed >>> 16;
      const height = packed & 0xffff;
      if (packed) return { width, height, pixels: pixels.subarray(0, width * height * 4) };
      if (this.#snapshotBytes >= largest || this.stats().shown === 0) return undefined;
      this.#snapshotBytes = Math.min(this.#snapshotBytes * 4, largest);
    }
  }

  stats(): PlayerStats {
    const handle = this.#open();
    return readCounters("pb_player_stats", (out) => this.#native.pb_player_stats(handle, ptr(out)));
  }

  close(): void {
    if (this.#handle === null) return;
    this.#native.pb_player_close(this.#handle);
    this.#handle = null;
    this.#wake.close();
  }
}
