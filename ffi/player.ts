/**
 * The native player (c/media/player.c) as a `Player`: decoding, the window and its input in one thread of their own.
 * This file marshals and decides nothing. The event that take() returns is reused by the next call.
 */
import { fail, ok, type Result } from "../src/base/result.ts";
import { codec } from "../src/wire/root.ts";
import { enums, structs } from "./abi.ts";
import { layoutOf } from "./abi-layout.ts";
import type {
  Picture,
  Player,
  PlayerDescription,
  PlayerEvent,
  PlayerSettings,
  PlayerStats,
  VideoCodec,
} from "./interfaces.ts";
import { cString, native, type Pointer, ptr, textOf, wakeCallback } from "./library.ts";

const record = layoutOf("pb_player_event");
const statsLayout = layoutOf("pb_player_stats");
const statsCount = Object.keys(structs.pb_player_stats).length;

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
  let open = true;
  const wake = wakeCallback(() => {
    if (open) onWake();
  });
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
  return ok(
    new NativePlayer(handle, () => {
      open = false;
      wake.close();
    }),
  );
}

class NativePlayer implements Player {
  readonly #native = native();
  readonly #record = new Uint8Array(record.size);
  readonly #view = new DataView(this.#record.buffer);
  readonly #recordPointer = ptr(this.#record);
  readonly #event: PlayerEvent = {
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
  readonly #onClosed: () => void;
  #handle: Pointer | null;
  /** Room that the last snapshot needed, in bytes. */
  #snapshotBytes = 1920 * 1080 * 4;

  constructor(handle: Pointer, onClosed: () => void) {
    this.#handle = handle;
    this.#onClosed = onClosed;
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
    if (!this.#native.pb_player_take(this.#open(), this.#recordPointer)) return undefined;
    const event = this.#event;
    event.kind = kinds[this.#u32("kind")] ?? "lost";
    event.frameId = this.#u32("frame_id");
    event.captureUs = this.#u64("capture_us");
    event.pushedUs = this.#u64("pushed_us");
    event.decodeBeginUs = this.#u64("decode_begin_us");
    event.decodedUs = this.#u64("decoded_us");
    event.shownUs = this.#u64("shown_us");
    event.timecodeUs = this.#u64("timecode_us");
    event.type = this.#u32("type");
    event.code = this.#u32("code");
    event.value = this.#view.getInt32(record.offsets.value as number, true);
    event.width = this.#u32("width");
    event.height = this.#u32("height");
    event.device = this.#u32("device");
    return event;
  }

  #u32(field: keyof typeof structs.pb_player_event): number {
    return this.#view.getUint32(record.offsets[field] as number, true);
  }

  /** Times stay below 2^53, so two halves make an exact number without a BigInt. */
  #u64(field: keyof typeof structs.pb_player_event): number {
    const at = record.offsets[field] as number;
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000;
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
    const out = new BigUint64Array(statsCount);
    this.#native.pb_player_stats(this.#open(), ptr(out));
    const value = (field: keyof typeof structs.pb_player_stats) =>
      Number(out[(statsLayout.offsets[field] as number) / 8] ?? 0n);
    return {
      pushed: value("pushed"),
      decoded: value("decoded"),
      shown: value("shown"),
      skippedLate: value("skipped_late"),
      refusedFull: value("refused_full"),
      decodeErrors: value("decode_errors"),
      decoderChanges: value("decoder_changes"),
    };
  }

  close(): void {
    if (this.#handle === null) return;
    this.#native.pb_player_close(this.#handle);
    this.#handle = null;
    this.#onClosed();
  }
}
