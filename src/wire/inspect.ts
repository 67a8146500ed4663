/**
 * Explains RootStream packets: every field with offset, bytes, value and meaning, and why a receiver would refuse it
 * (RootStream sections 3 and 4). Pure: bytes or text in, lines out. It opens no seal: of a sealed packet it shows the
 * header and sizes. A packet without a MAC (as a sender has it before sealing) is shown in full.
 */
import { readNumber } from "./codec.ts";
import {
  checkPacket,
  checkPayload,
  header,
  headerBytes,
  headerLayout,
  inputLayout,
  type PacketName,
  packetType,
  payloads,
  reliableLayout,
  tagBytes,
} from "./root.ts";
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

const nameOfType = (type: number): PacketName | undefined =>
  (Object.keys(packetType) as PacketName[]).find((name) => packetType[name] === type);

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

function rest(bytes: Uint8Array, at: number, end: number, field: string, meaning: string): DumpLine[] {
  if (end <= at) return [];
  return [{ offset: at, hex: shortHex(bytes.subarray(at, end)), field, value: `${end - at} bytes`, meaning }];
}

/** The fixed fields of a layout at `at`, as far as `end` lets them be there. */
function dumpFields(of: Layout, bytes: Uint8Array, at: number, end: number): DumpLine[] {
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

function dumpPayload(name: PacketName, bytes: Uint8Array, at: number, end: number): DumpLine[] {
  const of: Layout = payloads[name].layout;
  const lines = dumpFields(of, bytes, at, end);
  const tail = at + of.bytes;
  if (name === "input") {
    let from = tail;
    for (; from < end; from += inputLayout.bytes) lines.push(...dumpFields(inputLayout, bytes, from, end));
    return lines;
  }
  const inner =
    name === "reliable" && tail <= end
      ? nameOfType(bytes[at + reliableLayout.fields.innerType.at] as number)
      : undefined;
  if (inner === "input" || inner === "control") return [...lines, ...dumpPayload(inner, bytes, tail, end)];
  return [...lines, ...rest(bytes, tail, end, `${of.name} data`, of.tail.doc)];
}

const errorTexts: Record<WireError, string> = {
  short: "too short",
  magic: 'does not begin with "ROOT"',
  "version-1": "protocol version 1, whose encryption is unsafe",
  version: "unknown protocol version",
  type: "unknown packet type",
  flags: "reserved or contradictory flags",
  counter: "counter out of range (a handshake has 0)",
  length: "sizes do not agree",
  reserved: "a reserved field is not 0",
  range: "a value is out of range",
  text: "text is not fit to show",
};

const remark = (field: string, meaning: string): DumpLine => ({ offset: -1, hex: "", field, value: "", meaning });
const verdict = (error: WireError | undefined): DumpLine[] =>
  error ? [remark("refused", `${error}: ${errorTexts[error]}`)] : [];

/** One packet: all of `bytes`. */
export function inspectPacket(bytes: Uint8Array): DumpLine[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.length;
  const lines = dumpFields(headerLayout, bytes, 0, end);
  const error = checkPacket(view, 0, end);
  if (end < headerBytes) return [...lines, ...verdict(error)];
  const name = nameOfType(header.type(view, 0));
  const size = header.payloadSize(view, 0);
  const isPlain = name !== undefined && end === headerBytes + size;
  if (isPlain && (error === undefined || (error === "length" && payloads[name].sealed))) {
    lines.push(...dumpPayload(name, bytes, headerBytes, end));
    if (payloads[name].sealed) lines.push(remark("plaintext", "no MAC: a packet as it is before sealing"));
    return [...lines, ...verdict(checkPayload(packetType[name], view, headerBytes, size))];
  }
  if (error) return [...lines, ...rest(bytes, headerBytes, end, "payload", "not looked into"), ...verdict(error)];
  return [
    ...lines,
    ...rest(bytes, headerBytes, headerBytes + size, "sealed payload", `${name}, readable with the session's key only`),
    ...rest(bytes, headerBytes + size, end, "mac", "Poly1305 tag"),
  ];
}

const startsPacket = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 0x54 && bytes[at + 1] === 0x4f && bytes[at + 2] === 0x4f && bytes[at + 3] === 0x52;

/** Where the packet at `at` ends: with MAC or without, whichever is followed by another packet or the end of the bytes. */
function packetEnd(bytes: Uint8Array, at: number): number {
  if (bytes.length - at < headerBytes || !startsPacket(bytes, at)) return bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const plain = at + headerBytes + header.payloadSize(view, at);
  const isEnd = (end: number) => end === bytes.length || (end < bytes.length && startsPacket(bytes, end));
  if (header.type(view, at) === packetType.handshake && isEnd(plain)) return plain;
  if (isEnd(plain + tagBytes)) return plain + tagBytes;
  return isEnd(plain) ? plain : bytes.length;
}

/** Cuts bytes that hold packets back to back. */
export function splitPackets(bytes: Uint8Array): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = packetEnd(bytes, at);
    out.push(bytes.subarray(at, end));
    at = end;
  }
  return out;
}

/** A line of hex digits; spaces, colons, 0x and a comment behind # do not count. Undefined when it is something else. */
export function parseHex(line: string): Uint8Array | undefined {
  const digits = line.replace(/#.*/, "").replaceAll(/0x|[\s:,-]/gi, "");
  return digits.length % 2 === 0 && /^[0-9a-f]*$/i.test(digits) ? Uint8Array.fromHex(digits) : undefined;
}

/** The packets in a file: lines of hex, one packet each, or packets back to back in binary. */
export function packetsOf(file: Uint8Array): Uint8Array[] {
  if (startsPacket(file, 0)) return splitPackets(file);
  const lines = new TextDecoder("latin1").decode(file).split("\n");
  const parsed = lines.map(parseHex);
  if (parsed.some((packet) => packet === undefined)) return splitPackets(file);
  return parsed.filter((packet): packet is Uint8Array => packet !== undefined && packet.length > 0);
}

/** Aligned text, one line a field. */
export function formatDump(lines: readonly DumpLine[]): string[] {
  const width = (of: (line: DumpLine) => string) => Math.max(0, ...lines.map((line) => of(line).length));
  const [hex, field, value] = [width((line) => line.hex), width((line) => line.field), width((line) => line.value)];
  return lines.map((line) => {
    const offset = line.offset < 0 ? "" : String(line.offset);
    return `${offset.padStart(5)}  ${line.hex.padEnd(hex)}  ${line.field.padEnd(field)}  ${line.value.padStart(value)}  ${line.meaning}`.trimEnd();
  });
}
