/**
 * The hybrid codec's sending side (hybrid.ts has the format): finds the tiles that keep moving, hands their rectangles to a video
 * encoder, and packs everything else exactly. A tile becomes video after some frames in which much of it changed, and exact again
 * after some in which it did not, so that typing stays exact and what stops moving becomes sharp. Pure; it encodes no video.
 */
import { limits } from "../base/limits.ts";
import { encode } from "./codec.ts";
import { hybridLayout, hybridVideoLayout, type PictureFormat, pictureFormat } from "./ds-layouts.ts";
import { copyRectangle, type Rectangle, TileGrid } from "./hybrid.ts";
import { packDelta, rleBound } from "./rle.ts";

export interface VideoPicture {
  readonly format: Exclude<PictureFormat, "hybrid">;
  readonly isKeyframe: boolean;
  readonly data: Uint8Array;
}

/**
 * Encodes one rectangle, RGBA, valid during the call. `isNew`: the rectangle was not there in the frame before, or the frame is a
 * keyframe, so a decoder begins here. Undefined leaves what the receiver shows as it is.
 */
export type VideoEncoder = (rectangle: Rectangle, rgba: Uint8Array, isNew: boolean) => VideoPicture | undefined;

export interface HybridOptions {
  /** Pixels, 16 to 256. */
  readonly tileSize: number;
  /** The part of a tile's pixels that must change for the tile to count as moving. */
  readonly movingShare: number;
  /** Frames of moving in a row that make a tile video. */
  readonly enterFrames: number;
  /** Frames without moving in a row that make it exact again. */
  readonly leaveFrames: number;
}

const defaults: HybridOptions = { tileSize: 64, movingShare: 1 / 8, enterFrames: 3, leaveFrames: 10 };

/** Tile columns and rows, ends not included. */
interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Touching boxes are one: each video rectangle costs an encoder. */
const doTouch = (a: Box, b: Box): boolean =>
  a.left <= b.right && b.left <= a.right && a.top <= b.bottom && b.top <= a.bottom;

function merged(boxes: readonly Box[]): Box[] {
  const out: Box[] = [];
  for (const box of boxes) {
    const grown = { ...box };
    // A grown box may touch others that the first did not.
    for (let i = 0; i < out.length; ) {
      const other = out[i] as Box;
      if (!doTouch(grown, other)) {
        i++;
        continue;
      }
      grown.left = Math.min(grown.left, other.left);
      grown.top = Math.min(grown.top, other.top);
      grown.right = Math.max(grown.right, other.right);
      grown.bottom = Math.max(grown.bottom, other.bottom);
      out.splice(i, 1);
      i = 0;
    }
    out.push(grown);
  }
  return out;
}

export class HybridEncoder {
  readonly #grid: TileGrid;
  readonly #options: HybridOptions;
  /** What the receiver's exact picture is. */
  #exact: Uint8Array<ArrayBuffer>;
  #next: Uint8Array<ArrayBuffer>;
  /** The frame before, to see motion by. */
  readonly #last: Uint8Array<ArrayBuffer>;
  readonly #packed: Uint8Array<ArrayBuffer>;
  /** Frames of moving in a row, by tile. */
  readonly #moving: Uint32Array;
  /** Frames without moving that a video tile has left before it is exact again; 0 for an exact one. */
  readonly #left: Uint32Array;
  #shown = new Set<string>();
  #isFirst = true;

