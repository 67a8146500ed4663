/**
 * Who claims which channel: one relay of a cluster holds each channel that has a source, and every relay comes to the same answer
 * from the same announcements. Pure.
 */
import { type Announcement, type BusClaim, claimState } from "../wire/bus.ts";
import { busLimits } from "./bus-limits.ts";
import { isChannelName } from "./paths.ts";

export interface Claim {
  readonly relay: number;
  /** One higher than any claim that its relay knew of. */
  readonly epoch: number;
  /** The source is connected; otherwise the relay keeps what it left. */
  readonly isLive: boolean;
  /** It stood for a while before it was announced. */
  readonly isSettled: boolean;
  readonly nextSequence: number;
}

/**
 * Whether claim `a` stands against claim `b` of another relay. A connected source goes before one that has left, the later take-over
 * before the earlier, an old claim before one made in ignorance of it, and of two equal ones the lower relay's.
 */
export function beats(a: Claim, b: Claim): boolean {
  if (a.isLive !== b.isLive) return a.isLive;
  if (a.epoch !== b.epoch) return a.epoch > b.epoch;
  if (a.isSettled !== b.isSettled) return a.isSettled;
  return a.relay < b.relay;
}

interface Relay {
  heardUs: number;
  readonly claims: Map<string, Claim>;
}

/** The other relays and their claims, as far as they are known. */
export class ClaimTable {
  readonly #relays = new Map<number, Relay>();
  /** Epochs of claims that are over, so that the next one is known to be later. The oldest go first. */
  readonly #past = new Map<string, number>();

  get relays(): number {
    return this.#relays.size;
  }

  get claims(): number {
    let count = 0;
    for (const relay of this.#relays.values()) count += relay.claims.size;
    return count;
  }

  has(relay: number): boolean {
    return this.#relays.has(relay);
  }

  /** Notes a sign of life. */
  hear(relay: number, nowUs: number): "known" | "new" | "too-many" {
    const known = this.#relays.get(relay);
    if (known) {
      known.heardUs = nowUs;
      return "known";
    }
    if (this.#relays.size >= busLimits.relays) return "too-many";
    this.#relays.set(relay, { heardUs: nowUs, claims: new Map() });
    return "new";
  }

  /** Takes what a known relay says. Returns the channels that it spoke of, now or before. */
  update(relay: number, { isWhole, claims }: Announcement): ReadonlySet<string> {
    const names = new Set<string>();
    const its = this.#relays.get(relay)?.claims;
    if (!its) return names;
    if (isWhole) {
      for (const name of its.keys()) names.add(name);
      this.#end(its);
    }
    for (const claim of claims) {
      if (!isChannelName(claim.channel)) continue;
      names.add(claim.channel);
      if (claim.state === claimState.gone) {
        its.delete(claim.channel);
        this.noteEpoch(claim.channel, claim.epoch);
      } else if (its.has(claim.channel) || its.size < busLimits.claimsPerRelay)
        its.set(claim.channel, claimOf(relay, claim));
    }
    return names;
  }

  /** Forgets a relay. Returns the channels that it claimed. */
  remove(relay: number): readonly string[] {
    const its = this.#relays.get(relay)?.claims ?? new Map<string, Claim>();
    const names = [...its.keys()];
    this.#end(its);
    this.#relays.delete(relay);
    return names;
  }

  #end(claims: Map<string, Claim>): void {
    for (const [name, { epoch }] of claims) this.noteEpoch(name, epoch);
    claims.clear();
  }

  /** Remembers a claim that is over. */
  noteEpoch(channel: string, epoch: number): void {
    const known = this.#past.get(channel) ?? 0;
    this.#past.delete(channel);
    this.#past.set(channel, Math.max(known, epoch));
    const [oldest] = this.#past.keys();
    if (this.#past.size > busLimits.pastClaims && oldest !== undefined) this.#past.delete(oldest);
  }

  /** Relays that have said nothing for longer than `timeoutUs`. */
  silent(nowUs: number, timeoutUs: number): number[] {
    return [...this.#relays].filter(([, { heardUs }]) => nowUs - heardUs > timeoutUs).map(([id]) => id);
  }

  claimOf(relay: number, channel: string): Claim | undefined {
    return this.#relays.get(relay)?.claims.get(channel);
  }

  /** The claim that stands among those of the others. */
  best(channel: string): Claim | undefined {
    let best: Claim | undefined;
    for (const { claims } of this.#relays.values()) {
      const claim = claims.get(channel);
      if (claim && (!best || beats(claim, best))) best = claim;
    }
    return best;
  }

  /** Of all claims that are known, past ones too; 0 when there was none. */
  highestEpoch(channel: string): number {
    let highest = this.#past.get(channel) ?? 0;
    for (const { claims } of this.#relays.values()) highest = Math.max(highest, claims.get(channel)?.epoch ?? 0);
    return highest;
  }
}

function claimOf(relay: number, { epoch, state, isSettled, nextSequence }: BusClaim): Claim {
  return { relay, epoch, isLive: state === claimState.live, isSettled, nextSequence };
}
