/**
 * Noise_XX_25519_ChaChaPoly_SHA256: the CipherState, SymmetricState and HandshakeState of the Noise Protocol Framework (revision
 * 34, sections 4, 5 and 11.3), held to published vectors. It knows nothing of packets or identities (handshake.ts does), and a
 * message that fails to authenticate leaves a state as it was, so that a forgery cannot end someone's handshake.
 */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { generateX25519, type KeyPair, x25519 } from "./keys.ts";

export const protocolName = "Noise_XX_25519_ChaChaPoly_SHA256";
const keySize = 32;
const tagSize = 16;
const none = new Uint8Array(0);
/** Section 3: no Noise message is larger. */
const messageLimit = 65_535;

type Token = "e" | "s" | "ee" | "es" | "se";
/** Section 7.5, messages of the initiator and the responder in turn. */
const pattern: readonly (readonly Token[])[] = [["e"], ["e", "ee", "s", "es"], ["s", "se"]];

/** Section 12.3: four zero bytes, then the counter, little-endian. */
function nonceOf(n: number): Uint8Array {
  const nonce = new Uint8Array(12);
  const view = new DataView(nonce.buffer);
  view.setUint32(4, n % 0x1_0000_0000, true);
  view.setUint32(8, Math.floor(n / 0x1_0000_0000), true);
  return nonce;
}

/** Section 4.2, REKEY(k): the first 32 bytes of ENCRYPT(k, 2^64 - 1, no data, 32 zeros). */
export function rekey(key: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(12).fill(0xff, 4);
  return chacha20poly1305(key, nonce, none).encrypt(new Uint8Array(keySize)).slice(0, keySize);
}

/** Section 5.1. Undefined from decrypt is a message that does not authenticate; the nonce then stays. */
export class CipherState {
  #key: Uint8Array | undefined;
  #n = 0;

  constructor(key?: Uint8Array) {
    this.#key = key?.slice();
  }

  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** The next message's nonce; for transports that lose messages. */
  setNonce(n: number): void {
    this.#n = n;
  }

