/**
 * Explains RootStream packets, and ds-stream frames by ds-inspect.ts: every field with offset, bytes, value and meaning, and why a
 * receiver would refuse it (RootStream sections 3 and 4). Pure: bytes or text in, lines out. It opens no seal: of a sealed packet it shows the
 * header and sizes. A packet without a MAC (as a sender has it before sealing) is shown in full.
 */
import { inspectFrame, looksLikeFrame } from "./ds-inspect.ts";
import { type DumpLine, dumpFields, remark, rest, verdict } from "./dump.ts";
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
import type { Layout } from "./schema.ts";

export type { DumpLine } from "./dump.ts";

const nameOfType = (type: number): PacketName | undefined =>
  (Object.keys(packetType) as PacketName[]).find((name) => packetType[name] === type);

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

/** One packet or ds-stream frame: all of `bytes`. */
export function inspectPacket(bytes: Uint8Array): DumpLine[] {
  if (!startsPacket(bytes, 0) && looksLikeFrame(bytes, 0) === bytes.length) return inspectFrame(bytes);
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
  if (!startsPacket(bytes, at)) return looksLikeFrame(bytes, at) ?? bytes.length;
  if (bytes.length - at < headerBytes) return bytes.length;
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
