/**
 * A UdpSocket over the network in memory (src/net/memory.ts), with the native one's manners: one reused datagram, a bounded
 * ring, wake-ups once until rearm(), a bounded send queue. It seals with the cipher that the test hands over. Packets wait in the
 * network until the test moves its clock and delivers.
 */
import { limits } from "../src/base/limits.ts";
import { fail, ok, type Result } from "../src/base/result.ts";
import type { MemoryNetwork } from "../src/net/memory.ts";
import type { PacketCipher } from "../src/secure/cipher.ts";
import { chunkCount, packetRoom, writeChunkPacket } from "../src/wire/fragment.ts";
import { headerBytes, tagBytes } from "../src/wire/root.ts";
import { parseIp, withoutBrackets } from "./address-text.ts";
import { lentBytes } from "./fake-memory.ts";
import type { Address, Datagram, FrameToSend, UdpSocket, UdpStats } from "./interfaces.ts";
import type { UdpSettings } from "./udp.ts";

/** Bytes of a datagram that the native ring keeps. */
const slotData = 2000;
const queuePackets = Math.floor((4 * 1024 * 1024) / limits.packetBytes);
const firstPort = 40_000;
const text = new TextEncoder();

interface Waiting {
  packet: Uint8Array;
  from: string;
  receivedUs: number;
}

/** Opens sockets of one machine of the network, which has the address `ip` beside its loopback ones. */
export function fakeUdp(network: MemoryNetwork, cipher: PacketCipher, ip = "127.0.0.1") {
  return (settings: UdpSettings, onWake: () => void): Result<UdpSocket> => {
    const bound = parseIp(settings.address);
    const own = ["0.0.0.0", "::", "127.0.0.1", "::1", ip];
    if (!bound || settings.port < 0 || settings.port > 65535)
      return fail(
        "unavailable",
        `"${settings.address}" port ${settings.port} is not an IP address and port of this machine`,
      );
    if (!own.includes(bound.host)) return fail("unavailable", `${settings.address} is not an address of this machine`);
    let port = settings.port || firstPort;
    while (!settings.port && network.has(place(ip, port))) port++;
    const slots = settings.slots ?? limits.datagramsQueued;
    const socket = new FakeUdp({ network, cipher, ip, family: bound.family, port, slots, onWake });
    if (network.listen(place(ip, port), socket.receive)) return ok(socket);
    return fail("unavailable", `UDP port ${port} is in use by another program on this machine`);
  };
}

const place = (host: string, port: number): string => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);

function hostAndPort(at: string): { host: string; port: number } {
  const colon = at.lastIndexOf(":");
  return { host: withoutBrackets(at.slice(0, colon)), port: Number(at.slice(colon + 1)) };
}

/** Exact for IPv4; other addresses are numbered as they are met, in the native socket's range for hashes. */
const v6Keys = new Map<string, number>();
function keyOf(host: string, port: number): number {
  if (!host.includes(":")) return host.split(".").reduce((sum, part) => sum * 256 + Number(part), 0) * 65536 + port;
  const name = place(host, port);
  const key = v6Keys.get(name) ?? 2 ** 52 + v6Keys.size;
  v6Keys.set(name, key);
  return key;
}

const addressOf = (host: string, port: number): Address => ({
  key: keyOf(host, port),
  host,
  port,
  native: text.encode(place(host, port)),
});

interface FakeSettings {
  network: MemoryNetwork;
  cipher: PacketCipher;
  ip: string;
  family: 4 | 6;
  port: number;
  slots: number;
  onWake: () => void;
}

