import { expect, test } from "bun:test";
import { agree } from "./wishes.ts";

const owner = { bitrateBps: 10_000_000, fps: 60, quality: 50 };
const nothing = { bitrateBps: undefined, fps: undefined, quality: undefined };

test("without wishes the owner's settings hold", () => {
  expect(agree(owner, [])).toEqual(owner);
  expect(agree(owner, [nothing])).toEqual(owner);
});

test("the slowest link decides the bit rate, the most eager eye the frame rate", () => {
  const settings = agree(owner, [
    { bitrateBps: 3_000_000, fps: 30, quality: undefined },
    { bitrateBps: 5_000_000, fps: 50, quality: 40 },
  ]);
  expect(settings).toEqual({ bitrateBps: 3_000_000, fps: 50, quality: 40 });
});

test("one who did not ask for fewer frames gets all of them, and nobody more than the owner allows", () => {
  expect(agree(owner, [{ ...nothing, fps: 30 }, nothing]).fps).toBe(60);
  expect(agree(owner, [{ bitrateBps: 50_000_000, fps: 144, quality: 50 }])).toEqual(owner);
});