  /** Throws a RangeError for sizes that no frame can have. */
  constructor(width: number, height: number, options: Partial<HybridOptions> = {}) {
    this.#options = { ...defaults, ...options };
    this.#grid = new TileGrid(width, height, this.#options.tileSize);
    if (width < 1 || height < 1 || !this.#grid.isSmallEnough())
      throw new RangeError(`${width} x ${height} needs more than ${limits.hybridTiles} tiles in a row`);
    const size = width * height * 4;
    this.#exact = new Uint8Array(size);
    this.#next = new Uint8Array(size);
    this.#last = new Uint8Array(size);
    this.#packed = new Uint8Array(rleBound(size));
    this.#moving = new Uint32Array(this.#grid.tiles);
    this.#left = new Uint32Array(this.#grid.tiles);
  }

  /** One frame, RGBA. The first is a keyframe whatever `isKeyframe` says. Returns the data of a CompressedPixels frame. */
  encode(
    rgba: Uint8Array,
    isKeyframe: boolean,
    video: VideoEncoder,
  ): { data: Uint8Array<ArrayBuffer>; isKeyframe: boolean } {
    if (rgba.length !== this.#last.length) throw new RangeError(`a picture of ${rgba.length} bytes`);
    const starts = isKeyframe || this.#isFirst;
    if (!this.#isFirst) this.#watch(rgba);
    this.#isFirst = false;
    this.#last.set(rgba);
    const boxes = this.#boxes();
    const rectangles = boxes.map((box) => this.#grid.rectangle(box.left, box.top, box.right, box.bottom));
    const packedSize = this.#packExact(rgba, rectangles, starts);
    const pictures = this.#encodeVideo(rgba, rectangles, starts, video);
    return { data: this.#assemble(boxes, packedSize, pictures), isKeyframe: starts };
  }

  /** Counts for each tile how long it has been moving or still. */
  #watch(rgba: Uint8Array): void {
    const { movingShare, enterFrames, leaveFrames } = this.#options;
    for (let tile = 0; tile < this.#grid.tiles; tile++) {
      const rectangle = this.#grid.tile(tile);
      const enough = Math.max(1, rectangle.width * rectangle.height * movingShare);
      const isMoving = this.#changed(rgba, rectangle, enough);
      const left = this.#left[tile] as number;
      this.#moving[tile] = isMoving ? (this.#moving[tile] as number) + 1 : 0;
      if (!isMoving) this.#left[tile] = Math.max(0, left - 1);
      else if (left > 0 || (this.#moving[tile] as number) >= enterFrames) this.#left[tile] = leaveFrames;
    }
  }

  /** Whether at least `enough` pixels differ from the frame before. */
  #changed(rgba: Uint8Array, { x, y, width, height }: Rectangle, enough: number): boolean {
    const last = this.#last;
    let count = 0;
    for (let row = y; row < y + height; row++) {
      const start = (row * this.#grid.width + x) * 4;
      for (let at = start; at < start + width * 4; at += 4)
        if (rgba[at] !== last[at] || rgba[at + 1] !== last[at + 1] || rgba[at + 2] !== last[at + 2]) count++;
      if (count >= enough) return true;
    }
    return false;
  }

  #boxes(): Box[] {
    const boxes: Box[] = [];
    for (let tile = 0; tile < this.#grid.tiles; tile++) {
      if (this.#left[tile] === 0) continue;
      const [left, top] = [tile % this.#grid.columns, Math.floor(tile / this.#grid.columns)];
      boxes.push({ left, top, right: left + 1, bottom: top + 1 });
    }
    return merged(boxes);
  }

  #packExact(rgba: Uint8Array, videos: readonly Rectangle[], starts: boolean): number {
    if (starts) this.#exact.fill(0);
    this.#next.set(rgba);
    for (const rectangle of videos) copyRectangle(this.#exact, this.#next, this.#grid.width, rectangle);
    const size = packDelta(this.#exact, this.#next, this.#packed);
    [this.#exact, this.#next] = [this.#next, this.#exact];
    return size;
  }

  #encodeVideo(
    rgba: Uint8Array,
    rectangles: readonly Rectangle[],
    starts: boolean,
    video: VideoEncoder,
  ): (VideoPicture & { rectangle: Rectangle })[] {
    const shown = new Set<string>();
    const pictures = rectangles.flatMap((rectangle) => {
      const name = JSON.stringify(rectangle);
      const picture = video(rectangle, this.#crop(rgba, rectangle), starts || !this.#shown.has(name));
      if (picture || this.#shown.has(name)) shown.add(name);
      return picture ? [{ ...picture, rectangle }] : [];
    });
    this.#shown = shown;
    return pictures;
  }

  #crop(rgba: Uint8Array, { x, y, width, height }: Rectangle): Uint8Array {
    const out = new Uint8Array(width * height * 4);
    for (let row = 0; row < height; row++) {
      const at = ((y + row) * this.#grid.width + x) * 4;
      out.set(rgba.subarray(at, at + width * 4), row * width * 4);
    }
    return out;
  }

  #assemble(
    boxes: readonly Box[],
    packedSize: number,
    pictures: readonly (VideoPicture & { rectangle: Rectangle })[],
  ): Uint8Array<ArrayBuffer> {
    const mapEnd = hybridLayout.bytes + this.#grid.mapBytes;
    const videoBytes = pictures.reduce((sum, one) => sum + hybridVideoLayout.bytes + one.data.length, 0);
    const out = new Uint8Array(mapEnd + packedSize + videoBytes);
    const view = new DataView(out.buffer);
    const head = { tileSize: this.#grid.tileSize, rectangles: pictures.length, packedSize };
    encode(hybridLayout, head, view, 0, out.length - hybridLayout.bytes);
    for (const box of boxes)
      for (let row = box.top; row < box.bottom; row++)
        for (let column = box.left; column < box.right; column++) {
          const tile = row * this.#grid.columns + column;
          const at = hybridLayout.bytes + (tile >> 3);
          out[at] = (out[at] as number) | (1 << (tile & 7));
        }
    out.set(this.#packed.subarray(0, packedSize), mapEnd);
    let at = mapEnd + packedSize;
    for (const { rectangle, format, isKeyframe, data } of pictures) {
      const fields = {
        ...rectangle,
        dataSize: data.length,
        format: pictureFormat[format],
        isKeyframe: isKeyframe ? 1 : 0,
      };
      encode(hybridVideoLayout, fields, view, at, data.length);
      out.set(data, at + hybridVideoLayout.bytes);
      at += hybridVideoLayout.bytes + data.length;
    }
    return out;
  }
}
