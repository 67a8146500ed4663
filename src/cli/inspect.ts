/** `patchbay inspect`: packets from hexadecimal text, a file or standard input, explained. Reads no key and changes nothing. */
import { readFileSync } from "node:fs";
import { limits } from "../base/limits.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { formatDump, inspectPacket, packetsOf, parseHex } from "../wire/inspect.ts";
import { printJson, printLine } from "./output.ts";
import type { Parsed } from "./parse.ts";

export async function run({ positionals, flags }: Parsed<"inspect">): Promise<Result<void>> {
  const packets = readPackets(positionals.input);
  if (!packets.ok) return packets;
  if (flags.json) {
    printJson(packets.value.map((packet) => ({ size: packet.length, fields: inspectPacket(packet) })));
    return ok(undefined);
  }
  for (const [i, packet] of packets.value.entries()) {
    if (packets.value.length > 1) printLine(`${i === 0 ? "" : "\n"}packet ${i + 1}, ${packet.length} bytes`);
    for (const line of formatDump(inspectPacket(packet))) printLine(line);
  }
  return ok(undefined);
}

/** A file wins over hexadecimal text that happens to be its name. */
function readPackets(input: string): Result<readonly Uint8Array[]> {
  const bytes = readInput(input);
  if (!bytes.ok) return bytes;
  const packets = packetsOf(bytes.value);
  return packets.length > 0
    ? ok(packets)
    : fail("bad-data", `There are no bytes in ${input === "-" ? "the input" : input}.`);
}

function readInput(input: string): Result<Uint8Array> {
  try {
    const bytes = readFileSync(input === "-" ? 0 : input);
    if (bytes.length <= limits.inspectBytes) return ok(bytes);
    return fail("bad-data", `${input} has ${bytes.length} bytes; at most ${limits.inspectBytes} can be explained.`);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const hex = code === "ENOENT" || code === "ENAMETOOLONG" ? parseHex(input) : undefined;
    if (hex && hex.length > 0) return ok(hex);
    if (/^[0-9a-f\s]+$/i.test(input)) return fail("bad-data", `"${input}" has an odd number of hexadecimal digits.`);
    if (code === "ENOENT") return fail("no-input", `"${input}" is neither a file nor hexadecimal text.`);
    return fail("no-input", `${input} cannot be read: ${message}.`);
  }
}
