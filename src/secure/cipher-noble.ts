/**
 * The packet cipher by @noble/ciphers: the reference that the native one is held to, and the fallback without the shim. Slower
 * by a factor of ten and not free of allocation. It decides nothing about counters or keys (session.ts does).
 */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { headerBytes, type PacketCipher, tagBytes } from "./cipher.ts";

/** Written anew for each call; the library copies it. */
const nonce = new Uint8Array(12);
const nonceView = new DataView(nonce.buffer);

function setNonce(counter: number): Uint8Array {
  nonceView.setUint32(4, counter % 0x1_0000_0000, true);
  nonceView.setUint32(8, Math.floor(counter / 0x1_0000_0000), true);
  return nonce;
}

export const nobleCipher: PacketCipher = {
  name: "noble",
  seal(key, counter, buffer, start, plainSize) {
    const body = start + headerBytes;
    const header = buffer.subarray(start, body);
    const sealed = buffer.subarray(body, body + plainSize + tagBytes);
    chacha20poly1305(key, setNonce(counter), header).encrypt(sealed.subarray(0, plainSize), sealed);
  },
  open(key, counter, buffer, start, sealedSize) {
    if (sealedSize < tagBytes) return -1;
    const body = start + headerBytes;
    const header = buffer.subarray(start, body);
    const sealed = buffer.subarray(body, body + sealedSize);
    try {
      chacha20poly1305(key, setNonce(counter), header).decrypt(sealed, sealed.subarray(0, sealedSize - tagBytes));
    } catch {
      // The library tells a wrong tag by throwing.
      return -1;
    }
    return sealedSize - tagBytes;
  },
};
