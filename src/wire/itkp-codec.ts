/**
 * Encoding and decoding of ITKP messages (itk-protocol, sections 1.1 to 1.6) as itkp-layouts.ts states them. It never does I/O and
 * never throws for what a peer sent or a caller filled in: what is wrong comes back as an ItkpError. Numbers are checked
 * against their types when encoding, since JavaScript's hold more.
 *
 * Decoding goes: 20 bytes there, magic, version, type known, size within the limit, payload complete, CRC, fields, validation.
 */
import { accessors } from "./codec.ts";
import { crc32 } from "./crc32.ts";
import type { ItkpError, ItkpResult } from "./itkp-error.ts";
import {
  dataLimit,
  encodingTag,
  headerBytes,
  headerLayout,
  type ItkpMessage,
  type ItkpName,
  type MessageLayout,
  magic,
  messages,
  type Payload,
  payloadLimit,
  protocolVersion,
  type Reason,
  reasons,
  stringLimit,
  type ValueField,
} from "./itkp-layouts.ts";
import { type Reader, readTag, readValue, type Writer, writeValue } from "./itkp-values.ts";

const header = accessors(headerLayout);
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

type Loose = Record<string, unknown>;
interface Step {
  readonly key: string;
  /** The field's name for an error; dotted within a structure. */
  readonly label: string;
  readonly field: ValueField | undefined;
  readonly inner: readonly Step[];
}

function planOf({ fields }: MessageLayout, prefix = ""): readonly Step[] {
  return Object.entries(fields).map(([key, field]) => {
    const label = prefix + key;
    return "struct" in field
      ? { key, label, field: undefined, inner: planOf(messages[field.struct], `${label}.`) }
      : { key, label, field, inner: [] };
  });
}

const names = Object.keys(messages) as ItkpName[];
const plans = Object.fromEntries(names.map((name) => [name, planOf(messages[name])])) as Record<
  ItkpName,
  readonly Step[]
>;
const nameOf = new Map<number, ItkpName>(names.map((name) => [messages[name].type, name]));

const refuse = (error: ItkpError): { readonly ok: false; readonly error: ItkpError } => ({ ok: false, error });

/** Bytes of the message that begins at bytes[0], header included, by magic, version and size alone: what a stream is cut by. */
export function messageBytes(bytes: Uint8Array): ItkpResult<number> {
  if (bytes.length < headerBytes) return refuse({ name: "IncompleteHeader", need: headerBytes, have: bytes.length });
  const error = checkFrame(viewOf(bytes));
  return error ? refuse(error) : { ok: true, value: headerBytes + header.payloadSize(viewOf(bytes), 0) };
}

function checkFrame(view: DataView, knownType = false): ItkpError | undefined {
  const [foundMagic, version] = [view.getUint32(0, true), view.getUint32(4, true)];
  if (foundMagic !== magic) return { name: "InvalidMagic", expected: magic, got: foundMagic };
  if (version !== protocolVersion) return { name: "UnsupportedVersion", expected: protocolVersion, got: version };
  const type = header.type(view, 0);
  if (knownType && !nameOf.has(type)) return { name: "UnknownMessageType", got: type };
  const size = header.payloadSize(view, 0);
  return size > payloadLimit ? { name: "PayloadTooLarge", expected: payloadLimit, got: size } : undefined;
}

export interface ItkpHeader {
  readonly name: ItkpName;
  readonly type: number;
  /** Bytes that follow the header. */
  readonly payloadSize: number;
  /** CRC-32 that the payload should have; not compared here. */
  readonly crc: number;
}

/** The header alone, for routing. The payload need not be there. */
export function decodeHeader(bytes: Uint8Array): ItkpResult<ItkpHeader> {
  if (bytes.length < headerBytes) return refuse({ name: "IncompleteHeader", need: headerBytes, have: bytes.length });
  const view = viewOf(bytes);
  const error = checkFrame(view, true);
  if (error) return refuse(error);
  const type = header.type(view, 0);
  const name = nameOf.get(type) as ItkpName;
  return { ok: true, value: { name, type, payloadSize: header.payloadSize(view, 0), crc: header.crc(view, 0) } };
}

function readFields(plan: readonly Step[], reader: Reader): Loose {
  const out: Loose = {};
  for (const step of plan) {
    if (reader.error) break;
    const value = step.field ? readValue(reader, step.field, step.label) : readFields(step.inner, reader);
    if (value !== undefined) out[step.key] = value;
  }
  return out;
}

/**
 * Decodes without validation: floats may be no numbers, strings longer than allowed. Bytes behind the declared payload are
 * ignored. Strings are copies.
 */
