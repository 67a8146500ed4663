/** Structs of the native boundary as their readers want them: one record that is filled again and again, and counters. */
import { structs } from "./abi.ts";
import { layoutOf } from "./abi-layout.ts";
import { ptr } from "./library.ts";

type StructName = keyof typeof structs;

/** Room for one struct, and its fields by their names. Reading allocates nothing. */
export class NativeRecord<Name extends StructName> {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #offsets: Readonly<Record<string, number>>;
  /** For the function that fills it. */
  readonly pointer: ReturnType<typeof ptr>;

  constructor(name: Name) {
    const { offsets, size } = layoutOf(name);
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
    this.#offsets = offsets;
    this.pointer = ptr(this.#bytes);
  }

  u32(field: keyof (typeof structs)[Name] & string): number {
    return this.#view.getUint32(this.#offsets[field] as number, true);
  }

  i32(field: keyof (typeof structs)[Name] & string): number {
    return this.#view.getInt32(this.#offsets[field] as number, true);
  }

  /** Times and addresses stay below 2^53, so two halves make an exact number without a BigInt. */
  u64(field: keyof (typeof structs)[Name] & string): number {
    const at = this.#offsets[field] as number;
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000;
  }
}

type Camel<Text extends string> = Text extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Text;

/** A struct's fields under the names that TypeScript has for them: skipped_busy is skippedBusy. */
export type NativeCounters<Name extends StructName> = {
  [Field in keyof (typeof structs)[Name] & string as Camel<Field>]: number;
};

/** A struct of uint64_t alone as an object. */
export function readCounters<Name extends StructName>(
  name: Name,
  fill: (out: BigUint64Array) => void,
): NativeCounters<Name> {
  const fields = Object.keys(structs[name]);
  const out = new BigUint64Array(fields.length);
  fill(out);
  const named = fields.map((field, index) => [
    field.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
    Number(out[index]),
  ]);
  return Object.fromEntries(named) as NativeCounters<Name>;
}
