/**
 * The pixels that an Xvfb shows, read from its framebuffer file (-fbdir): a big-endian XWD header, a colour table of 12 bytes an
 * entry, then BGRX rows. Reads only.
 */
import { readFileSync } from "node:fs";

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** BGRX, rows tightly packed. */
  readonly data: Uint8Array;
}

export class Screen {
  readonly #file: string;

  constructor(
    file: string,
    readonly width: number,
    readonly height: number,
  ) {
    this.#file = file;
  }

  /** What is shown now; the whole screen without `area`. */
  read(area: Area = { x: 0, y: 0, width: this.width, height: this.height }): Pixels {
    const bytes = readFileSync(this.#file);
    const at = bytes.readUInt32BE(0) + bytes.readUInt32BE(76) * 12;
    const stride = bytes.readUInt32BE(48);
    const data = new Uint8Array(area.width * area.height * 4);
    for (let y = 0; y < area.height; y++) {
      const from = at + (area.y + y) * stride + area.x * 4;
      data.set(bytes.subarray(from, from + area.width * 4), y * area.width * 4);
    }
    return { width: area.width, height: area.height, data };
  }

  /** [red, green, blue] of one pixel. */
  at(x: number, y: number): [number, number, number] {
    const { data } = this.read({ x, y, width: 1, height: 1 });
    return [data[2] as number, data[1] as number, data[0] as number];
  }
}

export interface Difference {
  /** Mean and largest difference of one colour channel, 0 to 255. */
  readonly mean: number;
  readonly max: number;
}

export function difference(one: Pixels, other: Pixels): Difference {
  if (one.width !== other.width || one.height !== other.height) return { mean: 255, max: 255 };
  let sum = 0;
  let max = 0;
  for (let i = 0; i < one.data.length; i++) {
    if (i % 4 === 3) continue;
    const off = Math.abs((one.data[i] as number) - (other.data[i] as number));
    sum += off;
    if (off > max) max = off;
  }
  return { mean: sum / ((one.data.length / 4) * 3), max };
}
