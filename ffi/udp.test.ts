/**
 * What the native socket puts on the wire is, byte for byte, what the TypeScript reference makes (src/wire/fragment.ts sealed by
 * the noble cipher), received through the native ring. What every socket must do is in tests/conformance.
 */

import { ptr } from "bun:ffi";
import { expect, test } from "bun:test";
import { Prng } from "../src/base/prng.ts";
import { nobleCipher } from "../src/secure/cipher-noble.ts";
import { chunkCount, packetRoom, writeChunkPacket } from "../src/wire/fragment.ts";
import { headerBytes } from "../src/wire/root.ts";
import type { Address, UdpSocket } from "./interfaces.ts";
import { openUdp } from "./udp.ts";

/** A socket on loopback that keeps what it receives. */
class Receiver {
  readonly packets: string[] = [];
  readonly socket: UdpSocket;
  #enough: (() => void) | undefined;
  #wanted = 0;

  constructor() {
    const opened = openUdp({ address: "127.0.0.1", port: 0 }, () => this.#take());
    if (!opened.ok) throw new Error(opened.message);
    this.socket = opened.value;
  }

  #take(): void {
    this.socket.rearm();
    this.socket.drain(({ buffer, start, size }) => this.packets.push(buffer.subarray(start, start + size).toHex()));
    if (this.packets.length >= this.#wanted) this.#enough?.();
  }

  count(wanted: number): Promise<void> {
    this.#wanted = wanted;
    if (this.packets.length >= wanted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#enough = resolve;
    });
  }
}

function addressFor(socket: UdpSocket, host: string, port: number): Address {
  const address = socket.address(host, port);
  if (!address.ok) throw new Error(address.message);
  return address.value;
}

function reference(
  frame: Uint8Array,
  key: Uint8Array,
  counter: number,
  head: { frameId: number; flags: number; captureUs: number },
) {
  return Array.from({ length: chunkCount(frame.length) }, (_, index) => {
    const packet = new Uint8Array(packetRoom);
    const size = writeChunkPacket(frame, index, head, counter + index, packet, new DataView(packet.buffer), 0);
    nobleCipher.seal(key, counter + index, packet, 0, size - headerBytes);
    return packet.subarray(0, size + 16).toHex();
  });
}

test("frames go out byte for byte as the reference cuts and seals them, at once and paced", async () => {
  const random = new Prng(3);
  const receiver = new Receiver();
  const to = addressFor(receiver.socket, "127.0.0.1", receiver.socket.port);
  const wanted: string[] = [];
  let counter = 2 ** 32 - 100;
  const sizes = [
    1,
    1341,
    1342,
    1343,
    2684,
    32 * 1342,
    32 * 1342 + 1,
    200_003,
    ...Array.from({ length: 30 }, () => 1 + random.below(90_000)),
  ];
  for (const [index, size] of sizes.entries()) {
    const frame = random.bytes(size);
    const key = random.bytes(32);
    const head = {
      frameId: random.u32(),
      flags: (index % 2) | (random.below(4) << 4),
      captureUs: random.u32() * random.below(2 ** 20),
    };
    const spreadUs = index % 3 === 0 ? 0 : random.below(4000);
    const sent = receiver.socket.sendFrame(to, key, counter, {
      address: ptr(frame),
      size,
      frameId: head.frameId,
      chunkFlags: head.flags,
      captureUs: head.captureUs,
      spreadUs,
    });
    expect(sent).toBe(chunkCount(size));
    wanted.push(...reference(frame, key, counter, head));
    counter += sent;
    // An ordinary user's receive buffer holds one frame, not all of them.
    await receiver.count(wanted.length);
  }
  expect(receiver.packets).toEqual(wanted);
  expect(receiver.socket.stats()).toMatchObject({
    sent: wanted.length,
    sendErrors: 0,
    droppedKernel: 0,
    droppedRingFull: 0,
  });
  receiver.socket.close();
});

const loopback6 = openUdp({ address: "::1", port: 0 }, () => undefined);
if (loopback6.ok) loopback6.value.close();
const why = loopback6.ok ? "" : ` (skipped: no IPv6 on loopback, ${loopback6.message})`;

test.skipIf(!loopback6.ok)(`an IPv6 peer has the key that its literal address has${why}`, async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const opened = openUdp({ address: "::", port: 0 }, resolve);
  if (!opened.ok) throw new Error(opened.message);
  const socket = opened.value;
  const to = addressFor(socket, "[::1]", socket.port);
  expect(to.host).toBe("::1");
  socket.send(to, new Uint8Array(3), 3);
  await promise;
  const senders: Address[] = [];
  const keys: number[] = [];
  socket.drain((datagram) => {
    senders.push(socket.addressOf(datagram));
    keys.push(datagram.addressKey);
  });
  expect(keys).toEqual([to.key]);
  expect(senders).toMatchObject([{ key: to.key, host: "::1", port: socket.port }]);
  socket.close();
});

test("closing sockets while wake-ups are on their way is harmless", async () => {
  let woken = 0;
  for (let i = 0; i < 50; i++) {
    const opened = openUdp({ address: "127.0.0.1", port: 0, slots: 16 }, () => woken++);
    if (!opened.ok) throw new Error(opened.message);
    const socket = opened.value;
    socket.send(addressFor(socket, "127.0.0.1", socket.port), new Uint8Array(8), 8);
    while (socket.drain(() => undefined) === 0);
    socket.close();
    socket.close();
  }
  await Bun.sleep(0);
  expect(woken).toBe(0);
});
