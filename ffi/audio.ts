/**
 * The native sound modules (c/audio) as an `AudioSource` and an `AudioSink`: a thread each that owns device and codec.
 * This file marshals and decides nothing. A taken packet and its bytes are views of native memory, valid until release().
 */
import { toArrayBuffer } from "bun:ffi";
import { fail, ok, type Result } from "../src/base/result.ts";
import { enums } from "./abi.ts";
import type {
  AudioDescription,
  AudioPacket,
  AudioSink,
  AudioSinkSettings,
  AudioSinkStats,
  AudioSource,
  AudioSourceSettings,
  AudioSourceStats,
} from "./interfaces-audio.ts";
import { cString, native, type Pointer, ptr, textOf, type Wake, wakeCallback } from "./library.ts";
import { NativeRecord, readCounters } from "./record.ts";

const kinds: readonly AudioPacket["kind"][] = ["packet", "lost", "back"];

function description(fill: (out: Uint8Array) => number): AudioDescription {
  const out = new Uint8Array(1024);
  const [backend = "", device = "", detail = ""] = textOf(out, fill(out)).split("\t");
  return { backend, device, detail };
}

const within = (value: number, min: number, max: number): number =>
  Math.min(Math.max(Math.round(value) || 0, min), max);

/**
 * Opens the device and starts capturing and encoding. `onWake` runs on the event loop when there is something to take; it should
 * call rearm() and then take() until nothing is left. A failure says in one sentence what cannot be used, why, and what to do.
 */
export function openAudioSource(settings: AudioSourceSettings, onWake: () => void): Result<AudioSource> {
  const error = new Uint8Array(1024);
  const wake = wakeCallback(onWake);
  const backend = cString(settings.backend);
  const device = cString(settings.device);
  const handle = native().pb_audio_source_open(
    ptr(backend),
    ptr(device),
    settings.microphone ? enums.audio_source_flag.microphone : 0,
    settings.frameUs,
    settings.bitrateBps,
    wake.ptr,
    ptr(error),
    error.length,
  ) as Pointer | null;
  if (!handle) {
    wake.close();
    return fail("unavailable", textOf(error) || "sound cannot be captured");
  }
  return ok(new NativeAudioSource(handle, wake));
}

class NativeAudioSource implements AudioSource {
  readonly #native = native();
  readonly #record = new NativeRecord("pb_audio_packet");
  readonly #packet: AudioPacket = { kind: "packet", address: 0, size: 0, captureUs: 0, samples: 0 };
  readonly #wake: Wake;
  #handle: Pointer | null;
  #lastStats: AudioSourceStats | undefined;

  constructor(handle: Pointer, wake: Wake) {
    this.#handle = handle;
    this.#wake = wake;
  }

  #open(): Pointer {
    if (this.#handle === null) throw new Error("the sound source is closed");
    return this.#handle;
  }

