import { expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import { HeldKeys, InputBudget } from "./keys.ts";

test("what is down is released once, and only that", () => {
  const held = new HeldKeys();
  held.note(1, 30, 1);
  held.note(1, 31, 1);
  held.note(1, 30, 0);
  held.note(3, 0, 500);
  held.note(1, 0x300, 1);
  const released: number[] = [];
  expect(held.release((code) => released.push(code))).toBe(1);
  expect(released).toEqual([31]);
  expect(held.release(() => {})).toBe(0);
});

test("a flood of events is cut to the limit, but releases pass", () => {
  const budget = new InputBudget();
  let passed = 0;
  for (let i = 0; i < limits.inputEventsPerSecond * 3; i++) if (budget.take(3, 1, 1_000_000)) passed++;
  expect(passed).toBe(limits.inputEventsPerSecond);
  expect(budget.take(1, 0, 1_000_000)).toBe(true);
  expect(budget.take(1, 1, 1_000_000)).toBe(false);
  expect(budget.take(1, 1, 1_001_000)).toBe(true);
});
