/**
 * Clients' microphones on the host: each that speaks becomes a source of sound that this machine's programs can choose, named after
 * its device, for as long as it speaks. Who may is decided before (viewer.ts).
 */
import { openAudioSink } from "../../ffi/audio.ts";
import type { AudioSink } from "../../ffi/interfaces-audio.ts";
import { createLog } from "../base/log.ts";
import { toMillis } from "../base/units.ts";
import { permission } from "../wire/root.ts";
import type { Sound } from "../wire/sound.ts";
import type { MicrophoneStats } from "./stats.ts";
import type { Remote, Viewer } from "./viewer.ts";

const log = createLog("sound");

/** A client that says nothing for this long has put its microphone away. */
const silenceUs = 5_000_000;
/** After a failure it is tried again this often. */
const retryUs = 10_000_000;
/** How often the other clock is looked at. */
const clockUs = 1_000_000;

interface Microphone {
  readonly sink: AudioSink | undefined;
  /** What other programs see. */
  readonly device: string;
  spokenUs: number;
  lookedUs: number;
  packets: number;
}

/** "laptop" of laptop's microphone: what sound servers take in a name. */
export function microphoneName(device: string): string {
  const plain = device
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9.-]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 40);
  return `patchbay_${plain || "client"}`;
}

export class Microphones {
  readonly #all = new Map<Viewer<Remote>, Microphone>();
  /** Packets that nothing could be done with, because there is no device to make. */
  unplayed = 0;

  push(viewer: Viewer<Remote>, packet: Sound, nowUs: number): void {
    const microphone = this.#of(viewer, nowUs);
    microphone.spokenUs = nowUs;
    microphone.packets++;
    const { sink } = microphone;
    if (!sink) {
      this.unplayed++;
      return;
    }
    if (nowUs - microphone.lookedUs >= clockUs) {
      microphone.lookedUs = nowUs;
      const { offsetUs } = viewer.link.clock;
      if (offsetUs !== undefined) sink.setClockOffset(-offsetUs);
    }
    sink.push(packet.data, packet.size, packet.captureUs);
  }

  #of(viewer: Viewer<Remote>, nowUs: number): Microphone {
    const known = this.#all.get(viewer);
    if (known?.sink || (known && nowUs - known.lookedUs < retryUs)) return known;
    const { name } = viewer.identity;
    const device = this.#freeName(microphoneName(name));
    const opened = openAudioSink({ backend: "auto", device, minDelayUs: 0, virtualSource: true });
    if (opened.ok) log.info(`${name} speaks: its microphone is the source "${device}" here`);
    else if (!known) log.warn(`${name} speaks, and nobody can hear it: ${opened.message}`);
    const sink = opened.ok ? opened.value : undefined;
    const lookedUs = sink ? Number.NEGATIVE_INFINITY : nowUs;
    const microphone = { sink, device, spokenUs: nowUs, lookedUs, packets: known?.packets ?? 0 };
    this.#all.set(viewer, microphone);
    return microphone;
  }

  #freeName(wanted: string): string {
    const taken = new Set([...this.#all.values()].map(({ device }) => device));
    let name = wanted;
    for (let i = 2; taken.has(name); i++) name = `${wanted}_${i}`;
    return name;
  }

  /** Puts away what is silent, or may not be heard any more. Call now and then. */
  tick(nowUs: number): void {
    for (const [viewer, { spokenUs }] of this.#all) {
      const isPermitted = (viewer.permissions & permission.microphone) !== 0;
      if (!isPermitted || nowUs - spokenUs > silenceUs) this.left(viewer);
    }
  }

  /** A client is gone, or may speak no more. Idempotent. */
  left(viewer: Viewer<Remote>): void {
    const microphone = this.#all.get(viewer);
    if (!microphone) return;
    this.#all.delete(viewer);
    microphone.sink?.close();
    if (microphone.sink) log.info(`the microphone of ${viewer.identity.name} is put away`);
  }

  stats(): MicrophoneStats[] {
    return [...this.#all].map(([viewer, { sink, device, packets }]) => {
      const counts = sink?.stats();
      return {
        name: viewer.identity.name,
        device: sink ? device : "",
        packets,
        lost: counts?.lost ?? 0,
        concealed: counts?.concealed ?? 0,
        late: counts?.late ?? 0,
        refused: (counts?.refusedFull ?? 0) + (counts?.invalid ?? 0) + (sink ? 0 : packets),
        delayMs: toMillis(counts?.delayUs ?? 0),
      };
    });
  }

  /** Idempotent. */
  close(): void {
    for (const viewer of [...this.#all.keys()]) this.left(viewer);
  }
}
