/** A picture as PNG, by sharp. Loaded only when a picture is written: the library takes time and memory. */
import sharp from "sharp";

/** `pixels` are BGRA, rows tightly packed; the alpha byte is ignored. */
export async function encodePng(picture: { width: number; height: number; pixels: Uint8Array }): Promise<Uint8Array> {
  const { width, height, pixels } = picture;
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = pixels[from + 2] as number;
    rgb[to + 1] = pixels[from + 1] as number;
    rgb[to + 2] = pixels[from] as number;
  }
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** `pixels` are RGBA, rows tightly packed; all four bytes are kept. */
export async function encodeRgbaPng(picture: {
  width: number;
  height: number;
  pixels: Uint8Array;
}): Promise<Uint8Array> {
  const { width, height, pixels } = picture;
  return sharp(pixels, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer();
}
