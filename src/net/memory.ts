/**
 * A network in memory for tests and simulations: packets are delayed, lost, reordered, doubled and cut off as a seed says, in the
 * time of a clock that the test moves. The same seed, calls and times give the same deliveries. It knows packets and places
 * ("host:port" or whatever the caller names them), not protocols; nothing happens by itself: deliver() hands over what is due.
 */
import type { Clock, ManualClock } from "../base/clock.ts";
import { Prng } from "../base/prng.ts";

/** What one direction between two places does to packets. Shares are probabilities from 0 to 1. */
export interface LinkSettings {
  delayUs: number;
  /** Up to this much more, evenly distributed; larger than the gap between packets, it reorders them. */
  jitterUs: number;
  loss: number;
  duplicate: number;
  /** This share is held back by reorderUs more, so that later packets overtake it. */
  reorder: number;
  reorderUs: number;
}

export const perfectLink: LinkSettings = { delayUs: 0, jitterUs: 0, loss: 0, duplicate: 0, reorder: 0, reorderUs: 0 };

export interface NetworkCounts {
  sent: number;
  delivered: number;
  lost: number;
  duplicated: number;
  /** Dropped because a partition lay between the places. */
  cut: number;
  /** Nobody listened at the place when the packet came. */
  unreachable: number;
  /** Dropped because too much was on its way. */
  overflowed: number;
}

export type Receive = (packet: Uint8Array, from: string, nowUs: number) => void;

interface Flying {
  dueUs: number;
  from: string;
  to: string;
  packet: Uint8Array;
}

export class MemoryNetwork {
  readonly counts: NetworkCounts = {
    sent: 0,
    delivered: 0,
    lost: 0,
    duplicated: 0,
    cut: 0,
    unreachable: 0,
    overflowed: 0,
  };
  readonly clock: Clock;
  readonly #random: Prng;
  readonly #link: LinkSettings;
  readonly #limit: number;
  readonly #links = new Map<string, LinkSettings>();
  readonly #cuts = new Set<string>();
  readonly #places = new Map<string, Receive>();
  /** By due time, then in the order of sending. */
  readonly #flying: Flying[] = [];

  /** `link` is for every pair without settings of its own; at most `limit` packets are on their way. */
  constructor(options: { seed: number; clock: Clock; link?: Partial<LinkSettings>; limit?: number }) {
    this.#random = new Prng(options.seed);
    this.clock = options.clock;
    this.#link = { ...perfectLink, ...options.link };
    this.#limit = options.limit ?? 100_000;
  }

  /** Lets `receive` have what is sent to `place`. False when somebody is there already. */
  listen(place: string, receive: Receive): boolean {
    if (this.#places.has(place)) return false;
    this.#places.set(place, receive);
    return true;
  }

  leave(place: string): void {
    this.#places.delete(place);
  }

  has(place: string): boolean {
    return this.#places.has(place);
  }

  /** Settings of one direction, for what is sent from now on. */
  setLink(from: string, to: string, link: Partial<LinkSettings>): void {
    this.#links.set(pair(from, to), { ...this.#link, ...link });
  }

  /** Cuts both directions, for packets on their way as well, or joins them again. */
  partition(a: string, b: string, cut: boolean): void {
    for (const key of [pair(a, b), pair(b, a)]) {
      if (cut) this.#cuts.add(key);
      else this.#cuts.delete(key);
    }
  }

  /** Copies the packet. `extraUs` is how much later than now it leaves. */
  send(from: string, to: string, packet: Uint8Array, extraUs = 0): void {
    const link = this.#links.get(pair(from, to)) ?? this.#link;
    this.counts.sent++;
    // Each packet draws the same number of times whatever happens to it, so that a change of one share moves nothing else.
    const lost = this.#random.unit() < link.loss;
    const twice = this.#random.unit() < link.duplicate;
    const held = this.#random.unit() < link.reorder ? link.reorderUs : 0;
    const [jitter, jitterOfSecond] = [this.#random.unit() * link.jitterUs, this.#random.unit() * link.jitterUs];
    if (lost) {
      this.counts.lost++;
      return;
    }
    const leavesUs = this.clock.nowUs() + extraUs + link.delayUs;
    const copy = packet.slice();
    this.#insert({ dueUs: Math.floor(leavesUs + jitter + held), from, to, packet: copy });
    if (!twice) return;
    this.counts.duplicated++;
    this.#insert({ dueUs: Math.floor(leavesUs + jitterOfSecond), from, to, packet: copy.slice() });
  }

  #insert(flying: Flying): void {
    if (this.#flying.length >= this.#limit) {
      this.counts.overflowed++;
      return;
    }
    let low = 0;
    let high = this.#flying.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#flying[middle] as Flying).dueUs <= flying.dueUs) low = middle + 1;
      else high = middle;
    }
    this.#flying.splice(low, 0, flying);
  }

  /** When the next packet is due; undefined when none is on its way. */
  nextDueUs(): number | undefined {
    return this.#flying[0]?.dueUs;
  }

  /** Hands over what is due by now, also what is sent meanwhile and due at once. Returns how many packets arrived. */
  deliver(): number {
    const nowUs = this.clock.nowUs();
    const before = this.counts.delivered;
    for (let next = this.#flying[0]; next && next.dueUs <= nowUs; next = this.#flying[0]) {
      this.#flying.shift();
      this.#arrive(next, nowUs);
    }
    return this.counts.delivered - before;
  }

  #arrive({ from, to, packet }: Flying, nowUs: number): void {
    const receive = this.#places.get(to);
    if (this.#cuts.has(pair(from, to))) this.counts.cut++;
    else if (!receive) this.counts.unreachable++;
    else {
      this.counts.delivered++;
      receive(packet, from, nowUs);
    }
  }

  /** Moves the clock by `us`, stopping at each delivery. The clock must be the one this network was made with. */
  run(clock: ManualClock, us: number): void {
    if (clock !== this.clock) throw new Error("run() moves the clock that the network was made with");
    const endUs = clock.nowUs() + us;
    this.deliver();
    for (let due = this.nextDueUs(); due !== undefined && due <= endUs; due = this.nextDueUs()) {
      clock.advance(due - clock.nowUs());
      this.deliver();
    }
    clock.advance(endUs - clock.nowUs());
  }
}

function pair(from: string, to: string): string {
  return `${from} ${to}`;
}
