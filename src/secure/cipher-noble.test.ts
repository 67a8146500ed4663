import { describe, expect, test } from "bun:test";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { Prng } from "../base/prng.ts";
import { headerBytes, tagBytes } from "./cipher.ts";
import { nobleCipher } from "./cipher-noble.ts";

describe("noble cipher", () => {
  test("a packet of counter 0 without payload, made by hand from RFC 8439's parts", () => {
    const key = new Uint8Array(32).fill(1);
    const packet = Uint8Array.from({ length: headerBytes + tagBytes }, (_, i) => (i < headerBytes ? i : 0));
    nobleCipher.seal(key, 0, packet, 0, 0);
    const tag = chacha20poly1305(key, new Uint8Array(12), packet.slice(0, headerBytes)).encrypt(new Uint8Array(0));
    expect(packet.slice(headerBytes)).toEqual(tag);
  });

  test("the nonce is four zero bytes and the counter, little-endian, up to 2^53 - 1", () => {
    const key = new Uint8Array(32).fill(2);
    for (const [counter, nonce] of [
      [1, "000000000100000000000000"],
      [0x0102_0304_0506_07, "000000000706050403020100"],
      [Number.MAX_SAFE_INTEGER, "00000000ffffffffffff1f00"],
    ] as const) {
      const packet = new Uint8Array(headerBytes + 5 + tagBytes);
      nobleCipher.seal(key, counter, packet, 0, 5);
      const expected = chacha20poly1305(key, Uint8Array.fromHex(nonce), new Uint8Array(headerBytes));
      expect(packet.slice(headerBytes)).toEqual(expected.encrypt(new Uint8Array(5)));
    }
  });

  test("random packets at random places come back, and nothing around them is touched", () => {
    const random = new Prng(5);
    for (let i = 0; i < 200; i++) {
      const [key, start, size] = [random.bytes(32), random.below(9), random.below(1367)];
      const counter = random.below(2 ** 20) * 2 ** 32 + random.u32();
      const buffer = random.bytes(start + headerBytes + size + tagBytes + 8);
      const before = buffer.slice();
      nobleCipher.seal(key, counter, buffer, start, size);
      const sealed = buffer.slice();
      expect(buffer.slice(0, start + headerBytes)).toEqual(before.slice(0, start + headerBytes));
      expect(buffer.slice(-8)).toEqual(before.slice(-8));
      expect(nobleCipher.open(key, counter, buffer, start, size + tagBytes)).toBe(size);
      const end = start + headerBytes + size;
      expect(buffer.slice(0, end)).toEqual(before.slice(0, end));
      expect(buffer.slice(-8)).toEqual(before.slice(-8));
      expect(nobleCipher.open(key, counter + 1, sealed.slice(), start, size + tagBytes)).toBe(-1);
      expect(nobleCipher.open(random.bytes(32), counter, sealed.slice(), start, size + tagBytes)).toBe(-1);
    }
  });

  test("every changed bit of header, payload and tag is a forgery, and so is what is too short for a tag", () => {
    const key = new Uint8Array(32).fill(3);
    const packet = Uint8Array.from({ length: headerBytes + 4 + tagBytes }, (_, i) => i);
    nobleCipher.seal(key, 9, packet, 0, 4);
    for (let bit = 0; bit < packet.length * 8; bit++) {
      const changed = packet.slice();
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(nobleCipher.open(key, 9, changed, 0, 4 + tagBytes)).toBe(-1);
    }
    for (let size = 0; size < 4 + tagBytes; size++) expect(nobleCipher.open(key, 9, packet.slice(), 0, size)).toBe(-1);
    expect(nobleCipher.open(key, 9, packet, 0, 4 + tagBytes)).toBe(4);
  });
});
