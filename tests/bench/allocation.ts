/**
 * Shows what a packet costs JavaScript's heap on its way in and out, over loopback: `bun tests/bench/allocation.ts [PACKETS]`. The
 * collector is switched off in a second process of this program, so that every byte allocated stays and is counted; the
 * first row allocates on purpose and shows that the count can see it. A packet that allocates nothing reads 0.0 B.
 */
import { nativeCipher } from "../../ffi/aead.ts";
import type { Address, Datagram, UdpSocket } from "../../ffi/interfaces.ts";
import { ptr } from "../../ffi/library.ts";
import { openUdp } from "../../ffi/udp.ts";
import type { PacketCipher } from "../../src/secure/cipher.ts";
import { nobleCipher } from "../../src/secure/cipher-noble.ts";
import { header, headerBytes, packetType, putHeader, tagBytes } from "../../src/wire/root.ts";
import { table } from "./table.ts";

const collectorOff = { BUN_JSC_useGC: "0" };
/** Packets of one frame; few enough for any receive buffer. */
const framePackets = 40;
const frameBytes = framePackets * 1342;
const payloadBytes = 1366;

interface Row {
  name: string;
  packets: number;
  seconds: number;
  heapBytes: number;
}

interface Pair {
  sender: UdpSocket;
  receiver: UdpSocket;
  to: Address;
}

function must<T>(result: { ok: true; value: T } | { ok: false; message: string }): T {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

function openPair(onWake: () => void = () => undefined): Pair {
  const sender = must(openUdp({ address: "127.0.0.1", port: 0 }, () => undefined));
  const receiver = must(openUdp({ address: "127.0.0.1", port: 0 }, onWake));
  return { sender, receiver, to: must(sender.address("127.0.0.1", receiver.port)) };
}

const heapBytes = (): number => process.memoryUsage().heapUsed;

/** `turn` handles `packets` packets a call. The warm-up lets the compiler finish, which allocates as well. */
function measure(name: string, packets: number, total: number, turn: () => void): Row {
  const turns = Math.ceil(total / packets);
  for (let i = 0; i < turns; i++) turn();
  const before = heapBytes();
  const begin = Bun.nanoseconds();
  for (let i = 0; i < turns; i++) turn();
  const seconds = (Bun.nanoseconds() - begin) / 1e9;
  return { name, packets: turns * packets, seconds, heapBytes: heapBytes() - before };
}

/** The frame that all rows send: one call for 40 packets. */
class Frames {
  counter = 0;
  readonly key = new Uint8Array(32).fill(7);
  readonly #bytes = new Uint8Array(frameBytes).fill(3);
  readonly #frame = {
    address: ptr(this.#bytes),
    size: frameBytes,
    frameId: 0,
    chunkFlags: 0,
    captureUs: 1,
    spreadUs: 0,
  };
  send({ sender, to }: Pair): void {
    const sent = sender.sendFrame(to, this.key, this.counter, this.#frame);
    if (sent !== framePackets) throw new Error(`${sent} packets instead of ${framePackets}`);
    this.#frame.frameId++;
    this.counter += sent;
  }
}

/** Sends a frame and drains it, handing each packet to `handle`. */
function receiveTurn(pair: Pair, frames: Frames, handle: (datagram: Datagram) => void): () => void {
  return () => {
    frames.send(pair);
    for (let got = 0; got < framePackets; ) got += pair.receiver.drain(handle);
  };
}

function opener(cipher: PacketCipher, key: Uint8Array): (datagram: Datagram) => void {
  return ({ buffer, view, start, size }) => {
    const counter = header.counter(view, start);
    if (cipher.open(key, counter, buffer, start, size - headerBytes) < 0) throw new Error("a packet is forged");
  };
}

/** The whole way through the event loop: the native thread wakes it, the callback rearms and drains. */
function receiveByWakes(total: number): Promise<Row> {
  const frames = new Frames();
  return new Promise((resolve) => {
    let got = 0;
    let before = 0;
    let begin = 0;
    const pair = openPair(() => {
      pair.receiver.rearm();
      const drained = pair.receiver.drain(handle);
      if (drained === 0) return;
      got += drained;
      if (before === 0 && got >= total) {
        got = 0;
        before = heapBytes();
        begin = Bun.nanoseconds();
      }
      if (before > 0 && got >= total) {
        const seconds = (Bun.nanoseconds() - begin) / 1e9;
        resolve({ name: "receive and open, by wake-ups", packets: got, seconds, heapBytes: heapBytes() - before });
        pair.sender.close();
        pair.receiver.close();
      } else if (got % framePackets === 0) frames.send(pair);
    });
    const handle = opener(nativeCipher(), frames.key);
    frames.send(pair);
  });
}

function sealAndSend(cipher: PacketCipher, pair: Pair): () => void {
  const packet = new Uint8Array(headerBytes + payloadBytes + tagBytes);
  const view = new DataView(packet.buffer);
  const key = new Uint8Array(32).fill(7);
  let counter = 0;
  return () => {
    for (let i = 0; i < framePackets; i++) {
      putHeader(view, 0, packetType.video, counter, payloadBytes);
      cipher.seal(key, counter++, packet, 0, payloadBytes);
      if (!pair.sender.send(pair.to, packet, packet.length)) throw new Error("the system takes no packet");
    }
    // Nothing is dropped for want of room, which would be quicker than receiving.
    for (let got = 0; got < framePackets; ) got += pair.receiver.drain(ignore);
  };
}

const ignore = (): void => undefined;

async function rows(total: number): Promise<Row[]> {
  const cipher = nativeCipher();
  const pair = openPair();
  const frames = new Frames();
  const held: unknown[] = [undefined];
  const allocate = (datagram: Datagram) => {
    held[0] = { size: datagram.size };
  };
  const measured = [
    measure("receive, one small object a packet (control)", framePackets, total, receiveTurn(pair, frames, allocate)),
    measure("receive", framePackets, total, receiveTurn(pair, frames, ignore)),
    measure("receive and open, native", framePackets, total, receiveTurn(pair, frames, opener(cipher, frames.key))),
    await receiveByWakes(total),
    measure("seal and send one by one, native", framePackets, total, sealAndSend(cipher, pair)),
    measure("seal and send one by one, noble", framePackets, total / 10, sealAndSend(nobleCipher, pair)),
  ];
  pair.sender.close();
  pair.receiver.close();
  return measured;
}

if (process.env.BUN_JSC_useGC === collectorOff.BUN_JSC_useGC) {
  const total = Number(process.argv[2] ?? 200_000);
  const measured = await rows(total);
  console.log("JavaScript heap a packet of 1400 B, over loopback");
  console.log(
    table(
      ["path", "packets", "packets/s", "heap B/packet"],
      measured.map(({ name, packets, seconds, heapBytes }) => [
        name,
        packets,
        Math.round(packets / seconds),
        (heapBytes / packets).toFixed(1),
      ]),
    ),
  );
} else {
  const child = Bun.spawn([process.execPath, import.meta.path, ...process.argv.slice(2)], {
    env: { ...process.env, ...collectorOff },
    stdio: ["ignore", "inherit", "inherit"],
  });
  process.exitCode = await child.exited;
}
