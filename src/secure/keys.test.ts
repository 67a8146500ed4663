import { describe, expect, test } from "bun:test";
import { ed25519KeyPair, generateEd25519, generateX25519, sign, verify, x25519, x25519KeyPair } from "./keys.ts";

const hex = (text: string) => Uint8Array.fromHex(text);

describe("X25519", () => {
  test("RFC 7748 section 6.1", () => {
    const alicePublic = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    const bob = x25519KeyPair(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    expect(bob.publicKey.toHex()).toBe("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    expect(x25519(bob.privateKey, alicePublic)?.toHex()).toBe(
      "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    );
  });

  test("fresh pairs agree, and differ", () => {
    const [a, b] = [generateX25519(), generateX25519()];
    expect(a.publicKey).not.toEqual(b.publicKey);
    expect(x25519(a.privateKey, b.publicKey)).toEqual(x25519(b.privateKey, a.publicKey) as Uint8Array);
  });

  test("points of small order are refused", () => {
    const { privateKey } = generateX25519();
    for (const point of [
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]) {
      expect(x25519(privateKey, hex(point))).toBeUndefined();
    }
  });

  test("keys of another size throw", () => {
    expect(() => x25519KeyPair(new Uint8Array(31))).toThrow(RangeError);
    expect(() => x25519(new Uint8Array(32), new Uint8Array(33))).toThrow(RangeError);
  });
});

describe("Ed25519", () => {
  test("RFC 8032 section 7.1, test 2", () => {
    const seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    const { publicKey } = ed25519KeyPair(seed);
    expect(publicKey.toHex()).toBe("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    const signature = sign(seed, Uint8Array.of(0x72));
    expect(signature.toHex()).toBe(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
    expect(verify(publicKey, Uint8Array.of(0x72), signature)).toBe(true);
  });

  test("anything changed is refused", () => {
    const { privateKey, publicKey } = generateEd25519();
    const message = Uint8Array.of(1, 2, 3);
    const signature = sign(privateKey, message);
    expect(verify(publicKey, Uint8Array.of(1, 2, 4), signature)).toBe(false);
    expect(verify(publicKey, message, signature.subarray(1))).toBe(false);
    expect(verify(publicKey.subarray(1), message, signature)).toBe(false);
    expect(verify(generateEd25519().publicKey, message, signature)).toBe(false);
    expect(verify(new Uint8Array(32).fill(0xff), message, signature)).toBe(false);
    for (const at of [0, 31, 32, 63]) {
      const changed = signature.slice();
      changed[at] = (changed[at] as number) ^ 1;
      expect(verify(publicKey, message, changed)).toBe(false);
    }
  });

  test("a key of small order, under which one signature fits every message, is refused", () => {
    const identityPoint = new Uint8Array(32);
    identityPoint[0] = 1;
    const universal = new Uint8Array(64);
    universal[0] = 1;
    expect(verify(identityPoint, Uint8Array.of(1), universal)).toBe(false);
    identityPoint[31] = 0x80;
    expect(verify(identityPoint, Uint8Array.of(1), universal)).toBe(false);
  });
});
