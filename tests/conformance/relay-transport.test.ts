/**
 * What every RelayTransport does, held against the native server, Bun's own and the one in memory. What only a server on a
 * real socket can get wrong (frames, request heads, floods) is in tests/c and at the end of this file.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { openWebSocketServer } from "../../ffi/websocket.ts";
import { bucketMiddle, histogramBuckets } from "../../src/base/histogram.ts";
import { limits } from "../../src/base/limits.ts";
import { BunTransport } from "../../src/relay/bun-transport.ts";
import { MemoryTransport } from "../../src/relay/memory-transport.ts";
import {
  delivery,
  type MessageRef,
  type RelayRequest,
  type RelayTransport,
  type RelayTransportEvents,
} from "../../src/relay/transport.ts";
import { clientFrame, RawWebSocket } from "./raw-websocket.ts";
import { aWhile, must, realTurn, until, type World } from "./world.ts";

interface Client {
  readonly messages: (Uint8Array | string)[];
  readonly status: number | undefined;
  readonly code: number | undefined;
  send(data: Uint8Array | string): void;
  stall(): void;
  resume(): void;
  vanish(): void;
}

interface Opened {
  readonly transport: RelayTransport;
  connect(target: string): Client;
}

interface TransportWorld extends World {
  open(events: RelayTransportEvents): Opened;
}

const onSocket = (transport: RelayTransport): Opened => ({
  transport,
  connect: (target) => new RawWebSocket(transport.port, target),
});

const maxMessageBytes = 60_000;

function held(transport: RelayTransport, bytes: Uint8Array): MessageRef {
  const message = transport.store(bytes);
  if (message === undefined) throw new Error("there is no memory left for messages");
  return message;
}

const native: TransportWorld = {
  name: "native",
  turn: realTurn,
  open: (events) => onSocket(must(openWebSocketServer({ address: "127.0.0.1", port: 0 }, events))),
};

const bun: TransportWorld = {
  name: "Bun's own",
  turn: realTurn,
  open: (events) =>
    onSocket(must(BunTransport.open({ address: "127.0.0.1", port: 0, maxMessageBytes, tls: undefined }, events))),
};

function memoryWorld(): TransportWorld {
  const transports: MemoryTransport[] = [];
  const connect = (transport: MemoryTransport, target: string): Client => {
    const peer = transport.connect(target);
    const messages: (Uint8Array | string)[] = [];
    return {
      get messages() {
        messages.push(...peer.take());
        return messages;
      },
      get status() {
        return peer.isOpen || peer.code !== undefined ? 101 : peer.status;
      },
      get code() {
        return peer.code;
      },
      send: (data) => peer.send(data),
      stall: () => {
        peer.isStalled = true;
      },
      resume: () => peer.resume(),
      vanish: () => peer.leave(),
    };
  };
  return {
    name: "memory",
    turn: async () => {
      for (const transport of transports) transport.settle();
      await Promise.resolve();
    },
    open: (events) => {
      const transport = new MemoryTransport(events);
      transports.push(transport);
      return { transport, connect: (target) => connect(transport, target) };
    },
  };
}

/** A core that accepts what starts with /ws, answers the rest with 404, and writes down what it hears. */
class Core implements RelayTransportEvents {
  readonly requests: RelayRequest[] = [];
  readonly heard: { from: number; data: string }[] = [];
  readonly over: { connection: number; code: number }[] = [];
  lag = 0;
  lives = 0;
  transport!: RelayTransport;
  onBinary: (connection: number, message: number) => void = () => undefined;

  request(request: RelayRequest): void {
    this.requests.push(request);
    if (request.isUpgrade && request.target.startsWith("/ws"))
      this.transport.accept(request.connection, maxMessageBytes);
    else
      this.transport.respond(request.connection, 404, { "content-type": "text/plain" }, new TextEncoder().encode("no"));
  }

  binary(from: number, message: number, bytes: Uint8Array, view: DataView): void {
    expect(view.byteLength).toBe(bytes.length);
    if (bytes.length) expect(view.getUint8(0)).toBe(bytes[0] as number);
    this.heard.push({ from, data: bytes.toHex() });
    this.onBinary(from, message);
  }

  text(from: number, text: string): void {
    this.heard.push({ from, data: text });
  }

  alive(): void {
    this.lives++;
  }

  lagged(_connection: number, messages: number): void {
    this.lag += messages;
  }

  closed(connection: number, code: number): void {
    this.over.push({ connection, code });
  }
}

