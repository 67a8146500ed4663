/**
 * What a ds-stream frame is to whoever relays or queues it (ds-stream sections 9 and 19). It checks nothing: malformed and
 * unknown frames are classified as well as they can be, because a relay passes them on.
 */
import { frameBytes, frameFlag, frameType, pictureFormat } from "./ds-layouts.ts";

const stillFormats: ReadonlySet<number | undefined> = new Set([
  pictureFormat.png,
  pictureFormat.webp,
  pictureFormat.jpeg,
  pictureFormat.qoi,
  pictureFormat.zstd,
]);

export type FrameClass = "keyframe" | "delta" | "state-sync" | "state-diff" | "schema" | "audio" | "input" | "other";

/**
 * What a frame is to a relay: a picture to begin with, one that needs those before it, state, or something else.
 * `message` is the whole frame, whose first payload byte tells stills from video in CompressedPixels; without it, or
 * with an unknown format, they count as video. Only the type, the flags and that byte are looked at.
 */
export function classify(type: number, flags: number, message?: Uint8Array): FrameClass {
  if ((flags & frameFlag.input) !== 0) return "input";
  switch (type) {
    case frameType.pixels:
    case frameType.keyframe:
      return "keyframe";
    case frameType.compressedPixels:
      return (flags & frameFlag.keyframe) !== 0 || stillFormats.has(message?.[frameBytes]) ? "keyframe" : "delta";
    case frameType.deltaPixels:
      return "delta";
    case frameType.neuralFrame:
      return (flags & frameFlag.keyframe) !== 0 ? "keyframe" : "other";
    case frameType.signalSync:
      return "state-sync";
    case frameType.signalDiff:
      return "state-diff";
    case frameType.schemaAnnounce:
      return "schema";
    case frameType.audioPcm:
    case frameType.audioCompressed:
    case frameType.neuralAudio:
      return "audio";
    default:
      return "other";
  }
}
