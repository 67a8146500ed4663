/** How much of the sound did not arrive lately, for the host to reckon with: its packets then carry what a lost one held. Pure. */
const everyUs = 2_000_000;

export class SoundLoss {
  #askedUs = 0;
  #pushed = 0;
  #lost = 0;
  #told = 0;

  /** Counts since the start. The new share in percent when it is time and it changed; undefined otherwise. */
  next(pushed: number, lost: number, nowUs: number): number | undefined {
    if (nowUs - this.#askedUs < everyUs) return undefined;
    this.#askedUs = nowUs;
    const [came, missing] = [pushed - this.#pushed, lost - this.#lost];
    this.#pushed = pushed;
    this.#lost = lost;
    if (came <= 0) return undefined;
    const percent = Math.min(100, Math.ceil((100 * missing) / (came + missing)));
    if (percent === this.#told) return undefined;
    this.#told = percent;
    return percent;
  }
}