const opened: RelayTransport[] = [];
const clients: Client[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.vanish();
  for (const transport of opened.splice(0)) transport.close();
});

function start(world: TransportWorld) {
  const core = new Core();
  const { transport, connect } = world.open(core);
  core.transport = transport;
  opened.push(transport);
  /** A client that is accepted, and the number of its connection. */
  const join = async (target = "/ws"): Promise<{ client: Client; id: number }> => {
    const before = core.requests.length;
    const client = connect(target);
    clients.push(client);
    await until(world, () => client.status !== undefined);
    return { client, id: core.requests[before]?.connection as number };
  };
  return { core, transport, join };
}

const hex = (messages: (Uint8Array | string)[]) => messages.map((m) => (typeof m === "string" ? m : m.toHex()));

for (const world of [native, bun, memoryWorld()]) describe(`relay transport, ${world.name}`, () => suite(world));

function suite(world: TransportWorld): void {
  test("a request comes whole; an upgrade is accepted or refused with a status", async () => {
    const { core, join } = start(world);
    const { client } = await join("/ws/a?b=c");
    expect(client.status).toBe(101);
    expect(core.requests[0]).toMatchObject({ method: "GET", target: "/ws/a?b=c", isUpgrade: true, isSecure: false });
    expect(core.requests[0]?.remote).toBe("127.0.0.1");
    expect(core.requests[0]?.headers.has("host")).toBe(true);
    expect((await join("/other")).client.status).toBe(404);
  });

  test("binary and text arrive in order, both ways, empty ones too", async () => {
    const { core, transport, join } = start(world);
    const { client, id } = await join();
    for (const data of [Uint8Array.of(1, 2), "h\u00e9llo", new Uint8Array(0), Uint8Array.of(255)]) client.send(data);
    await until(world, () => core.heard.length === 4);
    expect(core.heard.map(({ data }) => data)).toEqual(["0102", "h\u00e9llo", "", "ff"]);
    transport.send(id, Uint8Array.of(9));
    transport.sendText(id, "\u20ac");
    transport.send(id, new Uint8Array(0));
    await until(world, () => client.messages.length === 3);
    expect(hex(client.messages)).toEqual(["09", "\u20ac", ""]);
  });

  test("a broadcast reaches the group and nobody else, by reference", async () => {
    const { core, transport, join } = start(world);
    const source = await join();
    const [a, b, outside] = [await join(), await join(), await join()];
    const group = transport.createGroup({ messages: 16, bytes: 1 << 20 });
    for (const { id } of [a, b]) transport.join(group, id);
    core.onBinary = (_from, message) => {
      expect(transport.broadcast(group, message, delivery.droppable)).toBe(0);
    };
    for (let i = 0; i < 10; i++) source.client.send(Uint8Array.of(i, 7));
    await until(world, () => a.client.messages.length === 10 && b.client.messages.length === 10);
    expect(hex(a.client.messages)).toEqual(hex(b.client.messages));
    expect(hex(a.client.messages)[9]).toBe("0907");
    transport.leave(group, b.id);
    source.client.send(Uint8Array.of(99));
    await until(world, () => a.client.messages.length === 11);
    await aWhile(world);
    expect(b.client.messages.length).toBe(10);
    expect(outside.client.messages.length).toBe(0);
    transport.dropGroup(group);
  });

  test("a retained message outlives its callback, a stored one serves like one that came in", async () => {
    const { core, transport, join } = start(world);
    const { client, id } = await join();
    let kept = 0;
    core.onBinary = (_from, message) => {
      if (kept) return;
      transport.retain(message);
      kept = message;
    };
    client.send(Uint8Array.of(5, 6, 7));
    for (let i = 0; i < 50; i++) client.send(new Uint8Array(3).fill(i));
    await until(world, () => core.heard.length === 51);
    expect(transport.bytesOf(kept).toHex()).toBe("050607");
    const own = held(transport, Uint8Array.of(1));
    transport.sendRef(id, own, delivery.state);
    transport.sendRef(id, kept, delivery.state);
    transport.release(own);
    transport.release(kept);
    await until(world, () => client.messages.length === 2);
    expect(hex(client.messages)).toEqual(["01", "050607"]);
  });

  /** Fills the queue of a receiver that takes nothing; returns how many broadcasts that took. */
  function fill(transport: RelayTransport, group: number, message: number): number {
    for (let count = 1; count < 5000; count++)
      if (transport.broadcast(group, message, delivery.droppable) > 0) return count;
    throw new Error("the queue has no end");
  }

  test("a stalled receiver loses pictures up to a keyframe, and harms nobody", async () => {
    const { core, transport, join } = start(world);
    const [slow, quick] = [await join(), await join()];
    const group = transport.createGroup({ messages: 8, bytes: 1 << 20 });
    transport.join(group, slow.id);
    const message = held(transport, new Uint8Array(50_000).fill(1));
    slow.client.stall();
    fill(transport, group, message);
    await until(world, () => core.lag > 0);
    // The queue is full, and stays so: what is droppable is left out.
    expect(transport.broadcast(group, message, delivery.droppable)).toBe(1);
    expect(transport.broadcast(group, message, delivery.keyframe)).toBe(0);
    expect(transport.broadcast(group, message, delivery.droppable)).toBe(0);
    expect(transport.queued(slow.id)).toBeLessThanOrEqual(9 * 50_000 + 300_000);
    transport.join(group, quick.id);
    const last = held(transport, Uint8Array.of(42));
    transport.broadcast(group, last, delivery.keyframe);
    await until(world, () => quick.client.messages.length > 0);
    slow.client.resume();
    await until(world, () => hex(slow.client.messages).at(-1) === "2a");
    expect(transport.stats().leftOut).toBeGreaterThan(0);
    transport.release(message);
    transport.release(last);
  });

  test("how long messages took is counted, as long as they really waited", async () => {
    const { transport, join } = start(world);
    const [slow, quick] = [await join(), await join()];
    const group = transport.createGroup({ messages: 8, bytes: 1 << 20 });
    const latencies = (): number[] => {
      const counts = new Uint32Array(histogramBuckets);
      transport.addLatency(group, counts);
      return [...counts].flatMap((count, bucket) => Array<number>(count).fill(bucketMiddle(bucket)));
    };
    expect(latencies()).toEqual([]);
    transport.join(group, slow.id);
    const message = held(transport, new Uint8Array(50_000));
    slow.client.stall();
    fill(transport, group, message);
    const filledMs = performance.now();
    await until(world, () => (transport.connectionStats(slow.id)?.waitingUs ?? 0) > 20_000);
    const stats = transport.connectionStats(slow.id);
    expect(stats?.queuedMessages).toBeGreaterThan(0);
    expect(stats?.queuedBytes).toBeGreaterThan(0);
    expect(stats?.leftOut).toBeGreaterThan(0);
    transport.join(group, quick.id);
    const [before, waitedMs] = [latencies().length, performance.now() - filledMs];
    slow.client.resume();
    await until(world, () => transport.connectionStats(slow.id)?.queuedMessages === 0);
    const all = latencies();
    expect(all.length).toBeGreaterThan(before);
    expect(Math.max(...all)).toBeGreaterThanOrEqual(Math.min(waitedMs * 1000, 20_000) * 0.9);
    // Nothing took longer than the test.
    expect(Math.max(...all)).toBeLessThan((performance.now() - filledMs) * 1000 * 1.1 + 1e6);
    const { latencyCount, latencySumUs } = transport.stats();
    expect(latencyCount).toBe(all.length);
    expect(latencySumUs).toBeGreaterThanOrEqual(20_000);
    expect(transport.connectionStats(slow.id)?.messagesOut).toBe(all.length);
    expect(transport.connectionStats(quick.id)?.messagesOut).toBe(0);
    transport.release(message);
  });

  test("a whole catch-up waits for one receiver, a raw 4K keyframe and its deltas; texts only up to their limit", async () => {
    const { core, transport, join } = start(world);
    const { client, id } = await join();
    client.stall();
    const parts = [new Uint8Array(16 + 3840 * 2160 * 4), ...Array.from({ length: 15 }, () => new Uint8Array(2 ** 20))];
    for (const part of parts) {
      const message = held(transport, part);
      transport.sendRef(id, message, delivery.state);
      transport.release(message);
    }
    await aWhile(world);
    expect([transport.queued(id) > 40e6, core.over]).toEqual([true, []]);
    for (let kilobytes = 0; kilobytes < limits.websocket.copied_bytes / 1024; kilobytes += 50)
      transport.sendText(id, "x".repeat(50 * 1024));
    await until(world, () => transport.queued(id) === 0 || core.over.length > 0);
    client.vanish();
    await until(world, () => core.over.length > 0);
    expect(core.over[0]?.code).toBe(4413);
  });

  test("a receiver too slow for state is closed with 4413", async () => {
    const { core, transport, join } = start(world);
    const { client, id } = await join();
    const group = transport.createGroup({ messages: 8, bytes: 1 << 20 });
    transport.join(group, id);
    const message = held(transport, new Uint8Array(50_000));
    client.stall();
    // Whether the one that closes it counts as left out is each transport's own matter; afterwards it is not in the group.
    for (let i = 0; i < 1000; i++) transport.broadcast(group, message, delivery.state);
    client.resume();
    await until(world, () => core.over.length === 1);
    expect(core.over).toEqual([{ connection: id, code: 4413 }]);
    expect(transport.broadcast(group, message, delivery.state)).toBe(0);
    transport.release(message);
  });

  test("too large a message closes with 1009", async () => {
    const { core, join } = start(world);
    const { client } = await join();
    client.send(new Uint8Array(maxMessageBytes));
    await until(world, () => core.heard.length === 1);
    client.send(new Uint8Array(maxMessageBytes + 1));
    await until(world, () => core.over.length === 1);
    expect(core.heard.length).toBe(1);
  });

  test("a vanished peer is told of once, and its number is dead", async () => {
    const { core, transport, join } = start(world);
    const { client, id } = await join();
    client.vanish();
    await until(world, () => core.over.length === 1);
    expect(core.over).toEqual([{ connection: id, code: 1006 }]);
    transport.send(id, Uint8Array.of(1));
    transport.close(id, 1000, "");
    expect(transport.queued(id)).toBe(0);
    const next = await join();
    expect(next.id).not.toBe(id);
    await aWhile(world);
    expect(core.over.length).toBe(1);
  });

  test("a close carries its code after what was queued", async () => {
    const { transport, join } = start(world);
    const { client, id } = await join();
    transport.send(id, Uint8Array.of(1));
    transport.close(id, 4409, "taken over");
    await until(world, () => client.code !== undefined);
    expect(client.code).toBe(4409);
    expect(hex(client.messages)).toEqual(["01"]);
  });
}

