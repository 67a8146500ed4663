/** How much of something happened in the last second, in ten buckets of 100 ms. Adding allocates nothing. */
const buckets = 10;
const bucketUs = 100_000;

export class Rate {
  readonly #amounts = new Float64Array(buckets);
  #newest = 0;

  add(amount: number, nowUs: number): void {
    const at = this.#turn(nowUs) % buckets;
    this.#amounts[at] = (this.#amounts[at] as number) + amount;
  }

  /** Amount per second, up to now. */
  perSecond(nowUs: number): number {
    this.#turn(nowUs);
    return this.#amounts.reduce((sum, amount) => sum + amount, 0);
  }

  /** Empties the buckets whose time is over; returns the present one. */
  #turn(nowUs: number): number {
    const now = Math.floor(nowUs / bucketUs);
    if (now - this.#newest >= buckets) this.#amounts.fill(0);
    else for (let b = this.#newest + 1; b <= now; b++) this.#amounts[b % buckets] = 0;
    this.#newest = Math.max(this.#newest, now);
    return this.#newest;
  }
}
