import { expect, test } from "bun:test";
import { CounterRates } from "./counter-rates.ts";

test("a rate is over the last few readings, and begins anew when the counter does", () => {
  const rates = new CounterRates();
  expect(rates.rate("a", 100, 10)).toBe(0);
  expect(rates.rate("a", 160, 11)).toBe(60);
  expect(rates.rate("a", 160, 11)).toBe(60);
  for (let second = 12; second < 20; second++) rates.rate("a", 160, second);
  expect(rates.rate("a", 160, 20)).toBe(0);
  expect(rates.rate("a", 10, 21)).toBe(0);
  expect(rates.rate("a", 15, 22)).toBe(5);
});

test("what is not asked for any more is forgotten", () => {
  const rates = new CounterRates();
  rates.rate("a", 1, 1);
  rates.endRound();
  rates.endRound();
  expect(rates.rate("a", 9, 2)).toBe(0);
});
