/** The names that people have for what the relay's figures name by code. Pure. */
import type { ChannelStats } from "../../src/relay/channel-stats.ts";

const forms: Readonly<Record<string, string>> = {
  pixels: "Pixels",
  delta: "Deltas",
  png: "PNG stills",
  webp: "WebP stills",
  jpeg: "JPEG stills",
  h264: "H.264",
  hevc: "HEVC",
  vp8: "VP8",
  vp9: "VP9",
  av1: "AV1",
  qoi: "QOI stills",
  zstd: "Packed pixels",
  hybrid: "Hybrid",
  neural: "Neural",
};

export function contentText({ picture, sound, signalDiffs, framesRelayed }: ChannelStats): string {
  const parts = [
    ...(picture ? [pictureText(picture)] : []),
    ...(sound ? [sound.form === "opus" ? "Opus" : "PCM sound"] : []),
    ...(signalDiffs > 0 ? ["signals"] : []),
  ];
  return parts.join(", ") || (framesRelayed > 0 ? "Other messages" : "Nothing yet");
}

export function pictureText({ form, width, height }: NonNullable<ChannelStats["picture"]>): string {
  const name = forms[form] ?? "Pictures of an unknown form";
  return width > 0 && height > 0 ? `${name} ${width} × ${height}` : name;
}

export function soundText({ form, channels, sampleRate }: NonNullable<ChannelStats["sound"]>): string {
  const places = channels === 1 ? "mono" : channels === 2 ? "stereo" : `${channels} channels`;
  return `${form === "opus" ? "Opus" : "PCM"}, ${places}, ${sampleRate / 1000} kHz`;
}

/** `too-many-receivers` as a person writes it. */
export const plainWords = (code: string): string => code.replaceAll("-", " ");
