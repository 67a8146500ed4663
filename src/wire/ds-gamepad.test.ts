/** A pad's events on their way through ds-stream: what comes out is what went in, said once, and let go at the end. */
import { expect, test } from "bun:test";
import { decodeFrame, type InputMessage } from "./ds-codec.ts";
import { DsPad, PadToDs } from "./ds-gamepad.ts";

type Event = readonly [type: number, code: number, value: number];

function way(pad: number) {
  const events: Event[] = [];
  const names: string[] = [];
  const there = new DsPad();
  let sequence = 0;
  const here = new PadToDs(pad, (build) => {
    const message = decodeFrame(build(sequence++, 0));
    if (!message.ok) throw new Error(message.error);
    const { name, fields } = message.value as InputMessage<"gamepadAxis" | "gamepadButton">;
    expect(fields.pad).toBe(pad);
    names.push(name);
    expect(there.translate(message.value as never, (...event) => events.push(event))).toBe(true);
  });
  return { here, events, names };
}

test("what a pad does comes out as it was", () => {
  const { here, events } = way(3);
  const done: Event[] = [
    [1, 0x130, 1],
    [1, 0x13c, 1],
    [1, 0x130, 0],
    [3, 0x02, 200],
    [3, 0x05, 255],
    [3, 0x10, -1],
    [3, 0x11, 1],
    [3, 0x10, 0],
  ];
  for (const event of done) {
    here.add(...event);
    here.add(0, 0, 0);
  }
  expect(events).toEqual(done);
});

test("axes go with their group, the newest of each, and nothing is said twice", () => {
  const { here, events } = way(0);
  here.add(3, 0x00, 5);
  here.add(3, 0x04, -32_768);
  here.add(3, 0x00, 7);
  expect(events).toEqual([]);
  here.add(0, 0, 0);
  expect(events.splice(0)).toEqual([
    [3, 0x00, 7],
    [3, 0x04, -32_767],
  ]);
  here.add(3, 0x00, 7);
  here.add(1, 0x131, 1);
  here.add(1, 0x131, 1);
  // A stick that moved before a press is told before it.
  here.add(3, 0x01, 9);
  here.add(1, 0x131, 0);
  expect(events).toEqual([
    [1, 0x131, 1],
    [3, 0x01, 9],
    [1, 0x131, 0],
  ]);
});

test("from one end of the cross to the other the first is let go", () => {
  const { here, events } = way(0);
  here.add(3, 0x11, -1);
  here.add(3, 0x11, 1);
  expect(events.at(-1)).toEqual([3, 0x11, 1]);
  here.add(3, 0x11, 0);
  expect(events.at(-1)).toEqual([3, 0x11, 0]);
});

test("at rest everything is let go, once, and what no such pad has is left out", () => {
  const { here, events, names } = way(1);
  const done: Event[] = [
    [3, 0x03, 100],
    [1, 0x134, 1],
    [3, 0x02, 9],
    [3, 0x10, 1],
    [1, 0x2ff, 1],
    [3, 0x28, 1],
  ];
  for (const event of done) here.add(...event);
  events.splice(0);
  here.rest();
  expect(events.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])).toEqual([
    [1, 0x134, 0],
    [3, 0x02, 0],
    [3, 0x03, 0],
    [3, 0x10, 0],
  ]);
  const said = names.length;
  here.rest();
  expect(names.length).toBe(said);
});
