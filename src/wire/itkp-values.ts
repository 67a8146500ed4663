/**
 * Single values of ITKP payloads as itkp-layouts.ts says they are written. The first error sticks: what follows it is neither read nor
 * written. It never reads behind `end`, and a writer grows as it is filled.
 */
import { readU64, writeU64 } from "./codec.ts";
import type { ItkpError } from "./itkp-error.ts";
import {
  encodingTag,
  payloadLimit,
  type Reason,
  reasons,
  stringSizeLimit,
  u64Limit,
  type ValueField,
} from "./itkp-layouts.ts";

export interface Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
  readonly end: number;
  error: ItkpError | undefined;
}

export interface Writer {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView;
  at: number;
  error: ItkpError | undefined;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const widths = { bool: 1, u32: 4, i32: 4, u64: 8, f32: 4, f64: 8, str: 2, data: 4 } as const;

function fault(reader: Reader, field: string, reason: Reason): undefined {
  reader.error = { name: "Serialization", field, reason };
}

/** Steps over the payload's first bytes, which name the encoding. */
export function readTag(reader: Reader): void {
  const [at, size] = [reader.at, encodingTag.length];
  if (reader.end - at < size) fault(reader, "encoding", reasons.short);
  for (let i = 0; i < size && !reader.error; i++)
    if (reader.view.getUint8(at + i) !== encodingTag[i])
      fault(reader, "encoding", i === size - 1 ? reasons.encoding : reasons.tag);
  reader.at += size;
}

function readText(reader: Reader, size: number, label: string): string | undefined {
  const from = reader.at;
  if (reader.end - from < size) return fault(reader, label, reasons.short);
  reader.at += size;
  try {
    return decoder.decode(reader.bytes.subarray(from, from + size));
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    return fault(reader, label, reasons.utf8);
  }
}

/** The value at the reader's place; undefined when it is absent or in error. */
export function readValue(reader: Reader, { type, optional }: ValueField, label: string): unknown {
  const { view } = reader;
  if (optional) {
    if (reader.at === reader.end) return undefined;
    const there = view.getUint8(reader.at++);
    if (there > 1) return fault(reader, label, reasons.bool);
    if (there === 0) return undefined;
  }
  const at = reader.at;
  if (reader.end - at < widths[type]) return fault(reader, label, reasons.short);
  reader.at += widths[type];
  switch (type) {
    case "bool": {
      const value = view.getUint8(at);
      return value > 1 ? fault(reader, label, reasons.bool) : value === 1;
    }
    case "u32":
      return view.getUint32(at, true);
    case "i32":
      return view.getInt32(at, true);
    case "u64": {
      const value = readU64(view, at);
      return value > u64Limit ? fault(reader, label, reasons.big) : value;
    }
    case "f32":
      return view.getFloat32(at, true);
    case "f64":
      return view.getFloat64(at, true);
    case "str":
      return readText(reader, view.getUint16(at, true), label);
    case "data":
      return readText(reader, view.getUint32(at, true), label);
  }
}

/** Where the next `size` bytes go. Of what is too large anyway the size is counted, and the bytes land where nobody looks. */
function room(writer: Writer, size: number): number {
  const at = writer.at;
  writer.at += size;
  if (writer.at > 2 * payloadLimit) return 0;
  if (writer.at > writer.bytes.length) {
    const larger = new Uint8Array(2 * writer.at);
    larger.set(writer.bytes.subarray(0, at));
    writer.bytes = larger;
    writer.view = new DataView(larger.buffer);
  }
  return at;
}

function writeText(writer: Writer, isData: boolean, text: string): Reason | undefined {
  if (!text.isWellFormed()) return reasons.utf8;
  const bytes = encoder.encode(text);
  if (!isData && bytes.length > stringSizeLimit) return reasons.number;
  const at = room(writer, isData ? 4 : 2);
  if (isData) writer.view.setUint32(at, bytes.length, true);
  else writer.view.setUint16(at, bytes.length, true);
  const to = room(writer, bytes.length);
  if (writer.at <= 2 * payloadLimit) writer.bytes.set(bytes, to);
  return undefined;
}

function writeWhole(writer: Writer, type: "u32" | "i32" | "u64", value: number): Reason | undefined {
  const lowest = type === "i32" ? -0x8000_0000 : 0;
  const highest = type === "i32" ? 0x7fff_ffff : type === "u32" ? 0xffff_ffff : u64Limit;
  if (!Number.isInteger(value) || value < lowest || value > highest)
    return type === "u64" && value > highest ? reasons.big : reasons.number;
  const at = room(writer, widths[type]);
  if (type === "u64") writeU64(writer.view, at, value);
  else if (type === "u32") writer.view.setUint32(at, value, true);
  else writer.view.setInt32(at, value, true);
  return undefined;
}

function put(writer: Writer, type: ValueField["type"], value: unknown): Reason | undefined {
  if (type === "bool") {
    if (typeof value !== "boolean") return reasons.number;
    writer.view.setUint8(room(writer, 1), value ? 1 : 0);
    return undefined;
  }
  if (type === "str" || type === "data")
    return typeof value === "string" ? writeText(writer, type === "data", value) : reasons.number;
  if (typeof value !== "number") return reasons.number;
  if (type === "f32") writer.view.setFloat32(room(writer, 4), value, true);
  else if (type === "f64") writer.view.setFloat64(room(writer, 8), value, true);
  else return writeWhole(writer, type, value);
  return undefined;
}

/** Appends a value; what its type cannot hold, and a missing one, becomes the writer's error. */
export function writeValue(writer: Writer, { type, optional }: ValueField, label: string, value: unknown): void {
  if (optional) {
    writer.view.setUint8(room(writer, 1), value === undefined ? 0 : 1);
    if (value === undefined) return;
  }
  const reason = put(writer, type, value);
  if (reason) writer.error = { name: "ValidationFailed", field: label, reason };
}
