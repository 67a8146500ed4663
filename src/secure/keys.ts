/**
 * X25519 (RFC 7748) and Ed25519 (RFC 8032) over raw 32-byte keys. The arithmetic is node:crypto's, which wants keys in DER; the
 * fixed DER prefixes of RFC 8410 are put on here. It never stores a key, and never returns an all-zero or small-order result
 * as if it were good.
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomBytes,
  sign as signBytes,
  verify as verifyBytes,
} from "node:crypto";
import { concatBytes, equalBytes } from "../base/bytes.ts";

export interface KeyPair {
  /** 32 bytes: an X25519 scalar, or an Ed25519 seed. */
  readonly privateKey: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

type Curve = "x25519" | "ed25519";

/** RFC 8410: PKCS #8 and SubjectPublicKeyInfo up to the raw key (2b656e is X25519's object identifier, 2b6570 Ed25519's). */
const privatePrefix: Record<Curve, Uint8Array> = {
  x25519: Uint8Array.fromHex("302e020100300506032b656e04220420"),
  ed25519: Uint8Array.fromHex("302e020100300506032b657004220420"),
};
const publicPrefix: Record<Curve, Uint8Array> = {
  x25519: Uint8Array.fromHex("302a300506032b656e032100"),
  ed25519: Uint8Array.fromHex("302a300506032b6570032100"),
};

/** Points of Ed25519 whose order divides 8, in every encoding, without the sign bit. Under such a key a signature proves nothing. */
const smallOrder = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((hex) => Uint8Array.fromHex(hex));

function assertSize(bytes: Uint8Array, what: string): void {
  if (bytes.length !== 32) throw new RangeError(`${what} has ${bytes.length} bytes, not 32`);
}

function privateObject(curve: Curve, raw: Uint8Array): KeyObject {
  assertSize(raw, "a private key");
  const der = concatBytes(privatePrefix[curve], raw);
  const object = createPrivateKey({ key: der as Buffer, format: "der", type: "pkcs8" });
  der.fill(0);
  return object;
}

function publicObject(curve: Curve, raw: Uint8Array): KeyObject {
  assertSize(raw, "a public key");
  return createPublicKey({ key: concatBytes(publicPrefix[curve], raw) as Buffer, format: "der", type: "spki" });
}

function publicOf(curve: Curve, raw: Uint8Array): Uint8Array {
  const der = createPublicKey(privateObject(curve, raw)).export({ format: "der", type: "spki" });
  return new Uint8Array(der.subarray(-32));
}

function generate(curve: Curve): KeyPair {
  const privateKey = new Uint8Array(randomBytes(32));
  return { privateKey, publicKey: publicOf(curve, privateKey) };
}

export function generateX25519(): KeyPair {
  return generate("x25519");
}

export function x25519KeyPair(privateKey: Uint8Array): KeyPair {
  return { privateKey, publicKey: publicOf("x25519", privateKey) };
}

/** The shared secret of 32 bytes; undefined for a public key of small order, which would make it all zeros. */
export function x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  const own = privateObject("x25519", privateKey);
  const other = publicObject("x25519", publicKey);
  let shared: Uint8Array;
  try {
    shared = new Uint8Array(diffieHellman({ privateKey: own, publicKey: other }));
  } catch {
    // The library refuses a small-order point by throwing; the caller hears it as a value like every wrong input.
    return undefined;
  }
  return shared.every((byte) => byte === 0) ? undefined : shared;
}

/** `privateKey` is the seed of RFC 8032. */
export function generateEd25519(): KeyPair {
  return generate("ed25519");
}

export function ed25519KeyPair(seed: Uint8Array): KeyPair {
  return { privateKey: seed, publicKey: publicOf("ed25519", seed) };
}

/** A signature of 64 bytes. */
export function sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(signBytes(null, message, privateObject("ed25519", seed)));
}

/** False for a wrong signature, one of another size, and for a public key that is no point or of small order. */
export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const masked = publicKey.slice();
  masked[31] = (masked[31] as number) & 0x7f;
  if (smallOrder.some((point) => equalBytes(point, masked))) return false;
  try {
    return verifyBytes(null, message, publicObject("ed25519", publicKey), signature);
  } catch {
    // Bytes that are no point of the curve: the library may throw instead of answering.
    return false;
  }
}
