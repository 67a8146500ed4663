/** A short, fixed run of the relay's fuzzer; `bun tests/fuzz/relay.ts --seconds N` runs it longer. */
import { expect, test } from "bun:test";
import { fuzzRelay } from "./relay.ts";

for (const seed of [1, 2, 3, 4])
  test(`no peer confuses the relay in 5000 steps, seed ${seed}`, () => {
    const report = fuzzRelay(seed, 5000);
    expect(report.failure).toBeUndefined();
    expect(report.steps).toBe(5000);
    expect(report.delivered).toBeGreaterThan(500);
  });
