import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { channelLimit } from "../wire/layouts.ts";
import { Outgoing } from "./batch.ts";
import type { ShmChannel } from "./channel.ts";
import { ChannelError, channelCode } from "./codes.ts";
import { connectChannel, serveChannel } from "./open.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (message: Uint8Array) => new TextDecoder().decode(message);

let names = 0;
const open: ShmChannel[] = [];
const keep = (channel: ShmChannel): ShmChannel => {
  open.push(channel);
  return channel;
};
const newName = () => `test_${process.pid}_${names++}`;

afterEach(() => {
  for (const channel of open.splice(0)) channel.close();
});

async function collect(channel: ShmChannel, count: number): Promise<string[]> {
  const all: string[] = [];
  for await (const message of channel) if (all.push(text(message)) === count) break;
  return all;
}

const codeIn = (work: () => unknown): string => {
  try {
    work();
  } catch (fault) {
    if (fault instanceof ChannelError) return fault.code;
    throw fault;
  }
  return "success";
};

describe("a channel of two", () => {
  test("carries messages both ways, in order", async () => {
    const name = newName();
    const server = keep(serveChannel(name));
    const client = keep(connectChannel(name));
    expect(await Promise.all([server.connected(5000), client.connected(5000)])).toEqual([0, 0]);
    for (const word of ["one", "two", "three"]) expect(client.send(bytes(word))).toBe(0);
    expect(await collect(server, 3)).toEqual(["one", "two", "three"]);
    expect(server.send(bytes("back"))).toBe(0);
    expect(await collect(client, 1)).toEqual(["back"]);
    expect(client.stats()).toEqual({ sent: 3, overwritten: 0, received: 1, lost: 0 });
  });

  test("delivers to a handler, wakes whoever waits, and takes the next client", async () => {
    const name = newName();
    const told: string[] = [];
    const server = keep(
      serveChannel(name, {
        connect: () => told.push("connect"),
        disconnect: () => told.push("disconnect"),
        messages: (batch) => {
          for (let i = 0; i < batch.count; i++) {
            told.push(text(batch.message(i)));
            server.send(batch.message(i), batch.slot);
          }
        },
      }),
    );
    for (const word of ["first", "second"]) {
      const client = keep(connectChannel(name));
      await client.connected(5000);
      client.send(bytes(word));
      expect(await collect(client, 1)).toEqual([word]);
      client.close();
    }
    // The last end is heard through the event loop.
    const last = keep(connectChannel(name));
    await last.connected(5000);
    expect(told).toEqual(["connect", "first", "disconnect", "connect", "second", "disconnect", "connect"]);
  });

  test("lets the newest message evict the oldest, or refuses it, as the sender likes", async () => {
    const name = newName();
    const server = keep(serveChannel(name));
    const client = keep(connectChannel(name));
    await Promise.all([server.connected(5000), client.connected(5000)]);
    const batch = new Outgoing(channelLimit.ringMessages + 10, 8 * (channelLimit.ringMessages + 10));
    for (let i = 0; i < channelLimit.ringMessages + 10; i++) batch.view.setUint32(batch.reserve(4), i, true);
    expect(batch.reserve(4)).toBe(-1);
    expect(client.sendMany(batch, 0, false)).toBe(channelLimit.ringMessages);
    expect(client.send(bytes("no"), 0, false)).toBe(channelCode.full);
    expect(client.sendMany(batch)).toBe(batch.count);
    expect(client.stats().overwritten).toBe(batch.count);
    const received = server.receive();
    expect(received?.count).toBe(channelLimit.ringMessages);
    expect(received?.view.getUint32(received.at(0), true)).toBe(10);
    expect(server.stats().lost).toBe(batch.count);
  });

  test("lets a sender sleep until there is room", async () => {
    const name = newName();
    const server = keep(serveChannel(name));
    const client = keep(connectChannel(name));
    await Promise.all([server.connected(5000), client.connected(5000)]);
    const sending = (async () => {
      for (let i = 0; i < 1000; i++) await client.sendWhenRoom(bytes(`message ${i}`));
    })();
    const all = await collect(server, 1000);
    await sending;
    expect(all).toEqual(Array.from({ length: 1000 }, (_, i) => `message ${i}`));
    expect(client.stats().overwritten).toBe(0);
  });

  test("tells errors by the names and numbers of the C interface", async () => {
    const name = newName();
    keep(serveChannel(name));
    expect(codeIn(() => serveChannel(name))).toBe("exists");
    for (const bad of ["", "a/b", "..", "a\0b", "n".repeat(300)])
      expect(codeIn(() => serveChannel(bad))).toBe("invalid-param");
    expect(codeIn(() => serveChannel(newName(), {}, { clients: 32 }))).toBe("invalid-param");
    const lonely = keep(connectChannel(newName(), {}, { reconnectMs: false }));
    expect(await lonely.connected(5000).catch((fault: ChannelError) => fault.number)).toBe(-6);
    expect(lonely.send(bytes("ab"))).toBe(channelCode["not-found"]);
  });

  test("connects when the server comes later, and again when it comes back", async () => {
    const name = newName();
    const connects: number[] = [];
    const client = keep(connectChannel(name, { connect: (slot) => connects.push(slot) }, { reconnectMs: 5 }));
    for (let i = 1; i <= 3; i++) {
      const server = serveChannel(name);
      await server.connected(5000);
      server.send(bytes(`hello ${i}`));
      expect(await collect(client, 1)).toEqual([`hello ${i}`]);
      server.close();
    }
    expect(connects).toEqual([0, 0, 0]);
  });

  test("may be closed from inside a handler, and ends iterators", async () => {
    const name = newName();
    const server = keep(serveChannel(name, { messages: () => server.close() }));
    const client = keep(connectChannel(name, {}, { reconnectMs: false }));
    await client.connected(5000);
    client.send(bytes("end"));
    const iteration = collect(client, 1);
    setTimeout(() => client.close(), 20);
    expect(await iteration).toEqual([]);
    expect(server.send(bytes("no"))).toBe(channelCode["not-found"]);
  });
});

