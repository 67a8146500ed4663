import { expect, test } from "bun:test";
import { HostMeters } from "./meters.ts";

const times = { damageUs: 1000, captureUs: 2000, capturedUs: 4000, convertedUs: 7000, encodedUs: 11_000 };
const one = (ms: number) => ({ p50: ms, p95: ms, p99: ms });

test("each stage is the time between its ends", () => {
  const meters = new HostMeters();
  expect(meters.stagesMs()).toEqual({});
  meters.add(times, 1000, true, 16_000, 22_000);
  expect(meters.stagesMs()).toEqual({
    wait: one(1),
    capture: one(2),
    convert: one(3),
    encode: one(4),
    queue: one(5),
    send: one(6),
  });
});

test("damage noted after the capture began is no waiting", () => {
  const meters = new HostMeters();
  meters.add({ ...times, damageUs: 3000 }, 1000, false, 16_000, 22_000);
  expect(meters.stagesMs().wait).toEqual(one(0));
});

test("frames, keyframes and bits, in all and over the last second", () => {
  const meters = new HostMeters();
  for (let i = 0; i < 60; i++) meters.add(times, 500, i % 30 === 0, i * 10_000, i * 10_000);
  expect([meters.frames, meters.keyframes, meters.bytes]).toEqual([60, 2, 30_000]);
  expect(meters.fps(600_000)).toBe(60);
  expect(meters.bitrateBps(600_000)).toBe(240_000);
  expect(meters.fps(3_000_000)).toBe(0);
});