describe("relay transport, native, on the wire", () => {
  const joined = async () => {
    const started = start(native);
    const { id } = await started.join();
    const client = clients.at(-1) as RawWebSocket;
    return { ...started, client, id };
  };

  test("pings are answered and tell of life, pongs tell of life", async () => {
    const { core, transport, client, id } = await joined();
    client.write(clientFrame(9, new TextEncoder().encode("abc")));
    await until(native, () => client.pongs.length === 1 && core.lives === 1);
    expect(client.pongs).toEqual(["abc"]);
    transport.ping(id);
    await until(native, () => client.pings === 1);
    client.write(clientFrame(10, new Uint8Array(0)));
    await until(native, () => core.lives === 2);
  });

  test("handles that are none are refused", () => {
    const { transport } = start(native);
    for (const wrong of [0, 1, 2 ** 52, Number.NaN]) expect(() => transport.retain(wrong)).toThrow();
    const message = held(transport, Uint8Array.of(1));
    transport.release(message);
    expect(() => transport.release(message)).toThrow();
    expect(() => transport.broadcast(77, message, delivery.state)).toThrow();
  });

  test("an answer cannot carry a line of its own", () => {
    const { transport } = start(native);
    const body = new Uint8Array(0);
    expect(() => transport.respond(1, 200, { "x-a": "b\r\nset-cookie: c" }, body)).toThrow();
    expect(() => transport.respond(1, 200, { "x a": "b" }, body)).toThrow();
  });

  test("a source that is not kept up with loses nothing", async () => {
    const { core, client } = await joined();
    const frames = Array.from({ length: 5000 }, (_, i) => clientFrame(2, Uint8Array.of(i >> 8, i & 255)));
    client.write(Buffer.concat(frames));
    await until(native, () => core.heard.length === 5000);
    expect(core.heard.every(({ data }, i) => Number.parseInt(data, 16) === i)).toBe(true);
  });

  test("an address that cannot be had is told in a sentence", () => {
    const { transport } = start(native);
    const again = openWebSocketServer({ address: "127.0.0.1", port: transport.port }, new Core());
    expect(again).toMatchObject({ ok: false, code: "unavailable" });
    const nonsense = openWebSocketServer({ address: "nonsense", port: 0 }, new Core());
    expect(nonsense.ok ? "" : nonsense.message).toContain("not an IP address");
  });
});
