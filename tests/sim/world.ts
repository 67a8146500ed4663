/**
 * A whole world in memory: one host and any number of clients, with the real cores, handshake and cipher between them, on a seeded
 * network and a clock that only run() moves. A seed decides everything but the bytes of fresh keys. Encoder, decoder and injector
 * are models that know what must never happen: a picture that leans on a missing one, bytes that changed, a key left down.
 */
import { ManualClock } from "../../src/base/clock.ts";
import { Prng } from "../../src/base/prng.ts";
import { micros } from "../../src/base/units.ts";
import { type LinkSettings, MemoryNetwork } from "../../src/net/memory.ts";
import { handshake, handshakeStep, header, headerBytes, packetType } from "../../src/wire/root.ts";
import { hostPlace, identityOf, second, tickUs } from "./places.ts";
import { SimClient, type SimClientOptions } from "./sim-client.ts";
import { SimHost } from "./sim-host.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly link?: Partial<LinkSettings>;
  /** What the host's and the clients' clocks show at the start. */
  readonly hostOriginUs?: number;
  /** False: nothing is encoded unless the test asks for it. */
  readonly streaming?: boolean;
  /** Number of the frame before the first. */
  readonly frameId?: number;
}

/** Called for each datagram as it is sent, before the network does anything to it. */
export type Sniffer = (from: string, to: string, packet: Uint8Array) => void;

export class World {
  readonly clock = new ManualClock();
  readonly random: Prng;
  readonly network: MemoryNetwork;
  readonly host: SimHost;
  readonly clients: SimClient[] = [];
  readonly sniffers: Sniffer[] = [];
  /** Of the clients, in their order. */
  readonly connectionIds: number[] = [];
  streaming: boolean;
  #nextTickUs = 0;
  #nextFrameUs = 0;

  constructor(options: WorldOptions) {
    this.random = new Prng(options.seed * 7919 + 1);
    this.network = new MemoryNetwork({
      seed: options.seed,
      clock: this.clock,
      ...(options.link ? { link: options.link } : {}),
    });
    this.streaming = options.streaming ?? true;
    this.host = new SimHost(this, options.hostOriginUs ?? 1_000_000_000, options.frameId ?? 0);
    this.network.listen(hostPlace, (packet, from) => this.host.receive(packet, from));
  }

  get nowUs(): number {
    return this.clock.nowUs();
  }

  send(from: string, to: string, packet: Uint8Array): void {
    for (const sniffer of this.sniffers) sniffer(from, to, packet);
    this.network.send(from, to, packet);
  }

  /** A client at a place of its own that starts to connect now. `approved` decides about it beforehand. */
  connect(number: number, options: Partial<SimClientOptions> & { approved?: number } = {}): SimClient {
    const identity = options.identity ?? identityOf(number);
    if (options.approved !== undefined) this.host.approve(identity, options.approved);
    const connectionId = this.random.u32();
    this.connectionIds.push(connectionId);
    const client = new SimClient(this, {
      place: `client${number}:${40_000 + this.clients.length}`,
      connectionId,
      originUs: 5_000_000 * (number + 1),
      ...options,
      identity,
    });
    this.clients.push(client);
    this.network.listen(client.place, (packet) => client.receive(packet));
    return client;
  }

  /** Moves time on by `us`: packets arrive when they are due, ticks and frames come at their own pace. */
  run(us: number): void {
    const endUs = this.nowUs + us;
    for (;;) {
      const nextUs = Math.min(this.#nextTickUs, this.#nextFrameUs, endUs);
      this.network.run(this.clock, micros(nextUs - this.nowUs));
      if (nextUs >= this.#nextTickUs) this.#tick();
      if (nextUs >= this.#nextFrameUs) this.#frame();
      if (nextUs >= endUs) return;
    }
  }

  /** Runs until `condition` holds and returns how long that took; throws when it does not within `limitUs`. */
  until(what: string, condition: () => boolean, limitUs = 10 * second): number {
    const startUs = this.nowUs;
    while (!condition()) {
      if (this.nowUs - startUs >= limitUs) throw new Error(`${what} did not happen within ${limitUs / 1e6} s`);
      this.run(tickUs);
    }
    return this.nowUs - startUs;
  }

  #tick(): void {
    this.#nextTickUs += tickUs;
    this.host.core.tick(this.host.nowUs);
    for (const client of this.clients) client.tick();
  }

  #frame(): void {
    this.#nextFrameUs += Math.floor(second / (this.host.settings?.fps ?? 60));
    if (this.streaming && this.host.watched) this.host.encode();
  }
}

/** Which handshake step a datagram is, or undefined. */
export function stepOf(packet: Uint8Array): keyof typeof handshakeStep | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  if (packet.length < headerBytes || header.type(view, 0) !== packetType.handshake) return undefined;
  const step = handshake.step(view, headerBytes);
  return (Object.keys(handshakeStep) as (keyof typeof handshakeStep)[]).find((name) => handshakeStep[name] === step);
}