export function decodeUnchecked(bytes: Uint8Array): ItkpResult<ItkpMessage> {
  const head = decodeHeader(bytes);
  if (!head.ok) return head;
  const { name, payloadSize, crc } = head.value;
  const end = headerBytes + payloadSize;
  if (bytes.length < end) return refuse({ name: "IncompletePayload", need: end, have: bytes.length });
  const got = crc32(bytes, headerBytes, end);
  if (got !== crc) return refuse({ name: "CrcMismatch", expected: crc, got });
  const plan = plans[name];
  const reader: Reader = { bytes, view: viewOf(bytes), at: headerBytes, end, error: undefined };
  if (plan.length > 0 || payloadSize > 0) readTag(reader);
  const payload = readFields(plan, reader);
  return reader.error ? refuse(reader.error) : { ok: true, value: { name, payload } as unknown as ItkpMessage };
}

/** Decodes and validates: what a program should take from another. */
export function decode(bytes: Uint8Array): ItkpResult<ItkpMessage> {
  const decoded = decodeUnchecked(bytes);
  if (!decoded.ok) return decoded;
  const error = validate(decoded.value.name, decoded.value.payload as never);
  return error ? refuse(error) : decoded;
}

const encoder = new TextEncoder();
/** Whether the text's UTF-8 is longer than `limit`; encodes only when its length leaves that open. */
function isLonger(text: string, limit: number): boolean {
  if (text.length > limit) return true;
  return text.length * 3 > limit && encoder.encode(text).length > limit;
}

function objection(field: ValueField, value: unknown): Reason | undefined {
  if (typeof value === "string") {
    const isData = field.type === "data";
    if (!isLonger(value, isData ? dataLimit : stringLimit)) return undefined;
    return isData ? reasons.data : reasons.string;
  }
  if (typeof value !== "number") return undefined;
  const number = field.type === "f32" ? Math.fround(value) : value;
  if (!Number.isFinite(number)) return reasons.finite;
  const bound = (limit: number) => (field.type === "f32" ? Math.fround(limit) : limit);
  if (field.above !== undefined && number <= bound(field.above)) return reasons.low;
  if (field.min !== undefined && number < bound(field.min)) return reasons.low;
  return field.max !== undefined && number > bound(field.max) ? reasons.high : undefined;
}

function validateFields(plan: readonly Step[], payload: Loose): ItkpError | undefined {
  for (const { key, label, field, inner } of plan) {
    const value = payload[key];
    if (!field) {
      const error = validateFields(inner, value as Loose);
      if (error) return error;
      continue;
    }
    const reason = objection(field, value);
    if (reason) return { name: "ValidationFailed", field: label, reason };
  }
  return undefined;
}

/** Section 1.4: the first field that is not allowed, or undefined. */
export function validate<N extends ItkpName>(name: N, payload: Payload<N>): ItkpError | undefined {
  return validateFields(plans[name], payload as Loose);
}

function writeFields(plan: readonly Step[], payload: unknown, writer: Writer): void {
  const given = (typeof payload === "object" && payload !== null ? payload : {}) as Loose;
  for (const { key, label, field, inner } of plan) {
    if (writer.error) return;
    if (field) writeValue(writer, field, label, given[key]);
    else writeFields(inner, given[key], writer);
  }
}

/** Encodes without validation: for tests and for peers that allow more. Values must fit their types and the payload its limit. */
export function encodeUnchecked<N extends ItkpName>(name: N, payload: Payload<N>): ItkpResult<Uint8Array<ArrayBuffer>> {
  const plan = plans[name];
  const writer: Writer = {
    bytes: new Uint8Array(256),
    view: new DataView(new ArrayBuffer(0)),
    at: 0,
    error: undefined,
  };
  writer.view = viewOf(writer.bytes);
  writer.at = headerBytes;
  if (plan.length > 0) {
    writer.bytes.set(encodingTag, writer.at);
    writer.at += encodingTag.length;
  }
  writeFields(plan, payload, writer);
  if (writer.error) return refuse(writer.error);
  const size = writer.at - headerBytes;
  if (size > payloadLimit) return refuse({ name: "PayloadTooLarge", expected: payloadLimit, got: size });
  const { view } = writer;
  header.set.magic(view, 0, magic);
  header.set.version(view, 0, protocolVersion);
  header.set.type(view, 0, messages[name].type);
  header.set.payloadSize(view, 0, size);
  header.set.crc(view, 0, crc32(writer.bytes, headerBytes, writer.at));
  return { ok: true, value: writer.bytes.slice(0, writer.at) };
}

/** Encodes what `decode` will take: the message, header included, in bytes of its own. */
export function encode<N extends ItkpName>(name: N, payload: Payload<N>): ItkpResult<Uint8Array<ArrayBuffer>> {
  const made = encodeUnchecked(name, payload);
  if (!made.ok) return made;
  const error = validate(name, payload);
  return error ? refuse(error) : made;
}
