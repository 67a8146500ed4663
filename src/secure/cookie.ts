/**
 * Stateless proof that a client receives at the address it sends from: 16 bytes that only this process can compute, over the
 * address and connection id. A flood from forged addresses costs one hash each and no memory. It does not decide when a cookie
 * is asked for (admission.ts does).
 */
import { randomBytes } from "node:crypto";
import { blake2s } from "@noble/hashes/blake2.js";
import { equalBytes } from "../base/bytes.ts";

export const cookieBytes = 16;
/** A cookie is good in the slot of time in which it was made and in the next: 2 to 4 minutes. */
const slotUs = 120_000_000;
const addressLimit = 64;

export class CookieJar {
  /** Secrets of the present slot and the one before; each is random and forgotten with its slot. */
  #secret = new Uint8Array(randomBytes(32));
  #previous: Uint8Array | undefined;
  #slot = -1;
  /** Size of the address, the address, connection id. */
  readonly #input = new Uint8Array(1 + addressLimit + 4);
  readonly #view = new DataView(this.#input.buffer);

  /** `address` is whatever tells the sender's address and port, at most 64 bytes. `nowUs` never runs backwards. */
  make(address: Uint8Array, connectionId: number, nowUs: number): Uint8Array {
    this.#turn(nowUs);
    return this.#hash(this.#secret, address, connectionId);
  }

  verify(cookie: Uint8Array, address: Uint8Array, connectionId: number, nowUs: number): boolean {
    this.#turn(nowUs);
    // Both are always compared, so that the time tells nothing.
    const isPresent = equalBytes(cookie, this.#hash(this.#secret, address, connectionId));
    const isPrevious = this.#previous ? equalBytes(cookie, this.#hash(this.#previous, address, connectionId)) : false;
    return isPresent || isPrevious;
  }

  #turn(nowUs: number): void {
    const slot = Math.floor(nowUs / slotUs);
    if (slot === this.#slot) return;
    if (this.#slot >= 0) {
      this.#previous = slot === this.#slot + 1 ? this.#secret : undefined;
      this.#secret = new Uint8Array(randomBytes(32));
    }
    this.#slot = slot;
  }

  #hash(secret: Uint8Array, address: Uint8Array, connectionId: number): Uint8Array {
    if (address.length > addressLimit) throw new RangeError(`an address has at most ${addressLimit} bytes`);
    this.#input.fill(0);
    this.#input[0] = address.length;
    this.#input.set(address, 1);
    this.#view.setUint32(1 + addressLimit, connectionId, true);
    return blake2s(this.#input, { key: secret, dkLen: cookieBytes });
  }
}
