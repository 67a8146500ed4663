/** Rates a second from counters that are read now and then, over the last few readings. Pure. */
const readings = 4;

interface Reading {
  readonly value: number;
  readonly seconds: number;
}

export class CounterRates {
  readonly #known = new Map<string, Reading[]>();
  #touched = new Set<string>();

  /** `seconds` is a clock of the one who counts. A counter that fell began anew. 0 until there are two readings. */
  rate(key: string, value: number, seconds: number): number {
    this.#touched.add(key);
    const list = this.#known.get(key) ?? [];
    const last = list.at(-1);
    if (last && (value < last.value || seconds < last.seconds)) list.length = 0;
    if (list.at(-1)?.seconds !== seconds) list.push({ value, seconds });
    if (list.length > readings) list.shift();
    this.#known.set(key, list);
    const [first, newest] = [list[0], list.at(-1)];
    if (!first || !newest || newest.seconds <= first.seconds) return 0;
    return (newest.value - first.value) / (newest.seconds - first.seconds);
  }

  /** Forgets the counters that were not asked for since the last call. */
  endRound(): void {
    for (const key of this.#known.keys()) if (!this.#touched.has(key)) this.#known.delete(key);
    this.#touched = new Set();
  }
}
