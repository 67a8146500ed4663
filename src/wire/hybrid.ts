/**
 * The hybrid codec's receiving side and what both sides share: a picture of still tiles that are exact and moving rectangles that
 * are video (format 11 of CompressedPixels; layouts hybrid and hybridVideo of ds-layouts.ts). Both sides keep an exact picture: the
 * exact part of a frame is RLE of its XOR with that, zero in video tiles, so a tile that was video for a while comes back exact.
 * A frame with the flag KEYFRAME starts from an exact picture of zeros. Decoding video is the caller's, who may take its time.
 */
import { limits } from "../base/limits.ts";
import { accessors, check, read } from "./codec.ts";
import { hybridLayout, hybridVideoLayout } from "./ds-layouts.ts";
import { applyDelta, checkRle } from "./rle.ts";
import type { Decoded, WireError } from "./schema.ts";

/** In pixels; edges are those of tiles or of the picture. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface HybridVideo extends Rectangle {
  /** Of pictureFormat. */
  readonly format: number;
  /** A decoder for this rectangle begins here. */
  readonly isKeyframe: boolean;
  /** A view into the frame. */
  readonly data: Uint8Array;
}

const hybrid = accessors(hybridLayout);

/** Tiles from left to right, then down. */
export class TileGrid {
  readonly columns: number;
  readonly rows: number;
  readonly mapBytes: number;

  constructor(
    readonly width: number,
    readonly height: number,
    readonly tileSize: number,
  ) {
    this.columns = Math.ceil(width / tileSize);
    this.rows = Math.ceil(height / tileSize);
    this.mapBytes = Math.ceil((this.columns * this.rows) / 8);
  }

  get tiles(): number {
    return this.columns * this.rows;
  }

  isSmallEnough(): boolean {
    return this.columns <= limits.hybridTiles && this.rows <= limits.hybridTiles;
  }

  /** The pixels of tiles `left` to `right` and `top` to `bottom`, ends not included. */
  rectangle(left: number, top: number, right: number, bottom: number): Rectangle {
    const [x, y] = [left * this.tileSize, top * this.tileSize];
    const width = Math.min(right * this.tileSize, this.width) - x;
    return { x, y, width, height: Math.min(bottom * this.tileSize, this.height) - y };
  }

  tile(index: number): Rectangle {
    const [column, row] = [index % this.columns, Math.floor(index / this.columns)];
    return this.rectangle(column, row, column + 1, row + 1);
  }

  /** Indices of the tiles of a rectangle; undefined when its edges are not those of tiles. */
  tilesOf({ x, y, width, height }: Rectangle): number[] | undefined {
    const isEdge = (at: number, end: number) => at === end || (at < end && at % this.tileSize === 0);
    const [right, bottom] = [x + width, y + height];
    const isFit = x % this.tileSize === 0 && y % this.tileSize === 0;
    if (!isFit || !isEdge(right, this.width) || !isEdge(bottom, this.height)) return undefined;
    const out: number[] = [];
    for (let row = y / this.tileSize; row * this.tileSize < bottom; row++)
      for (let column = x / this.tileSize; column * this.tileSize < right; column++)
        out.push(row * this.columns + column);
    return out;
  }
}

export const isVideoTile = (map: Uint8Array, index: number): boolean =>
  ((map[index >> 3] as number) & (1 << (index & 7))) !== 0;

/** Copies a rectangle between two pictures of the same width. */
export function copyRectangle(
  from: Uint8Array,
  to: Uint8Array,
  pictureWidth: number,
  { x, y, width, height }: Rectangle,
) {
  for (let row = y; row < y + height; row++) {
    const at = (row * pictureWidth + x) * 4;
    to.set(from.subarray(at, at + width * 4), at);
  }
}

interface Parts {
  readonly grid: TileGrid;
  readonly map: Uint8Array;
  readonly packed: Uint8Array;
  readonly videos: readonly HybridVideo[];
}

const refuse = (error: WireError): { readonly ok: false; readonly error: WireError } => ({ ok: false, error });

