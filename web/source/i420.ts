/**
 * RGBA to I420 by BT.709 in limited range. Browsers turn a canvas into full range, which H.264 and AV1 streams say and VP8 and VP9
 * streams cannot, so that players of those would show wrong colours. Pure but for the VideoFrame it makes. Sides are even.
 */
export function limitedFrame(rgba: Uint8Array, width: number, height: number, timestamp: number): VideoFrame {
  const [halfWidth, luma] = [width >> 1, width * height];
  const out = new Uint8Array(luma + (luma >> 1));
  let u = luma;
  let v = luma + (luma >> 2);
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < halfWidth; x++) {
      let [r4, g4, b4] = [0, 0, 0];
      for (let k = 0; k < 4; k++) {
        const at = (y + (k >> 1)) * width + 2 * x + (k & 1);
        const [r, g, b] = [rgba[4 * at] as number, rgba[4 * at + 1] as number, rgba[4 * at + 2] as number];
        out[at] = 16 + ((46 * r + 157 * g + 16 * b + 128) >> 8);
        r4 += r;
        g4 += g;
        b4 += b;
      }
      out[u++] = 128 + ((-26 * r4 - 87 * g4 + 112 * b4 + 512) >> 10);
      out[v++] = 128 + ((112 * r4 - 102 * g4 - 10 * b4 + 512) >> 10);
    }
  }
  const colorSpace = { matrix: "bt709", primaries: "bt709", transfer: "bt709", fullRange: false } as const;
  return new VideoFrame(out, { format: "I420", codedWidth: width, codedHeight: height, timestamp, colorSpace });
}
