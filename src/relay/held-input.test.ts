import { expect, test } from "bun:test";
import { buildKeyDown, buildKeyUp, buildPointer, buildTouch, buildTouchEnd, decodeFrame } from "../wire/ds.ts";
import { HeldInput } from "./held-input.ts";

const note = (held: HeldInput, from: number, ...events: Uint8Array<ArrayBuffer>[]) => {
  for (const event of events) held.note(from, new DataView(event.buffer));
};
const names = (events: readonly Uint8Array[]) =>
  events.map((event) => {
    const decoded = decodeFrame(event);
    if (!decoded.ok) throw new Error(decoded.error);
    return [decoded.value.name, decoded.value.fields] as const;
  });

test("what one receiver holds is let go for it alone, once, where its pointer was", () => {
  const held = new HeldInput();
  note(held, 1, buildKeyDown(0, 0, 42, 0, false), buildKeyDown(1, 0, 30, 0, false), buildKeyUp(2, 0, 30, 0));
  note(held, 1, buildPointer("pointerDown", 3, 0, 5, 6, 1), buildPointer("pointer", 4, 0, 7, 8, 1));
  note(held, 1, buildTouch(5, 0, 2, 9, 9, 0), buildTouch(6, 0, 3, 9, 9, 0), buildTouchEnd(7, 0, 2));
  note(held, 2, buildKeyDown(0, 0, 57, 0, false));
  expect(names(held.release(1))).toEqual([
    ["keyUp", { code: 42, modifiers: 0, repeat: 0 }],
    ["pointerUp", { x: 7, y: 8, buttons: 1, mode: 0 }],
    ["touchEnd", { id: 3, ending: 1 }],
  ]);
  expect(held.release(1)).toEqual([]);
  expect(names(held.release(2))).toMatchObject([["keyUp", { code: 57 }]]);
});

test("a receiver that claims to hold everything is not believed", () => {
  const held = new HeldInput();
  for (let code = 1; code <= 767; code++) note(held, 1, buildKeyDown(0, 0, code, 0, false));
  expect(held.release(1).length).toBe(64);
});
