import { expect, test } from "bun:test";
import { ClientMeters } from "./meters.ts";

const times = {
  captureUs: 1_000_000,
  pushedUs: 21_000,
  decodeBeginUs: 22_000,
  decodedUs: 25_000,
  shownUs: 31_000,
  timecodeUs: 11_000,
  width: 640,
  height: 360,
};
const one = (ms: number) => ({ p50: ms, p95: ms, p99: ms });

test("stages in milliseconds; ages only once the host's clock is known", () => {
  const meters = new ClientMeters();
  meters.arrived({ captureUs: 1_000_000, firstUs: 18_000, size: 1000 }, undefined, 20_000);
  meters.shown(times, undefined);
  expect(meters.stagesMs()).toEqual({
    reassemble: one(2),
    wait: one(1),
    decode: one(3),
    present: one(6),
    glassToGlass: one(20),
  });
  // Our clock is 992 ms behind the host's: captured 8 ms, arrived 20 ms and shown 31 ms after our start.
  const offsetUs = 992_000;
  meters.arrived({ captureUs: 1_000_000, firstUs: 18_000, size: 1000 }, offsetUs, 20_000);
  meters.shown(times, offsetUs);
  expect(meters.stagesMs()).toMatchObject({ arrival: one(12), age: one(23) });
  expect(meters.bitrateBps(20_000)).toBe(16_000);
});

test("the same timecode shown again is no new measurement, and none is no timecode", () => {
  const meters = new ClientMeters();
  meters.shown(times, undefined);
  meters.shown({ ...times, shownUs: 500_000 }, undefined);
  meters.shown({ ...times, shownUs: 600_000, timecodeUs: 0 }, undefined);
  expect(meters.stagesMs().glassToGlass).toEqual(one(20));
});

test("frames a second, over all that was shown and over the last second", () => {
  const meters = new ClientMeters();
  expect(meters.meanFps).toBe(0);
  const few = new ClientMeters();
  for (let i = 0; i < 4; i++) few.shown({ ...times, shownUs: 5_000_000 + i * 1000 }, undefined);
  expect(few.meanFps).toBe(0);
  for (let i = 0; i <= 120; i++) meters.shown({ ...times, shownUs: 5_000_000 + i * 25_000 }, undefined);
  expect(meters.framesShown).toBe(121);
  expect(meters.secondsShown).toBe(3);
  expect(meters.meanFps).toBe(40);
  expect(Math.abs(meters.fps(8_000_000) - 40)).toBeLessThanOrEqual(4);
  expect(meters.fps(10_000_000)).toBe(0);
  expect([meters.width, meters.height]).toEqual([640, 360]);
});
