/** A desktop to measure codecs on, drawn here so that every run has the same one. */
import { Prng } from "../../src/base/prng.ts";

export const [width, height] = [640, 400];

/** A desktop: wallpaper with a gradient, windows, lines of what looks like text. Deterministic in its arguments. */
export function desktop(time: number, texts: number, scroll: number): Uint8Array {
  const out = new Uint8Array(width * height * 4);
  const put = (x: number, y: number, r: number, g: number, b: number) => {
    if (x >= 0 && y >= 0 && x < width && y < height) out.set([r, g, b, 255], (y * width + x) * 4);
  };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) put(x, y, 20 + (x * 60) / width, 40 + (y * 90) / height, 120);
  const window = (left: number, top: number, w: number, h: number, rows: number, seed: number, shift: number) => {
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const shade = y < 14 ? 70 : 245;
        put(left + x, top + y, shade, shade, shade);
      }
    for (let row = 0; row < rows; row++) {
      const random = new Prng(seed + row + shift);
      for (let x = 4; x < w - 4; x++)
        for (let y = 0; y < 7; y++) if (random.below(3) === 0) put(left + x, top + 18 + row * 10 + y, 30, 30, 30);
    }
  };
  window(20, 30, 300, 200, Math.min(17, texts), 1, 0);
  window(340, 60, 280, 300, 20, 500, scroll);
  // The clock's seconds and a blinking caret.
  for (let i = 0; i < 30; i++) put(600 + i, 4 + ((time >> 2) % 8), 255, 255, 255);
  if (time % 2 === 0) for (let y = 0; y < 9; y++) put(30, 20 + texts * 10 + y, 0, 0, 0);
  return out;
}
