/** One run of pictures out of two: whatever the direct path does, each picture is handed on once and in order. */
import { beforeEach, describe, expect, test } from "bun:test";
import { Prng } from "../../src/base/prng.ts";
import { buildDeltaPixels, buildPixels } from "../../src/wire/ds.ts";
import type { DirectFrame } from "./chunks.ts";
import { type RelayedPicture, TwoPaths } from "./two-paths.ts";

interface Picture extends RelayedPicture {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly after: number;
}

function picture(number: number, startsAnew = false, step = 1): Picture {
  const [sequence, timestampMs] = [(number * step) & 0xffff, number * 16];
  const bytes = startsAnew
    ? buildPixels(sequence, timestampMs, 1, 1, new Uint8Array(4))
    : buildDeltaPixels(sequence, timestampMs, 1, 1, new Uint8Array([0, 4, 0]));
  return { bytes, sequence, timestampMs, startsAnew, after: ((number - 1) * step) & 0xffff };
}

let got: { sequence: number; path: string }[];
let restarts: number;
let paths: TwoPaths;
beforeEach(() => {
  got = [];
  restarts = 0;
  paths = new TwoPaths(
    (bytes, path) => got.push({ sequence: (bytes[2] as number) | ((bytes[3] as number) << 8), path }),
    () => restarts++,
  );
});
const relayed = (one: Picture) => paths.relayed(one);
const direct = ({ bytes, sequence, after, startsAnew }: Picture) =>
  paths.came({ bytes, sequence, after, startsAnew } satisfies DirectFrame);
const sequences = () => got.map(({ sequence }) => sequence);

describe("two paths", () => {
  test("without a direct path everything passes, repeats too", () => {
    for (const n of [0, 1, 0, 1]) relayed(picture(n, n === 0));
    expect(sequences()).toEqual([0, 1, 0, 1]);
  });

  test("the one that is first counts, the other is a duplicate", () => {
    relayed(picture(0, true));
    paths.direct = true;
    direct(picture(1));
    relayed(picture(1));
    relayed(picture(2));
    direct(picture(2));
    expect(got.map(({ path }) => path)).toEqual(["websocket", "webrtc", "websocket"]);
    expect(paths.counts.duplicates).toBe(2);
  });

  test("what was lost directly comes over the relay, and what waited follows at once", () => {
    relayed(picture(0, true));
    paths.direct = true;
    direct(picture(2));
    direct(picture(3));
    expect(sequences()).toEqual([0]);
    relayed(picture(1));
    expect(sequences()).toEqual([0, 1, 2, 3]);
  });

  test("a direct picture to begin with overtakes, and what it overtook is left out", () => {
    relayed(picture(0, true));
    paths.direct = true;
    direct(picture(5, true));
    for (const n of [1, 2, 3, 4, 5, 6]) relayed(picture(n, n === 5));
    expect(sequences()).toEqual([0, 5, 6]);
    expect(restarts).toBe(0);
  });

  test("pictures of a new source end the direct path of the old one", () => {
    for (let n = 3000; n < 3010; n++) relayed(picture(n, n === 3000));
    paths.direct = true;
    relayed(picture(0, true));
    relayed(picture(1));
    expect(sequences().slice(-2)).toEqual([0, 1]);
    expect(restarts).toBe(1);
    expect(paths.direct).toBe(false);
  });

  test("a new source passes whole after the old one's direct path is gone", () => {
    relayed(picture(0, true));
    paths.direct = true;
    for (const n of [1, 2, 3, 4]) direct(picture(n));
    paths.direct = false;
    for (const n of [1, 2, 3, 4]) relayed(picture(n));
    expect(sequences()).toEqual([0, 1, 2, 3, 4]);
    for (const n of [0, 1, 2]) relayed(picture(n, n === 0));
    expect(sequences().slice(5)).toEqual([0, 1, 2]);
  });

  test("what a relay sends again after a reconnect is not shown again", () => {
    relayed(picture(0, true));
    paths.direct = true;
    for (const n of [1, 2, 3]) direct(picture(n));
    for (const n of [0, 1, 2, 3, 4]) relayed(picture(n, n === 0));
    expect(sequences()).toEqual([0, 1, 2, 3, 4]);
    expect(restarts).toBe(0);
  });

  test("direct pictures do not begin in the middle", () => {
    paths.direct = true;
    direct(picture(1));
    expect(got).toEqual([]);
    direct(picture(2, true));
    expect(sequences()).toEqual([2]);
  });

  for (let seed = 1; seed <= 8; seed++)
    test(`loss, delay and cuts lose nothing (seed ${seed})`, () => {
      const random = new Prng(seed);
      const step = 1 + random.below(5);
      const pending: { at: number; go: () => void }[] = [];
      let relayFree = 0;
      for (let n = 13_000; n < 13_600; n++) {
        const one = picture(n, n % 97 === 0 || n === 13_000, step);
        relayFree = Math.max(relayFree, n + random.below(12));
        pending.push({ at: relayFree, go: () => relayed(one) });
        if (random.below(4) > 0) pending.push({ at: n + random.below(6), go: () => direct(one) });
        if (random.below(80) === 0) pending.push({ at: n, go: () => (paths.direct = !paths.direct) });
      }
      for (const { go } of pending.sort((a, b) => a.at - b.at)) go();
      const shown = new Set(sequences());
      expect(shown.size).toBe(got.length);
      let lastShown = -1;
      for (const { sequence } of got) {
        const number = [...Array(600).keys()].find((i) => (((13_000 + i) * step) & 0xffff) === sequence) as number;
        expect(number).toBeGreaterThan(lastShown);
        // Only pictures that one to begin with overtook are missing.
        if (number !== lastShown + 1) expect((13_000 + number) % 97).toBe(0);
        lastShown = number;
      }
      expect(lastShown).toBe(599);
      expect(restarts).toBe(0);
    });
});
