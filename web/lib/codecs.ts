/**
 * Codec strings for WebCodecs (RFC 6381) of what a keyframe begins with. H.264's comes from its parameter set, HEVC's from its
 * own, VP9's and AV1's from their first header as far as profile goes; levels are set high, as decoders adapt. Pure.
 */
import { h264CodecString } from "../../src/wire/ds.ts";

export type VideoFormat = "h264" | "hevc" | "vp8" | "vp9" | "av1";

export const videoNames: Readonly<Record<VideoFormat, string>> = {
  h264: "H.264",
  hevc: "HEVC",
  vp8: "VP8",
  vp9: "VP9",
  av1: "AV1",
};

/** Undefined when the unit holds no parameters to begin with. */
export function codecString(format: VideoFormat, unit: Uint8Array): string | undefined {
  switch (format) {
    case "h264":
      return h264CodecString(unit);
    case "hevc":
      return hevcCodecString(unit);
    case "vp8":
      return "vp8";
    case "vp9": {
      const profile = (((unit[0] ?? 0) >> 5) & 1) | (((unit[0] ?? 0) >> 3) & 2);
      return `vp09.0${profile}.51.08`;
    }
    case "av1":
      return `av01.${av1Profile(unit)}.13M.08`;
  }
}

/** The profile, tier and level bytes of the sequence parameter set (NAL type 33), its emulation bytes taken out. */
function hevcCodecString(unit: Uint8Array): string | undefined {
  for (let at = 0; at + 20 < unit.length; at++) {
    if (unit[at] !== 0 || unit[at + 1] !== 0 || unit[at + 2] !== 1) continue;
    if ((((unit[at + 3] as number) >> 1) & 0x3f) !== 33) continue;
    const rbsp: number[] = [];
    for (let i = at + 5; i < unit.length && rbsp.length < 13; i++) {
      if (unit[i] === 3 && unit[i - 1] === 0 && unit[i - 2] === 0) continue;
      rbsp.push(unit[i] as number);
    }
    const [, head = 1, c0 = 0, c1 = 0, c2 = 0, c3 = 0] = rbsp;
    const compatibility = ((c0 << 24) | (c1 << 16) | (c2 << 8) | c3) >>> 0;
    let reversed = 0;
    for (let bit = 0; bit < 32; bit++) if ((compatibility >>> bit) & 1) reversed |= 1 << (31 - bit);
    const constraints = rbsp.slice(6, 12).map((byte) => byte.toString(16).toUpperCase());
    while (constraints.at(-1) === "0") constraints.pop();
    const space = ["", "A", "B", "C"][head >> 6];
    const tier = (head >> 5) & 1 ? "H" : "L";
    const parts = [
      "hev1",
      `${space}${head & 31}`,
      (reversed >>> 0).toString(16).toUpperCase(),
      `${tier}${rbsp[12] ?? 93}`,
    ];
    return [...parts, ...constraints].join(".");
  }
  return undefined;
}

/** seq_profile of the first sequence header OBU; 0 (Main) when there is none in sight. */
function av1Profile(unit: Uint8Array): number {
  for (let at = 0; at + 2 < unit.length; ) {
    const head = unit[at++] as number;
    if (head & 4) at++;
    let size = 0;
    if ((head & 2) === 0) size = unit.length - at;
    else
      for (let shift = 0; shift < 28 && at < unit.length; shift += 7) {
        const byte = unit[at++] as number;
        size |= (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
    if (((head >> 3) & 15) === 1) return (unit[at] ?? 0) >> 5;
    at += size;
  }
  return 0;
}
