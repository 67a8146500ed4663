import { expect, test } from "bun:test";
import { SoundLoss } from "./sound-loss.ts";

test("the newest share is told, when it changed and not too often", () => {
  const loss = new SoundLoss();
  expect(loss.next(100, 0, 2e6)).toBeUndefined();
  expect(loss.next(195, 5, 4e6)).toBe(5);
  expect(loss.next(200, 50, 5e6)).toBeUndefined();
  expect(loss.next(290, 10, 6e6)).toBeUndefined();
  // Little is not nothing.
  expect(loss.next(1289, 11, 8e6)).toBe(1);
  expect(loss.next(1389, 11, 10e6)).toBe(0);
  // Where nothing comes, nothing is known.
  expect(loss.next(1389, 60, 12e6)).toBeUndefined();
});