/** Checks a whole hybrid picture and takes it apart; copies nothing. */
function parse(bytes: Uint8Array, width: number, height: number): Decoded<Parts> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const error = check(hybridLayout, view, 0, bytes.length);
  if (error) return refuse(error);
  const grid = new TileGrid(width, height, hybrid.tileSize(view, 0));
  if (!grid.isSmallEnough()) return refuse("range");
  const mapEnd = hybridLayout.bytes + grid.mapBytes;
  const packedEnd = mapEnd + hybrid.packedSize(view, 0);
  if (packedEnd > bytes.length) return refuse("short");
  const map = bytes.subarray(hybridLayout.bytes, mapEnd);
  for (let bit = grid.tiles; bit < 8 * grid.mapBytes; bit++) if (isVideoTile(map, bit)) return refuse("reserved");
  const packed = bytes.subarray(mapEnd, packedEnd);
  const wrong = checkRle(packed, 4 * width * height);
  if (wrong) return refuse(wrong);
  const videos = parseVideos(bytes, view, packedEnd, hybrid.rectangles(view, 0), grid, map);
  return videos.ok ? { ok: true, value: { grid, map, packed, videos: videos.value } } : videos;
}

/** Rectangles lie in video tiles, each tile in one at most, which also bounds the work that a frame can ask for. */
function parseVideos(
  bytes: Uint8Array,
  view: DataView,
  from: number,
  count: number,
  grid: TileGrid,
  map: Uint8Array,
): Decoded<HybridVideo[]> {
  const videos: HybridVideo[] = [];
  const taken = new Set<number>();
  let at = from;
  for (let i = 0; i < count; i++) {
    if (at + hybridVideoLayout.bytes > bytes.length) return refuse("short");
    const { dataSize, isKeyframe, ...values } = read(hybridVideoLayout, view, at);
    const start = at + hybridVideoLayout.bytes;
    if (dataSize > bytes.length - start) return refuse("short");
    const error = check(hybridVideoLayout, view, at, hybridVideoLayout.bytes + dataSize);
    if (error) return refuse(error);
    for (const tile of grid.tilesOf(values) ?? [-1]) {
      if (tile < 0 || !isVideoTile(map, tile) || taken.has(tile)) return refuse("range");
      taken.add(tile);
    }
    at = start + dataSize;
    videos.push({ ...values, isKeyframe: isKeyframe === 1, data: bytes.subarray(start, at) });
  }
  return at === bytes.length ? { ok: true, value: videos } : refuse("length");
}

export class HybridDecoder {
  /** What is to be seen, RGBA: exact tiles are right at once, video ones when show() has brought them. */
  readonly picture: Uint8Array<ArrayBuffer>;
  readonly #exact: Uint8Array<ArrayBuffer>;
  readonly #width: number;
  readonly #height: number;
  #grid: TileGrid | undefined;
  #map: Uint8Array = new Uint8Array(0);

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.picture = new Uint8Array(width * height * 4);
    this.#exact = new Uint8Array(width * height * 4);
  }

  /**
   * Takes the data of one CompressedPixels frame of format hybrid, and its flag KEYFRAME. Returns the rectangles to be decoded and
   * given to show(). An error leaves everything as it was; the next frame to take is then one with the flag.
   */
  decode(bytes: Uint8Array, isKeyframe: boolean): Decoded<readonly HybridVideo[]> {
    const parsed = parse(bytes, this.#width, this.#height);
    if (!parsed.ok) return parsed;
    const { grid, map, packed, videos } = parsed.value;
    const isNewGrid = this.#grid?.tileSize !== grid.tileSize;
    if (isKeyframe) this.#exact.fill(0);
    for (let tile = 0; tile < grid.tiles; tile++) {
      const isStale = isKeyframe || isNewGrid || isVideoTile(this.#map, tile);
      if (isStale && !isVideoTile(map, tile)) copyRectangle(this.#exact, this.picture, this.#width, grid.tile(tile));
    }
    applyDelta(packed, this.#exact);
    applyDelta(packed, this.picture);
    this.#grid = grid;
    this.#map = map.slice();
    return { ok: true, value: videos };
  }

  /** Puts a decoded rectangle, RGBA, in its place; tiles of it that are exact by now stay so. False when the size is wrong. */
  show(rectangle: Rectangle, rgba: Uint8Array): boolean {
    const grid = this.#grid;
    const tiles = grid?.tilesOf(rectangle);
    if (!grid || !tiles || rgba.length !== rectangle.width * rectangle.height * 4) return false;
    for (const index of tiles) {
      if (!isVideoTile(this.#map, index)) continue;
      const tile = grid.tile(index);
      for (let y = tile.y; y < tile.y + tile.height; y++) {
        const from = ((y - rectangle.y) * rectangle.width + tile.x - rectangle.x) * 4;
        this.picture.set(rgba.subarray(from, from + tile.width * 4), (y * this.#width + tile.x) * 4);
      }
    }
    return true;
  }
}
