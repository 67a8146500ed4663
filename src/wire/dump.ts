/** Lines that explain bytes by their layout (schema.ts), for the inspectors of every protocol. Pure; cut-off bytes are shown as such. */
import { readNumber } from "./codec.ts";
import { type Field, fieldBytes, type Layout, type WireError } from "./schema.ts";

export interface DumpLine {
  /** From the packet's start, in bytes; -1 for a remark about the whole packet. */
  readonly offset: number;
  /** The bytes, cut after the first 8. */
  readonly hex: string;
  readonly field: string;
  readonly value: string;
  readonly meaning: string;
}

function shortHex(bytes: Uint8Array): string {
  const head = bytes.subarray(0, 8).toHex().replaceAll(/../g, "$& ").trimEnd();
  return bytes.length > 8 ? `${head} ...` : head;
}

const keyOf = (names: Readonly<Record<string, number>>, value: number): string =>
  Object.keys(names).find((name) => names[name] === value) ?? "unknown";

/** Names for a number: of an enum, of bits, else the field's own description. */
function meaningOf(field: Field, value: number): string {
  if (field.constant !== undefined && value !== field.constant) return `${field.doc} (expected ${field.constant})`;
  if (field.oneOf) return keyOf(field.oneOf, value);
  if (!field.bits && !field.part) return field.doc;
  const words = Object.entries(field.bits ?? {}).flatMap(([name, bit]) => ((value & bit) !== 0 ? [name] : []));
  if (field.part) words.push(keyOf(field.part.oneOf, (value >>> field.part.shift) & field.part.mask));
  return words.join(", ");
}

export function rest(bytes: Uint8Array, at: number, end: number, field: string, meaning: string): DumpLine[] {
  if (end <= at) return [];
  return [{ offset: at, hex: shortHex(bytes.subarray(at, end)), field, value: `${end - at} bytes`, meaning }];
}

/** The fixed fields of a layout at `at`, as far as `end` lets them be there. */
export function dumpFields(of: Layout, bytes: Uint8Array, at: number, end: number): DumpLine[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const lines: DumpLine[] = [];
  for (const [name, field] of Object.entries(of.fields)) {
    const from = at + field.at;
    const to = from + fieldBytes(field);
    const label = `${of.name}.${name}`;
    if (to > end) return [...lines, ...rest(bytes, from, end, label, `cut off: ${to - end} bytes are missing`)];
    const hex = shortHex(bytes.subarray(from, to));
    if (field.type === "bytes")
      lines.push({ offset: from, hex, field: label, value: `${to - from} bytes`, meaning: field.doc });
    else {
      const value = readNumber(field, view, at);
      lines.push({ offset: from, hex, field: label, value: String(value), meaning: meaningOf(field, value) });
    }
  }
  return lines;
}

const errorTexts: Record<WireError, string> = {
  short: "too short",
  magic: 'does not begin with "ROOT"',
  "version-1": "protocol version 1, whose encryption is unsafe",
  version: "unknown protocol version",
  type: "unknown type",
  flags: "reserved or contradictory flags",
  counter: "counter out of range (a handshake has 0)",
  length: "sizes do not agree",
  reserved: "a reserved field is not 0",
  range: "a value is out of range",
  text: "text is not fit to show",
};

/** A line about the whole packet. */
export const remark = (field: string, meaning: string): DumpLine => ({
  offset: -1,
  hex: "",
  field,
  value: "",
  meaning,
});
/** The last line of what would be refused; none for what would not. */
export const verdict = (error: WireError | undefined): DumpLine[] =>
  error ? [remark("refused", `${error}: ${errorTexts[error]}`)] : [];
