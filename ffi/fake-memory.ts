/** Stands in for native addresses among the fakes: bytes are lent under a number that nobody else uses. No memory is ever read. */

/** Unlike any address that the system gives out. */
const base = 2 ** 50;
const lent = new Map<number, Uint8Array>();
let next = base;

/** A number for these bytes until it is given back. */
export function lend(bytes: Uint8Array): number {
  const address = next;
  next += Math.max(16, Math.ceil(bytes.length / 16) * 16);
  lent.set(address, bytes);
  return address;
}

export function giveBack(address: number): void {
  lent.delete(address);
}

/** The first `size` bytes lent under this number. Throws for what was given back: real memory would be gone. */
export function lentBytes(address: number, size: number): Uint8Array {
  const bytes = lent.get(address);
  if (!bytes || size > bytes.length) throw new Error(`no ${size} bytes are lent at ${address}`);
  return bytes.subarray(0, size);
}
