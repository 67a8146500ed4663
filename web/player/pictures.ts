/**
 * Picture frames of every mode (ds-stream sections 15, 16 and 19) onto the screen, in the order they came: raw and packed
 * pixels, deltas onto the last picture, stills through the browser, video through video.ts. A frame that is wrong, or that lacks
 * the one before, changes nothing and asks for a keyframe.
 */
import { type FrameMessage, keyframeFormat, type PictureFormat, pictureFormat } from "../../src/wire/ds.ts";
import { applyDelta, rleDecode } from "../../src/wire/rle.ts";
import { type VideoFormat, videoNames } from "../lib/codecs.ts";
import { decodeQoi } from "../lib/qoi.ts";
import { unpackZstd } from "../lib/zstd.ts";
import { HybridPictures } from "./hybrid.ts";
import type { Screen } from "./screen.ts";
import { Video } from "./video.ts";

export interface Shown {
  readonly type: string;
  readonly sequence: number;
  readonly timestampMs: number;
  readonly width: number;
  readonly height: number;
  /** As a person calls it: "H.264 (avc1.42E01F)", "Delta". */
  readonly mode: string;
}

export interface PictureEvents {
  shown(picture: Shown): void;
  needsKeyframe(): void;
  cannotDecode(title: string, text: string): void;
}

export type PictureMessage = FrameMessage<"pixels" | "compressedPixels" | "deltaPixels" | "keyframe">;

const formatNames = Object.fromEntries(Object.entries(pictureFormat).map(([name, code]) => [code, name])) as Readonly<
  Record<number, PictureFormat>
>;
const mediaTypes: Partial<Record<PictureFormat, string>> = { png: "image/png", webp: "image/webp", jpeg: "image/jpeg" };
const isVideo = (format: PictureFormat): format is VideoFormat => Object.hasOwn(videoNames, format);
/** Frames that wait for a still being decoded; above it, the ones before the newest that can be begun with go. */
const backlog = 120;

export class Pictures {
  readonly #screen: Screen;
  readonly #events: PictureEvents;
  readonly #video: Video;
  readonly #queue: PictureMessage[] = [];
  #hybrid: HybridPictures | undefined;
  #isBusy = false;
  /** The last picture while it is known exactly: what a delta builds on. */
  #image: ImageData | undefined;
  /** The last video frame's head, by timestamp, for who wants to know what is shown. */
  #sent = new Map<number, PictureMessage>();

