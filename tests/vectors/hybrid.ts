/** Hybrid pictures written by hand from the layouts of ds-layouts.ts, never by the encoder. Every row of hex is one field. */
const hex = (...rows: string[]): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(rows.join("").replaceAll(" ", ""));

export interface HybridCase {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
  /** Where the first video rectangle begins; the end when there is none. */
  readonly videoAt: number;
}

export const hybridCases: readonly HybridCase[] = [
  {
    title: "32 x 16: the left tile exact with one changed pixel, the right one video",
    width: 32,
    height: 16,
    bytes: hex(
      "10 00", // tiles of 16 pixels
      "01 00", // one rectangle
      "09 00 00 00", // 9 bytes of exact part
      "02", // tile map: the second is video
      "00 04 00", // the first pixel stays
      "11 22 33", // the second changes but for its alpha
      "00 f9 07", // 2041 bytes stay: the alpha, and 510 pixels
      "10 00", // x
      "00 00", // y
      "10 00", // width
      "10 00", // height
      "02 00 00 00", // 2 bytes of video
      "04", // H.264
      "01", // keyframe
      "00 00", // reserved
      "ab cd", // access unit
    ),
    videoAt: 18,
  },
  {
    title: "17 x 17: four tiles, cut at the edges, nothing changed",
    width: 17,
    height: 17,
    bytes: hex(
      "10 00", // tiles of 16 pixels
      "00 00", // no rectangle
      "03 00 00 00", // 3 bytes of exact part
      "00", // tile map
      "00 84 04", // 1156 bytes stay
    ),
    videoAt: 12,
  },
];
