/**
 * Where each field of the native boundary's structs lies, computed from abi.ts: for the modules that read and write those
 * structs, and for the generator, which has the C compiler confirm it. It never touches memory itself.
 */
import { type CType, structs } from "./abi.ts";

const sizes: Record<CType, number> = {
  uint8_t: 1,
  uint16_t: 2,
  uint32_t: 4,
  int32_t: 4,
  uint64_t: 8,
  double: 8,
  "uint8_t[16]": 16,
};

const alignment = (type: CType): number => (type === "uint8_t[16]" ? 1 : sizes[type]);

/** Byte offsets of a struct's fields and its size. Throws when a compiler would insert padding. */
export function layoutOf(name: keyof typeof structs): { offsets: Record<string, number>; size: number } {
  const offsets: Record<string, number> = {};
  let size = 0;
  let widest = 1;
  for (const [field, type] of Object.entries(structs[name]) as [string, CType][]) {
    if (size % alignment(type) !== 0) throw new Error(`${name}.${field} would need padding before it`);
    offsets[field] = size;
    size += sizes[type];
    widest = Math.max(widest, alignment(type));
  }
  if (size % widest !== 0) throw new Error(`${name} would need padding at its end`);
  return { offsets, size };
}
