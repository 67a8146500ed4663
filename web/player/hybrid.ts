/**
 * Hybrid pictures (src/wire/hybrid.ts): still tiles are exact at once, each moving rectangle has a video decoder of its own, whose
 * pictures are put in when they are ready. A rectangle that is not heard of any more gives its decoder back.
 */
import { type PictureFormat, pictureFormat } from "../../src/wire/ds.ts";
import { HybridDecoder, type HybridVideo } from "../../src/wire/hybrid.ts";
import { type VideoFormat, videoNames } from "../lib/codecs.ts";
import { Video, type VideoEvents } from "./video.ts";

/** Decoders at one time; rectangles beyond keep the picture that they have. */
const decoderLimit = 12;
/** Frames without a word of a rectangle after which its decoder goes. */
const idleFrames = 120;

interface Rectangle {
  readonly video: Video;
  usedAt: number;
}

export class HybridPictures {
  readonly #events: Omit<VideoEvents, "picture">;
  readonly #changed: () => void;
  readonly #rectangles = new Map<string, Rectangle>();
  readonly #decoder: HybridDecoder;
  readonly image: ImageData;
  #frames = 0;
  #isWhole = false;

  /** `changed`: a rectangle's picture came and the image is to be painted again. */
  constructor(width: number, height: number, events: Omit<VideoEvents, "picture">, changed: () => void) {
    this.#events = events;
    this.#changed = changed;
    this.#decoder = new HybridDecoder(width, height);
    this.image = new ImageData(new Uint8ClampedArray(this.#decoder.picture.buffer), width, height);
  }

  /** Throws a RangeError for a frame that is wrong. */
  push(data: Uint8Array, isKeyframe: boolean, timestampMs: number): void {
    if (!isKeyframe && !this.#isWhole) {
      this.#events.needsKeyframe();
      return;
    }
    const videos = this.#decoder.decode(data, isKeyframe);
    this.#isWhole = videos.ok;
    if (!videos.ok) throw new RangeError(`hybrid: ${videos.error}`);
    this.#frames++;
    for (const video of videos.value) this.#video(video, timestampMs);
    for (const [name, rectangle] of this.#rectangles) {
      if (this.#frames - rectangle.usedAt < idleFrames) continue;
      rectangle.video.close();
      this.#rectangles.delete(name);
    }
  }

  #video(of: HybridVideo, timestampMs: number): void {
    const name = `${of.x} ${of.y} ${of.width} ${of.height}`;
    const format = (Object.keys(pictureFormat) as PictureFormat[]).find((one) => pictureFormat[one] === of.format);
    if (format === undefined || !Object.hasOwn(videoNames, format)) return;
    let rectangle = this.#rectangles.get(name);
    if (!rectangle) {
      if (this.#rectangles.size >= decoderLimit) return;
      rectangle = { video: new Video({ ...this.#events, picture: (frame) => this.#show(of, frame) }), usedAt: 0 };
      this.#rectangles.set(name, rectangle);
    }
    rectangle.usedAt = this.#frames;
    const { data, isKeyframe, width, height } = of;
    rectangle.video.push({ format: format as VideoFormat, data, isKeyframe, timestampMs, width, height });
  }

  #show({ x, y, width, height }: HybridVideo, frame: VideoFrame): void {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
    context?.drawImage(frame, 0, 0, width, height);
    const rgba = context?.getImageData(0, 0, width, height).data;
    if (rgba && this.#decoder.show({ x, y, width, height }, new Uint8Array(rgba.buffer))) this.#changed();
  }

  close(): void {
    for (const { video } of this.#rectangles.values()) video.close();
    this.#rectangles.clear();
  }
}
