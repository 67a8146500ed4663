/**
 * Differential fuzz of ITKP: `bun tests/fuzz/itkp.ts [--seconds N] [--seed N]`. Every mutated message goes to the TypeScript decoder and
 * to the C one, built under AddressSanitizer, each input in memory of its size. Both must say the same, word for word, and
 * what they take they must encode to the same bytes. Ends with the failing input as hex.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Prng } from "../../src/base/prng.ts";
import { crc32 } from "../../src/wire/crc32.ts";
import { decode, decodeUnchecked, encodeUnchecked, type ItkpError, type ItkpResult } from "../../src/wire/itkp.ts";
import { snakeCase } from "../../src/wire/itkp-c.ts";
import { MessageCutter } from "../../src/wire/itkp-cutter.ts";
import { buildPeer, verdictsOf } from "../c/itkp-peer.ts";
import { itkpCases, itkpRefusals } from "../vectors/itkp.ts";
import { type FuzzReport, fuzzLong } from "./long.ts";

const corpus: readonly Uint8Array[] = [...itkpCases, ...itkpRefusals].map(({ bytes }) => bytes);
const telling = [0, 1, 2, 0x7f, 0x80, 0xbf, 0xc3, 0xe2, 0xed, 0xf0, 0xfe, 0xff];

function mutate(random: Prng): Uint8Array {
  const pick = () => corpus[random.below(corpus.length)] as Uint8Array;
  let bytes = pick().slice();
  for (let times = random.below(5); times > 0; times--) {
    const at = random.below(Math.max(1, bytes.length));
    const kind = random.below(6);
    if (kind === 0) bytes = bytes.slice(0, at);
    else if (kind === 1) bytes = new Uint8Array([...bytes, ...random.bytes(random.below(40))]);
    else if (kind === 2) bytes = new Uint8Array([...bytes.subarray(0, at), ...pick().subarray(20)]);
    else if (bytes.length > 0)
      bytes[at] = kind === 3 ? random.u32() : (telling[random.below(telling.length)] as number);
  }
  // A size and a checksum that fit let the payload be reached.
  if (bytes.length < 20 || random.below(4) === 0) return bytes;
  const head = new DataView(bytes.buffer);
  head.setUint32(12, bytes.length - 20, true);
  head.setUint32(16, crc32(bytes, 20), true);
  return bytes;
}

function told(result: ItkpResult<unknown>): string {
  if (result.ok) return "Ok|0|0||";
  const error = result.error as ItkpError & { [name: string]: string | number | undefined };
  const { expected, need, got, have, field, reason } = error;
  return [error.name, expected ?? need ?? 0, got ?? have ?? 0, field ? snakeCase(String(field)) : "", reason].join("|");
}

/** What the C side should print. */
export function verdict(bytes: Uint8Array): string {
  const raw = decodeUnchecked(bytes);
  const again = raw.ok ? encodeUnchecked(raw.value.name, raw.value.payload as never) : raw;
  if (raw.ok && !again.ok) throw new Error(`decodes but does not encode: ${bytes.toHex()}`);
  return `${told(decode(bytes))}|${told(raw)}|${again.ok ? again.value.toHex() : ""}`;
}

/** JavaScript has one NaN only, so of what is not allowed the length is compared. */
const comparable = (line: string): string => {
  const hex = line.slice(line.lastIndexOf("|") + 1);
  return line.startsWith("Ok|") ? line : `${line.slice(0, line.length - hex.length)}${hex.length}`;
};

function tryCutter(random: Prng, bytes: Uint8Array): void {
  const cutter = new MessageCutter();
  let cut = 0;
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(30);
    if (cutter.push(bytes.subarray(at, at + size), (message) => (cut += message.length))) return;
    at += size;
  }
  const rest = cutter.end();
  const have = rest && "have" in rest ? rest.have : 0;
  if (cut + have !== bytes.length) throw new Error(`the cutter lost bytes: ${bytes.toHex()}`);
}

/** Runs batches of 5000 until `enough` says so, or to the first difference. */
export async function fuzzItkp(seed: number, enough: (runs: number) => boolean): Promise<FuzzReport> {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-itkp-"));
  const program = join(folder, "peer");
  const random = new Prng(seed);
  let [runs, accepted] = [0, 0];
  try {
    await buildPeer("c11", program, ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
    while (!enough(runs)) {
      const inputs = Array.from({ length: 5000 }, () => mutate(random));
      const lines = await verdictsOf(program, inputs);
      for (const [at, bytes] of inputs.entries()) {
        const [here, there] = [verdict(bytes), lines[at] ?? ""];
        if (comparable(here) !== comparable(there))
          return { runs, accepted, failure: `TypeScript: ${here}\nC:          ${there}\ninput: ${bytes.toHex()}` };
        if (here.startsWith("Ok|")) accepted++;
        tryCutter(random, bytes);
        runs++;
      }
    }
    return { runs, accepted, failure: undefined };
  } catch (cause) {
    return { runs, accepted, failure: String(cause) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) await fuzzLong("itkp", fuzzItkp);
