/**
 * The native UDP socket (c/net): datagrams are read where the receiving thread put them, frames are sealed and sent in one call.
 * A datagram costs no allocation: one Datagram object and one view over the whole ring serve all. It resolves no names.
 */
import { toArrayBuffer } from "bun:ffi";
import { limits } from "../src/base/limits.ts";
import { fail, ok, type Result } from "../src/base/result.ts";
import type { structs } from "./abi.ts";
import { layoutOf } from "./abi-layout.ts";
import { ipText, withoutBrackets } from "./address-text.ts";
import type { Address, Datagram, FrameToSend, UdpSocket, UdpStats } from "./interfaces.ts";
import { cString, native, textOf, wakeCallback } from "./library.ts";

export interface UdpSettings {
  /** A literal address of this machine; "0.0.0.0" for all of IPv4, "::" for both families. */
  address: string;
  /** 0 for any free one. */
  port: number;
  /** Datagrams that wait for drain(); what comes beyond is dropped and counted. */
  slots?: number;
}

const slotBytes = 2048;
const head = layoutOf("pb_datagram");
const at = head.offsets as Record<keyof typeof structs.pb_datagram, number>;
const addressBytes = layoutOf("pb_address").size;
const statsLayout = layoutOf("pb_udp_stats");
/** Slots are given back in groups, so that a full ring takes new datagrams while this drain is still at work. */
const releaseEvery = 32;

/** Opens the socket. `onWake` is called in the event loop when datagrams wait, once until rearm(). */
export function openUdp(settings: UdpSettings, onWake: () => void): Result<UdpSocket> {
  const error = new Uint8Array(256);
  const slots = settings.slots ?? limits.datagramsQueued;
  const wake = wakeCallback(onWake);
  const { address, port } = settings;
  const lib = native();
  const handle = lib.pb_udp_open(
    cString(address),
    port,
    limits.socketBufferBytes,
    slots,
    wake.ptr,
    error,
    error.length,
  );
  if (!handle) {
    wake.close();
    return fail("unavailable", textOf(error));
  }
  const close = () => {
    lib.pb_udp_close(handle);
    wake.close();
  };
  return ok(new NativeUdp(lib, handle, slots, close));
}

type Library = ReturnType<typeof native>;

class NativeUdp implements UdpSocket {
  readonly port: number;
  readonly bufferBytes: number;
  readonly #lib: Library;
  readonly #handle: number;
  readonly #slots: number;
  readonly #closeNative: () => void;
  readonly #first = new Uint32Array(1);
  readonly #datagram: Datagram;
  readonly #statsView = new DataView(new ArrayBuffer(statsLayout.size));
  readonly #statsBytes = new Uint8Array(this.#statsView.buffer);
  #lastStats: UdpStats | undefined;
  #draining = false;
  #closed = false;

