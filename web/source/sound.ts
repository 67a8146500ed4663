/**
 * Sound to publish: a spring whose speed is the pitch (ds-stream section 16, mode 5) or the microphone, as PCM or Opus, in
 * parts of 20 ms.
 */
import { buildAudioPcm, buildOpus } from "../../src/wire/ds.ts";

const sampleRate = 48_000;
const partSamples = 960;
/** More than this behind, sound begins anew instead of catching up. */
const lateSeconds = 0.5;

export type SoundEmit = (
  timestampMs: number,
  build: (sequence: number, timestampMs: number) => Uint8Array<ArrayBuffer>,
) => void;

export interface SoundSource {
  stop(): void;
}

/** Takes parts of mono samples from -1 to 1 and hands out frames. */
export class SoundPacker {
  readonly #emit: SoundEmit;
  readonly #encoder: AudioEncoder | undefined;

  /** Falls back to PCM where the browser cannot encode Opus. */
  constructor(codec: "opus" | "pcm", emit: SoundEmit) {
    this.#emit = emit;
    if (codec === "pcm" || typeof AudioEncoder === "undefined") return;
    this.#encoder = new AudioEncoder({
      output: (chunk) => {
        const data = new Uint8Array(chunk.byteLength);
        chunk.copyTo(data);
        emit(chunk.timestamp / 1000, (sequence, ms) => buildOpus(sequence, ms, sampleRate, 1, partSamples, data));
      },
      error: (cause) => console.warn("sound encoder", cause),
    });
    this.#encoder.configure({ codec: "opus", sampleRate, numberOfChannels: 1, bitrate: 64_000 });
  }

  push(samples: Float32Array<ArrayBuffer>, rate: number, timestampMs: number): void {
    if (this.#encoder?.state === "configured") {
      const timestamp = Math.round(timestampMs * 1000);
      const init = {
        format: "f32",
        sampleRate: rate,
        numberOfFrames: samples.length,
        numberOfChannels: 1,
        timestamp,
      } as const;
      const data = new AudioData({ ...init, data: samples });
      this.#encoder.encode(data);
      data.close();
      return;
    }
    const bytes = new Uint8Array(samples.length * 2);
    const view = new DataView(bytes.buffer);
    for (const [i, sample] of samples.entries())
      view.setInt16(2 * i, Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_767))), true);
    this.#emit(timestampMs, (sequence, ms) => buildAudioPcm(sequence, ms, rate, 1, "s16le", bytes));
  }

  close(): void {
    if (this.#encoder && this.#encoder.state !== "closed") this.#encoder.close();
  }
}

/** `speed` is asked for each part; `nowMs` is the stream's clock. */
export function playSpring(packer: SoundPacker, speed: () => number, nowMs: () => number): SoundSource {
  let phase = 0;
  let pitch = 220;
  let loud = 0;
  let samplesDone = (nowMs() / 1000) * sampleRate;
  const timer = setInterval(() => {
    const due = (nowMs() / 1000) * sampleRate;
    if (due - samplesDone > lateSeconds * sampleRate) samplesDone = due - partSamples;
    for (; samplesDone + partSamples <= due; samplesDone += partSamples) {
      const [toPitch, toLoud] = [180 + 60 * Math.min(12, speed()), Math.min(0.3, speed() / 20)];
      const part = new Float32Array(partSamples);
      for (let i = 0; i < partSamples; i++) {
        pitch += (toPitch - pitch) * 0.0005;
        loud += (toLoud - loud) * 0.0005;
        phase = (phase + pitch / sampleRate) % 1;
        part[i] = loud * Math.sin(2 * Math.PI * phase);
      }
      packer.push(part, sampleRate, (samplesDone / sampleRate) * 1000);
    }
  }, 20);
  return { stop: () => clearInterval(timer) };
}

interface SoundReader {
  readonly readable: ReadableStream<AudioData>;
}
type SoundReaderClass = new (init: { track: MediaStreamTrack }) => SoundReader;

/** Rejects with a sentence when there is no microphone to be had. */
export async function openMicrophone(packer: SoundPacker, nowMs: () => number): Promise<SoundSource> {
  if (!navigator.mediaDevices) throw new Error("browsers share microphones only with pages from https or localhost");
  const reading = (globalThis as { MediaStreamTrackProcessor?: SoundReaderClass }).MediaStreamTrackProcessor;
  if (!reading) throw new Error("this browser does not hand out a microphone's samples");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { sampleRate, channelCount: 1 } });
  const [track] = stream.getAudioTracks();
  if (!track) throw new Error("a stream without sound");
  const reader = new reading({ track }).readable.getReader();
  const read = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const samples = new Float32Array(next.value.numberOfFrames);
      next.value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      packer.push(samples, next.value.sampleRate, nowMs());
      next.value.close();
    }
  };
  void read().catch((cause) => console.warn("microphone", cause));
  return { stop: () => track.stop() };
}
