import { expect, test } from "bun:test";
import { Hotkeys } from "./hotkeys.ts";

const [ctrl, alt, shift, q, a] = [29, 56, 54, 16, 30];

test("the chord is an action once, however long it is held, and its key never reaches the host", () => {
  const keys = new Hotkeys();
  for (const code of [ctrl, alt, shift]) expect(keys.take(1, code, 1)).toBe("pass");
  expect(keys.take(1, q, 1)).toBe("leave");
  expect(keys.take(1, q, 2)).toBe("swallow");
  expect(keys.take(1, q, 0)).toBe("swallow");
  expect(keys.take(1, ctrl, 0)).toBe("pass");
  expect(keys.take(1, q, 1)).toBe("pass");
});

test("two modifiers of one kind are one, and other keys pass", () => {
  const keys = new Hotkeys();
  for (const code of [29, 97, 42]) keys.take(1, code, 1);
  expect(keys.take(1, q, 1)).toBe("pass");
  keys.take(1, alt, 1);
  expect(keys.take(1, a, 1)).toBe("pass");
  expect(keys.take(3, q, 1)).toBe("pass");
});

test("after the focus was lost nothing counts as held", () => {
  const keys = new Hotkeys();
  for (const code of [ctrl, alt, shift]) keys.take(1, code, 1);
  keys.forget();
  expect(keys.take(1, q, 1)).toBe("pass");
});

test("each action has its letter", () => {
  const letters = { 16: "leave", 33: "fullscreen", 25: "pause", 50: "pointer", 31: "mute" };
  for (const [code, action] of Object.entries(letters)) {
    const keys = new Hotkeys();
    for (const modifier of [ctrl, alt, shift]) keys.take(1, modifier, 1);
    expect(keys.take(1, Number(code), 1) as string).toBe(action);
  }
});