  constructor(lib: Library, handle: number, slots: number, closeNative: () => void) {
    this.#lib = lib;
    this.#handle = handle;
    this.#slots = slots;
    this.#closeNative = closeNative;
    this.port = lib.pb_udp_port(handle);
    this.bufferBytes = lib.pb_udp_buffer_bytes(handle);
    const ring = toArrayBuffer(lib.pb_udp_ring(handle), 0, slots * slotBytes);
    this.#datagram = {
      buffer: new Uint8Array(ring),
      view: new DataView(ring),
      start: 0,
      size: 0,
      receivedUs: 0,
      addressKey: 0,
    };
  }

  rearm(): void {
    if (!this.#closed) this.#lib.pb_udp_rearm(this.#handle);
  }

  drain(handle: (datagram: Datagram) => void): number {
    if (this.#closed || this.#draining) return 0;
    this.#draining = true;
    const ready: number = this.#lib.pb_udp_ready(this.#handle, this.#first);
    let slot = this.#first[0] as number;
    let handled = 0;
    let unreleased = 0;
    try {
      // What comes after this look rings the waker again, so a flood cannot keep the event loop here.
      while (handled < ready && !this.#closed) {
        this.#point(slot * slotBytes);
        if (++slot === this.#slots) slot = 0;
        handled++;
        if (++unreleased === releaseEvery + 1) {
          this.#lib.pb_udp_release(this.#handle, releaseEvery);
          unreleased = 1;
        }
        handle(this.#datagram);
      }
    } finally {
      this.#draining = false;
      this.#lib.pb_udp_release(this.#handle, unreleased);
      if (this.#closed) this.#end();
    }
    return handled;
  }

  /** Makes the one datagram object show the slot at `base`. */
  #point(base: number): void {
    const datagram = this.#datagram;
    const view = datagram.view;
    datagram.start = base + head.size;
    datagram.size = Math.min(view.getUint32(base + at.size, true), slotBytes - head.size);
    datagram.receivedUs =
      view.getUint32(base + at.received_us, true) + view.getUint32(base + at.received_us + 4, true) * 0x1_0000_0000;
    datagram.addressKey = view.getFloat64(base + at.address_key, true);
  }

  addressOf(datagram: Datagram): Address {
    const base = datagram.start - head.size;
    return addressFrom(datagram.buffer.slice(base, base + head.size));
  }

  address(host: string, port: number): Result<Address> {
    if (this.#closed) return fail("unavailable", "the UDP socket is closed");
    const literal = withoutBrackets(host);
    if (!Number.isInteger(port) || port < 1 || port > 65535) return fail("usage", `${port} is no port: 1 to 65535`);
    const out = new Uint8Array(head.size);
    const status: number = this.#lib.pb_udp_address(this.#handle, cString(literal), port, out);
    if (status === -2)
      return fail("usage", `${host} is an IPv6 address, but this side listens on an IPv4 address only`);
    if (status !== 0 || literal.includes("\0")) return fail("usage", `"${host}" is no IPv4 or IPv6 address`);
    return ok(addressFrom(out));
  }

  send(to: Address, data: Uint8Array, size: number): boolean {
    if (size > data.length) throw new RangeError(`cannot send ${size} bytes of ${data.length}`);
    return !this.#closed && this.#lib.pb_udp_send(this.#handle, to.native, data, size) === 0;
  }

  sendFrame(to: Address, key: Uint8Array, counter: number, frame: FrameToSend): number {
    if (key.length !== 32) throw new RangeError(`a key has 32 bytes, not ${key.length}`);
    if (this.#closed) return -1;
    return this.#lib.pb_udp_send_frame(
      this.#handle,
      to.native,
      key,
      counter,
      frame.address,
      frame.size,
      frame.frameId,
      frame.chunkFlags,
      frame.captureUs,
      frame.spreadUs,
    );
  }

  /** After close(): the numbers at the end. */
  stats(): UdpStats {
    if (this.#closed && this.#lastStats) return this.#lastStats;
    this.#lib.pb_udp_stats(this.#handle, this.#statsBytes);
    const read = (field: keyof typeof structs.pb_udp_stats) =>
      Number(this.#statsView.getBigUint64(statsLayout.offsets[field] as number, true));
    return {
      received: read("received"),
      receivedBytes: read("received_bytes"),
      sent: read("sent"),
      sentBytes: read("sent_bytes"),
      droppedRingFull: read("dropped_ring_full"),
      droppedKernel: read("dropped_kernel"),
      droppedSendFull: read("dropped_send_full"),
      sendErrors: read("send_errors"),
      sendBatches: read("send_batches"),
    };
  }

  /** From within drain(), the ring stays until the handler has returned. */
  close(): void {
    if (this.#closed) return;
    this.#lastStats = this.stats();
    this.#closed = true;
    if (!this.#draining) this.#end();
  }

  #end(): void {
    this.#datagram.buffer = new Uint8Array(0);
    this.#datagram.view = new DataView(new ArrayBuffer(0));
    this.#closeNative();
  }
}

/** `datagramHead` starts like a pb_address and holds the key. */
function addressFrom(datagramHead: Uint8Array): Address {
  const view = new DataView(datagramHead.buffer, datagramHead.byteOffset, head.size);
  return {
    key: view.getFloat64(at.address_key, true),
    host: ipText(datagramHead, view.getUint16(at.family, true), view.getUint32(at.scope, true)),
    port: view.getUint16(at.port, true),
    native: datagramHead.slice(0, addressBytes),
  };
}
