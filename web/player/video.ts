/**
 * Encoded video through WebCodecs: a decoder for low delay, begun at a keyframe, begun again at the next one after an error. It hands
 * out frames to be drawn, and says in a sentence when the browser cannot decode.
 */
import { codecString, type VideoFormat, videoNames } from "../lib/codecs.ts";

export interface EncodedUnit {
  readonly format: VideoFormat;
  readonly data: Uint8Array;
  readonly isKeyframe: boolean;
  readonly timestampMs: number;
  readonly width: number;
  readonly height: number;
}

export interface VideoEvents {
  /** To be drawn at once; it is closed after. */
  picture(frame: VideoFrame, codec: string): void;
  /** Nothing is shown until the next keyframe. */
  needsKeyframe(): void;
  cannotDecode(title: string, text: string): void;
}

/** Units waiting in the decoder above which all but keyframes are left out. */
const backlog = 30;

export class Video {
  readonly #events: VideoEvents;
  #decoder: VideoDecoder | undefined;
  #codec = "";
  /** Units that came while the browser was asked about the codec. */
  #waiting: EncodedUnit[] | undefined;
  #needsKeyframe = true;
  #refused = "";
  #asked = 0;

  constructor(events: VideoEvents) {
    this.#events = events;
  }

  push(unit: EncodedUnit): void {
    if (this.#waiting) {
      if (this.#waiting.length < 4 * backlog) this.#waiting.push(unit);
      return;
    }
    if (typeof VideoDecoder === "undefined") {
      this.#noWebCodecs(unit);
      return;
    }
    const codec = unit.isKeyframe ? codecString(unit.format, unit.data) : undefined;
    if (codec !== undefined && codec === this.#refused) return;
    if (codec !== undefined && (codec !== this.#codec || this.#decoder?.state !== "configured")) {
      void this.#begin(codec, unit);
      return;
    }
    if (this.#needsKeyframe && !unit.isKeyframe) this.#ask();
    else this.#decode(unit);
  }

  #decode(unit: EncodedUnit): void {
    const decoder = this.#decoder;
    if (decoder?.state !== "configured") return;
    if (decoder.decodeQueueSize > backlog && !unit.isKeyframe) {
      this.#needsKeyframe = true;
      this.#ask();
      return;
    }
    this.#needsKeyframe = false;
    const type = unit.isKeyframe ? "key" : "delta";
    try {
      decoder.decode(new EncodedVideoChunk({ type, timestamp: unit.timestampMs * 1000, data: unit.data }));
    } catch (cause) {
      this.#broke(cause);
    }
  }

  async #begin(codec: string, first: EncodedUnit): Promise<void> {
    this.#waiting = [];
    const config: VideoDecoderConfig = { codec, optimizeForLatency: true };
    // A codec string that the browser cannot even read is refused by an error.
    const supported = await VideoDecoder.isConfigSupported(config).then(
      (answer) => answer.supported === true,
      () => false,
    );
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.close();
    if (!supported) {
      this.#refused = codec;
      const name = videoNames[first.format];
      this.#events.cannotDecode(`This browser cannot decode ${name}`, `The channel carries ${name} (${codec}).`);
      return;
    }
    this.#codec = codec;
    const decoder = new VideoDecoder({
      output: (frame) => {
        this.#events.picture(frame, codec);
        frame.close();
      },
      error: (cause) => {
        if (this.#decoder === decoder) this.#broke(cause);
      },
    });
    this.#decoder = decoder;
    decoder.configure(config);
    this.#decode(first);
    for (const unit of waiting) this.push(unit);
  }

  #broke(cause: unknown): void {
    console.warn("video decoder", cause);
    this.close();
    this.#ask();
  }

  #ask(): void {
    const now = performance.now();
    if (now - this.#asked < 500) return;
    this.#asked = now;
    this.#events.needsKeyframe();
  }

  #noWebCodecs({ format }: EncodedUnit): void {
    const why = isSecureContext
      ? "This browser lacks WebCodecs; a current Chromium, Safari or Firefox has it."
      : "Browsers decode video only on pages from https or from localhost, and this one came over plain http.";
    this.#events.cannotDecode(`${videoNames[format]} cannot be decoded here`, why);
  }

  close(): void {
    this.#needsKeyframe = true;
    const decoder = this.#decoder;
    this.#decoder = undefined;
    if (decoder && decoder.state !== "closed") decoder.close();
  }
}
