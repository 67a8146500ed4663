/**
 * Who a device is: an Ed25519 key that people compare and pin, the X25519 key that Noise works with, and a name. The statement
 * binds the two keys together (spec section 12, weaknesses 2 and 3): whoever completes a Noise handshake with the static key
 * speaks for the identity that signed it. It stores nothing (src/store/identity.ts does).
 */
import { concatBytes, utf8 } from "../base/bytes.ts";
import { ed25519KeyPair, generateEd25519, generateX25519, type KeyPair, sign, verify, x25519KeyPair } from "./keys.ts";

export interface DeviceIdentity {
  /** Ed25519; its public key is what others pin. */
  readonly signing: KeyPair;
  /** X25519, the Noise static key. */
  readonly noise: KeyPair;
  /** 64 bytes over noise.publicKey. */
  readonly statement: Uint8Array;
  /** As people see it: 1 to 63 bytes of UTF-8 (wire/identity.ts has the rules). */
  readonly name: string;
}

/** Keeps this signature apart from any other that the key may ever make. */
const domain = utf8("patchbay identity v1");

function statementOf(noisePublicKey: Uint8Array): Uint8Array {
  return concatBytes(domain, noisePublicKey);
}

/** `seed` and `noisePrivateKey` are 32 bytes each, as they are stored. */
export function identityFrom(seed: Uint8Array, noisePrivateKey: Uint8Array, name: string): DeviceIdentity {
  const signing = ed25519KeyPair(seed);
  const noise = x25519KeyPair(noisePrivateKey);
  return { signing, noise, statement: sign(seed, statementOf(noise.publicKey)), name };
}

export function createIdentity(name: string): DeviceIdentity {
  return identityFrom(generateEd25519().privateKey, generateX25519().privateKey, name);
}

/** True when the holder of `identityKey` signed that `noisePublicKey` is its own. */
export function verifyStatement(identityKey: Uint8Array, noisePublicKey: Uint8Array, statement: Uint8Array): boolean {
  return verify(identityKey, statementOf(noisePublicKey), statement);
}
