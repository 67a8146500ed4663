/**
 * The form in which a fixed message layout is stated: data only, fields with offsets, types and constraints, little-endian.
 * It never reads or writes a byte: codec.ts checks, decodes, encodes and makes accessors from it, and generate.ts the C header
 * and the tables. The layouts of RootStream are in root-layouts.ts, those of
 * ds-stream in ds-layouts.ts.
 */

/** Why bytes were refused. The host counts dropped packets under these names. */
export const wireErrors = [
  "short",
  "magic",
  "version-1",
  "version",
  "type",
  "flags",
  "counter",
  "length",
  "reserved",
  "range",
  "text",
] as const;
export type WireError = (typeof wireErrors)[number];

export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: WireError };

export type NumberType = "u8" | "u16" | "u32" | "i16" | "i32" | "u64";
type Range = readonly [min: number, max: number];

/** One field. Everything but `at`, `type` and `doc` is a constraint; `error` names the refusal (default "range"). */
export interface Field {
  /** Offset from the layout's start, in bytes. */
  readonly at: number;
  readonly type: NumberType | "bytes";
  /** Only of "bytes". */
  readonly size?: number;
  /** One line for the table and the C header. */
  readonly doc: string;
  /** The only value allowed; encoders write it by themselves. */
  readonly constant?: number;
  readonly oneOf?: Readonly<Record<string, number>>;
  /** Single bits by name (a mask each). */
  readonly bits?: Readonly<Record<string, number>>;
  /** A number inside the field that bits do not name. */
  readonly part?: { readonly shift: number; readonly mask: number; readonly oneOf: Readonly<Record<string, number>> };
  readonly range?: Range;
  /** The range depends on another field's value; `otherwise` stands for values not listed. */
  readonly rangeBy?: {
    readonly field: string;
    readonly of: Readonly<Record<number, Range>>;
    readonly otherwise: Range;
  };
  readonly error?: WireError;
  /** A more telling error for particular wrong values. */
  readonly errorFor?: Readonly<Record<number, WireError>>;
}

export type Fields = Readonly<Record<string, Field>>;

/** What follows the fixed fields: how many bytes, and the field that counts them when there is one. */
export interface Tail {
  readonly min: number;
  readonly max: number;
  readonly doc: string;
  readonly countedBy?: string;
  /** The tail's size is a multiple of this. */
  readonly unit?: number;
}

export interface Layout<F extends Fields = Fields> {
  /** camelCase; becomes PB_WIRE_NAME_... in C. */
  readonly name: string;
  readonly doc: string;
  /** Size of the fixed part. */
  readonly bytes: number;
  readonly fields: F;
  readonly tail: Tail;
}

type FreeNames<F extends Fields> = {
  [K in keyof F]: F[K] extends { readonly constant: number } ? never : K;
}[keyof F];
export type FieldValue<T extends Field> = T["type"] extends "bytes" ? Uint8Array : number;

/** A decoded layout: every field that is not constant. */
export type Values<L> = L extends Layout<infer F> ? { [K in FreeNames<F>]: FieldValue<F[K]> } : never;

const widths: Record<NumberType, number> = { u8: 1, u16: 2, u32: 4, i16: 2, i32: 4, u64: 8 };

export function fieldBytes(field: Field): number {
  return field.type === "bytes" ? (field.size ?? 0) : widths[field.type];
}

/** Largest and smallest number that a field's type holds (64-bit fields stop at 2^53 - 1). */
export function typeRange(type: NumberType): Range {
  if (type === "i16") return [-0x8000, 0x7fff];
  if (type === "i32") return [-0x8000_0000, 0x7fff_ffff];
  return [0, type === "u64" ? Number.MAX_SAFE_INTEGER : 2 ** (8 * widths[type]) - 1];
}

const noTail: Tail = { min: 0, max: 0, doc: "" };

/** States a layout. Throws when fields overlap, leave gaps or do not fill `bytes`. */
export function layout<const F extends Fields>(stated: Omit<Layout<F>, "tail"> & { tail?: Tail }): Layout<F> {
  let at = 0;
  for (const [name, field] of Object.entries<Field>(stated.fields)) {
    if (field.at !== at)
      throw new Error(`${stated.name}.${name} stands at ${field.at}, the fields before it end at ${at}`);
    at += fieldBytes(field);
  }
  if (at !== stated.bytes) throw new Error(`${stated.name} states ${stated.bytes} bytes, its fields fill ${at}`);
  return { ...stated, tail: stated.tail ?? noTail };
}

/** A field of zeros that a receiver checks. */
export function reserved<const At extends number, const T extends NumberType>(at: At, type: T) {
  return { at, type, constant: 0, error: "reserved", doc: "reserved, 0" } as const;
}
