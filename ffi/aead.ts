/**
 * The packet cipher by libsodium in the shim: RFC 8439 over one packet in place (RootStream section 13). It keeps no
 * key and no counter, and allocates nothing: addresses are computed, not made into views.
 */
import { headerBytes, keyBytes, type PacketCipher, tagBytes } from "../src/secure/cipher.ts";
import { native, ptr } from "./library.ts";

/**
 * The address of buffer[start], for the length of one native call. It is asked for anew each time (2 ns), because the engine
 * moves a small typed array's bytes when somebody asks for its ArrayBuffer.
 */
function addressAt(key: Uint8Array, buffer: Uint8Array, start: number, payloadSize: number, tailSize: number): number {
  if (key.length !== keyBytes) throw new RangeError(`a key has ${keyBytes} bytes, not ${key.length}`);
  if (!(start >= 0 && payloadSize >= 0 && start + headerBytes + payloadSize + tailSize <= buffer.length))
    throw new RangeError(`a payload of ${payloadSize} bytes at ${start} does not fit a buffer of ${buffer.length}`);
  return ptr(buffer) + start;
}

function checkCounter(counter: number): void {
  if (!Number.isSafeInteger(counter) || counter < 0) throw new RangeError(`${counter} is no counter`);
}

/** Opens the shim. Throws when that is impossible; the caller may then take the noble cipher. */
export function nativeCipher(): PacketCipher {
  const { pb_aead_seal, pb_aead_open } = native();
  return {
    name: "libsodium",
    seal(key, counter, buffer, start, plainSize) {
      checkCounter(counter);
      const header = addressAt(key, buffer, start, plainSize, tagBytes);
      const payload = header + headerBytes;
      pb_aead_seal(key, counter, header, headerBytes, payload, plainSize, payload);
    },
    open(key, counter, buffer, start, sealedSize) {
      if (sealedSize < tagBytes) return -1;
      checkCounter(counter);
      const header = addressAt(key, buffer, start, sealedSize, 0);
      const payload = header + headerBytes;
      return pb_aead_open(key, counter, header, headerBytes, payload, sealedSize, payload);
    },
  };
}
