/** This relay's claim to a channel, and how many receivers other relays have for it. The channel is told of each change. Pure. */
import { type BusClaim, claimState, type Want } from "../wire/bus.ts";
import { busLimits } from "./bus-limits.ts";
import type { Claim } from "./claims.ts";
import type { ClusterChannel } from "./cluster-link.ts";

interface Wanting {
  receivers: number;
  untilUs: number;
  caughtUpUs: number;
}

export class Publication {
  /** Of the next frame. */
  sequence = 0;
  isLive = true;
  readonly #wants = new Map<number, Wanting>();

  constructor(
    readonly channel: ClusterChannel,
    readonly epoch: number,
    /** When the bus could know of it, or undefined while it could not. */
    public announcedUs: number | undefined,
  ) {
    // Whoever wanted the one before says anew what it wants; what it said then may be long over.
    channel.receiversElsewhere = 0;
  }

  get isWanted(): boolean {
    return this.#wants.size > 0;
  }

  /** Returns whether a catch-up may be sent to `relay` now. The caller knows no more relays than it may. */
  want(relay: number, nowUs: number, timeoutUs: number, { needsCatchUp, receivers }: Want): boolean {
    const untilUs = nowUs + timeoutUs;
    const want = this.#wants.get(relay) ?? { untilUs, receivers, caughtUpUs: Number.NEGATIVE_INFINITY };
    want.untilUs = untilUs;
    want.receivers = receivers;
    this.#wants.set(relay, want);
    this.#tell();
    if (!needsCatchUp || nowUs - want.caughtUpUs < busLimits.catchUpIntervalUs) return false;
    want.caughtUpUs = nowUs;
    return true;
  }

  leave(relay: number): void {
    this.#wants.delete(relay);
    this.channel.releaseRemote(relay);
    this.#tell();
  }

  expire(nowUs: number): void {
    for (const [relay, { untilUs }] of this.#wants) if (nowUs > untilUs) this.leave(relay);
  }

  #tell(): void {
    let receivers = 0;
    for (const want of this.#wants.values()) receivers += want.receivers;
    this.channel.receiversElsewhere = receivers;
  }

  nextSequence(): number {
    const { sequence } = this;
    this.sequence = (sequence + 1) >>> 0;
    return sequence;
  }

  claim(relay: number, nowUs: number): Claim {
    const isSettled = this.announcedUs !== undefined && nowUs - this.announcedUs > busLimits.settledUs;
    return { relay, epoch: this.epoch, isLive: this.isLive, isSettled, nextSequence: this.sequence };
  }

  announcement(nowUs: number): BusClaim {
    const { epoch, isLive, isSettled, nextSequence } = this.claim(0, nowUs);
    const state = isLive ? claimState.live : claimState.kept;
    return { channel: this.channel.name, state, isSettled, epoch, nextSequence };
  }
}
