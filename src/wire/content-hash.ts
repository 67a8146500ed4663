/**
 * The hash of a content's name in the header of a frame buffer: FNV-1a with 64 bits over the UTF-8 bytes, offset basis
 * 0xcbf29ce484222325, prime 0x100000001b3. The original leaves it to its language (itk section 9); this one is the same in all.
 */
export function contentHash(name: string): bigint {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (const byte of new TextEncoder().encode(name))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100_0000_01b3n);
  return hash;
}