describe("without a name", () => {
  test("the section's descriptor is the way in", async () => {
    const server = keep(serveChannel(undefined));
    expect(server.section).toBeGreaterThan(2);
    const program = `
      import { connectChannel } from "./src/ipc/open.ts";
      const channel = connectChannel(3);
      await channel.connected(10000);
      for await (const message of channel) { channel.send(message); break; }
      await channel.room();
      await Bun.sleep(1);
      channel.close();`;
    const child = Bun.spawn([process.execPath, "-e", program], {
      stdio: ["ignore", "ignore", "inherit", server.section],
    });
    await server.connected(15_000);
    server.send(bytes("through"));
    expect(await collect(server, 1)).toEqual(["through"]);
    expect(await child.exited).toBe(0);
  });
});

describe("many clients", () => {
  test("have slots of their own, hear broadcasts, are put out and come again", async () => {
    const name = newName();
    const heard = new Map<number, string[]>();
    const back = Promise.withResolvers<void>();
    let connects = 0;
    const server = keep(
      serveChannel(
        name,
        {
          connect: () => {
            if (++connects === channelLimit.clientsDefault + 1) back.resolve();
          },
          messages: (batch) => {
            const list = heard.get(batch.slot) ?? [];
            for (let i = 0; i < batch.count; i++) list.push(text(batch.message(i)));
            heard.set(batch.slot, list);
          },
        },
        { clients: channelLimit.clientsDefault },
      ),
    );
    const clients = Array.from({ length: channelLimit.clientsDefault }, () =>
      keep(connectChannel(name, {}, { slots: true, reconnectMs: 5 })),
    );
    const slots = await Promise.all(clients.map((client) => client.connected(10_000)));
    expect([...slots].sort((a, b) => a - b)).toEqual(clients.map((_, index) => index));
    const late = keep(connectChannel(name, {}, { slots: true, reconnectMs: false }));
    expect(await late.connected(5000).catch((fault: ChannelError) => fault.code)).toBe("no-slot");
    clients.forEach((client, index) => {
      expect(client.send(bytes(`from ${slots[index]}`), slots[index])).toBe(0);
    });
    while (heard.size < clients.length) await Bun.sleep(1);
    for (const slot of slots) expect(heard.get(slot)).toEqual([`from ${slot}`]);
    expect(server.broadcast(bytes("all"))).toBe(clients.length);
    for (const client of clients) expect(await collect(client, 1)).toEqual(["all"]);
    server.disconnect(3);
    await back.promise;
    expect(server.clients).toEqual(clients.map((_, index) => index));
  });
});

/** Voluntary context switches of the native threads of all channels: the sleepers and the watches on the peers. */
function switches(): number {
  return readdirSync("/proc/self/task").reduce((sum, thread) => {
    const status = readFileSync(`/proc/self/task/${thread}/status`, "utf8");
    if (!/^Name:\s+patchbay-(ipc|watch)$/m.test(status)) return sum;
    return sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
  }, 0);
}

describe("idle", () => {
  test("its threads do not wake", async () => {
    const name = newName();
    const server = keep(serveChannel(name));
    const client = keep(connectChannel(name));
    await Promise.all([server.connected(5000), client.connected(5000)]);
    await Bun.sleep(50);
    const settled = switches();
    expect(settled).toBeGreaterThan(0);
    await Bun.sleep(300);
    expect(switches()).toBe(settled);
    client.send(bytes("wake"));
    expect(await collect(server, 1)).toEqual(["wake"]);
    // A switch is counted when the thread that woke sleeps again.
    for (const end = performance.now() + 5000; switches() <= settled && performance.now() < end; ) await Bun.sleep(5);
    expect(switches()).toBeGreaterThan(settled);
  });
});
