import { describe, expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import { Prng } from "../base/prng.ts";
import { type Freshness, ReplayWindow } from "./replay.ts";

/** The same rule by a set that never forgets. */
class Naive {
  readonly #seen = new Set<number>();
  #newest = -1;
  check(counter: number): Freshness {
    if (counter <= this.#newest - limits.replayWindow) return "stale";
    return this.#seen.has(counter) ? "seen" : "fresh";
  }
  accept(counter: number): void {
    this.#seen.add(counter);
    this.#newest = Math.max(this.#newest, counter);
  }
}

const size = limits.replayWindow;

describe("ReplayWindow", () => {
  test("takes the first counter, whatever it is, and each counter once", () => {
    for (const first of [0, 1, 31, 32, size, 2 ** 40 + 5]) {
      const window = new ReplayWindow();
      expect(window.check(first)).toBe("fresh");
      window.accept(first);
      expect(window.check(first)).toBe("seen");
      expect(window.check(first + 1)).toBe("fresh");
    }
  });

  test("its edge is exactly the window's size", () => {
    for (const newest of [size, size + 1, size + 31, size + 32, 3 * size - 1, 2 ** 45]) {
      const window = new ReplayWindow();
      window.accept(newest);
      expect(window.check(newest - size + 1)).toBe("fresh");
      expect(window.check(newest - size)).toBe("stale");
      window.accept(newest - size + 1);
      expect(window.check(newest - size + 1)).toBe("seen");
      expect(window.check(newest)).toBe("seen");
    }
  });

  test("a leap over several windows forgets what lay before it", () => {
    const window = new ReplayWindow();
    for (let i = 0; i < size; i++) window.accept(i);
    const leap = 66 * 32 * 3 + 7;
    window.accept(leap);
    for (let i = leap - size + 1; i < leap; i++) expect(window.check(i)).toBe("fresh");
    expect(window.check(0)).toBe("stale");
  });

  test("reset is a new window", () => {
    const window = new ReplayWindow();
    window.accept(5);
    window.reset();
    expect(window.newest).toBe(-1);
    expect(window.check(5)).toBe("fresh");
  });

  for (const [name, spread] of [
    ["near", 40],
    ["across the edge", size + 200],
    ["wild", 20 * size],
  ] as const) {
    test(`agrees with a set over random orders (${name})`, () => {
      const random = new Prng(size + spread);
      for (let round = 0; round < 20; round++) {
        const [window, naive] = [new ReplayWindow(), new Naive()];
        let at = random.below(5) * 2 ** 33;
        for (let i = 0; i < 3000; i++) {
          at += random.below(4);
          const counter = Math.max(0, at + random.below(spread) - Math.floor(spread / 2));
          const expected = naive.check(counter);
          if (window.check(counter) !== expected) throw new Error(`round ${round}, counter ${counter} is ${expected}`);
          if (expected !== "fresh" || random.below(10) === 0) continue;
          window.accept(counter);
          naive.accept(counter);
        }
      }
    });
  }
});
