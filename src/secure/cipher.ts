/**
 * The packet cipher: ChaCha20-Poly1305 of RFC 8439 over one packet in place. The 18-byte header is the associated data, the
 * nonce is four zero bytes and the header's counter (spec section 13). Two implementations are interchangeable:
 * @noble/ciphers (cipher-noble.ts, also the browser's) and libsodium in the shim (ffi/aead.ts).
 */
export interface PacketCipher {
  /** Named in logs. */
  readonly name: string;
  /**
   * Encrypts in place: buffer[start, start+18) is the finished header, `plainSize` bytes follow it; the 16-byte tag is
   * written behind them. `key` is 32 bytes; `counter` is a whole number below 2^53. Allocates nothing in the native one.
   */
  seal(key: Uint8Array, counter: number, buffer: Uint8Array, start: number, plainSize: number): void;
  /**
   * Decrypts in place what follows the header; `sealedSize` counts the tag. Returns the plaintext's size, or -1 for a forgery
   * (the payload bytes are then undefined).
   */
  open(key: Uint8Array, counter: number, buffer: Uint8Array, start: number, sealedSize: number): number;
}

export const headerBytes = 18;
export const tagBytes = 16;
export const keyBytes = 32;
