/** RLE by hand, at random and at its worst; hostile input; deltas of a desktop made here, held to the figures of the spec. */
import { describe, expect, test } from "bun:test";
import { desktop } from "../../tests/vectors/desktop.ts";
import { Prng } from "../base/prng.ts";
import { applyDelta, checkRle, packDelta, rleBound, rleDecode, rleEncode } from "./rle.ts";

function encode(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(rleBound(bytes.length) + 8).fill(0xee);
  const size = rleEncode(bytes, out);
  expect(out.subarray(rleBound(bytes.length)).every((byte) => byte === 0xee)).toBe(true);
  return out.slice(0, size);
}
const delta = (before: Uint8Array, now: Uint8Array): Uint8Array => {
  const out = new Uint8Array(rleBound(now.length));
  return out.slice(0, packDelta(before, now, out));
};
const zeros = (count: number) => new Uint8Array(count);

describe("by hand", () => {
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ["nothing", zeros(0), ""],
    ["one zero", zeros(1), "000100"],
    ["no zero", new Uint8Array([1, 255, 3]), "01ff03"],
    ["a run between", new Uint8Array([7, 0, 0, 0, 9]), "0700030009"],
    ["the longest run", zeros(65_535), "00ffff"],
    ["one more than the longest run", zeros(65_536), "00ffff000100"],
    ["256 zeros, low byte first", zeros(256), "000001"],
  ];
  for (const [name, bytes, hex] of cases)
    test(name, () => {
      expect(encode(bytes).toHex()).toBe(hex);
      const out = new Uint8Array(bytes.length).fill(0xee);
      expect(rleDecode(Uint8Array.fromHex(hex), out)).toBeUndefined();
      expect(out).toEqual(new Uint8Array(bytes));
    });

  test("runs need not be the longest", () => {
    const out = new Uint8Array(5).fill(1);
    expect(rleDecode(Uint8Array.fromHex("000200000100000200"), out)).toBeUndefined();
    expect(out).toEqual(zeros(5));
  });

  test("XOR", () => {
    const [before, now] = [new Uint8Array([1, 2, 3, 4, 5]), new Uint8Array([1, 3, 3, 4, 250])];
    expect(delta(before, now).toHex()).toBe("000100" + "01" + "000200" + "ff");
    expect(applyDelta(Uint8Array.fromHex("000100" + "01" + "000200" + "ff"), before)).toBeUndefined();
    expect(before).toEqual(now);
  });
});

describe("at random", () => {
  /** Bytes with runs of zeros and of others, of random lengths, beginning anywhere in a word. */
  function mixed(random: Prng, size: number, offset: number): Uint8Array {
    const out = new Uint8Array(size + offset).subarray(offset);
    for (let i = 0; i < size; ) {
      const run = 1 + random.below(random.below(4) === 0 ? 60 : 5);
      if (random.below(2) === 0) out.set(random.bytes(Math.min(run, size - i)), i);
      i += run;
    }
    return out;
  }

  test("what was packed unpacks, aligned or not, within the bound", () => {
    const random = new Prng(5);
    for (let i = 0; i < 3000; i++) {
      const bytes = mixed(random, random.below(200), random.below(5));
      const packed = encode(bytes);
      expect(packed.length).toBeLessThanOrEqual(rleBound(bytes.length));
      const room = new Uint8Array(bytes.length + 8).fill(0xee);
      expect(rleDecode(packed, room.subarray(3, 3 + bytes.length))).toBeUndefined();
      expect(room.subarray(3, 3 + bytes.length)).toEqual(bytes.slice());
      expect([...room.subarray(0, 3), ...room.subarray(3 + bytes.length)].every((byte) => byte === 0xee)).toBe(true);
    }
  });

  test("a delta makes the new picture of the old one, and is the packed XOR", () => {
    const random = new Prng(6);
    for (let i = 0; i < 3000; i++) {
      const size = random.below(200);
      const [before, change] = [mixed(random, size, random.below(5)), mixed(random, size, random.below(5))];
      const now = new Uint8Array(size + 4).subarray(random.below(4)).subarray(0, size);
      for (let k = 0; k < size; k++) now[k] = (before[k] as number) ^ (change[k] as number);
      const packed = delta(before, now);
      expect(packed).toEqual(encode(change));
      expect(applyDelta(packed, before)).toBeUndefined();
      expect(before.slice()).toEqual(now.slice());
    }
  });

  test("the bound is met at the worst and never passed", () => {
    for (const size of [1, 3, 99, 10_001]) {
      const worst = Uint8Array.from({ length: size }, (_, i) => i & 1);
      expect(encode(worst).length).toBe(rleBound(size));
    }
  });

  test("too little room is a programmer's error", () => {
    expect(() => rleEncode(zeros(4), new Uint8Array(8))).toThrow(RangeError);
    expect(() => packDelta(zeros(4), zeros(5), new Uint8Array(99))).toThrow(RangeError);
    expect(() => packDelta(zeros(4), zeros(4), new Uint8Array(8))).toThrow(RangeError);
  });
});

