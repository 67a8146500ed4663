import { expect, test } from "bun:test";
import { HostRoom } from "../host/room.ts";
import { PlayerRoom } from "./room.ts";

function setUp() {
  const said: string[] = [];
  const player = new PlayerRoom((text) => said.push(text));
  const answers: string[] = [];
  const asked = { keyframes: 0 };
  const host = new HostRoom({ needsKeyframe: () => asked.keyframes++, answer: (text) => answers.push(text) });
  return { player, said, host, answers, asked };
}

test("the quickest answer tells the offset between both clocks", () => {
  const { player, said, host, answers } = setUp();
  for (const [askedUs, answeredUs, heardUs] of [
    [1_000_000, 51_005_000, 1_010_000],
    [2_000_000, 52_100_000, 2_200_000],
  ] as const) {
    player.askClock(askedUs);
    host.receive(said.at(-1) as string, answeredUs);
    player.receive(answers.at(-1) as string, heardUs);
  }
  expect(player.offsetUs).toBe(50_000_000);
  expect(player.roundTripUs).toBe(10_000);
  player.forget();
  expect(player.offsetUs).toBeUndefined();
});

test("answers to others, late ones and other programs' words are passed over", () => {
  const { player, said, host, answers } = setUp();
  const other = new PlayerRoom((text) => said.push(text));
  other.askClock(0);
  host.receive(said[0] as string, 5000);
  player.receive(answers[0] as string, 10);
  other.receive(answers[0] as string, 3_000_000);
  for (const text of ["", "null", "{}", '{"patchbay":1,"type":"clock"}', "[".repeat(70_000)]) {
    player.receive(text, 10);
    host.receive(text, 10);
  }
  expect([player.offsetUs, other.offsetUs, answers.length]).toEqual([undefined, undefined, 1]);
});

test("keyframes are asked for, and granted, not too often", () => {
  const { player, said, host, asked } = setUp();
  for (let us = 0; us < 100_000; us += 10_000) player.askKeyframe(us);
  const few = said.length;
  expect(few).toBeLessThan(10);
  for (let i = 0; i < 10; i++) host.receive(said[0] as string, 0);
  expect(asked.keyframes).toBe(1);
});
