/**
 * The window that lets each counter through once, after RFC 6479: a ring of bit words over the newest counters, so that moving it
 * clears whole words and shifts nothing. Counters are whole numbers below 2^53. A new window is ready for use; nothing is
 * allocated afterwards. It does not authenticate: ask check() before the seal is opened, tell accept() after.
 */
import { limits } from "../base/limits.ts";

const wordBits = 32;
/** One word more than the window, because its ends share a word's worth of bits. */
const words = limits.replayWindow / wordBits + 1;

/** fresh: not seen yet; seen: accepted before; stale: too far behind the newest to know. */
export type Freshness = "fresh" | "seen" | "stale";

export class ReplayWindow {
  readonly #bits = new Uint32Array(words);
  /** Highest accepted counter. */
  #newest = -1;

  get newest(): number {
    return this.#newest;
  }

  check(counter: number): Freshness {
    if (counter > this.#newest) return "fresh";
    if (counter <= this.#newest - limits.replayWindow) return "stale";
    const word = this.#bits[Math.floor(counter / wordBits) % words] as number;
    return (word >>> (counter % wordBits)) & 1 ? "seen" : "fresh";
  }

  /** Marks a counter that check() called fresh and whose packet was authentic. */
  accept(counter: number): void {
    const index = Math.floor(counter / wordBits);
    if (counter > this.#newest) {
      const from = Math.floor(this.#newest / wordBits);
      const moved = Math.min(index - from, words);
      for (let i = 1; i <= moved; i++) this.#bits[(from + i) % words] = 0;
      this.#newest = counter;
    }
    const slot = index % words;
    this.#bits[slot] = (this.#bits[slot] as number) | (1 << (counter % wordBits));
  }

  reset(): void {
    this.#bits.fill(0);
    this.#newest = -1;
  }
}
