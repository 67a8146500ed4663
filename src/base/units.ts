/** Branded numbers, so that microseconds cannot meet milliseconds unnoticed. */
declare const unit: unique symbol;
type Branded<Name extends string> = number & { readonly [unit]: Name };

/** Microseconds, of a duration or of a point on a monotonic clock. Exact in a double for 285 years. */
export type Micros = Branded<"us">;

export const micros = (value: number): Micros => value as Micros;
export const fromMillis = (ms: number): Micros => (ms * 1000) as Micros;
export const toMillis = (us: number): number => us / 1000;
