/** The native cipher and the reference are the same function: equal bytes, equal refusals, over messages of every size. */
import { describe, expect, test } from "bun:test";
import { Prng } from "../src/base/prng.ts";
import { headerBytes, tagBytes } from "../src/secure/cipher.ts";
import { nobleCipher } from "../src/secure/cipher-noble.ts";
import { nativeCipher } from "./aead.ts";

const native = nativeCipher();

interface Message {
  key: Uint8Array;
  counter: number;
  packet: Uint8Array;
  start: number;
  plainSize: number;
}

/** A random packet somewhere in a larger buffer; one in eight is empty, counters reach up to 2^53. */
function message(random: Prng): Message {
  const plainSize = random.below(8) === 0 ? 0 : random.below(1366 + 1);
  const start = random.below(40);
  const counter =
    random.below(3) === 0 ? Number.MAX_SAFE_INTEGER - random.below(1000) : random.u32() * random.below(2 ** 20);
  const packet = random.bytes(start + headerBytes + plainSize + tagBytes + random.below(20));
  return { key: random.bytes(32), counter, packet, start, plainSize };
}

describe("native and reference cipher", () => {
  test("give equal bytes and open each other's, for thousands of random messages", () => {
    const random = new Prng(1);
    for (let i = 0; i < 4000; i++) {
      const { key, counter, packet, start, plainSize } = message(random);
      const byNative = packet.slice();
      const byNoble = packet.slice();
      native.seal(key, counter, byNative, start, plainSize);
      nobleCipher.seal(key, counter, byNoble, start, plainSize);
      expect(byNative.toHex()).toBe(byNoble.toHex());
      expect(native.open(key, counter, byNoble, start, plainSize + tagBytes)).toBe(plainSize);
      expect(nobleCipher.open(key, counter, byNative, start, plainSize + tagBytes)).toBe(plainSize);
      const plainEnd = start + headerBytes + plainSize;
      expect(byNoble.subarray(0, plainEnd).toHex()).toBe(packet.subarray(0, plainEnd).toHex());
      expect(byNative.subarray(0, plainEnd).toHex()).toBe(packet.subarray(0, plainEnd).toHex());
      expect(byNoble.subarray(plainEnd + tagBytes).toHex()).toBe(packet.subarray(plainEnd + tagBytes).toHex());
    }
  });

  test("refuse one changed bit anywhere, another key, another counter and a cut packet", () => {
    const random = new Prng(2);
    for (let i = 0; i < 1500; i++) {
      const { key, counter, packet, start, plainSize } = message(random);
      native.seal(key, counter, packet, start, plainSize);
      const size = headerBytes + plainSize + tagBytes;
      const forged = packet.slice();
      const bit = random.below(size * 8);
      forged[start + (bit >> 3)] = (forged[start + (bit >> 3)] as number) ^ (1 << (bit & 7));
      const otherKey = key.slice();
      otherKey[i % 32] = (otherKey[i % 32] as number) ^ 0x10;
      const otherCounter = counter === 0 ? 1 : counter - 1;
      for (const cipher of [native, nobleCipher]) {
        const open = (k: Uint8Array, n: number, bytes: Uint8Array, cut = 0) =>
          cipher.open(k, n, bytes.slice(), start, plainSize + tagBytes - cut);
        expect(open(key, counter, forged)).toBe(-1);
        expect(open(otherKey, counter, packet)).toBe(-1);
        expect(open(key, otherCounter, packet)).toBe(-1);
        expect(open(key, counter, packet, 1)).toBe(-1);
        expect(open(key, counter, packet, plainSize + 1)).toBe(-1);
        expect(open(key, counter, packet)).toBe(plainSize);
      }
    }
  });
});

test("the native cipher touches no memory outside its buffer", () => {
  const key = new Uint8Array(32);
  const packet = new Uint8Array(100);
  expect(() => native.seal(key, 0, packet, 0, 100 - headerBytes - tagBytes + 1)).toThrow(RangeError);
  expect(() => native.seal(key, 0, packet, -1, 10)).toThrow(RangeError);
  expect(() => native.seal(key, 0, packet, 60, 10)).toThrow(RangeError);
  expect(() => native.seal(key, 0, packet, Number.NaN, 10)).toThrow(RangeError);
  expect(() => native.seal(key, 0, packet, 0, -1)).toThrow(RangeError);
  expect(() => native.seal(key.subarray(1), 0, packet, 0, 10)).toThrow(RangeError);
  expect(() => native.seal(key, -1, packet, 0, 10)).toThrow(RangeError);
  expect(() => native.seal(key, 2 ** 53, packet, 0, 10)).toThrow(RangeError);
  expect(() => native.open(key, 0, packet, 90, 16)).toThrow(RangeError);
  expect(native.open(key, 0, packet, 0, 15)).toBe(-1);
});

test("a small buffer whose bytes the engine has moved is sealed where it is now", () => {
  const key = new Uint8Array(32).fill(9);
  const packet = new Uint8Array(60);
  native.seal(key, 1, packet, 0, 20);
  native.open(key, 1, packet, 0, 36);
  expect(packet.buffer.byteLength).toBe(60);
  native.seal(key, 1, packet, 0, 20);
  const wanted = new Uint8Array(60);
  nobleCipher.seal(key, 1, wanted, 0, 20);
  expect(packet.subarray(0, 54).toHex()).toBe(wanted.subarray(0, 54).toHex());
});
