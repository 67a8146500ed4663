/** How often something may happen: tokens come back evenly, and the bucket holds one second's worth. Reads no clock. */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #sinceUs = -1;

  /** Starts full. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /** True when it may happen once more now. A clock that runs backwards brings nothing. */
  take(nowUs: number): boolean {
    if (this.#sinceUs >= 0) {
      const gained = ((nowUs - this.#sinceUs) * this.#perSecond) / 1e6;
      this.#tokens = Math.min(this.#perSecond, this.#tokens + Math.max(0, gained));
    }
    this.#sinceUs = nowUs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
