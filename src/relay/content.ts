/**
 * What a channel carries, read off the heads of its frames as they pass: the picture's form and size, the sound's. For statistics only:
 * nothing depends on it, and what a source writes into its heads is told as it is. Noting allocates nothing.
 */
import { audioCompressed, audioPcm, frame, frameBytes, frameType, pictureFormat } from "../wire/ds.ts";

export interface PictureStats {
  /** A format of CompressedPixels, "pixels", "delta" or "neural"; "unknown" for a format that is none. */
  readonly form: string;
  readonly width: number;
  readonly height: number;
}

export interface SoundStats {
  readonly form: "pcm" | "opus";
  readonly channels: number;
  readonly sampleRate: number;
}

const formats: ReadonlyMap<number, string> = new Map([
  [0, "pixels"],
  ...Object.entries(pictureFormat).map(([name, code]): [number, string] => [code, name]),
]);
/** Whole pictures in a row after which a source no longer sends deltas. */
const wholePictures = 3;

export class ChannelContent {
  /** Pictures, whole ones and changes. */
  pictures = 0;
  #form = -1;
  #type = 0;
  #sinceDelta = wholePictures;
  #width = 0;
  #height = 0;
  #soundType = 0;
  #soundChannels = 0;
  #sampleRate = 0;

  /** A message of the source, at least a head long. */
  note(bytes: Uint8Array, view: DataView): void {
    const type = frame.type(view, 0);
    switch (type) {
      case frameType.deltaPixels:
        this.#sinceDelta = 0;
        break;
      case frameType.compressedPixels:
      case frameType.keyframe:
        this.#form = bytes[frameBytes] ?? -1;
        this.#sinceDelta++;
        break;
      case frameType.pixels:
        this.#form = 0;
        this.#sinceDelta++;
        break;
      case frameType.neuralFrame:
        break;
      case frameType.audioPcm:
      case frameType.audioCompressed:
        this.#noteSound(type, bytes, view);
        return;
      default:
        return;
    }
    this.pictures++;
    this.#type = type;
    this.#width = frame.width(view, 0);
    this.#height = frame.height(view, 0);
  }

  #noteSound(type: number, bytes: Uint8Array, view: DataView): void {
    if (bytes.length < frameBytes + 8) return;
    const its = type === frameType.audioPcm ? audioPcm : audioCompressed;
    this.#soundType = type;
    this.#soundChannels = its.channels(view, frameBytes);
    this.#sampleRate = its.sampleRate(view, frameBytes);
  }

  /** Null before the first picture. */
  get picture(): PictureStats | null {
    if (this.pictures === 0) return null;
    const isDelta = this.#sinceDelta < wholePictures;
    const whole = this.#type === frameType.neuralFrame ? "neural" : (formats.get(this.#form) ?? "unknown");
    return { form: isDelta ? "delta" : whole, width: this.#width, height: this.#height };
  }

  /** Null before the first sound. */
  get sound(): SoundStats | null {
    if (this.#soundType === 0) return null;
    const form = this.#soundType === frameType.audioPcm ? "pcm" : "opus";
    return { form, channels: this.#soundChannels, sampleRate: this.#sampleRate };
  }
}