  encrypt(ad: Uint8Array, plaintext: Uint8Array): Uint8Array {
    if (!this.#key) return plaintext.slice();
    const sealed = chacha20poly1305(this.#key, this.#nextNonce(), ad).encrypt(plaintext);
    this.#n++;
    return sealed;
  }

  decrypt(ad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    if (!this.#key) return ciphertext.slice();
    if (ciphertext.length < tagSize) return undefined;
    try {
      const plaintext = chacha20poly1305(this.#key, this.#nextNonce(), ad).decrypt(ciphertext);
      this.#n++;
      return plaintext;
    } catch {
      // The library tells a wrong tag by throwing.
      return undefined;
    }
  }

  rekey(): void {
    if (!this.#key) throw new Error("a cipher without a key cannot be rekeyed");
    const next = rekey(this.#key);
    this.#key.fill(0);
    this.#key = next;
  }

  copy(): CipherState {
    const out = new CipherState(this.#key);
    out.#n = this.#n;
    return out;
  }

  /** The key itself, for a session that keeps nonces of its own. */
  exportKey(): Uint8Array {
    if (!this.#key) throw new Error("there is no key yet");
    return this.#key.slice();
  }

  wipe(): void {
    this.#key?.fill(0);
    this.#key = undefined;
  }

  #nextNonce(): Uint8Array {
    if (this.#n >= Number.MAX_SAFE_INTEGER) throw new RangeError("the cipher's nonces are used up");
    return nonceOf(this.#n);
  }
}

/** Section 5.2. */
class SymmetricState {
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #cipher = new CipherState();

  constructor() {
    const name = utf8(protocolName);
    this.#hash = name.length <= 32 ? concatBytes(name, new Uint8Array(32 - name.length)) : sha256(name);
    this.#chainingKey = this.#hash.slice();
  }

  get hash(): Uint8Array {
    return this.#hash.slice();
  }

  get hasKey(): boolean {
    return this.#cipher.hasKey;
  }

  mixKey(material: Uint8Array): void {
    const [chainingKey, key] = this.#derive(material);
    this.#chainingKey = chainingKey;
    this.#cipher = new CipherState(key);
  }

  mixHash(data: Uint8Array): void {
    this.#hash = sha256(concatBytes(this.#hash, data));
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#cipher.encrypt(this.#hash, plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  decryptAndHash(ciphertext: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#cipher.decrypt(this.#hash, ciphertext);
    if (plaintext) this.mixHash(ciphertext);
    return plaintext;
  }

  split(): [CipherState, CipherState] {
    const [first, second] = this.#derive(none);
    return [new CipherState(first), new CipherState(second)];
  }

  copy(): SymmetricState {
    const out = new SymmetricState();
    out.#chainingKey = this.#chainingKey.slice();
    out.#hash = this.#hash;
    out.#cipher = this.#cipher.copy();
    return out;
  }

  wipe(): void {
    this.#chainingKey.fill(0);
    this.#cipher.wipe();
  }

  /** Section 4.3: the HKDF of RFC 5869 with an empty info, two outputs. */
  #derive(material: Uint8Array): [Uint8Array, Uint8Array] {
    const out = hkdf(sha256, material, this.#chainingKey, none, 64);
    return [out.slice(0, 32), out.slice(32)];
  }
}

export interface HandshakeSettings {
  readonly role: "initiator" | "responder";
  readonly prologue: Uint8Array;
  readonly staticKey: KeyPair;
  /** Only tests give one: a fresh pair is made otherwise. */
  readonly ephemeral?: KeyPair;
}

export interface Transport {
  readonly send: CipherState;
  readonly receive: CipherState;
  /** 32 bytes that are equal on both ends and on no other handshake. */
  readonly handshakeHash: Uint8Array;
}

/** What a failed message must not change. */
interface Progress {
  symmetric: SymmetricState;
  remoteEphemeral: Uint8Array | undefined;
  remoteStatic: Uint8Array | undefined;
}

/** Section 5.3. A message out of turn throws, and so does anything after finish(): those are a programmer's errors. */
export class HandshakeState {
  readonly #isInitiator: boolean;
  readonly #static: KeyPair;
  readonly #ephemeral: KeyPair;
  #at: Progress = { symmetric: new SymmetricState(), remoteEphemeral: undefined, remoteStatic: undefined };
  #step = 0;
  #finished = false;

  constructor(settings: HandshakeSettings) {
    this.#isInitiator = settings.role === "initiator";
    this.#static = settings.staticKey;
    this.#ephemeral = settings.ephemeral ?? generateX25519();
    this.#at.symmetric.mixHash(settings.prologue);
  }

  /** The peer's X25519 static key once it has come. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#at.remoteStatic;
  }

  /** Messages written and read so far. */
  get messages(): number {
    return this.#step;
  }

  /** The next message with `payload`. Undefined when the peer's key is of small order. */
  write(payload: Uint8Array): Uint8Array | undefined {
    const tokens = this.#turn(true);
    const next = this.#copy();
    const parts: Uint8Array[] = [];
    for (const token of tokens) {
      if (token === "e") {
        parts.push(this.#ephemeral.publicKey);
        next.symmetric.mixHash(this.#ephemeral.publicKey);
      } else if (token === "s") parts.push(next.symmetric.encryptAndHash(this.#static.publicKey));
      else if (!this.#mixDh(token, next)) return undefined;
    }
    parts.push(next.symmetric.encryptAndHash(payload));
    const message = concatBytes(...parts);
    if (message.length > messageLimit) throw new RangeError("the payload is too large for a Noise message");
    this.#commit(next);
    return message;
  }

  /** The payload of the peer's next message, or undefined for one that is forged, cut or of a bad key: the state then stays. */
  read(message: Uint8Array): Uint8Array | undefined {
    const tokens = this.#turn(false);
    const next = this.#copy();
    let at = 0;
    for (const token of tokens) {
      if (token === "e" || token === "s") {
        const size = keySize + (token === "s" && next.symmetric.hasKey ? tagSize : 0);
        if (message.length < at + size) return undefined;
        if (!readKey(token, message.slice(at, at + size), next)) return undefined;
        at += size;
      } else if (!this.#mixDh(token, next)) return undefined;
    }
    if (message.length > messageLimit) return undefined;
    const payload = next.symmetric.decryptAndHash(message.subarray(at));
    if (payload) this.#commit(next);
    return payload;
  }

  /**
   * The same state once more, for trying what may prove wrong only after it authenticated. The copy shares the ephemeral key:
   * finish one of the two and forget the other.
   */
  copy(): HandshakeState {
    this.#assertUsable();
    const role = this.#isInitiator ? "initiator" : "responder";
    const out = new HandshakeState({ role, prologue: none, staticKey: this.#static, ephemeral: this.#ephemeral });
    out.#at = this.#copy();
    out.#step = this.#step;
    return out;
  }

  /** Split() of section 5.2, once: afterwards this object refuses everything. */
  finish(): Transport {
    this.#assertUsable();
    if (this.#step < pattern.length) throw new Error("the handshake is not complete");
    const [first, second] = this.#at.symmetric.split();
    const handshakeHash = this.#at.symmetric.hash;
    this.wipe();
    return this.#isInitiator
      ? { send: first, receive: second, handshakeHash }
      : { send: second, receive: first, handshakeHash };
  }

  /** Forgets the secrets of this handshake. Idempotent. */
  wipe(): void {
    this.#finished = true;
    this.#ephemeral.privateKey.fill(0);
    this.#at.symmetric.wipe();
  }

  #assertUsable(): void {
    if (this.#finished) throw new Error("this handshake is over");
  }

  #turn(writing: boolean): readonly Token[] {
    this.#assertUsable();
    const tokens = pattern[this.#step];
    const ours = (this.#step % 2 === 0) === this.#isInitiator;
    if (!tokens || ours !== writing) throw new Error(writing ? "it is the peer's turn" : "it is our turn");
    return tokens;
  }

  #copy(): Progress {
    return { ...this.#at, symmetric: this.#at.symmetric.copy() };
  }

  #commit(next: Progress): void {
    this.#at.symmetric.wipe();
    this.#at = next;
    this.#step++;
  }

  /** The first letter is the initiator's key, the second the responder's. */
  #mixDh(token: "ee" | "es" | "se", next: Progress): boolean {
    const [own, other] = this.#isInitiator ? [token[0], token[1]] : [token[1], token[0]];
    const pair = own === "e" ? this.#ephemeral : this.#static;
    const remote = other === "e" ? next.remoteEphemeral : next.remoteStatic;
    if (!remote) throw new Error(`the pattern uses ${token} before the key came`);
    const shared = x25519(pair.privateKey, remote);
    if (!shared) return false;
    next.symmetric.mixKey(shared);
    shared.fill(0);
    return true;
  }
}

function readKey(token: "e" | "s", bytes: Uint8Array, next: Progress): boolean {
  if (token === "e") {
    next.remoteEphemeral = bytes;
    next.symmetric.mixHash(bytes);
    return true;
  }
  next.remoteStatic = next.symmetric.decryptAndHash(bytes);
  return next.remoteStatic !== undefined;
}
