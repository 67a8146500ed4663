import { expect, test } from "bun:test";
import { Samples } from "./percentiles.ts";

test("percentiles are nearest-rank over the samples", () => {
  const samples = new Samples();
  for (let i = 100; i >= 1; i--) samples.add(i);
  expect(samples.percentiles()).toEqual({ p50: 50, p95: 95, p99: 99 });
});

test("no sample has no percentile, one sample is all of them", () => {
  const samples = new Samples();
  expect(samples.percentiles()).toBeUndefined();
  samples.add(7);
  expect(samples.percentiles()).toEqual({ p50: 7, p95: 7, p99: 7 });
});

test("only the newest samples count", () => {
  const samples = new Samples(10);
  for (let i = 0; i < 1000; i++) samples.add(i);
  expect(samples.percentiles()).toEqual({ p50: 994, p95: 999, p99: 999 });
  expect(samples.count).toBe(1000);
});
