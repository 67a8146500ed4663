/** What every UdpSocket does, held against the native one over loopback and the fake one over the network in memory. */

import { afterEach, describe, expect, test } from "bun:test";
import { fakeUdp, lend } from "../../ffi/fake.ts";
import type { Address, UdpSocket } from "../../ffi/interfaces.ts";
import { ptr } from "../../ffi/library.ts";
import { openUdp, type UdpSettings } from "../../ffi/udp.ts";
import { ManualClock } from "../../src/base/clock.ts";
import { Prng } from "../../src/base/prng.ts";
import type { Result } from "../../src/base/result.ts";
import { MemoryNetwork } from "../../src/net/memory.ts";
import { nobleCipher } from "../../src/secure/cipher-noble.ts";
import { chunk, chunkBytes, chunkDataLimit, chunkFlag, header, headerBytes } from "../../src/wire/root.ts";
import { aWhile, must, realTurn, until, type World } from "./world.ts";

interface UdpWorld extends World {
  open(settings: UdpSettings, onWake: () => void): Result<UdpSocket>;
  /** A native address for sendFrame; the bytes are kept by the test. */
  addressOfBytes(bytes: Uint8Array): number;
}

const real: UdpWorld = { name: "native", open: openUdp, turn: realTurn, addressOfBytes: (bytes) => ptr(bytes) };

function fakeWorld(): UdpWorld {
  const clock = new ManualClock();
  const network = new MemoryNetwork({ seed: 1, clock });
  return {
    name: "fake",
    open: fakeUdp(network, nobleCipher),
    turn: async () => network.run(clock, 1000),
    addressOfBytes: lend,
  };
}

/** Some machines have no IPv6, others none on loopback. */
const loopback6 = openUdp({ address: "::1", port: 0 }, () => undefined);
if (loopback6.ok) loopback6.value.close();

for (const world of [real, fakeWorld()]) describe(`UDP socket, ${world.name}`, () => suite(world));

