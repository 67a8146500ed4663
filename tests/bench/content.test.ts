/** The figures of ds-stream sections 5 and 16 that are counts, not speeds. */
import { expect, test } from "bun:test";
import { contentFigures } from "./content.ts";

test("an unchanged picture, deltas of a mostly still desktop and signals cost what the spec says, or less", () => {
  const { unchangedRatio, typingSaved, mixedSaved, scrollingSaved, signalBps } = contentFigures();
  expect(unchangedRatio).toBeGreaterThanOrEqual(333);
  for (const saved of [typingSaved, mixedSaved, scrollingSaved]) expect(saved).toBeGreaterThan(0.7);
  expect(typingSaved).toBeGreaterThan(0.95);
  // Low kilobytes a second, and not next to nothing: the springs do move.
  expect(signalBps).toBeLessThan(4000);
  expect(signalBps).toBeGreaterThan(500);
});
