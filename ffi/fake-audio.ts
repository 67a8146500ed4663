/**
 * Sound modules in memory. The source's packets are small byte patterns, its thread's turn is produce(); the sink keeps order
 * and counters as the real one does, and its thread's turn is play(). Nothing happens by itself, and no sound is ever made.
 */
import type { Clock } from "../src/base/clock.ts";
import { limits } from "../src/base/limits.ts";
import { giveBack, lend, lentBytes } from "./fake-memory.ts";
import { Waker } from "./fake-unit.ts";
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

export class FakeAudioSource implements AudioSource {
  bitrateBps: number;
  lossPercent = 0;
  muted = false;
  paused = false;
  readonly settings: AudioSourceSettings;
  readonly #clock: Clock;
  readonly #waker: Waker;
  readonly #queue: AudioPacket[] = [];
  readonly #packet: AudioPacket = { kind: "packet", address: 0, size: 0, captureUs: 0, samples: 0 };
  readonly #stats: AudioSourceStats = {
    captured: 0,
    encoded: 0,
    encodedBytes: 0,
    overruns: 0,
    droppedFull: 0,
    encodeErrors: 0,
    deviceLost: 0,
    reopened: 0,
    fec: 0,
    latencyUs: 0,
  };
  #taken = 0;
  #closed = false;

  constructor(settings: AudioSourceSettings, onWake: () => void, clock: Clock) {
    this.settings = settings;
    this.bitrateBps = settings.bitrateBps;
    this.#clock = clock;
    this.#waker = new Waker(onWake);
  }

  /** One turn of the capture thread: a packet of `size` bytes that begins one frame ago, unless paused or full. */
  produce(size = 160): void {
    if (this.#closed || this.paused) return;
    const samples = (this.settings.frameUs * 48) / 1000;
    this.#stats.captured += samples;
    if (this.#queue.length >= limits.audioPacketsQueued) {
      this.#stats.droppedFull++;
      return;
    }
    const bytes = new Uint8Array(size).map((_, i) => (i === 0 ? 0xfc : (this.#stats.encoded * 31 + i) & 0xff));
    this.#stats.encoded++;
    this.#stats.encodedBytes += size;
    const captureUs = this.#clock.nowUs() - this.settings.frameUs;
    this.#put({ kind: "packet", address: lend(bytes), size, captureUs, samples });
  }

  /** The device went away. */
  lose(): void {
    this.#stats.deviceLost++;
    this.#put({ kind: "lost", address: 0, size: 0, captureUs: this.#clock.nowUs(), samples: 0 });
  }

  /** The device came back. */
  restore(): void {
    this.#stats.reopened++;
    this.#put({ kind: "back", address: 0, size: 0, captureUs: this.#clock.nowUs(), samples: 0 });
  }

  #put(packet: AudioPacket): void {
    this.#queue.push(packet);
    this.#waker.ring();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error("the sound source is closed");
  }

  describe(): AudioDescription {
    this.#mustBeOpen();
    return { backend: "fake", device: this.settings.device, detail: "in memory" };
  }

  rearm(): void {
    this.#mustBeOpen();
    this.#waker.arm();
  }

  take(): AudioPacket | undefined {
    this.release();
    const next = this.#queue.shift();
    if (!next) return undefined;
    this.#taken = next.address;
    return Object.assign(this.#packet, next);
  }

  bytes(packet: AudioPacket): Uint8Array {
    return packet.size === 0 ? new Uint8Array(0) : lentBytes(packet.address, packet.size);
  }

  release(): void {
    this.#mustBeOpen();
    giveBack(this.#taken);
    this.#taken = 0;
  }

  setBitrate(bps: number): void {
    this.#mustBeOpen();
    this.bitrateBps = Math.min(Math.max(Math.round(bps), 6000), 510_000);
  }

  setLossPercent(percent: number): void {
    this.#mustBeOpen();
    this.lossPercent = Math.min(Math.max(Math.round(percent), 0), 100);
    this.#stats.fec = this.lossPercent > 0 && this.settings.frameUs >= 10_000 ? 1 : 0;
  }

  setMuted(muted: boolean): void {
    this.#mustBeOpen();
    this.muted = muted;
  }

  setPaused(paused: boolean): void {
    this.#mustBeOpen();
    this.paused = paused;
  }

  stats(): AudioSourceStats {
    return { ...this.#stats };
  }

  close(): void {
    if (this.#closed) return;
    this.release();
    for (const { address } of this.#queue) giveBack(address);
    this.#queue.length = 0;
    this.#closed = true;
  }
}

export class FakeAudioSink implements AudioSink {
  clockOffsetUs = 0;
  targetDelayUs = 0;
  volume = 1;
  muted = false;
  readonly settings: AudioSinkSettings;
  /** Accepted packets in order of capture that play() has not reached. */
  readonly waiting: { bytes: Uint8Array; captureUs: number }[] = [];
  /** Capture times of what play() has played. */
  readonly played: number[] = [];
  readonly #stats: AudioSinkStats = {
    pushed: 0,
    late: 0,
    duplicate: 0,
    invalid: 0,
    refusedFull: 0,
    lost: 0,
    fecRecovered: 0,
    concealed: 0,
    decodeErrors: 0,
    stretched: 0,
    underruns: 0,
    deviceLost: 0,
    reopened: 0,
    played: 0,
    jitterUs: 0,
    delayUs: 0,
    wantedDelayUs: 0,
    bufferedUs: 0,
    deviceUs: 0,
    playedCaptureUs: 0,
    playedAtUs: 0,
  };
  readonly #clock: Clock;
  #closed = false;

  constructor(settings: AudioSinkSettings, clock: Clock) {
    this.settings = settings;
    this.#clock = clock;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error("the sound sink is closed");
  }

  describe(): AudioDescription {
    this.#mustBeOpen();
    return { backend: "fake", device: this.settings.device, detail: "in memory" };
  }

  push(data: Uint8Array, size: number, captureUs: number): boolean {
    this.#mustBeOpen();
    if (size < 0 || size > data.length) throw new Error(`${size} bytes are asked for of ${data.length}`);
    this.#stats.pushed++;
    const invalid = size === 0 || size > 1275 || !(captureUs >= 0 && captureUs <= 2 ** 53);
    const late = captureUs <= (this.played.at(-1) ?? -1);
    const duplicate = this.waiting.some((one) => one.captureUs === captureUs);
    if (invalid) this.#stats.invalid++;
    else if (late) this.#stats.late++;
    else if (duplicate) this.#stats.duplicate++;
    else if (this.waiting.length >= limits.audioPacketsQueued) this.#stats.refusedFull++;
    else {
      this.waiting.push({ bytes: data.slice(0, size), captureUs });
      this.waiting.sort((a, b) => a.captureUs - b.captureUs);
      return true;
    }
    return !invalid && (late || duplicate);
  }

  /** One turn of the playback thread: everything captured up to this time is heard now. */
  play(untilCaptureUs: number): void {
    for (let first = this.waiting[0]; first && first.captureUs <= untilCaptureUs; first = this.waiting[0]) {
      this.waiting.shift();
      this.played.push(first.captureUs);
      this.#stats.played++;
      this.#stats.playedCaptureUs = first.captureUs;
      this.#stats.playedAtUs = this.#clock.nowUs();
      this.#stats.delayUs = this.#stats.playedAtUs - first.captureUs - this.clockOffsetUs;
    }
  }

  setClockOffset(us: number): void {
    this.#mustBeOpen();
    this.clockOffsetUs = us;
  }

  setTargetDelay(us: number): void {
    this.#mustBeOpen();
    this.targetDelayUs = us;
    this.#stats.wantedDelayUs = Math.max(us, this.settings.minDelayUs);
  }

  setVolume(volume: number): void {
    this.#mustBeOpen();
    this.volume = Math.min(Math.max(volume, 0), 1);
  }

  setMuted(muted: boolean): void {
    this.#mustBeOpen();
    this.muted = muted;
  }

  stats(): AudioSinkStats {
    return { ...this.#stats };
  }

  close(): void {
    this.#closed = true;
    this.waiting.length = 0;
  }
}