class FakeUdp implements UdpSocket {
  readonly port: number;
  readonly bufferBytes = limits.socketBufferBytes;
  readonly #network: MemoryNetwork;
  readonly #cipher: PacketCipher;
  readonly #ip: string;
  readonly #family: 4 | 6;
  readonly #slots: number;
  readonly #onWake: () => void;
  readonly #ring: Waiting[] = [];
  readonly #datagram: Datagram;
  #current: Waiting | undefined;
  /** When each packet of the send queue leaves, in order for each receiver. */
  #leaving: number[] = [];
  readonly #lastLeaves = new Map<string, number>();
  #rung = false;
  #closed = false;
  readonly #stats: UdpStats = {
    received: 0,
    receivedBytes: 0,
    sent: 0,
    sentBytes: 0,
    droppedRingFull: 0,
    droppedKernel: 0,
    droppedSendFull: 0,
    sendErrors: 0,
    sendBatches: 0,
  };

  constructor({ network, cipher, ip, family, port, slots, onWake }: FakeSettings) {
    this.#network = network;
    this.#cipher = cipher;
    this.#ip = ip;
    this.#family = family;
    this.port = port;
    this.#slots = slots;
    this.#onWake = onWake;
    const buffer = new Uint8Array(slotData);
    const view = new DataView(buffer.buffer);
    this.#datagram = { buffer, view, start: 0, size: 0, receivedUs: 0, addressKey: 0 };
  }

  /** What the network calls. */
  readonly receive = (packet: Uint8Array, from: string, nowUs: number): void => {
    if (this.#ring.length >= this.#slots) {
      this.#stats.droppedRingFull++;
      return;
    }
    this.#ring.push({ packet, from, receivedUs: nowUs });
    this.#stats.received++;
    this.#stats.receivedBytes += packet.length;
    if (this.#rung) return;
    this.#rung = true;
    this.#onWake();
  };

  rearm(): void {
    this.#rung = false;
  }

  drain(handle: (datagram: Datagram) => void): number {
    if (this.#closed || this.#current) return 0;
    const ready = this.#ring.length;
    let handled = 0;
    try {
      while (handled < ready && !this.#closed) {
        this.#current = this.#ring.shift() as Waiting;
        handled++;
        this.#show(this.#current);
        handle(this.#datagram);
      }
    } finally {
      this.#current = undefined;
    }
    return handled;
  }

  #show({ packet, from, receivedUs }: Waiting): void {
    const { host, port } = hostAndPort(from);
    const datagram = this.#datagram;
    datagram.size = Math.min(packet.length, slotData);
    datagram.buffer.set(packet.subarray(0, datagram.size));
    datagram.receivedUs = receivedUs;
    datagram.addressKey = keyOf(host, port);
  }

  addressOf(datagram: Datagram): Address {
    if (datagram !== this.#datagram || !this.#current) throw new Error("a datagram has a sender during drain() only");
    const { host, port } = hostAndPort(this.#current.from);
    return addressOf(host, port);
  }

  address(host: string, port: number): Result<Address> {
    if (this.#closed) return fail("unavailable", "the UDP socket is closed");
    if (!Number.isInteger(port) || port < 1 || port > 65535) return fail("usage", `${port} is no port: 1 to 65535`);
    const parsed = parseIp(withoutBrackets(host));
    if (!parsed) return fail("usage", `"${host}" is no IPv4 or IPv6 address`);
    if (parsed.family > this.#family)
      return fail("usage", `${host} is an IPv6 address, but this side listens on an IPv4 address only`);
    return ok(addressOf(parsed.host, port));
  }

  send(to: Address, data: Uint8Array, size: number): boolean {
    if (size > data.length) throw new RangeError(`cannot send ${size} bytes of ${data.length}`);
    if (this.#closed) return false;
    if (size > 65507) {
      this.#stats.sendErrors++;
      return false;
    }
    this.#put(to, data.subarray(0, size), 0);
    this.#stats.sendBatches++;
    return true;
  }

  /** Loopback leads back to this machine, and what comes from there has the loopback address. */
  #put(to: Address, packet: Uint8Array, extraUs: number): void {
    const isLoopback = to.host === "::1" || to.host.startsWith("127.");
    const target = place(isLoopback ? this.#ip : to.host, to.port);
    this.#network.send(place(isLoopback ? to.host : this.#ip, this.port), target, packet, extraUs);
    this.#stats.sent++;
    this.#stats.sentBytes += packet.length;
  }

  sendFrame(to: Address, key: Uint8Array, counter: number, frame: FrameToSend): number {
    if (key.length !== 32) throw new RangeError(`a key has 32 bytes, not ${key.length}`);
    if (this.#closed) return -1;
    if (frame.size < 1 || frame.size > limits.frameBytes) {
      this.#stats.sendErrors++;
      return -1;
    }
    const nowUs = this.#network.clock.nowUs();
    const count = chunkCount(frame.size);
    this.#leaving = this.#leaving.filter((leavesUs) => leavesUs > nowUs);
    if (this.#leaving.length > 0 && this.#leaving.length + count > queuePackets) {
      this.#stats.droppedSendFull++;
      return -1;
    }
    const bytes = lentBytes(frame.address, frame.size);
    const head = { frameId: frame.frameId, flags: frame.chunkFlags, captureUs: frame.captureUs };
    const beginUs = Math.max(nowUs, this.#lastLeaves.get(place(to.host, to.port)) ?? 0);
    let leavesUs = beginUs;
    for (let index = 0; index < count; index++) {
      const packet = new Uint8Array(packetRoom);
      const size = writeChunkPacket(bytes, index, head, counter + index, packet, new DataView(packet.buffer), 0);
      this.#cipher.seal(key, counter + index, packet, 0, size - headerBytes);
      leavesUs = beginUs + Math.floor((frame.spreadUs * index) / count);
      this.#put(to, packet.subarray(0, size + tagBytes), leavesUs - nowUs);
      if (leavesUs > nowUs) this.#leaving.push(leavesUs);
    }
    this.#lastLeaves.set(place(to.host, to.port), leavesUs);
    this.#stats.sendBatches++;
    return count;
  }

  stats(): UdpStats {
    return { ...this.#stats };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ring.length = 0;
    this.#network.leave(place(this.#ip, this.port));
  }
}
