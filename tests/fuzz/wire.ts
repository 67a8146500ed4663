/**
 * Seeded mutation fuzz of every decoder of src/wire: `bun tests/fuzz/wire.ts [--seconds N] [--seed N]`. Seeds are the hand-written
 * vectors. A decoder may refuse or accept but never throw, never read outside its bytes, and what it accepts encodes to bytes
 * that decode to the same. Ends with the failing input as hex, ready to become a vector.
 */
import { Prng } from "../../src/base/prng.ts";
import { inspectPacket, packetsOf } from "../../src/wire/inspect.ts";
import { Reassembler } from "../../src/wire/reassembly.ts";
import {
  checkPacket,
  checkPayload,
  decodeIdentity,
  decodePayload,
  encodeIdentity,
  encodePayload,
  type PacketName,
  packetType,
  wireErrors,
} from "../../src/wire/root.ts";
import {
  handshakeDatagram,
  headers,
  identityCase,
  payloadCases,
  refusedDatagrams,
  refusedPayloads,
} from "../vectors/root.ts";
import { type FuzzReport, fuzzLong } from "./long.ts";

const names = Object.keys(packetType) as PacketName[];
const corpus: readonly Uint8Array[] = [
  ...headers.map((one) => one.bytes),
  ...payloadCases.map((one) => one.bytes),
  ...refusedDatagrams.map((one) => one.bytes),
  ...refusedPayloads.map((one) => one.bytes),
  identityCase.bytes,
  handshakeDatagram,
];

const telling = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff];

function mutate(random: Prng): Uint8Array {
  let bytes = (corpus[random.below(corpus.length)] as Uint8Array).slice();
  for (let times = random.below(5); times > 0; times--) {
    const at = random.below(Math.max(1, bytes.length));
    const kind = random.below(6);
    if (kind === 0) bytes = bytes.slice(0, at);
    else if (kind === 1) bytes = new Uint8Array([...bytes, ...random.bytes(random.below(40))]);
    else if (kind === 2)
      bytes = new Uint8Array([...bytes.subarray(0, at), ...(corpus[random.below(corpus.length)] as Uint8Array)]);
    else if (bytes.length > 0)
      bytes[at] = kind === 3 ? random.u32() : (telling[random.below(telling.length)] as number);
  }
  return bytes.slice(0, 3000);
}

function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Fields behind those known are skipped, so equal means equal fields and equal tails. */
function tryPayload(name: PacketName, bytes: Uint8Array): boolean {
  const decoded = decodePayload(name, bytes);
  if (!decoded.ok) {
    must(wireErrors.includes(decoded.error), `${name}: error without a name: ${decoded.error}`);
    return false;
  }
  const again = encodePayload(name, decoded.value.fields, decoded.value.tail);
  must(again.toHex() === bytes.toHex(), `${name}: encodes to other bytes`);
  return true;
}

/** The verdict must not depend on what lies around the bytes. */
function trySurroundings(bytes: Uint8Array): void {
  const room = new Uint8Array(bytes.length + 64).fill(0xff);
  room.set(bytes, 32);
  const exact = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const inside = new DataView(room.buffer);
  must(checkPacket(exact, 0, bytes.length) === checkPacket(inside, 32, bytes.length), "checkPacket reads outside");
  for (let type = 0; type < 12; type++) {
    const verdict = checkPayload(type, exact, 0, bytes.length);
    must(verdict === checkPayload(type, inside, 32, bytes.length), `checkPayload ${type} reads outside`);
  }
}

function tryIdentity(bytes: Uint8Array): boolean {
  const decoded = decodeIdentity(bytes);
  if (!decoded.ok) return false;
  const again = encodeIdentity(decoded.value);
  must(again.toHex() === bytes.subarray(0, again.length).toHex(), "identity encodes to other bytes");
  return true;
}

/** Runs until `enough` says so, given the runs so far; or to the first failure. */
export function fuzzWire(seed: number, enough: (runs: number) => boolean): FuzzReport {
  const random = new Prng(seed);
  const reassembler = new Reassembler();
  let accepted = 0;
  let runs = 0;
  for (; !enough(runs); runs++) {
    const bytes = mutate(random);
    try {
      trySurroundings(bytes);
      let isTaken = tryIdentity(bytes);
      for (const name of names) isTaken = tryPayload(name, bytes) || isTaken;
      if (isTaken) accepted++;
      inspectPacket(bytes);
      for (const packet of packetsOf(bytes)) must(packet.length > 0, "an empty packet in a file");
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const whole = reassembler.push(bytes, view, 0, bytes.length, runs * 1000);
      must(!whole || (whole.size >= 1 && whole.size <= whole.buffer.length), "a whole frame outside its buffer");
      if (runs % 64 === 0) reassembler.expire(runs * 1000);
      if (runs % 1024 === 0) reassembler.reset();
    } catch (cause) {
      return { runs, accepted, failure: `${cause}\ninput: ${bytes.toHex()}` };
    }
  }
  return { runs, accepted, failure: undefined };
}

if (import.meta.main) await fuzzLong("wire", fuzzWire);
