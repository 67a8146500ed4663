import { expect, test } from "bun:test";
import { LipSync } from "./lip-sync.ts";

test("sound is aimed at the median age of the newest pictures, and not for trifles", () => {
  const sync = new LipSync();
  expect(sync.aim()).toBeUndefined();
  for (let i = 0; i < 50; i++) sync.picture(30_000 + (i % 3) * 1000);
  expect(sync.aim()).toBe(31_000);
  expect(sync.aim()).toBeUndefined();
  // One that was stuck says nothing.
  sync.picture(900_000);
  expect(sync.aim()).toBeUndefined();
  for (let i = 0; i < 90; i++) sync.picture(32_000);
  expect(sync.aim()).toBeUndefined();
  for (let i = 0; i < 90; i++) sync.picture(60_000);
  expect(sync.aim()).toBe(60_000);
});

test("ages that no clock can mean are passed over, and a clock's small error is no age", () => {
  const sync = new LipSync();
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, 5_000_000]) sync.picture(wrong);
  expect(sync.aim()).toBeUndefined();
  sync.picture(-200);
  sync.heard(4000);
  expect(sync.report().behindMs).toBe(4);
});

test("what is off is told either way, and counted when it can be seen", () => {
  const sync = new LipSync();
  sync.heard(10_000);
  expect(sync.report()).toEqual({ offsetMs: null, behindMs: null, measured: 0, late: 0, early: 0 });
  for (let i = 0; i < 10; i++) sync.picture(40_000);
  for (let i = 0; i < 18; i++) sync.heard(35_000);
  sync.heard(61_000);
  sync.heard(15_000);
  const { offsetMs, behindMs, ...counts } = sync.report();
  expect(counts).toEqual({ measured: 20, late: 1, early: 1 });
  expect(behindMs).toBe(-5);
  expect(offsetMs).toEqual({ p50: 5, p95: 21, p99: 25 });
});
