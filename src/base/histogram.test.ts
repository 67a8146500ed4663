import { expect, test } from "bun:test";
import { bucketMiddle, bucketOf, bucketPercentiles, histogramBuckets, RecentHistogram } from "./histogram.ts";

test("buckets rise with the value, and their middle is near it", () => {
  let last = -1;
  for (let value = 0; value < 2 ** 26; value += Math.max(1, Math.floor(value / 50))) {
    const bucket = bucketOf(value);
    expect(bucket).toBeGreaterThanOrEqual(last);
    expect(bucket - last).toBeLessThanOrEqual(1);
    expect(Math.abs(bucketMiddle(bucket) - value)).toBeLessThanOrEqual(value * 0.07);
    last = bucket;
  }
  expect([bucketOf(-1), bucketOf(0.9), bucketOf(2 ** 26 - 1), bucketOf(1e18)]).toEqual([
    0,
    0,
    histogramBuckets - 1,
    histogramBuckets - 1,
  ]);
});

test("percentiles are nearest-rank", () => {
  const counts = new Uint32Array(histogramBuckets);
  expect(bucketPercentiles(counts)).toBeUndefined();
  counts[3] = 94;
  counts[7] = 1;
  counts[9] = 5;
  expect(bucketPercentiles(counts)).toEqual({ p50: 3, p95: 7, p99: 9 });
});

test("what is older than two generations is forgotten", () => {
  const histogram = new RecentHistogram(1000);
  const total = (nowUs: number): number => {
    const counts = new Uint32Array(histogramBuckets);
    histogram.addTo(counts, nowUs);
    return counts.reduce((sum, count) => sum + count, 0);
  };
  histogram.add(5, 100);
  histogram.add(5, 900);
  expect([total(900), total(1100)]).toEqual([2, 2]);
  histogram.add(5, 1200);
  expect(total(2050)).toBe(3);
  expect(total(2150)).toBe(1);
  histogram.add(5, 2200);
  expect(total(99_000)).toBe(0);
});
