/**
 * One channel whose source is on another relay: brings its frames into order behind a catch-up, so that this relay's cache and
 * receivers get each once or, after a loss, a fresh whole. Frames that come before the catch-up wait. Pure.
 */
import { classify, type FrameClass, frameBytes } from "../wire/ds.ts";
import { busLimits } from "./bus-limits.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { Claim } from "./claims.ts";

export interface FollowingOutbox {
  /** Tell the source's relay that this one has receivers, and whether it needs a catch-up. */
  want(needsCatchUp: boolean): void;
  /** The next frame. */
  deliver(message: Uint8Array): void;
  /** In place of all before: what a newcomer needs. */
  adopt(messages: readonly Uint8Array[]): void;
  drop(reason: string): void;
}

interface Held {
  readonly sequence: number;
  readonly message: Uint8Array;
}

const kindOf = (message: Uint8Array): FrameClass =>
  message.length < frameBytes ? "other" : classify(message[0] as number, message[1] as number, message);

/** Whether a message is a picture or builds on one. */
export function isPicture(message: Uint8Array): boolean {
  const kind = kindOf(message);
  return kind === "keyframe" || kind === "delta";
}

/** How far `a` is ahead of `b`; sequences wrap at 2^32. */
const ahead = (a: number, b: number): number => (a - b) | 0;

export class Following {
  readonly relay: number;
  readonly epoch: number;
  readonly #budget: ByteBudget;
  readonly #outbox: FollowingOutbox;
  #isCatchingUp = true;
  #expected = 0;
  #held: Held[] = [];
  /** A picture is missing at the front, so what builds on it is of no use. */
  #needsKeyframe = true;
  #askedUs = 0;
  #waitUs: number = busLimits.askAgainUs;
  #announced = 0;
  #behindSinceUs: number | undefined;

  /** Asks at once. */
  constructor({ relay, epoch }: Claim, budget: ByteBudget, outbox: FollowingOutbox, nowUs: number) {
    this.relay = relay;
    this.epoch = epoch;
    this.#budget = budget;
    this.#outbox = outbox;
    this.restart(nowUs);
  }

  get isCatchingUp(): boolean {
    return this.#isCatchingUp;
  }

  /** What came may be incomplete: begin with a catch-up again. */
  restart(nowUs: number): void {
    this.#isCatchingUp = true;
    this.#waitUs = busLimits.askAgainUs;
    this.#ask(nowUs);
  }

  #ask(nowUs: number): void {
    this.#askedUs = nowUs;
    this.#behindSinceUs = undefined;
    this.#outbox.want(true);
  }

  /** A frame of this relay and epoch; `message` is valid during the call. */
  frame(sequence: number, message: Uint8Array, nowUs: number): void {
    const lead = ahead(sequence, this.#expected);
    if (this.#isCatchingUp) this.#hold(sequence, message);
    else if (lead < 0) this.#outbox.drop("bus-frame-late");
    else if (lead === 0) this.#pass(sequence, message);
    else {
      this.#outbox.drop("bus-gap");
      this.restart(nowUs);
      this.#hold(sequence, message);
    }
  }

  /** When there is no room, the newest is left out, and the gap that it leaves is noticed later. */
  #hold(sequence: number, message: Uint8Array): void {
    if (this.#held.length < busLimits.heldFrames && this.#budget.take(message.length))
      this.#held.push({ sequence, message: message.slice() });
    else this.#outbox.drop("bus-memory-full");
  }

  #pass(sequence: number, message: Uint8Array): void {
    this.#expected = (sequence + 1) >>> 0;
    const kind = kindOf(message);
    if (kind === "keyframe") this.#needsKeyframe = false;
    if (kind === "delta" && this.#needsKeyframe) this.#outbox.drop("bus-delta-without-keyframe");
    else this.#outbox.deliver(message);
  }

  catchUp(nextSequence: number, messages: readonly Uint8Array[], nowUs: number): void {
    if (!this.#isCatchingUp) {
      this.#outbox.drop("bus-catch-up-unasked");
      return;
    }
    this.#isCatchingUp = false;
    this.#expected = nextSequence;
    this.#needsKeyframe = !messages.some((message) => kindOf(message) === "keyframe");
    this.#outbox.adopt(messages);
    const held = this.#held;
    this.close();
    for (const { sequence, message } of held)
      if (this.#isCatchingUp || ahead(sequence, this.#expected) >= 0) this.frame(sequence, message, nowUs);
  }

  /** The source's relay has sent all frames before `nextSequence`. */
  announced(nextSequence: number, nowUs: number): void {
    const isBehind = !this.#isCatchingUp && ahead(nextSequence, this.#expected) > 0;
    if (!isBehind) this.#behindSinceUs = undefined;
    else this.#behindSinceUs ??= nowUs;
    this.#announced = nextSequence;
  }

  tick(nowUs: number): void {
    if (this.#isCatchingUp) {
      if (nowUs - this.#askedUs < this.#waitUs) return;
      this.#waitUs = Math.min(2 * this.#waitUs, busLimits.askAgainMostUs);
      this.#ask(nowUs);
    } else if (this.#behindSinceUs !== undefined) {
      if (ahead(this.#announced, this.#expected) <= 0) this.#behindSinceUs = undefined;
      else if (nowUs - this.#behindSinceUs > busLimits.behindUs) {
        this.#outbox.drop("bus-gap");
        this.restart(nowUs);
      }
    }
  }

  /** The number of receivers changed, or it is time to say again that there are any. */
  renew(): void {
    this.#outbox.want(false);
  }

  close(): void {
    for (const { message } of this.#held) this.#budget.give(message.length);
    this.#held = [];
  }
}
