/**
 * What becomes of received frames before the decoder: whole ones go on, and after a loss nothing does until a keyframe, because
 * pictures that lean on a missing one are wrong. Keyframes are asked for, not too often. Pure.
 */
import { limits } from "../base/limits.ts";
import { type Copy, Reassembler, type WholeFrame } from "../wire/reassembly.ts";
import { codec } from "../wire/root.ts";

/** Takes a frame; false when the decoder's queue is full. The bytes are valid during the call. */
export type Deliver = (frame: WholeFrame) => boolean;

export interface FrameStats {
  delivered: number;
  keyframes: number;
  bytes: number;
  /** Frames of which pieces never came. */
  lost: number;
  /** Whole frames left out while waiting for a keyframe. */
  waitingForKeyframe: number;
  /** Whole frames that the decoder had no room for. */
  decoderFull: number;
  /** Frames in a codec that this client does not decode. */
  codec: number;
  keyframesAsked: number;
}

export class FrameReceiver {
  readonly reassembler: Reassembler;
  readonly #deliver: Deliver;
  readonly #askForKeyframe: (nowUs: number) => void;
  readonly #stats = {
    delivered: 0,
    keyframes: 0,
    bytes: 0,
    waitingForKeyframe: 0,
    decoderFull: 0,
    codec: 0,
    keyframesAsked: 0,
  };
  #needsKeyframe = true;
  #askedUs = Number.NEGATIVE_INFINITY;
  /** What the host said it sent last, and since when that has been missing here. */
  #announced = 0;
  #missingSinceUs = Number.POSITIVE_INFINITY;
  /** Newest frame seen whole; -1 before the first. */
  newestFrameId = -1;

  readonly #codecs: readonly number[];
  readonly #undecodable: (codec: number) => void;

  /** `codecs` are those that can be decoded here; frames in others are counted and, the first time, told. */
  constructor(
    copy: Copy,
    deliver: Deliver,
    askForKeyframe: (nowUs: number) => void,
    codecs: readonly number[] = [codec.h264],
    undecodable: (codec: number) => void = () => undefined,
  ) {
    this.#codecs = codecs;
    this.#undecodable = undecodable;
    this.reassembler = new Reassembler(copy);
    this.#deliver = deliver;
    this.#askForKeyframe = askForKeyframe;
  }

  get stats(): FrameStats {
    return { ...this.#stats, lost: this.reassembler.stats.lost };
  }

  /** One VIDEO payload in place. */
  chunk(buffer: Uint8Array, view: DataView, start: number, size: number, nowUs: number): void {
    const frame = this.reassembler.push(buffer, view, start, size, nowUs);
    if (frame) this.#whole(frame, nowUs);
  }

  /** The picture can no longer be continued (decoder error, or the host sent frames that never came). */
  broken(nowUs: number): void {
    this.#needsKeyframe = true;
    this.#ask(nowUs);
  }

  /** The host says which frame it sent last, 0 before the first; when it is missing for long, the picture on screen is old. */
  hostSent(frameId: number, nowUs: number): void {
    this.#announced = frameId;
    if (this.#isMissing()) this.#missingSinceUs = Math.min(this.#missingSinceUs, nowUs);
  }

  tick(nowUs: number): void {
    const lost = this.reassembler.expire(nowUs) > 0;
    if (!this.#isMissing()) this.#missingSinceUs = Number.POSITIVE_INFINITY;
    // The word of a frame may overtake the frame.
    const overdue = nowUs - this.#missingSinceUs >= limits.keyframeRequestIntervalUs;
    if (lost || (overdue && this.reassembler.inProgress === 0)) this.broken(nowUs);
    else if (this.#needsKeyframe && this.newestFrameId >= 0) this.#ask(nowUs);
  }

  #isMissing(): boolean {
    return this.newestFrameId < 0 ? this.#announced !== 0 : ((this.#announced - this.newestFrameId) | 0) > 0;
  }

  #whole(frame: WholeFrame, nowUs: number): void {
    this.newestFrameId = frame.frameId;
    if (frame.lostBefore > 0) this.#needsKeyframe = true;
    if (!this.#codecs.includes(frame.codec)) {
      if (this.#stats.codec++ === 0) this.#undecodable(frame.codec);
      return;
    }
    if (this.#needsKeyframe && !frame.keyframe) {
      this.#stats.waitingForKeyframe++;
      this.#ask(nowUs);
      return;
    }
    if (!this.#deliver(frame)) {
      this.#stats.decoderFull++;
      this.broken(nowUs);
      return;
    }
    this.#needsKeyframe = false;
    this.#stats.delivered++;
    this.#stats.bytes += frame.size;
    if (frame.keyframe) this.#stats.keyframes++;
  }

  #ask(nowUs: number): void {
    if (nowUs - this.#askedUs < limits.keyframeRequestIntervalUs) return;
    this.#askedUs = nowUs;
    this.#stats.keyframesAsked++;
    this.#askForKeyframe(nowUs);
  }
}
