/**
 * Sound of a channel: PCM as it is, Opus through WebCodecs, played as scheduled buffers behind a small jitter buffer. Silent until
 * the person asks for it, as browsers demand; late sound is left out rather than piling up.
 */
import { type FrameMessage, pcmFormat } from "../../src/wire/ds.ts";

/** Waiting before the first buffer, so that jitter makes no gap. */
const jitterSeconds = 0.06;
/** More than this ahead is left out: sound must not fall behind the picture. */
const aheadSeconds = 0.35;

export class Sound {
  readonly #problem: (text: string) => void;
  #context: AudioContext | undefined;
  #nextSeconds = 0;
  #decoder: AudioDecoder | undefined;
  #config = "";
  /** Samples of each channel that were scheduled, and left out. */
  played = 0;
  leftOut = 0;
  gaps = 0;

  constructor(problem: (text: string) => void) {
    this.#problem = problem;
  }

  get isOn(): boolean {
    return this.#context?.state === "running";
  }

  /** Call from a click or key press. */
  async turnOn(): Promise<void> {
    this.#context ??= new AudioContext({ latencyHint: "interactive" });
    await this.#context.resume();
    this.#nextSeconds = 0;
  }

  async turnOff(): Promise<void> {
    await this.#context?.suspend();
  }

  push(message: FrameMessage<"audioPcm" | "audioCompressed">): void {
    if (!this.isOn) return;
    if (message.name === "audioPcm") this.#pcm(message);
    else this.#opus(message);
  }

  #pcm({ fields, tail }: FrameMessage<"audioPcm">): void {
    const { channels, sampleRate } = fields;
    const isFloat = fields.format === pcmFormat.f32le;
    const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
    const bytes = isFloat ? 4 : 2;
    const count = tail.length / bytes / channels;
    if (count === 0) return;
    const planes = Array.from({ length: channels }, (_, channel) => {
      const plane = new Float32Array(count);
      for (let i = 0; i < count; i++) {
        const at = (i * channels + channel) * bytes;
        plane[i] = isFloat ? view.getFloat32(at, true) : view.getInt16(at, true) / 32_768;
      }
      return plane;
    });
    this.#play(planes, sampleRate);
  }

  #opus({ fields, tail, timestampMs }: FrameMessage<"audioCompressed">): void {
    if (typeof AudioDecoder === "undefined") {
      this.#problem("This browser cannot decode Opus sound.");
      return;
    }
    const { sampleRate, channels } = fields;
    const key = `${sampleRate} ${channels}`;
    if (this.#config !== key || this.#decoder?.state !== "configured") {
      if (this.#decoder?.state !== "closed") this.#decoder?.close();
      this.#decoder = new AudioDecoder({
        output: (data) => {
          const planes = Array.from({ length: data.numberOfChannels }, (_, planeIndex) => {
            const plane = new Float32Array(data.numberOfFrames);
            data.copyTo(plane, { planeIndex, format: "f32-planar" });
            return plane;
          });
          this.#play(planes, data.sampleRate);
          data.close();
        },
        error: (cause) => console.warn("sound decoder", cause),
      });
      this.#decoder.configure({ codec: "opus", sampleRate, numberOfChannels: channels });
      this.#config = key;
    }
    this.#decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: timestampMs * 1000, data: tail }));
  }

  #play(planes: Float32Array<ArrayBuffer>[], sampleRate: number): void {
    const context = this.#context;
    const count = planes[0]?.length ?? 0;
    if (context?.state !== "running" || count === 0) return;
    if (this.#nextSeconds > context.currentTime + aheadSeconds) {
      this.leftOut += count;
      return;
    }
    if (this.#nextSeconds < context.currentTime) {
      if (this.#nextSeconds > 0) this.gaps++;
      this.#nextSeconds = context.currentTime + jitterSeconds;
    }
    const buffer = context.createBuffer(planes.length, count, sampleRate);
    for (const [channel, plane] of planes.entries()) buffer.copyToChannel(plane, channel);
    const node = context.createBufferSource();
    node.buffer = buffer;
    node.connect(context.destination);
    node.start(this.#nextSeconds);
    this.#nextSeconds += buffer.duration;
    this.played += count;
  }
}
