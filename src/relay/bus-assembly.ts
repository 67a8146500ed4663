/**
 * Puts the pieces of large bus messages together again. Pieces of one body come in order (bus.ts), so a missing one ends its body: what
 * is lost is asked for at a higher level. Memory is taken from a budget before it is made. Pure.
 */
import type { Counters } from "../base/counters.ts";
import type { BusPiece } from "../wire/bus.ts";
import { busLimits } from "./bus-limits.ts";
import type { ByteBudget } from "./byte-budget.ts";

interface Partial {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly origin: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly count: number;
  next: number;
  received: number;
  touchedUs: number;
}

export class BusAssembly {
  readonly #budget: ByteBudget;
  readonly #drops: Counters;
  readonly #partials = new Map<string, Partial>();

  constructor(budget: ByteBudget, drops: Counters) {
    this.#budget = budget;
    this.#drops = drops;
  }

  get size(): number {
    return this.#partials.size;
  }

  /** The whole body that `piece` completes; valid as long as the piece when it came in one. */
  push(piece: BusPiece, nowUs: number): Uint8Array | undefined {
    const key = `${piece.origin} ${piece.kind} ${piece.channel}`;
    const begun = this.#partials.get(key);
    if (piece.chunkIndex === 0) {
      if (begun) this.#drop(key, "bus-incomplete");
      return piece.chunkCount === 1 ? piece.data : this.#begin(key, piece, nowUs);
    }
    if (!begun) {
      this.#drops.add("bus-piece-without-first");
      return undefined;
    }
    if (!continues(begun, piece)) return this.#drop(key, "bus-incomplete");
    return this.#append(key, begun, piece, nowUs);
  }

  #begin(key: string, piece: BusPiece, nowUs: number): undefined {
    if (this.#partials.size >= busLimits.partials || !this.#budget.take(piece.totalSize)) {
      this.#drops.add("bus-memory-full");
      return;
    }
    const { origin, epoch, sequence, chunkCount: count } = piece;
    const body = new Uint8Array(piece.totalSize);
    const partial = { body, origin, epoch, sequence, count, next: 0, received: 0, touchedUs: nowUs };
    this.#partials.set(key, partial);
    this.#append(key, partial, piece, nowUs);
  }

  #append(key: string, partial: Partial, { data }: BusPiece, nowUs: number): Uint8Array | undefined {
    const { body } = partial;
    const isLast = partial.next === partial.count - 1;
    const fits = isLast ? partial.received + data.length === body.length : partial.received + data.length < body.length;
    if (!fits) return this.#drop(key, "bus-incomplete");
    body.set(data, partial.received);
    partial.received += data.length;
    partial.next++;
    partial.touchedUs = nowUs;
    if (!isLast) return undefined;
    this.#forget(key, partial);
    return body;
  }

  #drop(key: string, reason: string): undefined {
    const partial = this.#partials.get(key);
    if (partial) this.#forget(key, partial);
    this.#drops.add(reason);
  }

  #forget(key: string, partial: Partial): void {
    this.#partials.delete(key);
    this.#budget.give(partial.body.length);
  }

  /** Gives up what stopped coming, and all of relays that `isGone`. */
  expire(nowUs: number, isGone: (origin: number) => boolean): void {
    for (const [key, { touchedUs, origin }] of this.#partials)
      if (nowUs - touchedUs > busLimits.partialTimeoutUs || isGone(origin)) this.#drop(key, "bus-incomplete");
  }
}

function continues(partial: Partial, piece: BusPiece): boolean {
  return (
    piece.chunkIndex === partial.next &&
    piece.chunkCount === partial.count &&
    piece.totalSize === partial.body.length &&
    piece.epoch === partial.epoch &&
    piece.sequence === partial.sequence
  );
}
