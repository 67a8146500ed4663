/** A fixed ring of the newest samples of one quantity, and its percentiles on demand. Adding allocates nothing. */
import { toMillis } from "./units.ts";

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

export class Samples {
  readonly #values: Float64Array;
  #count = 0;

  /** `capacity` is how many of the newest samples count: 4096 are 68 s at 60 fps. */
  constructor(capacity = 4096) {
    this.#values = new Float64Array(capacity);
  }

  add(value: number): void {
    this.#values[this.#count % this.#values.length] = value;
    this.#count++;
  }

  /** Samples ever added. */
  get count(): number {
    return this.#count;
  }

  /** Nearest-rank percentiles; undefined while there is no sample. */
  percentiles(): Percentiles | undefined {
    const size = Math.min(this.#count, this.#values.length);
    if (size === 0) return undefined;
    const sorted = this.#values.slice(0, size).sort();
    const rank = (p: number): number => sorted[Math.min(size - 1, Math.max(0, Math.ceil(p * size) - 1))] as number;
    return { p50: rank(0.5), p95: rank(0.95), p99: rank(0.99) };
  }
}

/** Percentiles in milliseconds of samples in microseconds. */
export function stagesMs<Stage extends string>(
  samples: Readonly<Record<Stage, Samples>>,
): Partial<Record<Stage, Percentiles>> {
  const out: Partial<Record<Stage, Percentiles>> = {};
  for (const stage of Object.keys(samples) as Stage[]) {
    const found = samples[stage].percentiles();
    if (found) out[stage] = { p50: toMillis(found.p50), p95: toMillis(found.p95), p99: toMillis(found.p99) };
  }
  return out;
}
