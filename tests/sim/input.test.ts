/** What a person does, on a bad network: presses arrive once and in order, motion may be lost but never runs backwards. */
import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { permission } from "../../src/wire/root.ts";
import { second } from "./places.ts";
import { World } from "./world.ts";

const all = permission.view | permission.input;
const [KEY, REL, ABS] = [1, 2, 3];
const WHEEL = 8;

function connected(seed: number, link: object) {
  const world = new World({ seed, link, streaming: false });
  const client = world.connect(1, { approved: all });
  world.until("admission", () => client.isIn, 20 * second);
  return { world, client, viewer: world.host.viewers[0] };
}

const rough = { delayUs: 5000, jitterUs: 60_000, loss: 0.25, duplicate: 0.2 };

describe("through loss, duplicates and disorder", () => {
  test("presses, buttons and wheels arrive exactly once and in order, each press at its place", () => {
    for (let seed = 0; seed < 6; seed++) {
      const { world, client } = connected(seed, rough);
      const expected: [type: number, code: number, value: number][] = [];
      const places: number[] = [];
      for (let i = 0; i < 150; i++) {
        const x = 100 + i;
        client.input(ABS, 0, x);
        if (world.random.below(3) === 0) {
          const value = world.random.below(2) ? 1 : -1;
          client.input(REL, WHEEL, value);
          expected.push([REL, WHEEL, value]);
        } else {
          const code = world.random.below(2) ? 30 + world.random.below(5) : 0x110;
          client.key(code, 1);
          client.key(code, 0);
          expected.push([KEY, code, 1], [KEY, code, 0]);
          places.push(x, x);
        }
        world.run(world.random.below(30_000));
      }
      const presses = () => world.host.injected.filter(({ type }) => type !== ABS);
      world.until("all of them", () => presses().length >= expected.length, 20 * second);
      world.run(second);
      expect(presses().map(({ type, code, value }) => [type, code, value])).toEqual(expected);
      const placed = world.host.injected.flatMap(({ type }, i, events) => (type === KEY ? [events[i - 1]?.value] : []));
      expect(placed).toEqual(places);
      expect(world.host.down.size).toBe(0);
    }
  });

  test("motion is lost and overtaken, but the pointer never goes back", () => {
    for (let seed = 0; seed < 6; seed++) {
      const { world, client, viewer } = connected(seed, rough);
      for (let x = 0; x < 300; x++) {
        client.input(ABS, 0, x);
        world.run(5000);
      }
      world.run(second);
      const seen = world.host.injected.map(({ value }) => value);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.length).toBeGreaterThan(30);
      expect(seen.length).toBeLessThan(300);
      expect(viewer?.link.drops.get("stale-input")).toBeGreaterThan(30);
    }
  });
});

test("losing the focus lets go of everything, after what was pressed before", () => {
  const { world, client } = connected(3, rough);
  for (const code of [29, 30, 0x110]) client.key(code, 1);
  client.core.releaseKeys(client.nowUs);
  client.core.releaseKeys(client.nowUs);
  world.until("the release", () => world.host.injected.length >= 6, 10 * second);
  world.run(second);
  expect(world.host.down.size).toBe(0);
  expect(world.host.injected.filter(({ value }) => value === 0).length).toBe(3);
});

test("a key that repeats is released once", () => {
  const { world, client } = connected(4, { delayUs: 5000 });
  client.key(30, 1);
  for (let i = 0; i < 10; i++) client.key(30, 2);
  world.run(100_000);
  client.close();
  world.run(100_000);
  expect(world.host.injected.filter(({ value }) => value === 0).length).toBe(1);
});

test("a flood is cut to the limit, counted, and leaves no key down", () => {
  const { world, client, viewer } = connected(5, { delayUs: 5000 });
  world.run(second);
  const startUs = world.nowUs;
  for (let i = 0; i < 300; i++) {
    for (let n = 0; n < 100; n++) client.core.input.add(ABS, n & 1, i, client.nowUs);
    client.core.input.flush(client.nowUs);
    if (i % 50 === 0) client.key(30, 1);
    if (i % 50 === 25) client.key(30, 0);
    world.run(2000);
  }
  world.run(100_000);
  const seconds = (world.nowUs - startUs) / second;
  const dropped = viewer?.drops.get("input-rate") ?? 0;
  expect(world.host.injected.length).toBeLessThanOrEqual(limits.inputEventsPerSecond * (1 + seconds) + 20);
  expect(dropped).toBeGreaterThan(20_000);
  expect(world.host.down.size).toBe(0);
  expect(viewer?.inputEvents).toBe(world.host.injected.length);
});
