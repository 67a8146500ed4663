/**
 * Zstandard (RFC 8878) to RGBA, as few browsers can unpack it by themselves. One frame; it is unpacked into a picture's own memory, so a
 * frame that lies about its window or size costs nothing more. Pure; undefined for what is no frame of the size expected.
 */
import { decompress } from "fzstd";

const magic = 0xfd2fb528;

/** What the frame's head says it unpacks to: undefined when it says nothing, -1 when it is no head. */
function declaredSize(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 18 || view.getUint32(0, true) !== magic) return -1;
  const flags = view.getUint8(4);
  const isSingle = (flags & 0x20) !== 0;
  const at = 5 + (isSingle ? 0 : 1) + ([0, 1, 2, 4][flags & 3] as number);
  switch (flags >> 6) {
    case 0:
      return isSingle ? view.getUint8(at) : undefined;
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

export function unpackZstd(bytes: Uint8Array, size: number): Uint8ClampedArray<ArrayBuffer> | undefined {
  const declared = declaredSize(bytes);
  if (declared !== undefined && declared !== size) return undefined;
  const out = new Uint8Array(size);
  try {
    decompress(bytes, out);
  } catch {
    // Its errors say no more than that the data is wrong.
    return undefined;
  }
  return new Uint8ClampedArray(out.buffer);
}
