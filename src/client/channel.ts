/**
 * What becomes of a ds-stream channel's messages in the native player: H.264 goes on to the decoder, from a keyframe on; pictures
 * in other formats are named, because only the browser player shows them; everything else is counted and passed over. A relay
 * leaves nothing out between two keyframes, so numbers need no checking. Pure. Spec ds-stream.md sections 3, 15 and 19.
 */
import { Counters } from "../base/counters.ts";
import { decodeFrame, type FrameMessage, keyframeFormat, pictureFormat } from "../wire/ds.ts";
import type { FrameStats } from "./frames.ts";

export interface ChannelPicture {
  readonly data: Uint8Array;
  readonly keyframe: boolean;
  readonly sequence: number;
  /** Of the source's clock, in microseconds. */
  readonly captureUs: number;
}

export interface ChannelEvents {
  /** False when the decoder has no room. */
  picture(picture: ChannelPicture): boolean;
  /** One Opus packet; `captureUs` is of the source's clock, as exact as milliseconds are. False when sound is not wanted. */
  sound(data: Uint8Array, captureUs: number): boolean;
  /** Pictures come in a form that is not for this player. */
  unplayable(format: string): void;
  streamEnd(): void;
}

export class ChannelReceiver {
  readonly drops = new Counters<"malformed" | "not-a-picture" | "not-opus" | "sound-not-asked">();
  readonly #events: ChannelEvents;
  readonly #stats = { delivered: 0, keyframes: 0, bytes: 0, waitingForKeyframe: 0, decoderFull: 0, codec: 0 };
  #needsKeyframe = true;

  constructor(events: ChannelEvents) {
    this.#events = events;
  }

  get stats(): FrameStats {
    return { ...this.#stats, lost: 0, keyframesAsked: 0 };
  }

  /** Pictures came that could not be shown, and none since that could. */
  get isStuck(): boolean {
    return this.#needsKeyframe && this.#stats.waitingForKeyframe + this.#stats.decoderFull > 0;
  }

  /** What is shown cannot be continued. */
  broken(): void {
    this.#needsKeyframe = true;
  }

  receive(bytes: Uint8Array): void {
    const decoded = decodeFrame(bytes);
    if (!decoded.ok || decoded.value.kind !== "frame") {
      this.drops.add("malformed");
      return;
    }
    const message = decoded.value;
    switch (message.name) {
      case "compressedPixels":
      case "keyframe":
        this.#picture(message);
        return;
      case "pixels":
      case "deltaPixels":
        this.#unplayable("raw pixels");
        return;
      case "audioCompressed":
        if (!this.#events.sound(message.tail, message.timestampMs * 1000)) this.drops.add("sound-not-asked");
        return;
      case "audioPcm":
        this.drops.add("not-opus");
        return;
      case "streamEnd":
        this.broken();
        this.#events.streamEnd();
        return;
      case "ping":
        return;
      default:
        this.drops.add("not-a-picture");
    }
  }

  #picture({
    name,
    fields,
    tail,
    sequence,
    timestampMs,
    isKeyframe,
  }: FrameMessage<"compressedPixels" | "keyframe">): void {
    if (fields.format !== pictureFormat.h264) {
      this.#unplayable(formatName(fields.format));
      return;
    }
    const keyframe = isKeyframe || name === "keyframe";
    if (this.#needsKeyframe && !keyframe) {
      this.#stats.waitingForKeyframe++;
      return;
    }
    if (!this.#events.picture({ data: tail, keyframe, sequence, captureUs: timestampMs * 1000 })) {
      this.#stats.decoderFull++;
      this.broken();
      return;
    }
    this.#needsKeyframe = false;
    this.#stats.delivered++;
    this.#stats.bytes += tail.length;
    if (keyframe) this.#stats.keyframes++;
  }

  #unplayable(format: string): void {
    this.#stats.codec++;
    this.#events.unplayable(format);
  }
}

function formatName(format: number): string {
  const name = Object.entries(keyframeFormat).find(([, code]) => code === format)?.[0] ?? `format ${format}`;
  return name === "rgba" ? "raw pixels" : name.toUpperCase();
}
