/**
 * What follows from a layout (schema.ts): checking, decoding, encoding and typed accessors over a shared DataView.
 * It never does I/O and never generates code at run time; a failed check is a value, because bytes come from strangers.
 * `check`, the accessors and the setters allocate nothing.
 */
import {
  type Decoded,
  type Field,
  type Fields,
  type FieldValue,
  type Layout,
  typeRange,
  type Values,
  type WireError,
} from "./schema.ts";

type Getters<F extends Fields> = { readonly [K in keyof F]: (view: DataView, at: number) => FieldValue<F[K]> };
type Setters<F extends Fields> = {
  readonly [K in keyof F]: (view: DataView, at: number, value: FieldValue<F[K]>) => void;
};
/** `a.field(view, at)` reads and `a.set.field(view, at, value)` writes; numbers allocate nothing, "bytes" are copied. */
export type Accessors<F extends Fields> = Getters<F> & { readonly set: Setters<F> };

/** A 64-bit number as a double: exact up to 2^53 - 1, and above that still above it. */
export function readU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

/** `value` is a whole number from 0 to 2^53 - 1. */
export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 0x1_0000_0000, true);
  view.setUint32(at + 4, value / 0x1_0000_0000, true);
}

export function readNumber(field: Field, view: DataView, start: number): number {
  const at = start + field.at;
  switch (field.type) {
    case "u8":
      return view.getUint8(at);
    case "u16":
      return view.getUint16(at, true);
    case "u32":
      return view.getUint32(at, true);
    case "i16":
      return view.getInt16(at, true);
    case "i32":
      return view.getInt32(at, true);
    case "u64":
      return readU64(view, at);
    default:
      throw new Error("a field of bytes is no number");
  }
}

function readBytes(field: Field, view: DataView, start: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + start + field.at, field.size ?? 0).slice();
}

function writeBytes(field: Field, view: DataView, start: number, value: Uint8Array): void {
  const size = field.size ?? 0;
  if (value.length !== size) throw new RangeError(`a field of ${size} bytes was given ${value.length}`);
  new Uint8Array(view.buffer, view.byteOffset + start + field.at, size).set(value);
}

function getter({ at, type, size }: Field): (view: DataView, start: number) => number | Uint8Array {
  if (type === "u8") return (view, start) => view.getUint8(start + at);
  if (type === "u16") return (view, start) => view.getUint16(start + at, true);
  if (type === "u32") return (view, start) => view.getUint32(start + at, true);
  if (type === "i16") return (view, start) => view.getInt16(start + at, true);
  if (type === "i32") return (view, start) => view.getInt32(start + at, true);
  if (type === "u64") return (view, start) => readU64(view, start + at);
  return (view, start) => readBytes({ at, type, size, doc: "" }, view, start);
}

function setter(field: Field): (view: DataView, start: number, value: never) => void {
  const { at, type } = field;
  if (type === "u8") return (view: DataView, start: number, value: number) => view.setUint8(start + at, value);
  if (type === "u16") return (view: DataView, start: number, value: number) => view.setUint16(start + at, value, true);
  if (type === "u32") return (view: DataView, start: number, value: number) => view.setUint32(start + at, value, true);
  if (type === "i16") return (view: DataView, start: number, value: number) => view.setInt16(start + at, value, true);
  if (type === "i32") return (view: DataView, start: number, value: number) => view.setInt32(start + at, value, true);
  if (type === "u64") return (view: DataView, start: number, value: number) => writeU64(view, start + at, value);
  return (view: DataView, start: number, value: Uint8Array) => writeBytes(field, view, start, value);
}

/** Typed accessors for hot paths. They check nothing: call `check` first on what a peer sent. */
export function accessors<F extends Fields>(of: Layout<F>): Accessors<F> {
  const entries = Object.entries<Field>(of.fields);
  const set = Object.fromEntries(entries.map(([name, field]) => [name, setter(field)]));
  return {
    ...Object.fromEntries(entries.map(([name, field]) => [name, getter(field)])),
    set,
  } as unknown as Accessors<F>;
}

interface Step {
  readonly field: Field;
  /** Values allowed by oneOf, or undefined. */
  readonly allowed: ReadonlySet<number> | undefined;
  readonly known: number;
  readonly parts: ReadonlySet<number> | undefined;
  readonly other: Field | undefined;
}

const plans = new WeakMap<Layout, readonly Step[]>();

