/** A relay's core on sockets in memory, with a clock that the test moves. */
import type { Access } from "../../src/relay/core.ts";
import { RelayCore } from "../../src/relay/core.ts";
import type { RelaySettings } from "../../src/relay/limits.ts";
import { relayDefaults } from "../../src/relay/limits.ts";
import { type MemoryPeer, MemoryTransport } from "../../src/relay/memory-transport.ts";
import type { RelayRequest, RelayTransportEvents } from "../../src/relay/transport.ts";
import {
  buildDeltaPixels,
  buildKeyframe,
  buildKeyUp,
  buildPing,
  buildPointer,
  buildSignalDiff,
  buildSignalSync,
  decodeFrame,
} from "../../src/wire/ds.ts";

const tickUs = 50_000;
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

export class RelayWorld {
  readonly core: RelayCore;
  readonly transport: MemoryTransport;
  readonly lines: string[] = [];
  readonly plain: RelayRequest[] = [];
  nowUs = 1_000_000;

  constructor(settings: Partial<RelaySettings> = {}, access: Access = () => undefined, memoryBytes?: number) {
    let core: RelayCore | undefined;
    const events: RelayTransportEvents = {
      request: (request) => core?.events.request(request),
      binary: (...all) => core?.events.binary(...all),
      text: (...all) => core?.events.text(...all),
      alive: (...all) => core?.events.alive(...all),
      lagged: (...all) => core?.events.lagged(...all),
      closed: (...all) => core?.events.closed(...all),
    };
    this.transport = new MemoryTransport(events, memoryBytes);
    const outbox = {
      http: (request: RelayRequest) => void this.plain.push(request),
      log: (line: string) => void this.lines.push(line),
    };
    core = new RelayCore({ ...relayDefaults, ...settings }, this.transport, access, outbox, this.nowUs);
    this.core = core;
  }

  /** Lets time pass, tick by tick. */
  pass(seconds: number): void {
    for (const end = this.nowUs + seconds * 1e6; this.nowUs < end; ) {
      this.nowUs += tickUs;
      this.core.tick(this.nowUs);
      this.transport.settle();
    }
  }

  /** Lets time pass between two ticks. */
  skip(seconds: number): void {
    this.nowUs += seconds * 1e6;
    this.core.setTime(this.nowUs);
  }

  open(target: string): MemoryPeer {
    const peer = this.transport.connect(target);
    if (!peer.isOpen) throw new Error(`${target}: ${peer.status} ${peer.body}`);
    return peer;
  }

  channel(name: string) {
    const channel = this.core.channels.get(name);
    if (!channel) throw new Error(`there is no channel ${name}`);
    return channel;
  }

  get drops(): Record<string, number> {
    return this.core.drops.toJSON();
  }
}

/** Numbered frames, so that what arrived can be told. */
export const keyframe = (n: number) => buildKeyframe(n, n, 10, 10, "rgba", new Uint8Array(400));
export const delta = (n: number) => buildDeltaPixels(n, n, 10, 10, new Uint8Array([0, 144, 1]));
export const sync = (n: number, value: unknown = { n }) => buildSignalSync(n, n, text(value));
export const diff = (n: number, value: unknown = { n }) => buildSignalDiff(n, n, text(value));
export const ping = (n: number) => buildPing(n, 0);
export const move = (n: number) => buildPointer("pointer", n, n, n, n, 0);
export const press = (n: number) => buildPointer("pointerDown", n, n, 1, 1, 1);
export const keyUp = (n: number) => buildKeyUp(n, n, 30, 0);

/** `deltaPixels 3` for each message that arrived since the last call; texts as they are. The relay's own pings only when asked for. */
export function names(peer: MemoryPeer, withPings = false): string[] {
  return peer
    .take()
    .map((message) => {
      if (typeof message === "string") return message;
      const frame = decodeFrame(message);
      return frame.ok ? `${frame.value.name} ${frame.value.sequence}` : `no frame, ${message.length} bytes`;
    })
    .filter((name) => withPings || !name.startsWith("ping"));
}
