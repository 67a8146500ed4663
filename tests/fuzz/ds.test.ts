/** A short, fixed run of the ds-stream fuzzer; `bun tests/fuzz/ds.ts --seconds N` runs it longer. */
import { expect, test } from "bun:test";
import { fuzzDs } from "./ds.ts";

for (const seed of [1, 2, 3]) {
  test(`no decoder trips over 5000 mutated messages, seed ${seed}`, () => {
    const report = fuzzDs(seed, (runs) => runs >= 5000);
    expect(report.failure).toBeUndefined();
    expect(report.runs).toBe(5000);
    expect(report.accepted).toBeGreaterThan(500);
  });
}