function planOf(of: Layout): readonly Step[] {
  const made = plans.get(of);
  if (made) return made;
  const plan = Object.values(of.fields)
    .filter((field) => field.type !== "bytes")
    .map((field) => ({
      field,
      allowed: field.oneOf && new Set(Object.values(field.oneOf)),
      known: Object.values(field.bits ?? {}).reduce(
        (a, b) => a | b,
        field.part ? field.part.mask << field.part.shift : 0,
      ),
      parts: field.part && new Set(Object.values(field.part.oneOf)),
      other: field.rangeBy && of.fields[field.rangeBy.field],
    }));
  plans.set(of, plan);
  return plan;
}

function stepFails(step: Step, view: DataView, at: number, value: number): boolean {
  const { field } = step;
  if (field.constant !== undefined) return value !== field.constant;
  if (step.allowed) return !step.allowed.has(value);
  if (field.bits || field.part) {
    if ((value & ~step.known) !== 0) return true;
    return field.part !== undefined && !step.parts?.has((value >>> field.part.shift) & field.part.mask);
  }
  let range = field.range;
  if (field.rangeBy && step.other)
    range = field.rangeBy.of[readNumber(step.other, view, at)] ?? field.rangeBy.otherwise;
  if (range && (value < range[0] || value > range[1])) return true;
  return value > Number.MAX_SAFE_INTEGER;
}

/** Checks the fixed fields at `at`, of `size` bytes in all (fixed part and tail). Allocates nothing. */
export function check(of: Layout, view: DataView, at: number, size: number): WireError | undefined {
  if (size < of.bytes) return "short";
  const plan = planOf(of);
  for (let i = 0; i < plan.length; i++) {
    const step = plan[i] as Step;
    const value = readNumber(step.field, view, at);
    if (stepFails(step, view, at, value)) return step.field.errorFor?.[value] ?? step.field.error ?? "range";
  }
  return checkTail(of, view, at, size - of.bytes);
}

function checkTail(of: Layout, view: DataView, at: number, size: number): WireError | undefined {
  const { min, max, countedBy, unit } = of.tail;
  if (size < min || size > max || (unit !== undefined && size % unit !== 0)) return "length";
  const counter = countedBy === undefined ? undefined : of.fields[countedBy];
  return counter && readNumber(counter, view, at) !== size ? "length" : undefined;
}

/** Reads the free fields without checking. */
export function read<F extends Fields>(of: Layout<F>, view: DataView, at: number): Values<Layout<F>> {
  const out: Record<string, number | Uint8Array> = {};
  for (const [name, field] of Object.entries<Field>(of.fields)) {
    if (field.constant !== undefined) continue;
    out[name] = field.type === "bytes" ? readBytes(field, view, at) : readNumber(field, view, at);
  }
  return out as Values<Layout<F>>;
}

/** Checks and reads the fixed fields; the tail is the caller's. */
export function decode<F extends Fields>(
  of: Layout<F>,
  view: DataView,
  at: number,
  size: number,
): Decoded<Values<Layout<F>>> {
  const error = check(of, view, at, size);
  return error ? { ok: false, error } : { ok: true, value: read(of, view, at) };
}

/**
 * Writes the fixed fields at `at`, constants included. Throws a RangeError for a value that no decoder would take:
 * what we send ourselves is never wrong by expectation. `tailBytes` is what the caller puts behind it.
 */
export function encode<F extends Fields>(
  of: Layout<F>,
  values: Values<Layout<F>>,
  view: DataView,
  at: number,
  tailBytes = 0,
): void {
  const set = setters(of);
  const given = values as Readonly<Record<string, number | Uint8Array>>;
  for (const [name, field] of Object.entries<Field>(of.fields)) {
    const value = field.constant ?? given[name];
    if (value === undefined) throw new RangeError(`${of.name}.${name} is missing`);
    if (typeof value === "number" && field.type !== "bytes") {
      const [min, max] = typeRange(field.type);
      if (!Number.isInteger(value) || value < min || value > max)
        throw new RangeError(`${of.name}.${name} cannot be ${value}`);
    }
    set[name]?.(view, at, value as never);
  }
  const error = check(of, view, at, of.bytes + tailBytes);
  if (error) throw new RangeError(`${of.name} would be refused: ${error}`);
}

const madeSetters = new WeakMap<Layout, Readonly<Record<string, ReturnType<typeof setter>>>>();

function setters(of: Layout): Readonly<Record<string, ReturnType<typeof setter>>> {
  let made = madeSetters.get(of);
  if (!made) {
    made = Object.fromEntries(Object.entries(of.fields).map(([name, field]) => [name, setter(field)]));
    madeSetters.set(of, made);
  }
  return made;
}
