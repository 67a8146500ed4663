/**
 * Pictures that wait for their sound (--lip-sync on): each goes to the player when its sound is about to be heard, at most
 * limits.pictureHoldUs after it came, and at once while no sound plays. Order is kept and nothing is lost for want of room: then the
 * oldest goes early, which is counted. Buffers are used again. Pure: it is told the time, and tells when it wants to be called.
 */
import type { Player, VideoCodec } from "../../ffi/interfaces.ts";
import { limits } from "../base/limits.ts";
import type { Copy } from "../wire/reassembly.ts";

export interface HeldPicturesEvents {
  /** When a picture captured then should go to the player, on our clock; undefined while no sound plays. */
  dueUs(captureUs: number): number | undefined;
  /** False when the player has no room. */
  readonly deliver: Player["push"];
  /** The player had no room for a picture that had waited: it cannot go on without a keyframe. */
  broken(nowUs: number): void;
  /** A picture goes to the player after waiting so long. */
  waited(us: number): void;
}

export interface HeldPicturesStats {
  /** Pictures that waited for their sound. */
  held: number;
  /** Of these, that went before their time because too many waited. */
  early: number;
  /** Of these, that the player had no room for, with those up to the next keyframe. */
  refused: number;
}

interface Slot {
  buffer: Uint8Array;
  size: number;
  frameId: number;
  keyframe: boolean;
  captureUs: number;
  coded: VideoCodec;
  cameUs: number;
}

const emptySlot = (): Slot => ({
  buffer: new Uint8Array(0),
  size: 0,
  frameId: 0,
  keyframe: false,
  captureUs: 0,
  coded: "h264",
  cameUs: 0,
});

/** Waits of the newest pictures by number; more than the player and this have room for. */
const remembered = 128;

export class HeldPictures {
  readonly stats: HeldPicturesStats = { held: 0, early: 0, refused: 0 };
  readonly #copy: Copy;
  readonly #events: HeldPicturesEvents;
  readonly #slots = Array.from({ length: limits.picturesHeld }, emptySlot);
  readonly #waits = new Float64Array(remembered);
  #first = 0;
  #count = 0;
  #bufferBytes = 0;
  /** After the player had no room: nothing but a keyframe is taken, and nothing is handed over up to it. */
  #takesKeyframe = false;
  #handsKeyframe = false;

  constructor(copy: Copy, events: HeldPicturesEvents) {
    this.#copy = copy;
    this.#events = events;
  }

  get waiting(): number {
    return this.#count;
  }

  /** How long one of the newest pictures waited. */
  waitOf(frameId: number): number {
    return this.#waits[frameId % remembered] as number;
  }

  /** Hands a picture over, or copies it to do so later; then call release() in time. False: go on with a keyframe. */
  push(
    data: Uint8Array,
    size: number,
    frameId: number,
    keyframe: boolean,
    captureUs: number,
    coded: VideoCodec,
    nowUs: number,
  ): boolean {
    this.release(nowUs);
    this.#waits[frameId % remembered] = 0;
    if (this.#takesKeyframe && !keyframe) return false;
    this.#takesKeyframe = false;
    if (this.#count === 0 && this.#waitUs(captureUs, nowUs, nowUs) <= 0)
      return this.#deliver(data, size, frameId, keyframe, captureUs, coded);
    if (this.#count === this.#slots.length) this.#early(nowUs);
    const slot = this.#slots[(this.#first + this.#count) % this.#slots.length] as Slot;
    if (!this.#grow(slot, size)) {
      while (this.#count > 0) this.#early(nowUs);
      this.#empty();
      return (keyframe || !this.#handsKeyframe) && this.#deliver(data, size, frameId, keyframe, captureUs, coded);
    }
    this.#copy(slot.buffer, 0, data, 0, size);
    slot.size = size;
    slot.frameId = frameId;
    slot.keyframe = keyframe;
    slot.captureUs = captureUs;
    slot.coded = coded;
    slot.cameUs = nowUs;
    this.#count++;
    this.stats.held++;
    return true;
  }

  /** Hands over what is due. Returns for how long, in microseconds, the next one waits; undefined when none does. */
  release(nowUs: number): number | undefined {
    while (this.#count > 0) {
      const { captureUs, cameUs } = this.#slots[this.#first] as Slot;
      const waitUs = this.#waitUs(captureUs, cameUs, nowUs);
      if (waitUs > 0) return waitUs;
      this.#handOver(nowUs);
    }
    return undefined;
  }

  /** By the present delay of the sound, which may have changed since the picture came. */
  #waitUs(captureUs: number, cameUs: number, nowUs: number): number {
    const dueUs = this.#events.dueUs(captureUs);
    return dueUs === undefined ? 0 : Math.min(dueUs, cameUs + limits.pictureHoldUs) - nowUs;
  }

  #early(nowUs: number): void {
    this.stats.early++;
    this.#handOver(nowUs);
  }

  #handOver(nowUs: number): void {
    const { buffer, size, frameId, keyframe, captureUs, coded, cameUs } = this.#slots[this.#first] as Slot;
    this.#first = (this.#first + 1) % this.#slots.length;
    this.#count--;
    this.#waits[frameId % remembered] = nowUs - cameUs;
    this.#events.waited(nowUs - cameUs);
    if (this.#handsKeyframe && !keyframe) {
      this.stats.refused++;
    } else if (!this.#deliver(buffer, size, frameId, keyframe, captureUs, coded)) {
      this.stats.refused++;
      this.#takesKeyframe = this.#handsKeyframe = true;
      this.#events.broken(nowUs);
    }
  }

  readonly #deliver: Player["push"] = (data, size, frameId, keyframe, captureUs, coded) => {
    const taken = this.#events.deliver(data, size, frameId, keyframe, captureUs, coded);
    if (taken) this.#handsKeyframe = false;
    return taken;
  };

  /** False when the buffers would become too large together. */
  #grow(slot: Slot, size: number): boolean {
    if (slot.buffer.length >= size) return true;
    const bytes = Math.max(4096, 2 ** Math.ceil(Math.log2(size)));
    if (this.#bufferBytes - slot.buffer.length + bytes > limits.heldPictureBytes) return false;
    this.#bufferBytes += bytes - slot.buffer.length;
    slot.buffer = new Uint8Array(bytes);
    return true;
  }

  #empty(): void {
    this.#bufferBytes = 0;
    for (const slot of this.#slots) slot.buffer = new Uint8Array(0);
  }
}
