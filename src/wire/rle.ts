/** The largest size that `sizeBytes` can have packed: every second byte a lone zero, which takes three. */
export function rleBound(sizeBytes: number): number {
  return 2 * sizeBytes + 1;
}
