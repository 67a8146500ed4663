/**
 * Times in buckets: exact below 16, then eight steps an octave up to 2^26, so that a bucket's middle is within 7 % of what fell into
 * it. Adding allocates nothing. The native WebSocket server (c/ws/latency.c) fills the same buckets.
 */
import type { Percentiles } from "./percentiles.ts";
import { toMillis } from "./units.ts";

const steps = 8;
export const histogramBuckets = 192;

/** `value` is 0 or more; beyond 2^26 it counts as that. */
export function bucketOf(value: number): number {
  const whole = Math.min(2 ** 26 - 1, Math.max(0, Math.floor(value)));
  if (whole < 2 * steps) return whole;
  const octave = 31 - Math.clz32(whole);
  return (octave - 2) * steps + ((whole >> (octave - 3)) & (steps - 1));
}

/** What a bucket stands for: its middle. */
export function bucketMiddle(bucket: number): number {
  if (bucket < 2 * steps) return bucket;
  const octave = Math.floor(bucket / steps) + 2;
  const width = 2 ** (octave - 3);
  return 2 ** octave + (bucket % steps) * width + width / 2;
}

/** Nearest-rank percentiles; undefined while nothing was counted. */
export function bucketPercentiles(counts: Uint32Array): Percentiles | undefined {
  let total = 0;
  for (const count of counts) total += count;
  if (total === 0) return undefined;
  const rank = (p: number): number => {
    let left = Math.max(1, Math.ceil(p * total));
    for (let bucket = 0; bucket < counts.length; bucket++) {
      left -= counts[bucket] as number;
      if (left <= 0) return bucketMiddle(bucket);
    }
    return bucketMiddle(counts.length - 1);
  };
  return { p50: rank(0.5), p95: rank(0.95), p99: rank(0.99) };
}

/** Percentiles in milliseconds of counts in microseconds; null while nothing was counted. */
export function percentilesMs(counts: Uint32Array): Percentiles | null {
  const found = bucketPercentiles(counts);
  return found ? { p50: toMillis(found.p50), p95: toMillis(found.p95), p99: toMillis(found.p99) } : null;
}

/** Counts of two generations, so that what is read covers between one and two of them up to now. */
export class RecentHistogram {
  #present = new Uint32Array(histogramBuckets);
  #before = new Uint32Array(histogramBuckets);
  #sinceUs = Number.NEGATIVE_INFINITY;
  readonly #generationUs: number;

  constructor(generationUs = 30_000_000) {
    this.#generationUs = generationUs;
  }

  add(value: number, nowUs: number): void {
    this.#turn(nowUs);
    const bucket = bucketOf(value);
    this.#present[bucket] = (this.#present[bucket] as number) + 1;
  }

  addTo(counts: Uint32Array, nowUs: number): void {
    this.#turn(nowUs);
    for (let bucket = 0; bucket < counts.length; bucket++)
      counts[bucket] = (counts[bucket] as number) + (this.#present[bucket] ?? 0) + (this.#before[bucket] ?? 0);
  }

  #turn(nowUs: number): void {
    const age = nowUs - this.#sinceUs;
    if (age < this.#generationUs) return;
    [this.#present, this.#before] = [this.#before, this.#present];
    this.#present.fill(0);
    if (age >= 2 * this.#generationUs) this.#before.fill(0);
    this.#sinceUs = nowUs;
  }
}
