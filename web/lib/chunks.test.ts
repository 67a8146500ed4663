/** Frames as chunks: any order and repeats join, what lies is refused, what is never finished makes room. */
import { describe, expect, test } from "bun:test";
import { Prng } from "../../src/base/prng.ts";
import { ChunkJoiner, chunkHeadBytes, cutFrame } from "./chunks.ts";

function frame(size: number, sequence = 7) {
  const random = new Prng(size + 1);
  return {
    bytes: Uint8Array.from({ length: size }, () => random.below(256)),
    sequence,
    after: 6,
    startsAnew: size % 2 === 0,
  };
}

describe("chunks", () => {
  for (const size of [0, 1, 16_368, 16_369, 100_000])
    test(`${size} bytes join in any order, repeats left out`, () => {
      const sent = frame(size);
      const chunks = cutFrame(sent);
      for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(16 * 1024);
      const joiner = new ChunkJoiner();
      const shuffled = chunks.slice(1).reverse();
      for (const chunk of [...shuffled, ...shuffled]) expect(joiner.add(chunk)).toBeUndefined();
      expect(joiner.add(chunks[0] as Uint8Array)).toEqual(sent);
    });

  test("the head is as documented", () => {
    const [chunk] = cutFrame({ bytes: new Uint8Array([9]), sequence: 0x0102, after: 0x0304, startsAnew: true });
    // version, begins anew, sequence, the one before, chunk 0, of 1, reserved, 1 byte
    expect([...(chunk as Uint8Array)]).toEqual([1, 1, 2, 1, 4, 3, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9]);
  });

  test("chunks that lie are refused", () => {
    const good = cutFrame(frame(20_000))[1] as Uint8Array;
    const joiner = new ChunkJoiner();
    const wrong: [string, (bytes: Uint8Array, view: DataView) => void][] = [
      ["version", (bytes) => (bytes[0] = 2)],
      ["flag", (bytes) => (bytes[1] = 2)],
      ["index past the count", (_, view) => view.setUint16(6, 2, true)],
      ["count", (_, view) => view.setUint16(8, 3, true)],
      ["reserved", (bytes) => (bytes[10] = 1)],
      ["size", (_, view) => view.setUint32(12, 0xffff_ffff, true)],
    ];
    for (const [name, change] of wrong) {
      const bytes = good.slice();
      change(bytes, new DataView(bytes.buffer));
      expect([name, joiner.add(bytes)]).toEqual([name, undefined]);
    }
    for (let size = 0; size < chunkHeadBytes; size++) joiner.add(good.slice(0, size));
    joiner.add(good.slice(0, -1));
    expect(joiner.malformed).toBe(wrong.length + chunkHeadBytes + 1);
  });

  test("unfinished frames make room, oldest first", () => {
    const joiner = new ChunkJoiner();
    const frames = Array.from({ length: 10 }, (_, i) => cutFrame(frame(20_000, i)));
    for (const [first] of frames) joiner.add(first as Uint8Array);
    expect(joiner.unfinished).toBe(2);
    expect(joiner.add(frames[9]?.[1] as Uint8Array)?.sequence).toBe(9);
    expect(joiner.add(frames[0]?.[1] as Uint8Array)).toBeUndefined();
  });

  test("random bytes do no harm", () => {
    const random = new Prng(3);
    const joiner = new ChunkJoiner();
    for (let i = 0; i < 20_000; i++) {
      const bytes = Uint8Array.from({ length: random.below(64) }, () => random.below(4));
      joiner.add(bytes);
    }
    expect(joiner.malformed).toBeGreaterThan(10_000);
  });
});
