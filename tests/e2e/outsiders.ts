/**
 * Others on the network, as a host or client under test meets them: a client of our own logic that breaks its own rules, a crowd
 * of strangers, and someone between the two ends. They run in this process, on real sockets of the loopback.
 */
import { ClientCore, type EndReason } from "../../src/client/core.ts";
import { nobleCipher } from "../../src/secure/cipher-noble.ts";
import { createIdentity, type DeviceIdentity } from "../../src/secure/identity.ts";
import { atEnd } from "./processes.ts";

type Hear = (data: Uint8Array, port: number) => void;

/** A socket on a free port of 127.0.0.1. */
export async function socket(hear: Hear = () => undefined) {
  const opened = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (_, data, port) => hear(new Uint8Array(data), port) },
  });
  atEnd(() => opened.close());
  return opened;
}

/** Speaks the protocol, paints nothing, and believes that it may do everything. */
export class Outsider {
  readonly identity: DeviceIdentity = createIdentity("outsider");
  readonly publicKey = this.identity.signing.publicKey.toBase64();
  readonly admitted = Promise.withResolvers<number>();
  readonly ended = Promise.withResolvers<EndReason>();
  /** Device, strength of the heavy and of the light motor, milliseconds. */
  readonly rumbles: [number, number, number, number][] = [];
  readonly deviceStates: [device: number, state: string][] = [];
  /** Its host is no more: nothing is sent. */
  isAlone = false;
  core!: ClientCore;

  async connect(port: number): Promise<void> {
    const udp = await socket((data) =>
      this.core.receive(data, new DataView(data.buffer, data.byteOffset), 0, data.length, this.nowUs),
    );
    const settings = {
      identity: this.identity,
      cipher: nobleCipher,
      copy: (to: Uint8Array, toStart: number, from: Uint8Array, fromStart: number, size: number) =>
        to.set(from.subarray(fromStart, fromStart + size), toStart),
      expectedKey: undefined,
      connectionId: crypto.getRandomValues(new Uint32Array(1))[0] as number,
    };
    const outbox = {
      send: (packet: Uint8Array, size: number) => {
        if (!this.isAlone) udp.send(packet.slice(0, size), port, "127.0.0.1");
      },
      sound: () => undefined,
      rumble: (...told: [number, number, number, number]) => this.rumbles.push(told),
      deviceState: (device: number, state: string) => this.deviceStates.push([device, state]),
      frame: () => true,
      connected: () => undefined,
      admitted: (permissions: number) => this.admitted.resolve(permissions),
      ended: (reason: EndReason) => this.ended.resolve(reason),
    };
    this.core = new ClientCore(settings, outbox, this.nowUs);
    const ticking = setInterval(() => this.core.tick(this.nowUs), 10);
    atEnd(() => {
      clearInterval(ticking);
      this.core.close(this.nowUs);
    });
  }

  get nowUs(): number {
    return Math.round(performance.now() * 1000);
  }
}

/** Someone on the way: everything passes, and `inject` sends to the client as if the host had. */
export async function openMiddle(hostPort: number, alter: (toClient: Uint8Array) => readonly Uint8Array[]) {
  let clientPort = 0;
  const near = await socket((data, port) => {
    clientPort = port;
    far.send(data, hostPort, "127.0.0.1");
  });
  const far = await socket((data) => {
    for (const packet of alter(data)) near.send(packet, clientPort, "127.0.0.1");
  });
  return { place: `127.0.0.1:${near.port}`, inject: (data: Uint8Array) => near.send(data, clientPort, "127.0.0.1") };
}
