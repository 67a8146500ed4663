import { expect, test } from "bun:test";
import { Rate } from "./rate.ts";

test("the rate is what happened in the last second", () => {
  const rate = new Rate();
  for (let ms = 0; ms < 3000; ms += 10) rate.add(1, 50_000_000 + ms * 1000);
  expect(rate.perSecond(50_000_000 + 2_999_000)).toBe(100);
  expect(rate.perSecond(50_000_000 + 3_499_000)).toBe(50);
  expect(rate.perSecond(50_000_000 + 9_000_000)).toBe(0);
});
