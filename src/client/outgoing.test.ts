import { expect, test } from "bun:test";
import { input, inputLayout } from "../wire/root.ts";
import { InputGroup } from "./outgoing.ts";

function recorder() {
  const sent: { events: number[][]; keep: boolean }[] = [];
  const group = new InputGroup({
    input(bytes, keep) {
      const view = new DataView(bytes.slice().buffer);
      const events: number[][] = [];
      for (let at = 0; at < bytes.length; at += inputLayout.bytes)
        events.push([input.type(view, at), input.code(view, at), input.value(view, at)]);
      sent.push({ events, keep });
    },
  });
  return { group, sent };
}

test("motion is sent once, per group", () => {
  const { group, sent } = recorder();
  group.add(3, 0, 100, 0);
  group.add(3, 1, 200, 0);
  group.add(0, 0, 0, 0);
  expect(sent).toEqual([
    {
      events: [
        [3, 0, 100],
        [3, 1, 200],
      ],
      keep: false,
    },
  ]);
});

test("a press is kept and carries its place", () => {
  const { group, sent } = recorder();
  group.add(3, 0, 100, 0);
  group.add(3, 1, 200, 0);
  group.add(0, 0, 0, 0);
  group.add(1, 0x110, 1, 0);
  group.add(0, 0, 0, 0);
  expect(sent[1]).toEqual({
    events: [
      [3, 0, 100],
      [3, 1, 200],
      [1, 0x110, 1],
    ],
    keep: true,
  });
  expect(group.takeDown()).toEqual([0x110]);
  expect(group.takeDown()).toEqual([]);
});

test("the wheel is kept, relative motion is not", () => {
  const { group, sent } = recorder();
  group.add(2, 8, -1, 0);
  group.add(0, 0, 0, 0);
  group.add(2, 0, 5, 0);
  group.add(0, 0, 0, 0);
  expect(sent.map((s) => s.keep)).toEqual([true, false]);
});

test("a group without end is cut to what a packet holds, and nothing is lost", () => {
  const { group, sent } = recorder();
  for (let i = 0; i < 250; i++) group.add(1, 30, i % 2, 0);
  group.flush(0);
  expect(sent.reduce((count, s) => count + s.events.length, 0)).toBe(250);
  expect(sent.every((s) => s.keep && s.events.length <= 100)).toBe(true);
});

test("after a step there is no place to press at", () => {
  const { group, sent } = recorder();
  group.add(3, 0, 100, 0);
  group.add(3, 1, 200, 0);
  group.add(0, 0, 0, 0);
  group.add(2, 0, -5, 0);
  group.add(0, 0, 0, 0);
  group.add(1, 0x110, 1, 0);
  group.add(0, 0, 0, 0);
  expect(sent.at(-1)).toEqual({ events: [[1, 0x110, 1]], keep: true });
});
