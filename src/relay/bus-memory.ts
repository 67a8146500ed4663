/**
 * A message bus in memory, for tests: seeded delay, loss, broken connections, a broker that is split in two, and relays that stand still, in
 * the time of a clock that the test moves. It keeps a bus's promises (bus.ts) and no more: order holds on each subject from
 * each publisher, and not across subjects.
 */
import type { ManualClock } from "../base/clock.ts";
import { Prng } from "../base/prng.ts";
import type { Bus, BusEvents } from "./bus.ts";

export interface MemoryBrokerSettings {
  readonly seed: number;
  readonly maxPayloadBytes: number;
  readonly delayUs: number;
  /** Up to this much more. */
  readonly jitterUs: number;
  /** Share of messages that are lost, 0 to 1. */
  readonly loss: number;
  /** Bytes of one member that may be on their way. */
  readonly roomBytes: number;
}

const defaults: MemoryBrokerSettings = {
  seed: 1,
  maxPayloadBytes: 1024 * 1024,
  delayUs: 500,
  jitterUs: 0,
  loss: 0,
  roomBytes: 64 * 1024 * 1024,
};

interface Flying {
  readonly dueUs: number;
  readonly from: MemoryBus;
  readonly to: MemoryBus;
  readonly subject: string;
  readonly bytes: Uint8Array;
}

export class MemoryBroker {
  readonly counts = { published: 0, delivered: 0, lost: 0, cut: 0, bytes: 0 };
  readonly settings: MemoryBrokerSettings;
  readonly #clock: ManualClock;
  readonly #random: Prng;
  readonly #members = new Set<MemoryBus>();
  /** Latest arrival by publisher, subscriber and subject, which the next one may not overtake. */
  readonly #latest = new Map<string, number>();
  #flying: Flying[] = [];
  loss: number;

  constructor(clock: ManualClock, settings: Partial<MemoryBrokerSettings> = {}) {
    this.#clock = clock;
    this.settings = { ...defaults, ...settings };
    this.loss = this.settings.loss;
    this.#random = new Prng(this.settings.seed);
  }

  /** A new member, not connected yet. */
  attach(events: BusEvents): MemoryBus {
    const bus = new MemoryBus(this, this.#members.size + 1, events);
    this.#members.add(bus);
    return bus;
  }

  /** Whether any member has asked for `subject`. */
  isWanted(subject: string): boolean {
    return [...this.#members].some((member) => member.subjects.has(subject));
  }

  bytesOf(bus: MemoryBus): number {
    return this.#flying.reduce((sum, { from, bytes }) => sum + (from === bus ? bytes.length : 0), 0);
  }

  publish(from: MemoryBus, subject: string, bytes: Uint8Array): void {
    this.counts.published++;
    this.counts.bytes += bytes.length;
    for (const to of this.#members) {
      if (to === from || !to.isConnected || !to.subjects.has(subject)) continue;
      const isLost = this.#random.unit() < this.loss;
      const jitterUs = Math.floor(this.#random.unit() * this.settings.jitterUs);
      if (to.side !== from.side) this.counts.cut++;
      else if (isLost) this.counts.lost++;
      else {
        const way = `${from.id} ${to.id} ${subject}`;
        const dueUs = Math.max(this.#clock.nowUs() + this.settings.delayUs + jitterUs, this.#latest.get(way) ?? 0);
        this.#latest.set(way, dueUs);
        this.#flying.push({ dueUs, from, to, subject, bytes });
      }
    }
  }

  /** What was on its way to or from a member whose connection broke is gone. */
  forget(bus: MemoryBus): void {
    this.#flying = this.#flying.filter(({ from, to }) => from !== bus && to !== bus);
  }

  remove(bus: MemoryBus): void {
    this.#members.delete(bus);
  }

  /** Hands over what is due. What is for a frozen member waits. */
  deliver(): void {
    for (;;) {
      let next: Flying | undefined;
      for (const one of this.#flying)
        if (one.dueUs <= this.#clock.nowUs() && !one.to.isFrozen && (!next || one.dueUs < next.dueUs)) next = one;
      if (!next) return;
      this.#flying.splice(this.#flying.indexOf(next), 1);
      if (!next.to.isConnected || !next.to.subjects.has(next.subject)) continue;
      this.counts.delivered++;
      next.to.events.message(next.bytes);
    }
  }
}

export class MemoryBus implements Bus {
  readonly subjects = new Set<string>();
  isConnected = false;
  /** Members hear those of the same side only. */
  side = 0;
  /** Takes nothing until it goes on, and says nothing: the test does not tick it. */
  isFrozen = false;
  readonly #broker: MemoryBroker;

  constructor(
    broker: MemoryBroker,
    readonly id: number,
    readonly events: BusEvents,
  ) {
    this.#broker = broker;
  }

  get maxPayloadBytes(): number {
    return this.#broker.settings.maxPayloadBytes;
  }

  connect(): void {
    if (this.isConnected) return;
    this.isConnected = true;
    this.events.connected();
  }

  lose(): void {
    if (!this.isConnected) return;
    this.isConnected = false;
    this.#broker.forget(this);
    this.events.lost("cut");
  }

  hasRoom(sizeBytes: number): boolean {
    return this.#broker.bytesOf(this) + sizeBytes <= this.#broker.settings.roomBytes;
  }

  publish(subject: string, bytes: Uint8Array<ArrayBuffer>): boolean {
    if (bytes.length > this.maxPayloadBytes)
      throw new RangeError(`the bus takes ${this.maxPayloadBytes} bytes at most`);
    if (!this.isConnected || !this.hasRoom(bytes.length)) return false;
    this.#broker.publish(this, subject, bytes);
    return true;
  }

  subscribe(subject: string): void {
    this.subjects.add(subject);
  }

  unsubscribe(subject: string): void {
    this.subjects.delete(subject);
  }

  close(): Promise<void> {
    this.isConnected = false;
    this.#broker.remove(this);
    return Promise.resolve();
  }
}
