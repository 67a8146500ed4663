import { expect, test } from "bun:test";
import type { Measured } from "./servers.ts";
import { judge } from "./verdicts.ts";

const measured = (some: Partial<Measured>): Measured => ({
  deliveriesPerSecond: 1000,
  megabytesPerSecond: 1,
  seconds: 2,
  sent: 2000,
  leftOut: 0,
  repeated: 0,
  broken: 0,
  p50Us: 100,
  p99Us: 200,
  clientCpuSeconds: 1,
  serverCpuSeconds: 1,
  serverPeakKib: 50_000,
  ...some,
});

test("a ratio is the median of the rounds' own, not the ratio of medians", () => {
  const patchbay = [10, 400, 90].map((deliveriesPerSecond) => measured({ deliveriesPerSecond }));
  const ws = [5, 100, 100].map((deliveriesPerSecond) => measured({ deliveriesPerSecond }));
  const [verdict] = judge([{ measure: "rate", than: "ws", least: 2 }], { patchbay, ws });
  expect(verdict).toEqual({ text: "messages a second 2.00 x ws on node (target at least 2 x)", value: 2, met: true });
});

test("what is compared with nothing is judged by its worst round", () => {
  const patchbay = [measured({}), measured({ leftOut: 3 }), measured({})];
  const [verdict] = judge([{ measure: "left out", most: 0 }], { patchbay });
  expect(verdict).toMatchObject({ value: 3, met: false });
});

test("efficiency is messages for a second of processor time, whatever the wall clock says", () => {
  const patchbay = [measured({ serverCpuSeconds: 0.5 })];
  const bun = [measured({ seconds: 4, serverCpuSeconds: 2 })];
  const [verdict] = judge([{ measure: "efficiency", than: "bun", least: 1 }], { patchbay, bun });
  expect(verdict?.value).toBe(2);
});

test("without the other server there is no verdict", () => {
  expect(judge([{ measure: "p99", than: "bun", most: 1 }], { patchbay: [measured({})] })).toEqual([]);
});