  constructor(screen: Screen, events: PictureEvents) {
    this.#screen = screen;
    this.#events = events;
    this.#video = new Video({
      ...events,
      picture: (frame, codec) => {
        const timestampMs = Math.round(frame.timestamp / 1000);
        this.#screen.draw(frame, frame.displayWidth, frame.displayHeight);
        const message = this.#sent.get(timestampMs);
        this.#sent.delete(timestampMs);
        if (!message) return;
        const name = videoNames[formatNames[formatOf(message) ?? 0] as VideoFormat];
        events.shown(shownOf(message, `${name} (${codec})`, frame.displayWidth, frame.displayHeight));
      },
    });
  }

  push(message: PictureMessage): void {
    if (this.#queue.length > backlog) this.#skipOld();
    this.#queue.push(message);
    if (!this.#isBusy) void this.#work();
  }

  #skipOld(): void {
    const at = this.#queue.findLastIndex((one) => one.isKeyframe || one.name === "keyframe");
    if (at >= 0) this.#queue.splice(0, at);
    else {
      this.#queue.length = 0;
      this.#image = undefined;
    }
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      try {
        const wait = this.#one(next);
        if (wait) await wait;
      } catch (cause) {
        console.warn("picture", next.name, cause);
        this.#image = undefined;
        this.#events.needsKeyframe();
      }
    }
    this.#isBusy = false;
  }

  /** Nothing to wait for when the result is undefined, so that raw pictures take no turn of the event loop each. */
  #one(message: PictureMessage): Promise<void> | undefined {
    if (message.name === "deltaPixels") return this.#delta(message);
    const format = formatOf(message);
    if (format === undefined || format === keyframeFormat.rgba) return this.#raw(message);
    const name = formatNames[format] as PictureFormat;
    if (name === "hybrid") return this.#mixed(message);
    if (!isVideo(name)) return this.#still(message, name);
    this.#image = undefined;
    this.#sent.set(message.timestampMs, message);
    if (this.#sent.size > 256) this.#sent.delete(this.#sent.keys().next().value as number);
    const { tail: data, timestampMs, width, height } = message;
    const isKeyframe = message.isKeyframe || message.name === "keyframe";
    this.#video.push({ format: name, data, isKeyframe, timestampMs, width, height });
    return undefined;
  }

  #mixed(message: PictureMessage): undefined {
    const { width, height, tail, timestampMs, isKeyframe } = message;
    this.#image = undefined;
    if (this.#hybrid?.image.width !== width || this.#hybrid.image.height !== height) {
      this.#hybrid?.close();
      const made = new HybridPictures(width, height, this.#events, () => {
        if (this.#hybrid === made) this.#screen.paintSoon(made.image, undefined);
      });
      this.#hybrid = made;
    }
    this.#hybrid.push(tail, isKeyframe || message.name === "keyframe", timestampMs);
    this.#paint(message, this.#hybrid.image, "Hybrid");
  }

  #raw(message: PictureMessage): undefined {
    const { width, height, tail, isCompressed } = message;
    const image = this.#imageOf(width, height);
    const bytes = new Uint8Array(image.data.buffer);
    if (isCompressed) {
      const error = rleDecode(tail, bytes);
      if (error) throw new RangeError(`packed pixels: ${error}`);
    } else bytes.set(tail);
    this.#paint(message, image, isCompressed ? "Packed pixels" : "Pixels");
  }

  #delta(message: PictureMessage): undefined {
    const { width, height, tail } = message;
    const image = this.#image;
    if (image?.width !== width || image.height !== height) {
      this.#events.needsKeyframe();
      return;
    }
    const error = applyDelta(tail, new Uint8Array(image.data.buffer));
    if (error) throw new RangeError(`delta: ${error}`);
    this.#paint(message, image, "Delta");
  }

  #imageOf(width: number, height: number): ImageData {
    if (this.#image?.width !== width || this.#image.height !== height) this.#image = new ImageData(width, height);
    return this.#image;
  }

  #paint(message: PictureMessage, image: ImageData, mode: string): void {
    this.#screen.paintSoon(image, () => this.#events.shown(shownOf(message, mode, image.width, image.height)));
  }

  async #still(message: PictureMessage, format: PictureFormat): Promise<void> {
    const { width, height, tail } = message;
    if (format === "qoi" || format === "zstd") {
      const rgba = format === "qoi" ? decodeQoi(tail, width, height) : unpackZstd(tail, 4 * width * height);
      if (!rgba) throw new RangeError(`${format}: no picture of ${width} x ${height}`);
      this.#image = new ImageData(rgba, width, height);
      this.#paint(message, this.#image, format === "qoi" ? "QOI" : "Zstandard");
      return;
    }
    const type = mediaTypes[format] ?? "";
    const bitmap = await createImageBitmap(new Blob([tail as Uint8Array<ArrayBuffer>], { type }));
    this.#screen.draw(bitmap, bitmap.width, bitmap.height);
    // Deltas may follow a lossless picture only.
    this.#image = message.name === "keyframe" && format !== "jpeg" ? this.#screen.read() : undefined;
    this.#events.shown(
      shownOf(message, `Stills (${format === "webp" ? "WebP" : format.toUpperCase()})`, bitmap.width, bitmap.height),
    );
    bitmap.close();
  }

  /** The source changed or the channel ended: nothing is built on what was. */
  reset(): void {
    this.#queue.length = 0;
    this.#image = undefined;
    this.#sent.clear();
    this.#hybrid?.close();
    this.#hybrid = undefined;
    this.#video.close();
  }
}

const formatOf = (message: PictureMessage): number | undefined =>
  message.name === "compressedPixels" || message.name === "keyframe" ? message.fields.format : undefined;

function shownOf({ name, sequence, timestampMs }: PictureMessage, mode: string, width: number, height: number): Shown {
  return { type: name, sequence, timestampMs, width, height, mode };
}
