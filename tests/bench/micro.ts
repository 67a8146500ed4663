/** Single functions of the hot path, in a loop: the packet ciphers, the header's checks and accessors, the replay window. */
import { headerBytes, type PacketCipher, tagBytes } from "../../src/secure/cipher.ts";
import { nobleCipher } from "../../src/secure/cipher-noble.ts";
import { ReplayWindow } from "../../src/secure/replay.ts";
import { checkPacket, decodePayload, encodePayload, header, packetType, putHeader } from "../../src/wire/root.ts";
import { Missing } from "./children.ts";
import { median } from "./meter.ts";
import { type Cell, table } from "./table.ts";

export interface MicroResult {
  name: string;
  value: number;
  unit: "ns" | "MB/s";
}

const batches = 7;
const batchNs = 40e6;

/** Nanoseconds a call, the median of several batches after a warm-up. `work` gets a running number. */
function nanosecondsOf(work: (i: number) => void): number {
  let calls = 1;
  const run = () => {
    const begin = Bun.nanoseconds();
    for (let i = 0; i < calls; i++) work(i);
    return Bun.nanoseconds() - begin;
  };
  while (run() < batchNs / 4) calls *= 2;
  calls *= 4;
  return median(Array.from({ length: batches }, () => run() / calls));
}

/** The native cipher, if the shim has been built; without it even its module cannot be loaded. */
async function loadNativeCipher(): Promise<PacketCipher> {
  try {
    const { nativeCipher } = await import("../../ffi/aead.ts");
    return nativeCipher();
  } catch (cause) {
    throw new Missing(`the shim cannot be loaded, run \`npm run shim\` (${String(cause).split("\n")[0]})`);
  }
}

/** Opening undoes sealing, so that each turn of the loop finds the same bytes; half the time is each one's. */
function cipherSpeeds(cipher: PacketCipher, plainSize: number): MicroResult[] {
  const key = new Uint8Array(32).fill(7);
  const buffer = new Uint8Array(headerBytes + plainSize + tagBytes).fill(3);
  const sealing = nanosecondsOf((i) => cipher.seal(key, i, buffer, 0, plainSize));
  cipher.seal(key, 1, buffer, 0, plainSize);
  const sealed = buffer.slice();
  const opening = nanosecondsOf(() => {
    buffer.set(sealed);
    if (cipher.open(key, 1, buffer, 0, plainSize + tagBytes) !== plainSize)
      throw new Error("the cipher refused its own");
  });
  const speed = (ns: number) => (plainSize / ns) * 1000;
  return [
    { name: `${cipher.name} seal, ${plainSize} B`, value: speed(sealing), unit: "MB/s" },
    { name: `${cipher.name} open, ${plainSize} B`, value: speed(opening), unit: "MB/s" },
  ];
}

/** Results flow in here, so that no loop is optimised away. */
export let sink = 0;

function wireSpeeds(): MicroResult[] {
  const packet = new Uint8Array(1200);
  const view = new DataView(packet.buffer);
  putHeader(view, 0, packetType.video, 42, packet.length - headerBytes - tagBytes);
  const ping = encodePayload("ping", { timeUs: 1e12, lastFrameId: 7 });
  const ns = (name: string, work: (i: number) => void): MicroResult => ({
    name,
    value: nanosecondsOf(work),
    unit: "ns",
  });
  return [
    ns("check a packet's header", () => {
      if (checkPacket(view, 0, packet.length)) throw new Error("the header was refused");
    }),
    ns("read type and counter", () => {
      sink += header.type(view, 0) + header.counter(view, 0);
    }),
    ns("write a header", (i) => putHeader(view, 0, packetType.video, i, 1166)),
    ns("decode a ping into an object", () => {
      sink += decodePayload("ping", ping).ok ? 1 : 0;
    }),
  ];
}

function replaySpeed(): MicroResult {
  const window = new ReplayWindow();
  let next = 0;
  const value = nanosecondsOf(() => {
    // Nearly in order, as a network delivers: every pair swapped.
    const counter = next++ ^ 1;
    if (window.check(counter) !== "fresh") throw new Error("a new counter was refused");
    window.accept(counter);
  });
  return { name: "replay window, check and accept", value, unit: "ns" };
}

export async function microbench(): Promise<MicroResult[]> {
  const results = [1200, 65536].flatMap((size) => cipherSpeeds(nobleCipher, size));
  try {
    const native = await loadNativeCipher();
    results.push(...[1200, 65536].flatMap((size) => cipherSpeeds(native, size)));
  } catch (reason) {
    if (!(reason instanceof Missing)) throw reason;
    console.log(`  without the native cipher: ${reason.message}`);
  }
  results.push(...wireSpeeds(), replaySpeed());
  const noble = (name: string) =>
    results.find((r) => r.unit === "MB/s" && r.name === name.replace(/^\S+/, nobleCipher.name));
  const rows = results.map(({ name, value, unit }): Cell[] => {
    const reference = unit === "MB/s" ? noble(name)?.value : undefined;
    return [name, value, unit, reference ? `${(value / reference).toFixed(1)} x` : ""];
  });
  console.log(`\n${table(["function", "median", "unit", "to noble"], rows)}`);
  return results;
}
