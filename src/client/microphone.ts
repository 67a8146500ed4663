/**
 * This machine's microphone for a host that permits it: recorded and encoded natively, handed on packet by packet. It records only
 * between start and stop, and decides nothing about who may hear.
 */
import { openAudioSource } from "../../ffi/audio.ts";
import type { AudioSource } from "../../ffi/interfaces-audio.ts";
import { createLog } from "../base/log.ts";
import { type Sound, soundChannels, soundRate } from "../wire/sound.ts";

const log = createLog("microphone");

export interface MicrophoneOptions {
  readonly backend: string;
  readonly device: string;
}

/** Voice. */
const bitrateBps = 48_000;

export interface MicrophoneReport {
  /** off: not asked for. refused: not permitted. unavailable: nothing to record from. lost: the device is gone. */
  readonly state: "off" | "refused" | "unavailable" | "recording" | "lost";
  readonly device: string;
  readonly packets: number;
  readonly overruns: number;
}

export const noMicrophone: MicrophoneReport = { state: "off", device: "", packets: 0, overruns: 0 };

export class Microphone {
  readonly #options: MicrophoneOptions;
  readonly #send: (packet: Sound) => boolean;
  #source: AudioSource | undefined;
  #state: MicrophoneReport["state"] = "refused";
  #isPermitted: boolean | undefined;
  #device = "";
  #packets = 0;
  #overruns = 0;
  readonly #packet = {
    captureUs: 0,
    sampleRate: soundRate,
    channels: soundChannels,
    samples: 0,
    data: new Uint8Array(0) as Uint8Array,
    size: 0,
  };

  /** `send` is false when the packet is not wanted. */
  constructor(options: MicrophoneOptions, send: (packet: Sound) => boolean) {
    this.#options = options;
    this.#send = send;
  }

  /** Records, or not, as the host's owner permits. */
  permit(isPermitted: boolean): void {
    if (isPermitted === this.#isPermitted) return;
    this.#isPermitted = isPermitted;
    if (isPermitted) this.#start();
    else {
      if (this.#source) log.info("the microphone is off: the host's owner does not permit it any more");
      else log.warn("the host does not take this microphone; its owner permits it by patchbay peers approve --permit");
      this.#stop();
      this.#state = "refused";
    }
  }

  #start(): void {
    const settings = { ...this.#options, microphone: true, frameUs: 20_000, bitrateBps } as const;
    const opened = openAudioSource(settings, () => this.#onPackets());
    this.#state = opened.ok ? "recording" : "unavailable";
    if (!opened.ok) {
      log.warn(`there is no microphone: ${opened.message}`);
      return;
    }
    this.#source = opened.value;
    const { device, detail } = opened.value.describe();
    this.#device = device;
    log.info(`the host hears this microphone: ${detail || device}`);
  }

  #onPackets(): void {
    const source = this.#source;
    if (!source) return;
    source.rearm();
    for (let next = source.take(); next; next = source.take()) {
      if (next.kind === "packet") {
        this.#packet.captureUs = next.captureUs;
        this.#packet.samples = next.samples;
        this.#packet.data = source.bytes(next);
        this.#packet.size = next.size;
        if (this.#send(this.#packet)) this.#packets++;
      } else {
        this.#state = next.kind === "lost" ? "lost" : "recording";
        const { detail } = source.describe();
        if (next.kind === "lost") log.warn(`the microphone is gone, and is tried again: ${detail}`);
        else log.info(`the microphone is back: ${detail}`);
      }
      source.release();
    }
  }

  #stop(): void {
    this.#overruns += this.#source?.stats().overruns ?? 0;
    this.#source?.close();
    this.#source = undefined;
  }

  report(): MicrophoneReport {
    const overruns = this.#overruns + (this.#source?.stats().overruns ?? 0);
    return { state: this.#state, device: this.#device, packets: this.#packets, overruns };
  }

  /** Idempotent. */
  close(): void {
    this.#stop();
  }
}
