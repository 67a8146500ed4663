/**
 * Pictures of a canvas as frames, one encoder a mode (ds-stream section 16): raw and packed pixels, deltas, stills, video
 * through WebCodecs, and hybrid. An encoder that is still busy says so, and the frame is skipped before it costs anything.
 */
import { buildCompressedPixels, buildDeltaPixels, buildPackedPixels, buildPixels } from "../../src/wire/ds.ts";
import { packDelta, rleBound, rleEncode } from "../../src/wire/rle.ts";
import type { VideoFormat } from "../lib/codecs.ts";

export type StillFormat = "webp" | "jpeg" | "png";
export type PictureMode = "pixel" | "packed" | "delta" | "hybrid" | StillFormat | Exclude<VideoFormat, "hevc">;

export type Emit = (
  timestampMs: number,
  startsAnew: boolean,
  build: (sequence: number, timestampMs: number) => Uint8Array<ArrayBuffer>,
) => void;

export interface Encoder {
  readonly isBusy: boolean;
  /** How often a picture that stands still is encoded again until players have it as well as they can. */
  readonly settleFrames: number;
  /** The canvas as it is now; `isKeyframe` asks for a picture to begin with. */
  encode(canvas: HTMLCanvasElement, timestampMs: number, isKeyframe: boolean): void;
  close(): void;
}

export const pixelsOf = (canvas: HTMLCanvasElement): Uint8Array<ArrayBuffer> => {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("the browser gives no 2D canvas");
  return new Uint8Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
};

export class PixelEncoder implements Encoder {
  readonly isBusy = false;
  readonly settleFrames = 0;
  readonly #emit: Emit;
  readonly #packs: boolean;

  constructor(emit: Emit, packs: boolean) {
    this.#emit = emit;
    this.#packs = packs;
  }

  encode(canvas: HTMLCanvasElement, timestampMs: number): void {
    const rgba = pixelsOf(canvas);
    const { width, height } = canvas;
    if (this.#packs) {
      const out = new Uint8Array(rleBound(rgba.length));
      const packed = out.subarray(0, rleEncode(rgba, out));
      this.#emit(timestampMs, true, (sequence, ms) => buildPackedPixels(sequence, ms, width, height, packed));
    } else this.#emit(timestampMs, true, (sequence, ms) => buildPixels(sequence, ms, width, height, rgba));
  }

  close(): void {
    // Nothing is held.
  }
}

export class DeltaEncoder implements Encoder {
  readonly isBusy = false;
  readonly settleFrames = 0;
  readonly #emit: Emit;
  #before: Uint8Array<ArrayBuffer> | undefined;
  #out = new Uint8Array(0);

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  encode(canvas: HTMLCanvasElement, timestampMs: number, isKeyframe: boolean): void {
    const rgba = pixelsOf(canvas);
    const { width, height } = canvas;
    const before = this.#before;
    this.#before = rgba;
    if (isKeyframe || before?.length !== rgba.length) {
      this.#emit(timestampMs, true, (sequence, ms) => buildPixels(sequence, ms, width, height, rgba));
      return;
    }
    if (this.#out.length < rleBound(rgba.length)) this.#out = new Uint8Array(rleBound(rgba.length));
    const packed = this.#out.subarray(0, packDelta(before, rgba, this.#out));
    this.#emit(timestampMs, false, (sequence, ms) => buildDeltaPixels(sequence, ms, width, height, packed));
  }

  close(): void {
    this.#before = undefined;
  }
}

export class StillEncoder implements Encoder {
  readonly #emit: Emit;
  readonly #format: StillFormat;
  readonly #quality: number;
  readonly settleFrames = 0;
  isBusy = false;

  constructor(emit: Emit, format: StillFormat, quality = 0.8) {
    this.#emit = emit;
    this.#format = format;
    this.#quality = quality;
  }

  encode(canvas: HTMLCanvasElement, timestampMs: number): void {
    this.isBusy = true;
    const { width, height } = canvas;
    canvas.toBlob(
      (blob) => void this.#finish(blob, timestampMs, width, height),
      `image/${this.#format}`,
      this.#quality,
    );
  }

  async #finish(blob: Blob | null, timestampMs: number, width: number, height: number): Promise<void> {
    const data = blob ? new Uint8Array(await blob.arrayBuffer()) : undefined;
    this.isBusy = false;
    // A browser that cannot write the format hands over PNG instead.
    const format = blob?.type.replace("image/", "") as StillFormat;
    if (data)
      this.#emit(timestampMs, true, (sequence, ms) =>
        buildCompressedPixels(sequence, ms, width, height, format, data, true),
      );
  }

  close(): void {
    // Nothing is held.
  }
}
