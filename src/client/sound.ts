/**
 * Sound as both kinds of client play it: a native sink, steered so that it fits the pictures, and what is measured of it. It opens
 * no connection. A device that goes away costs nothing but its sound: the log says so, and the sink tries on.
 */
import { openAudioSink } from "../../ffi/audio.ts";
import type { AudioDescription, AudioSink } from "../../ffi/interfaces-audio.ts";
import { createLog } from "../base/log.ts";
import { ok, type Result } from "../base/result.ts";
import { toMillis } from "../base/units.ts";
import { LipSync, type LipSyncReport } from "./lip-sync.ts";
import { SoundLoss } from "./sound-loss.ts";

const log = createLog("sound");

export interface SoundOptions {
  /** A backend of the sink's, "auto" or "off". */
  readonly backend: string;
  readonly device: string;
  /** In percent. */
  readonly volume: number;
  readonly muted: boolean;
  /** Least time from capture until it is heard. */
  readonly minDelayUs: number;
}

export interface SoundReport {
  /** off: not wanted. unavailable: nothing to play on. refused: not permitted. silent: none came. lost: the device is gone. */
  readonly state: "off" | "unavailable" | "refused" | "silent" | "playing" | "lost";
  readonly backend: string;
  readonly device: string;
  readonly detail: string;
  readonly volume: number;
  readonly muted: boolean;
  /** Packets that came, and those that were missing when their time came; how many of these were rebuilt or made up. */
  readonly pushed: number;
  readonly lost: number;
  readonly recovered: number;
  readonly concealed: number;
  readonly late: number;
  readonly duplicate: number;
  /** Malformed, or without room. */
  readonly refusedPackets: number;
  /** Times that the device ran dry, and that it was gone. */
  readonly underruns: number;
  readonly deviceLost: number;
  readonly playedSeconds: number;
  /** From capture until it is heard, and what of that jitter and device ask for. */
  readonly delayMs: number;
  readonly wantedDelayMs: number;
  readonly jitterMs: number;
  readonly deviceMs: number;
  readonly lipSync: LipSyncReport;
}

/** How often clock, target and device are looked at. */
const lookUs = 100_000;
/** Without a packet played for so long, no sound plays. */
const silentUs = 500_000;
/** A smaller change of the clocks' offset is left to the next one. */
const offsetStepUs = 500;
const noDevice: AudioDescription = { backend: "", device: "", detail: "" };

export class SoundOutput {
  readonly #sync = new LipSync();
  readonly #loss = new SoundLoss();
  readonly #sink: AudioSink | undefined;
  readonly #isWanted: boolean;
  readonly #volume: number;
  #description: AudioDescription;
  #muted: boolean;
  #isLost = false;
  #offsetUs: number | undefined;
  #lookedUs = 0;
  #played = 0;
  #playedUs = 0;

  /** A named backend that cannot be used is a failure; "auto" without a device is a client without sound. */
  static open(options: SoundOptions): Result<SoundOutput> {
    const { backend, device, minDelayUs } = options;
    if (backend === "off") return ok(new SoundOutput(options, undefined, ""));
    const opened = openAudioSink({ backend, device, minDelayUs, virtualSource: false });
    if (opened.ok) return ok(new SoundOutput(options, opened.value, ""));
    if (backend !== "auto") return opened;
    log.warn(`no sound: ${opened.message}`);
    return ok(new SoundOutput(options, undefined, opened.message));
  }

  private constructor({ backend, volume, muted }: SoundOptions, sink: AudioSink | undefined, problem: string) {
    this.#sink = sink;
    this.#isWanted = backend !== "off";
    this.#description = sink?.describe() ?? { ...noDevice, detail: problem };
    this.#volume = volume;
    this.#muted = muted;
    sink?.setVolume(volume / 100);
    sink?.setMuted(muted);
  }

  /** There is something to play on. */
  get isThere(): boolean {
    return this.#sink !== undefined;
  }

