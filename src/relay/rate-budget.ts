/** How many messages a second one peer may send: a bucket that holds one second's worth. Pure. */
export class RateBudget {
  readonly #perSecond: number;
  #left: number;
  #filledUs = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /** True when one more may pass now. */
  take(nowUs: number): boolean {
    this.#left = Math.min(this.#perSecond, this.#left + ((nowUs - this.#filledUs) * this.#perSecond) / 1e6);
    this.#filledUs = nowUs;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