describe("hostile input", () => {
  const refused: readonly (readonly [string, string, number, string])[] = [
    ["a run cut off before its length", "0100", 4, "short"],
    ["a run cut off in its length", "010003", 4, "short"],
    ["a run of nothing", "01000000", 1, "range"],
    ["too few bytes", "0102", 3, "short"],
    ["one literal too many", "010203", 2, "length"],
    ["a run past the end", "01000300", 3, "length"],
    ["nothing for something", "", 1, "short"],
    ["the longest run into a small picture", "00ffff".repeat(1000), 16, "length"],
  ];
  for (const [name, hex, size, error] of refused)
    test(name, () => {
      const packed = Uint8Array.fromHex(hex);
      const out = new Uint8Array(size).fill(0x55);
      expect(checkRle(packed, size)).toBe(error as never);
      expect(rleDecode(packed, out)).toBe(error as never);
      expect(applyDelta(packed, out)).toBe(error as never);
      expect(out.every((byte) => byte === 0x55)).toBe(true);
    });

  test("random bytes touch nothing around the picture", () => {
    const random = new Prng(8);
    const room = new Uint8Array(96).fill(0xee);
    let taken = 0;
    for (let i = 0; i < 20_000; i++) {
      const size = random.below(32);
      const packed = random.bytes(random.below(40)).map((byte) => (byte < 100 ? byte & 3 : byte));
      if (rleDecode(packed, room.subarray(32, 32 + size)) === undefined) taken++;
      applyDelta(packed, room.subarray(32, 32 + size));
      room.fill(0xee, 32, 64);
    }
    expect(taken).toBeGreaterThan(10);
    expect(room.every((byte) => byte === 0xee)).toBe(true);
  });
});

describe("what it saves", () => {
  test("an unchanged frame shrinks 333 times and more", () => {
    const picture = desktop(0, 5, 0);
    expect(picture.length / delta(picture, picture).length).toBeGreaterThan(333);
  });

  test("a mostly still desktop saves at least 70 %, and every picture is exact", () => {
    let shown = desktop(0, 5, 0);
    let [packedBytes, rawBytes] = [0, 0];
    // Typing and a blinking caret, and now and then the other window, a third of the screen, scrolls.
    for (let time = 1; time <= 24; time++) {
      const next = desktop(time, 5 + (time >> 3), time % 6 === 0 ? time : time - (time % 6));
      const packed = delta(shown, next);
      packedBytes += packed.length;
      rawBytes += next.length;
      const copy = shown.slice();
      expect(applyDelta(packed, copy)).toBeUndefined();
      expect(Buffer.compare(copy, next)).toBe(0);
      shown = next;
    }
    expect(1 - packedBytes / rawBytes).toBeGreaterThan(0.7);
  });

  test("even while a third of it scrolls in every frame", () => {
    const [before, now] = [desktop(1, 5, 1), desktop(1, 5, 2)];
    expect(1 - delta(before, now).length / now.length).toBeGreaterThan(0.7);
  });
});
