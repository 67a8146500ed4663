/** Zstandard pictures: those of the reference implementation come back, lies and damage are refused and end. */
import { describe, expect, test } from "bun:test";
import { Prng } from "../../src/base/prng.ts";
import { unpackZstd } from "./zstd.ts";

const random = new Prng(9);
/** Flat areas, a gradient and noise, as pictures have. */
const picture = Uint8Array.from({ length: 4 * 200 * 100 }, (_, i) => {
  if (i % 4 === 3) return 255;
  if (i < 30_000) return 40;
  return i < 60_000 ? (i >> 4) & 255 : random.below(256);
});

describe("zstd", () => {
  for (const level of [1, 3, 19])
    test(`level ${level} comes back`, () => {
      const packed = Bun.zstdCompressSync(picture, { level });
      expect(unpackZstd(packed, picture.length)).toEqual(new Uint8ClampedArray(picture));
    });

  test("another size than expected is refused", () => {
    const packed = Bun.zstdCompressSync(picture);
    for (const size of [picture.length - 4, picture.length + 4, 0]) expect(unpackZstd(packed, size)).toBeUndefined();
  });

  test("a window of two gigabytes is not believed", () => {
    const head = [0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8, ...new Array(12).fill(0)];
    const before = process.memoryUsage().rss;
    unpackZstd(new Uint8Array(head), 400);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  test("cut off and damaged frames end", () => {
    const packed = Bun.zstdCompressSync(picture);
    for (let size = 0; size < 64; size++) unpackZstd(packed.subarray(0, size), picture.length);
    expect(unpackZstd(packed.subarray(0, packed.length >> 1), picture.length)).toBeUndefined();
    for (let i = 0; i < 300; i++) {
      const damaged = packed.slice();
      for (let k = 0; k < 4; k++) damaged[18 + random.below(Math.min(400, damaged.length - 18))] = random.below(256);
      const got = unpackZstd(damaged, picture.length);
      expect(got === undefined || got.length === picture.length).toBe(true);
    }
  });
});
