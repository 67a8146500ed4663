/**
 * The host's sound at work: a native source around the stream of sound. It captures and encodes while somebody listens and lets go
 * of the device otherwise. A device that goes away costs nothing but its sound: the log says so, and the source tries on. This
 * shell does the I/O and decides nothing about who hears.
 */
import { openAudioSource } from "../../ffi/audio.ts";
import { monotonicClock } from "../../ffi/clock.ts";
import type { AudioFrameUs, AudioSource } from "../../ffi/interfaces-audio.ts";
import { createLog } from "../base/log.ts";
import { Rate } from "../base/rate.ts";
import { ok, type Result } from "../base/result.ts";
import { toMillis } from "../base/units.ts";
import { soundChannels, soundRate, soundSizeLimit } from "../wire/sound.ts";
import type { SoundPacket } from "./listener.ts";
import { Microphones } from "./microphones.ts";
import type { SoundStats } from "./stats.ts";

const log = createLog("sound");

export interface HostSoundOptions {
  /** A backend of the source's, "auto" or "off". */
  readonly backend: string;
  readonly device: string;
  readonly frameUs: AudioFrameUs;
  readonly bitrateBps: number;
  /** Whether clients that are permitted to may speak here. */
  readonly microphone: boolean;
}

export class HostSound {
  readonly microphones = new Microphones();
  readonly #options: HostSoundOptions;
  readonly #publish: (packet: SoundPacket) => void;
  readonly #rate = new Rate();
  #source: AudioSource | undefined;
  /** Why there is none. */
  #problem = "";
  #isHeard = false;
  #isLost = false;
  #lossPercent = 0;
  #packets = 0;
  #tooLarge = 0;
  /** Used again for each packet. */
  readonly #packet = {
    keyframe: true,
    captureUs: 0,
    sampleRate: soundRate,
    channels: soundChannels,
    samples: 0,
    data: new Uint8Array(0),
    size: 0,
    sentUs: 0,
  } as const satisfies SoundPacket;

  /** A named backend that cannot be used is a failure; "auto" without a device is a host without sound. */
  static open(options: HostSoundOptions, publish: (packet: SoundPacket) => void): Result<HostSound> {
    const sound = new HostSound(options, publish);
    if (options.backend === "off") return ok(sound);
    const opened = sound.#open();
    if (opened.ok || options.backend !== "auto") return opened.ok ? ok(sound) : opened;
    log.warn(`no sound: ${opened.message}`);
    return ok(sound);
  }

  private constructor(options: HostSoundOptions, publish: (packet: SoundPacket) => void) {
    this.#options = options;
    this.#publish = publish;
  }

  #open(): Result<void> {
    const { backend, device, frameUs, bitrateBps } = this.#options;
    const opened = openAudioSource({ backend, device, microphone: false, frameUs, bitrateBps }, () =>
      this.#onPackets(),
    );
    this.#problem = opened.ok ? "" : opened.message;
    if (!opened.ok) return opened;
    this.#source = opened.value;
    opened.value.setPaused(!this.#isHeard);
    return ok(undefined);
  }

  /** Whether anybody listens, and the largest loss among them in percent. */
  listened(isHeard: boolean, lossPercent: number): void {
    const begins = isHeard && !this.#isHeard;
    this.#isHeard = isHeard;
    // A sound server may have come up in the meantime.
    if (begins && !this.#source && this.#options.backend === "auto" && this.#open().ok)
      log.info(`sound is there now: ${this.describe()}`);
    if (lossPercent !== this.#lossPercent) this.#source?.setLossPercent(lossPercent);
    this.#lossPercent = lossPercent;
    this.#source?.setPaused(!isHeard);
  }

  #onPackets(): void {
    const source = this.#source;
    if (!source) return;
    source.rearm();
    for (let next = source.take(); next; next = source.take()) {
      if (next.kind === "packet") this.#send(source, next);
      else {
        this.#isLost = next.kind === "lost";
        const { detail } = source.describe();
        if (this.#isLost) log.warn(`the sound is gone, and what is heard is silence until it returns: ${detail}`);
        else log.info(`the sound is back: ${detail}`);
      }
      source.release();
    }
  }

  #send(source: AudioSource, next: Parameters<AudioSource["bytes"]>[0]): void {
    if (next.size > soundSizeLimit) {
      this.#tooLarge++;
      return;
    }
    const packet: { -readonly [K in keyof SoundPacket]: SoundPacket[K] } = this.#packet;
    packet.captureUs = next.captureUs;
    packet.samples = next.samples;
    packet.data = source.bytes(next);
    packet.size = next.size;
    packet.sentUs = monotonicClock.nowUs();
    this.#packets++;
    this.#rate.add(next.size * 8, packet.sentUs);
    this.#publish(packet);
  }

  /** What sound is captured from; for a person. */
  describe(): string {
    if (this.#options.backend === "off") return "off";
    if (!this.#source) return "none";
    const { backend, device } = this.#source.describe();
    return device ? `${backend} (${device})` : backend;
  }

  /** `listeners` are clients and channels, `leftOut` packets that found no room on their way to them. */
  stats(listeners: number, leftOut: number, nowUs: number): SoundStats {
    const source = this.#source;
    const counts = source?.stats();
    const { backend, device, detail } = source?.describe() ?? { backend: "", device: "", detail: this.#problem };
    return {
      state: source ? (this.#isLost ? "lost" : this.#isHeard ? "live" : "idle") : this.#problem ? "unavailable" : "off",
      backend,
      device,
      detail,
      listeners,
      frameMs: toMillis(this.#options.frameUs),
      bitrateBps: this.#rate.perSecond(nowUs),
      packets: this.#packets,
      lossPercent: this.#lossPercent,
      hasFec: (counts?.fec ?? 0) > 0,
      latencyMs: toMillis(counts?.latencyUs ?? 0),
      drops: {
        overruns: counts?.overruns ?? 0,
        "queue-full": counts?.droppedFull ?? 0,
        "encode-errors": counts?.encodeErrors ?? 0,
        "too-large": this.#tooLarge,
        "send-queue-full": leftOut,
        "microphone-without-device": this.microphones.unplayed,
      },
      deviceLost: counts?.deviceLost ?? 0,
      microphones: this.microphones.stats(),
    };
  }

  /** Idempotent. */
  close(): void {
    this.microphones.close();
    this.#source?.close();
  }
}