function suite(world: UdpWorld): void {
  const opened: UdpSocket[] = [];
  afterEach(() => {
    for (const socket of opened.splice(0)) socket.close();
  });

  const open = (settings: Partial<UdpSettings> = {}, onWake: () => void = () => undefined): UdpSocket => {
    const socket = must(world.open({ address: "127.0.0.1", port: 0, ...settings }, onWake));
    opened.push(socket);
    return socket;
  };
  const to = (from: UdpSocket, socket: UdpSocket, host = "127.0.0.1"): Address => must(from.address(host, socket.port));
  const received = (socket: UdpSocket, count: number) =>
    until(world, () => socket.stats().received + socket.stats().droppedRingFull >= count);
  const drainBytes = (socket: UdpSocket): Uint8Array[] => {
    const packets: Uint8Array[] = [];
    socket.drain(({ buffer, start, size }) => packets.push(buffer.slice(start, start + size)));
    return packets;
  };

  const hasIpv6 = world.name === "fake" || loopback6.ok;
  const why = hasIpv6 ? "" : " (skipped: this machine has no IPv6 on loopback)";

  test("a datagram arrives whole, with its sender and its time", async () => {
    const a = open();
    const b = open();
    expect(a.port).not.toBe(b.port);
    const data = new Prng(1).bytes(1400);
    expect(a.send(to(a, b), data, 1399)).toBe(true);
    await received(b, 1);
    let sender: Address | undefined;
    const count = b.drain((datagram) => {
      const { buffer, view, start, size } = datagram;
      expect(buffer.slice(start, start + size)).toEqual(data.subarray(0, 1399));
      expect(view.getUint8(start + 7)).toBe(data[7] as number);
      expect(Number.isSafeInteger(datagram.receivedUs)).toBe(true);
      expect(datagram.addressKey).toBe(to(b, a).key);
      sender = b.addressOf(datagram);
    });
    expect(count).toBe(1);
    expect(sender).toMatchObject({ key: to(b, a).key, host: "127.0.0.1", port: a.port });
    expect(b.send(sender as Address, data, 5)).toBe(true);
    await received(a, 1);
    expect(drainBytes(a)).toEqual([data.slice(0, 5)]);
    expect(b.stats()).toMatchObject({ received: 1, receivedBytes: 1399, sent: 1, sentBytes: 5, sendErrors: 0 });
  });

  test("wakes once until it is armed again", async () => {
    let woken = 0;
    const socket = open({}, () => woken++);
    const self = to(socket, socket);
    const data = new Uint8Array(10);
    for (let i = 0; i < 3; i++) socket.send(self, data, 10);
    await received(socket, 3);
    await until(world, () => woken > 0);
    expect(socket.drain(() => undefined)).toBe(3);
    socket.send(self, data, 10);
    await received(socket, 4);
    await aWhile(world);
    expect(woken).toBe(1);
    socket.rearm();
    expect(socket.drain(() => undefined)).toBe(1);
    socket.send(self, data, 10);
    await until(world, () => woken === 2);
  });

  test("hands out one datagram object again and again", async () => {
    const socket = open();
    for (let i = 0; i < 100; i++) socket.send(to(socket, socket), new Uint8Array([i]), 1);
    await received(socket, 100);
    const seen = new Set<unknown>();
    const first: number[] = [];
    socket.drain((datagram) => {
      seen.add(datagram);
      first.push(datagram.buffer[datagram.start] as number);
    });
    expect(seen.size).toBe(1);
    expect(first).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test("a full ring drops and counts the newest, and goes on when it is drained", async () => {
    const socket = open({ slots: 8 });
    const self = to(socket, socket);
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 20; i++) socket.send(self, new Uint8Array([round, i]), 2);
      await received(socket, (round + 1) * 20);
      expect(drainBytes(socket).map((bytes) => bytes[1])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    }
    expect(socket.stats()).toMatchObject({ received: 40, droppedRingFull: 60, droppedKernel: 0 });
  });

  test("empty datagrams arrive, oversized ones arrive cut, impossible ones are refused", async () => {
    const socket = open();
    const data = new Prng(2).bytes(70_000);
    expect(socket.send(to(socket, socket), data, 0)).toBe(true);
    expect(socket.send(to(socket, socket), data, 3000)).toBe(true);
    expect(socket.send(to(socket, socket), data, 70_000)).toBe(false);
    expect(() => socket.send(to(socket, socket), data, 70_001)).toThrow(RangeError);
    await received(socket, 2);
    expect(drainBytes(socket)).toEqual([new Uint8Array(0), data.slice(0, 2000)]);
    expect(socket.stats()).toMatchObject({ sent: 2, sendErrors: 1 });
  });

  /** Opens and joins the packets of one frame; throws for any that does not belong there. */
  const join = (packets: Uint8Array[], key: Uint8Array, counter: number, frameId: number, flags: number): string => {
    const parts = packets.map((packet, index) => {
      const view = new DataView(packet.buffer);
      expect(header.counter(view, 0)).toBe(counter + index);
      const plain = nobleCipher.open(key, counter + index, packet, 0, packet.length - headerBytes);
      expect(plain).toBe(packet.length - headerBytes - 16);
      expect(chunk.frameId(view, headerBytes)).toBe(frameId);
      expect(chunk.offset(view, headerBytes)).toBe(index * chunkDataLimit);
      const last = index === packets.length - 1 ? chunkFlag.last : 0;
      expect(chunk.flags(view, headerBytes)).toBe(flags | last);
      expect(chunk.timestampUs(view, headerBytes)).toBe(5_000_000_000 + frameId);
      return packet.subarray(headerBytes + chunkBytes, headerBytes + plain);
    });
    return parts.map((part) => part.toHex()).join("");
  };

  test("frames arrive in order, each packet under its own counter, at once and spread", async () => {
    const random = new Prng(3);
    const socket = open();
    const key = random.bytes(32);
    let counter = 2 ** 32 - 20;
    const frames = [1, chunkDataLimit, chunkDataLimit + 1, 50_000, 90_000, 7].map((size) => random.bytes(size));
    const begins: number[] = [];
    for (const [frameId, frame] of frames.entries()) {
      begins.push(counter);
      const address = world.addressOfBytes(frame);
      const spreadUs = frameId % 2 ? 3000 : 0;
      const wanted = {
        address,
        size: frame.length,
        frameId,
        chunkFlags: 17,
        captureUs: 5_000_000_000 + frameId,
        spreadUs,
      };
      const count = socket.sendFrame(to(socket, socket), key, counter, wanted);
      expect(count).toBe(Math.ceil(frame.length / chunkDataLimit));
      counter += count;
    }
    begins.push(counter);
    const total = counter - (begins[0] as number);
    await received(socket, total);
    const packets = drainBytes(socket);
    expect(packets.length).toBe(total);
    for (const [frameId, frame] of frames.entries()) {
      const from = (begins[frameId] as number) - (begins[0] as number);
      const own = packets.slice(from, (begins[frameId + 1] as number) - (begins[0] as number));
      expect(join(own, key, begins[frameId] as number, frameId, 17)).toBe(frame.toHex());
    }
    expect(socket.stats().sent).toBe(total);
  });

  test("a frame that finds no room in the send queue is refused whole", async () => {
    const socket = open({ slots: 65_536 });
    const other = open();
    const key = new Uint8Array(32);
    const frame = new Uint8Array(3 * 1024 * 1024);
    const address = world.addressOfBytes(frame);
    const spread = { address, size: frame.length, frameId: 1, chunkFlags: 0, captureUs: 1, spreadUs: 3600_000_000 };
    expect(socket.sendFrame(to(socket, other), key, 0, spread)).toBe(2345);
    expect(socket.sendFrame(to(socket, other), key, 5000, spread)).toBe(-1);
    expect(socket.sendFrame(to(socket, socket), key, 5000, { ...spread, size: 13_420, spreadUs: 0 })).toBe(10);
    await received(socket, 10);
    expect(socket.stats()).toMatchObject({ droppedSendFull: 1, sendErrors: 0, received: 10 });
  });

  test("frames of impossible sizes and keys are refused", () => {
    const socket = open();
    const key = new Uint8Array(32);
    const frame = {
      address: world.addressOfBytes(new Uint8Array(1)),
      size: 0,
      frameId: 1,
      chunkFlags: 0,
      captureUs: 1,
      spreadUs: 0,
    };
    expect(socket.sendFrame(to(socket, socket), key, 0, frame)).toBe(-1);
    expect(socket.sendFrame(to(socket, socket), key, 0, { ...frame, size: 16 * 1024 * 1024 + 1 })).toBe(-1);
    expect(() => socket.sendFrame(to(socket, socket), key.subarray(1), 0, { ...frame, size: 1 })).toThrow(RangeError);
    expect(socket.stats()).toMatchObject({ sent: 0, sendErrors: 2 });
  });

  test.skipIf(!hasIpv6)(`literal addresses have one form and one key; names and nonsense are refused${why}`, () => {
    const both = open({ address: "::" });
    const only4 = open();
    const v4 = must(both.address("127.0.0.1", 9876));
    expect(v4).toMatchObject({ host: "127.0.0.1", port: 9876, key: 0x7f000001 * 65536 + 9876 });
    expect(must(both.address("::ffff:127.0.0.1", 9876))).toMatchObject({ host: "127.0.0.1", key: v4.key });
    const v6 = must(both.address("[2001:DB8:0:0:0::1]", 9876));
    expect(v6.host).toBe("2001:db8::1");
    expect(must(both.address("2001:db8::1", 9876)).key).toBe(v6.key);
    expect(v6.key).toBeGreaterThanOrEqual(2 ** 52);
    expect(v6.key).toBeLessThan(2 ** 53);
    expect(must(both.address("2001:db8::1", 9877)).key).not.toBe(v6.key);
    expect(must(both.address("2001:db8::2", 9876)).key).not.toBe(v6.key);
    for (const host of [
      "localhost",
      "",
      "1.2.3",
      "1.2.3.4.5",
      "256.1.1.1",
      "01.2.3.4",
      "1.2.3.4 ",
      "::g",
      ":",
      "1.2.3.4\0",
    ])
      expect(both.address(host, 1)).toMatchObject({ ok: false, code: "usage" });
    for (const port of [0, 65536, -1, 1.5, Number.NaN])
      expect(both.address("1.2.3.4", port)).toMatchObject({ ok: false, code: "usage" });
    expect(only4.address("::1", 1)).toMatchObject({ ok: false, code: "usage" });
  });

  test.skipIf(!hasIpv6)(`a socket for both families sees an IPv4 sender as IPv4${why}`, async () => {
    const both = open({ address: "::" });
    const only4 = open();
    only4.send(to(only4, both), new Uint8Array(1), 1);
    both.send(to(both, both, "::1"), new Uint8Array(2), 2);
    await received(both, 2);
    const senders: Address[] = [];
    both.drain((datagram) => senders.push(both.addressOf(datagram)));
    expect(senders.map(({ host, port }) => [host, port]).sort()).toEqual([
      ["127.0.0.1", only4.port],
      ["::1", both.port],
    ]);
    for (const sender of senders) expect(must(both.address(sender.host, sender.port)).key).toBe(sender.key);
  });

  test("what cannot be opened is told in a sentence", () => {
    const socket = open();
    const taken = world.open({ address: "127.0.0.1", port: socket.port }, () => undefined);
    expect(taken).toMatchObject({ ok: false, code: "unavailable" });
    expect(taken.ok ? "" : taken.message).toBe(`UDP port ${socket.port} is in use by another program on this machine`);
    const foreign = world.open({ address: "192.0.2.1", port: 0 }, () => undefined);
    expect(foreign.ok ? "" : foreign.message).toBe("192.0.2.1 is not an address of this machine");
    const name = world.open({ address: "example", port: 0 }, () => undefined);
    expect(name).toMatchObject({ ok: false, code: "unavailable" });
    socket.close();
    expect(must(world.open({ address: "127.0.0.1", port: socket.port }, () => undefined)).close()).toBeUndefined();
  });

  test("a handler that throws has had its datagram; the others wait", async () => {
    const socket = open();
    for (let i = 0; i < 3; i++) socket.send(to(socket, socket), new Uint8Array([i]), 1);
    await received(socket, 3);
    const fault = () => {
      throw new Error("of the handler");
    };
    expect(() => socket.drain(fault)).toThrow("of the handler");
    expect(drainBytes(socket)).toEqual([new Uint8Array([1]), new Uint8Array([2])]);
  });

  test("after close nothing comes and nothing goes; closing is allowed twice and from a handler", async () => {
    let woken = 0;
    const socket = open({}, () => woken++);
    const self = to(socket, socket);
    for (let i = 0; i < 3; i++) socket.send(self, new Uint8Array([i]), 1);
    await received(socket, 3);
    await until(world, () => woken === 1);
    let seen = 0;
    const count = socket.drain(({ buffer, start }) => {
      socket.close();
      seen += 1 + (buffer[start] as number);
    });
    expect([count, seen]).toEqual([1, 1]);
    socket.close();
    socket.rearm();
    expect(socket.drain(() => undefined)).toBe(0);
    expect(socket.send(self, new Uint8Array(1), 1)).toBe(false);
    expect(socket.address("127.0.0.1", 1)).toMatchObject({ ok: false, code: "unavailable" });
    expect(socket.stats()).toMatchObject({ received: 3, sent: 3 });
  });
}
