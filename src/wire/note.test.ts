/** Notes of a signalling room: what is taken and what is passed over. */
import { expect, test } from "bun:test";
import { newNoteId, readNote, writeNote } from "./note.ts";

const good = { patchbay: 1, type: "clock", from: "0123456789", to: "abcdefghij", at: 5.5 };
test("a note of ours passes, and what is written is read", () => {
  expect(readNote(JSON.stringify(good))).toEqual(good as never);
  const id = newNoteId();
  expect(readNote(writeNote(id, { type: "hello" }))).toEqual({ patchbay: 1, type: "hello", from: id });
});
for (const [name, change] of [
  ["no JSON", "{"],
  ["no object", "3"],
  ["another program's", JSON.stringify({ ...good, patchbay: 2 })],
  ["an unknown type", JSON.stringify({ ...good, type: "constructor" })],
  ["an id of odd characters", JSON.stringify({ ...good, from: "<b>0123456789" })],
  ["a time that is none", JSON.stringify({ ...good, at: "1" })],
  ["a text that is too long", JSON.stringify({ ...good, sdp: "x".repeat(70_000) })],
] as const)
  test(`${name} is passed over`, () => expect(readNote(change)).toBeUndefined());
