/**
 * Video through WebCodecs for low delay: a keyframe every two seconds and whenever one is asked for, H.264 in Annex B form with its
 * parameter sets in each keyframe. It says in a sentence when the browser has no such encoder.
 */
import { buildCompressedPixels } from "../../src/wire/ds.ts";
import { type VideoFormat, videoNames } from "../lib/codecs.ts";
import { type Emit, type Encoder, pixelsOf } from "./encoders.ts";
import { limitedFrame } from "./i420.ts";

const keyframeMs = 2000;
/** Frames in the encoder above which the next is skipped. */
const backlog = 2;

/** The last picture of what then stands still may be a coarse one; the next few mend it. */
const settleFrames = 5;

export interface VideoSettings {
  readonly format: Exclude<VideoFormat, "hevc">;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly bitrateBps: number;
}

/** The level follows from the size; encoders refuse one that is too low. */
function codecFor({ format, width, height, fps }: VideoSettings): string {
  const rate = width * height * fps;
  const level = rate <= 1280 * 720 * 30 ? "1F" : rate <= 1920 * 1080 * 60 ? "2A" : "33";
  return { h264: `avc1.42E0${level}`, vp8: "vp8", vp9: "vp09.00.41.08", av1: "av01.0.08M.08" }[format];
}

export function encoderConfig(settings: VideoSettings): VideoEncoderConfig {
  const { format, width, height, fps, bitrateBps } = settings;
  return {
    codec: codecFor(settings),
    width,
    height,
    framerate: fps,
    bitrate: bitrateBps,
    latencyMode: "realtime",
    ...(format === "h264" ? { avc: { format: "annexb" as const } } : {}),
  };
}

export class VideoSender implements Encoder {
  readonly settleFrames = settleFrames;
  readonly #encoder: VideoEncoder;
  readonly #saysRange: boolean;
  #keyframeMs = Number.NEGATIVE_INFINITY;

  private constructor(encoder: VideoEncoder, saysRange: boolean) {
    this.#encoder = encoder;
    this.#saysRange = saysRange;
  }

  /** A string is the sentence that says why not. `failed` comes when the encoder breaks later. */
  static async create(
    settings: VideoSettings,
    emit: Emit,
    failed: (text: string) => void,
  ): Promise<VideoSender | string> {
    const name = videoNames[settings.format];
    if (typeof VideoEncoder === "undefined")
      return isSecureContext
        ? `This browser has no WebCodecs, so it cannot encode ${name}. Delta and stills work everywhere.`
        : `Browsers encode ${name} only on pages from https or from localhost. Delta and stills work here.`;
    const config = encoderConfig(settings);
    const { supported } = await VideoEncoder.isConfigSupported(config);
    if (!supported) return `This browser cannot encode ${name} at ${settings.width} × ${settings.height}.`;
    const encoder = new VideoEncoder({
      output: (chunk) => {
        const data = new Uint8Array(chunk.byteLength);
        chunk.copyTo(data);
        const isKeyframe = chunk.type === "key";
        emit(chunk.timestamp / 1000, isKeyframe, (sequence, ms) =>
          buildCompressedPixels(sequence, ms, settings.width, settings.height, settings.format, data, isKeyframe),
        );
      },
      error: (cause) => failed(`The ${name} encoder stopped: ${cause.message}`),
    });
    encoder.configure(config);
    return new VideoSender(encoder, settings.format === "h264" || settings.format === "av1");
  }

  get isBusy(): boolean {
    return this.#encoder.encodeQueueSize > backlog;
  }

  encode(canvas: HTMLCanvasElement, timestampMs: number, isKeyframe: boolean): void {
    if (this.#encoder.state !== "configured") return;
    const keyFrame = isKeyframe || timestampMs - this.#keyframeMs >= keyframeMs;
    if (keyFrame) this.#keyframeMs = timestampMs;
    const timestamp = Math.round(timestampMs) * 1000;
    const frame = this.#saysRange
      ? new VideoFrame(canvas, { timestamp })
      : limitedFrame(pixelsOf(canvas), canvas.width, canvas.height, timestamp);
    this.#encoder.encode(frame, { keyFrame });
    frame.close();
  }

  close(): void {
    if (this.#encoder.state !== "closed") this.#encoder.close();
  }
}
