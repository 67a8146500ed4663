import { expect, test } from "bun:test";
import { buildKeyDown, buildPointer, buildResize, buildScroll, buildTouch, buildTouchEnd } from "./ds-build.ts";
import { decodeFrame } from "./ds-codec.ts";
import { DsToEvdev, EvdevToDs } from "./ds-evdev.ts";

function reader() {
  const there = new DsToEvdev();
  const events: number[][] = [];
  const take = (bytes: Uint8Array): boolean => {
    const message = decodeFrame(bytes);
    if (!message.ok || message.value.kind !== "input") throw new Error("no input event");
    return there.translate(message.value, (...event) => events.push(event));
  };
  return { take, events };
}

test("a button is pressed where it happened, several at once one by one", () => {
  const { take, events } = reader();
  take(buildPointer("pointerDown", 0, 0, 100, 65_535, 1 | 4));
  expect(events).toEqual([
    [3, 0, 100],
    [3, 1, 65_535],
    [1, 0x110, 1],
    [1, 0x112, 1],
  ]);
});

test("parts of a notch add up, and down is negative", () => {
  const { take, events } = reader();
  for (const dy of [50, 50, 50, 100]) take(buildScroll(0, 0, 0, dy));
  expect(events).toEqual([
    [2, 8, -1],
    [2, 8, -1],
  ]);
});

test("the first finger is the pointer, a second one is passed over, and its end lets go", () => {
  const { take, events } = reader();
  take(buildTouch(0, 0, 3, 10, 20, 0));
  take(buildTouch(1, 0, 4, 900, 900, 0));
  take(buildTouchEnd(2, 0, 4));
  take(buildTouchEnd(3, 0, 3));
  expect(events).toEqual([
    [3, 0, 10],
    [3, 1, 20],
    [1, 0x110, 1],
    [1, 0x110, 0],
  ]);
});

test("a repeated key says so, and what keyboards and pointers do not know is refused", () => {
  const { take, events } = reader();
  expect(take(buildKeyDown(0, 0, 30, 0, true))).toBe(true);
  expect(take(buildResize(1, 0, 640, 480))).toBe(false);
  expect(events).toEqual([[1, 30, 2]]);
});

test("what a window reports comes out at the other end as it was, with the place before the press", () => {
  const { take, events } = reader();
  let sequence = 0;
  const here = new EvdevToDs((build) => take(build(sequence++, 0)));
  here.add(3, 0, 7);
  here.add(3, 1, 9);
  here.add(0, 0, 0);
  here.add(1, 0x111, 1);
  here.add(1, 30, 1);
  here.add(2, 8, -2);
  here.add(2, 0, -5);
  here.add(2, 1, 6);
  here.add(0, 0, 0);
  expect(events).toEqual([
    [3, 0, 7],
    [3, 1, 9],
    [3, 0, 7],
    [3, 1, 9],
    [1, 0x111, 1],
    [1, 30, 1],
    [2, 8, -2],
    [2, 0, -5],
    [2, 1, 6],
  ]);
  events.length = 0;
  here.releaseAll();
  here.releaseAll();
  expect(events).toEqual([
    [1, 30, 0],
    [1, 0x111, 0],
  ]);
});