  describe(): AudioDescription {
    return description((out) => this.#native.pb_audio_source_describe(this.#open(), ptr(out), out.length) as number);
  }

  rearm(): void {
    this.#native.pb_audio_source_rearm(this.#open());
  }

  take(): AudioPacket | undefined {
    if (!this.#native.pb_audio_source_take(this.#open(), this.#record.pointer)) return undefined;
    const [packet, record] = [this.#packet, this.#record];
    packet.kind = kinds[record.u32("kind")] ?? "lost";
    packet.address = record.u64("data");
    packet.captureUs = record.u64("capture_us");
    packet.size = record.u32("size");
    packet.samples = record.u32("samples");
    return packet;
  }

  bytes(packet: AudioPacket): Uint8Array {
    if (packet.size === 0) return new Uint8Array(0);
    return new Uint8Array(toArrayBuffer(packet.address as Pointer, 0, packet.size));
  }

  release(): void {
    this.#native.pb_audio_source_release(this.#open());
  }

  setBitrate(bps: number): void {
    this.#set("bitrate_bps", within(bps, 6000, 510_000));
  }

  setLossPercent(percent: number): void {
    this.#set("loss_percent", within(percent, 0, 100));
  }

  setMuted(muted: boolean): void {
    this.#set("muted", muted ? 1 : 0);
  }

  setPaused(paused: boolean): void {
    this.#set("paused", paused ? 1 : 0);
  }

  #set(key: keyof typeof enums.audio_source_key, value: number): void {
    if (this.#native.pb_audio_source_set(this.#open(), enums.audio_source_key[key], value) !== 0)
      throw new Error(`the sound source refuses ${key} = ${value}`);
  }

  /** After close(): the numbers at the end. */
  stats(): AudioSourceStats {
    if (this.#handle === null && this.#lastStats) return this.#lastStats;
    const handle = this.#open();
    return readCounters("pb_audio_source_stats", (out) => this.#native.pb_audio_source_stats(handle, ptr(out)));
  }

  close(): void {
    if (this.#handle === null) return;
    this.#lastStats = this.stats();
    this.#native.pb_audio_source_close(this.#handle);
    this.#handle = null;
    this.#wake.close();
  }
}

/** Opens the device and starts its thread; silence is played until packets come. A failure says what cannot be used, why, and what to do. */
export function openAudioSink(settings: AudioSinkSettings): Result<AudioSink> {
  const error = new Uint8Array(1024);
  const backend = cString(settings.backend);
  const device = cString(settings.device);
  const handle = native().pb_audio_sink_open(
    ptr(backend),
    ptr(device),
    settings.virtualSource ? enums.audio_sink_flag.virtual_source : 0,
    within(settings.minDelayUs, 0, 2_000_000),
    ptr(error),
    error.length,
  ) as Pointer | null;
  return handle ? ok(new NativeAudioSink(handle)) : fail("unavailable", textOf(error) || "sound cannot be played");
}

class NativeAudioSink implements AudioSink {
  readonly #native = native();
  #handle: Pointer | null;
  #lastStats: AudioSinkStats | undefined;

  constructor(handle: Pointer) {
    this.#handle = handle;
  }

  #open(): Pointer {
    if (this.#handle === null) throw new Error("the sound sink is closed");
    return this.#handle;
  }

  describe(): AudioDescription {
    return description((out) => this.#native.pb_audio_sink_describe(this.#open(), ptr(out), out.length) as number);
  }

  push(data: Uint8Array, size: number, captureUs: number): boolean {
    if (size < 0 || size > data.length) throw new Error(`${size} bytes are asked for of ${data.length}`);
    const handle = this.#open();
    if (size === 0) return this.#native.pb_audio_sink_push(handle, null, 0, captureUs) === 0;
    return this.#native.pb_audio_sink_push(handle, ptr(data), size, captureUs) === 0;
  }

  setClockOffset(us: number): void {
    this.#native.pb_audio_sink_clock(this.#open(), us);
  }

  setTargetDelay(us: number): void {
    this.#set("target_delay_us", within(us, 0, 2_000_000));
  }

  setVolume(volume: number): void {
    this.#set("volume", within(volume * 10_000, 0, 10_000));
  }

  setMuted(muted: boolean): void {
    this.#set("muted", muted ? 1 : 0);
  }

  #set(key: keyof typeof enums.audio_sink_key, value: number): void {
    if (this.#native.pb_audio_sink_set(this.#open(), enums.audio_sink_key[key], value) !== 0)
      throw new Error(`the sound sink refuses ${key} = ${value}`);
  }

  /** After close(): the numbers at the end. */
  stats(): AudioSinkStats {
    if (this.#handle === null && this.#lastStats) return this.#lastStats;
    const handle = this.#open();
    return readCounters("pb_audio_sink_stats", (out) => this.#native.pb_audio_sink_stats(handle, ptr(out)));
  }

  close(): void {
    if (this.#handle === null) return;
    this.#lastStats = this.stats();
    this.#native.pb_audio_sink_close(this.#handle);
    this.#handle = null;
  }
}
