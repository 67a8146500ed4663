/** Amounts per second over the last two seconds. Pure; bounded by whole tenths of a second. */
const slots = 20;
const slotMs = 100;

export class Meter {
  readonly #sums = new Float64Array(slots);
  readonly #times = new Float64Array(slots).fill(Number.NEGATIVE_INFINITY);
  total = 0;

  add(amount: number, nowMs: number): void {
    const time = Math.floor(nowMs / slotMs);
    const slot = time % slots;
    if (this.#times[slot] !== time) this.#sums[slot] = 0;
    this.#times[slot] = time;
    this.#sums[slot] = (this.#sums[slot] as number) + amount;
    this.total += amount;
  }

  perSecond(nowMs: number): number {
    const time = Math.floor(nowMs / slotMs);
    let sum = 0;
    for (let i = 0; i < slots; i++) if (time - (this.#times[i] as number) < slots) sum += this.#sums[i] as number;
    return sum / ((slots * slotMs) / 1000);
  }
}
