/** Waiting times between attempts: 1 s, doubled each time, 10 s at most (ds-stream section 15). Pure. */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  #nextMs: number;

  constructor(firstMs = 1000, longestMs = 10_000) {
    this.#first = firstMs;
    this.#longest = longestMs;
    this.#nextMs = firstMs;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const now = this.#nextMs;
    this.#nextMs = Math.min(this.#longest, now * 2);
    return now;
  }

  reset(): void {
    this.#nextMs = this.#first;
  }
}
