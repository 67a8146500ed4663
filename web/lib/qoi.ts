/** QOI pictures (qoiformat.org, version 1.0) to RGBA. Pure; undefined for what is no QOI picture of the size expected. */
const magic = 0x716f6966;
const headBytes = 14;

export function decodeQoi(
  bytes: Uint8Array,
  width: number,
  height: number,
): Uint8ClampedArray<ArrayBuffer> | undefined {
  if (bytes.length < headBytes + 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0) !== magic || view.getUint32(4) !== width || view.getUint32(8) !== height) return undefined;
  const out = new Uint8ClampedArray(width * height * 4);
  const words = new Uint32Array(out.buffer);
  const seen = new Uint32Array(64);
  const end = bytes.length - 8;
  let [r, g, b, a] = [0, 0, 0, 255];
  let at = headBytes;
  for (let pixel = 0; pixel < words.length; ) {
    if (at >= end) return undefined;
    const tag = bytes[at++] as number;
    const next = () => bytes[at++] as number;
    let run = 1;
    if (tag === 0xfe || tag === 0xff) {
      [r, g, b] = [next(), next(), next()];
      if (tag === 0xff) a = next();
    } else if (tag >> 6 === 0) {
      const word = seen[tag & 63] as number;
      [r, g, b, a] = [word & 255, (word >> 8) & 255, (word >> 16) & 255, word >>> 24];
    } else if (tag >> 6 === 1) {
      r = (r + ((tag >> 4) & 3) - 2) & 255;
      g = (g + ((tag >> 2) & 3) - 2) & 255;
      b = (b + (tag & 3) - 2) & 255;
    } else if (tag >> 6 === 2) {
      const low = next();
      const green = (tag & 63) - 32;
      r = (r + green - 8 + (low >> 4)) & 255;
      g = (g + green) & 255;
      b = (b + green - 8 + (low & 15)) & 255;
    } else run = (tag & 63) + 1;
    const word = (r | (g << 8) | (b << 16) | (a << 24)) >>> 0;
    seen[(r * 3 + g * 5 + b * 7 + a * 11) & 63] = word;
    words.fill(word, pixel, pixel + run);
    pixel += run;
  }
  return out;
}