  /** False when there is nothing to play on. The sink counts what it refuses. */
  push(data: Uint8Array, size: number, captureUs: number): boolean {
    this.#sink?.push(data, size, captureUs);
    return this.isThere;
  }

  /** A picture was shown `ageUs` after its capture; `waitUs` of that it waited for its sound, and `inPlayerUs` it was in the player. */
  picture(ageUs: number, waitUs = 0, inPlayerUs = 0): void {
    this.#sync.picture(ageUs, waitUs, inPlayerUs);
  }

  /** When a picture captured then should go to the player to be shown with its sound, on our clock; undefined while none plays. */
  pictureDueUs(captureUs: number): number | undefined {
    const afterUs = this.#sync.handOverUs;
    if (afterUs === undefined || this.#offsetUs === undefined) return undefined;
    return captureUs - this.#offsetUs + afterUs;
  }

  toggleMute(): void {
    this.#muted = !this.#muted;
    this.#sink?.setMuted(this.#muted);
    log.info(this.#muted ? "sound is muted" : "sound is heard");
  }

  /** Call often. `offsetUs` added to our time gives the sender's. Returns a new loss in percent, when the sender should know. */
  tick(offsetUs: number | undefined, nowUs: number): number | undefined {
    const sink = this.#sink;
    if (!sink || nowUs - this.#lookedUs < lookUs) return undefined;
    this.#lookedUs = nowUs;
    if (offsetUs !== undefined && Math.abs(offsetUs - (this.#offsetUs ?? Number.POSITIVE_INFINITY)) > offsetStepUs) {
      this.#offsetUs = offsetUs;
      sink.setClockOffset(-offsetUs);
    }
    const aimUs = this.#sync.aim();
    if (aimUs !== undefined) sink.setTargetDelay(aimUs);
    const { delayUs, played, deviceLost, reopened, pushed, lost } = sink.stats();
    if (played > this.#played) this.#playedUs = nowUs;
    this.#played = played;
    if (played === 0 || nowUs - this.#playedUs >= silentUs) this.#sync.silent();
    else if (this.#offsetUs !== undefined) this.#sync.heard(delayUs);
    this.#tellDevice(sink, deviceLost > reopened);
    return this.#loss.next(pushed, lost, nowUs);
  }

  #tellDevice(sink: AudioSink, isLost: boolean): void {
    if (isLost === this.#isLost) return;
    this.#isLost = isLost;
    this.#description = sink.describe();
    const { detail } = this.#description;
    if (isLost) log.warn(`the device for sound is gone, and is tried again: ${detail}`);
    else log.info(`the device for sound is back: ${detail}`);
  }

  /** `isRefused`: the host's owner does not permit this client to hear. */
  report(isRefused: boolean): SoundReport {
    const counts = this.#sink?.stats();
    const came = (counts?.pushed ?? 0) > 0;
    const there = isRefused ? "refused" : this.#isLost ? "lost" : came ? "playing" : "silent";
    return {
      state: this.#sink ? there : this.#isWanted ? "unavailable" : "off",
      ...this.#description,
      volume: this.#volume,
      muted: this.#muted,
      pushed: counts?.pushed ?? 0,
      lost: counts?.lost ?? 0,
      recovered: counts?.fecRecovered ?? 0,
      concealed: counts?.concealed ?? 0,
      late: counts?.late ?? 0,
      duplicate: counts?.duplicate ?? 0,
      refusedPackets: (counts?.invalid ?? 0) + (counts?.refusedFull ?? 0),
      underruns: counts?.underruns ?? 0,
      deviceLost: counts?.deviceLost ?? 0,
      playedSeconds: (counts?.played ?? 0) / 48_000,
      delayMs: toMillis(counts?.delayUs ?? 0),
      wantedDelayMs: toMillis(counts?.wantedDelayUs ?? 0),
      jitterMs: toMillis(counts?.jitterUs ?? 0),
      deviceMs: toMillis(counts?.deviceUs ?? 0),
      lipSync: this.#sync.report(),
    };
  }

  /** The report stays readable. Idempotent. */
  close(): void {
    this.#sink?.close();
  }
}
