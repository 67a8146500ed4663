/**
 * The relay as a process, once on the native server and once on Bun's, with real clients: spec ds-stream.md sections 8 to 13 and 19
 * seen from outside.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { delta, diff, keyframe, press, sync } from "../sim/relay-world.ts";
import { Child, cleanUp, eventually } from "./processes.ts";
import { type Client, RawClient, RelayProcess, upgrade, wsFrame } from "./relay-clients.ts";

afterAll(cleanUp);

for (const server of ["native", "bun"])
  describe(`on the ${server} server`, () => {
    let relay: RelayProcess;
    beforeAll(async () => {
      relay = await RelayProcess.start([
        "--server",
        server,
        "--max-channels",
        "40",
        "--max-receivers",
        "4",
        "--max-message",
        "1",
      ]);
    });
    afterAll(() => relay.child.kill());

    test("a late joiner gets the whole picture at once, and the source is not asked", async () => {
      const source = await relay.open("/source/late");
      for (const message of [sync(0), keyframe(1), delta(2), diff(3), delta(4)]) source.send(message);
      await eventually("all are relayed", async () => (await relay.channel("late")).framesRelayed === 5);
      const late = await relay.open("/stream/late");
      await late.frames(5);
      source.send(delta(5));
      await late.frames(6);
      expect(late.names).toEqual([
        "signalSync 0",
        "signalDiff 3",
        "keyframe 1",
        "deltaPixels 2",
        "deltaPixels 4",
        "deltaPixels 5",
      ]);
      expect(source.received).toEqual([]);
      late.send(press(7));
      await source.frames(1);
      expect(source.names).toEqual(["pointerDown 7"]);
    });

    test("signalling reaches the others", async () => {
      const [one, two] = [await relay.open("/signal/s"), await relay.open("/signal/s")];
      one.send("offer");
      await two.frames(1);
      two.send("answer");
      await one.frames(1);
      expect([one.names, two.names]).toEqual([["answer"], ["offer"]]);
    });

    test("a second source is refused, or takes over", async () => {
      const first = await relay.open("/source/t");
      expect(await relay.ask("/source/t")).toMatchObject({ status: 409, body: { error: "source-connected" } });
      const second = await relay.open("/source/t?takeover=1");
      await first.closed();
      expect(first.code).toBe(4409);
      const receiver = await relay.open("/stream/t");
      second.send(keyframe(1));
      await receiver.frames(1);
    });

    test("refusals come before the upgrade, with a status and a reason", async () => {
      expect(await relay.ask("/source/a%20b")).toMatchObject({ status: 400, body: { error: "bad-name" } });
      expect(await relay.ask("/nowhere")).toMatchObject({ status: 404, body: { error: "unknown-path" } });
      const receivers = [1, 2, 3, 4].map(() => relay.open("/stream/full"));
      await Promise.all(receivers);
      expect(await relay.ask("/stream/full")).toMatchObject({ status: 503, body: { error: "too-many-receivers" } });
      expect((await relay.ask("/stream/x", { origin: "https://elsewhere.example" })).status).toBe(403);
      expect((await relay.ask("/stream/x", { host: "elsewhere.example" })).status).toBe(421);
      expect((await relay.fetch("/source/a")).status).toBe(426);
      expect((await relay.fetch("/nothing")).status).toBe(404);
    });

    test("upgrades without the right headers are answered, not accepted", async () => {
      const without = async (name: keyof typeof upgrade, value?: string) => {
        const client = await RawClient.open(relay.port);
        const headers: Record<string, string> = { host: relay.place, ...upgrade };
        if (value === undefined) delete headers[name];
        else headers[name] = value;
        const lines = Object.entries(headers).map(([key, text]) => `${key}: ${text}\r\n`);
        client.write(`GET /source/bad HTTP/1.1\r\n${lines.join("")}\r\n`);
        await client.until((text) => text.includes("\r\n\r\n"));
        client.end();
        return Number(client.text.split(" ")[1]);
      };
      expect([400, 426]).toContain(await without("sec-websocket-version"));
      expect(await without("sec-websocket-version", "8")).toBe(426);
      expect(await without("sec-websocket-key")).toBe(400);
      expect(await without("sec-websocket-key", "short")).toBe(400);
      expect([400, 426]).toContain(await without("connection"));
      expect((await relay.stats()).channels.some(({ name }) => name === "bad")).toBe(false);
    });

    test("a message in fragments of one byte arrives whole", async () => {
      const receiver = await relay.open("/stream/bytes");
      const source = await relay.raw("/source/bytes");
      const message = delta(9);
      message.forEach((byte, i) => {
        source.write(wsFrame(i === 0 ? 2 : 0, new Uint8Array([byte]), i === message.length - 1));
      });
      await receiver.frames(1);
      expect(receiver.received.at(-1)).toEqual(message);
      source.end();
    });

    test("a source that vanishes in the middle of a frame leaves nothing behind", async () => {
      const receiver = await relay.open("/stream/cut");
      const source = await relay.raw("/source/cut");
      source.write(wsFrame(2, new Uint8Array(1000)).subarray(0, 500));
      source.end();
      await eventually("it left", async () => !(await relay.channel("cut")).sourceConnected);
      const next = await relay.open("/source/cut");
      next.send(keyframe(1));
      await receiver.frames(1);
      expect(receiver.names).toEqual(["keyframe 1"]);
    });

    test("broken protocol is closed by its code: unmasked, reserved bits, bad opcode, a long ping", async () => {
      const cases = [
        new Uint8Array([0x82, 1, 0]),
        new Uint8Array([0xf2, 0x81, 1, 2, 3, 4, 0]),
        new Uint8Array([0x83, 0x80, 1, 2, 3, 4]),
        wsFrame(9, new Uint8Array(126)),
        wsFrame(0, new Uint8Array(1)),
      ];
      for (const bytes of cases) {
        const source = await relay.raw("/source/broken");
        source.write(bytes);
        await eventually("it is closed", () => source.isClosed);
        await eventually("it left", async () => !(await relay.channel("broken")).sourceConnected);
      }
    });

    test("text where binary belongs is ignored and counted", async () => {
      const [source, receiver] = [await relay.open("/source/text"), await relay.open("/stream/text")];
      source.send("hello");
      receiver.send("hello");
      source.send(keyframe(1));
      await receiver.frames(1);
      expect(receiver.names).toEqual(["keyframe 1"]);
      await eventually("both are counted", async () => ((await relay.stats()).drops["text-ignored"] ?? 0) >= 2);
    });

    test("too large a message is closed with 1009", async () => {
      const [source, signal] = [await relay.open("/source/large"), await relay.open("/signal/large")];
      source.send(new Uint8Array(1024 * 1024 + 1));
      signal.send("x".repeat(70_000));
      await Promise.all([source.closed(), signal.closed()]);
      expect([source.code, signal.code]).toEqual([1009, 1009]);
      // In pieces that are small enough each, too.
      const receiver = await relay.raw("/stream/large");
      // Bun's server tells of a message when it is whole; the native one ends it as soon as it is too large.
      for (const opcode of [2, 0])
        receiver.write(wsFrame(opcode, new Uint8Array(40_000), server === "bun" && opcode === 0));
      await receiver.until(() => receiver.closeCode === 1009);
      await eventually("it left", async () => (await relay.channel("large")).connectedReceivers === 0);
    });

    test("a stalled receiver slows nobody and holds no memory", async () => {
      const source = await relay.open("/source/stall");
      const [quick, other] = [await relay.open("/stream/stall"), await relay.open("/stream/stall")];
      const stalled = await relay.raw("/stream/stall");
      stalled.pause();
      const frame = new Uint8Array(keyframe(0).length + 100_000);
      const rounds = 1500;
      const whole = (client: Client) => client.received.filter(({ length }) => length > 100_000).length;
      const before = (await relay.stats()).process.residentBytes;
      for (let n = 0; n < rounds; n++) {
        frame.set(keyframe(n));
        source.send(frame.slice());
        // No more than a queue holds may be on its way, or a living receiver could lose some too.
        if (n % 10 !== 9) continue;
        for (const client of [quick, other]) {
          await client.until(`frame ${n}`, () => whole(client) === 10);
          client.received.length = 0;
        }
      }
      const stats = await relay.stats();
      expect(stats.process.residentBytes - before).toBeLessThan(100e6);
      expect(stats.transport.leftOut).toBeGreaterThan(1000);
      stalled.end();
    }, 60_000);

    test("many channels asked for make no more than the limit", async () => {
      const name = (n: number) => `/stream/many${n}`;
      let refused = 0;
      for (let n = 0; n < 2000; n += 50) {
        const asked = await Promise.all(Array.from({ length: 50 }, (_, i) => rawStatus(relay, name(n + i))));
        refused += asked.filter((status) => status === 503).length;
      }
      const stats = await relay.stats();
      expect(refused).toBeGreaterThan(1900);
      expect(stats.channels.length).toBe(40);
      for (const client of rawClients.splice(0)) client.end();
      await eventually("they left", async () => (await relay.stats()).connections.receivers < 40);
    }, 60_000);

    test("each request on a kept connection gets its own answer", async () => {
      const client = await RawClient.open(relay.port);
      for (let n = 0; n < 300; n++) {
        client.text = "";
        client.write(`GET /api/history?channel=c${n} HTTP/1.1\r\nHost: ${relay.place}\r\n\r\n`);
        await client.until((text) => text.endsWith("}\n"));
        expect(client.text.split("HTTP/1.1").length).toBe(2);
        expect(client.text).toContain(`{"channel":"c${n}"`);
      }
      client.end();
    });

    test("statistics, metrics and pages", async () => {
      const metrics = await relay.fetch("/metrics");
      expect(metrics.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
      expect(await metrics.text()).toMatch(/^patchbay_relay_channel_frames_total\{channel="late"\} 6$/m);
      const landing = await relay.fetch("/");
      expect(landing.headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(await landing.text()).toContain("<title>Patchbay relay</title>");
      expect((await relay.fetch("/player/late")).status).toBe(200);
      expect((await relay.fetch("/api/history?channel=late")).status).toBe(200);
      expect((await relay.stats()).transport.name).toBe(server);
    });
  });

const rawClients: RawClient[] = [];
async function rawStatus(relay: RelayProcess, path: string): Promise<number> {
  const client = await relay.raw(path);
  rawClients.push(client);
  return Number(client.text.split(" ")[1]);
}

for (const server of ["native", "bun"])
  describe(`the end and the dead on the ${server} server`, () => {
    test("SIGTERM: everybody is told 1001, and the status is 0 within 5 seconds, whoever stalls", async () => {
      const relay = await RelayProcess.start(["--server", server]);
      const peers = [await relay.open("/source/a"), await relay.open("/stream/a"), await relay.open("/signal/a")];
      const stalled = await relay.raw("/stream/a");
      stalled.pause();
      for (let n = 0; n < 100; n++) {
        peers[0]?.send(new Uint8Array(500_000));
        await peers[1]?.until("all", ({ received }) => received.length > n);
      }
      relay.child.signal("SIGTERM");
      expect(await relay.child.ended(5000)).toBe(0);
      await Promise.all(peers.map((peer) => peer.closed()));
      expect(peers.map(({ code }) => code)).toEqual([1001, 1001, 1001]);
      stalled.end();
    }, 20_000);

    test("stopped processes are let go within the time-out", async () => {
      const relay = await RelayProcess.start(["--server", server, "--keepalive", "200ms", "--keepalive-timeout", "1"]);
      const watch = `const open = (path) => new Promise((resolve) => {
        const socket = new WebSocket("${relay.url("", "ws")}" + path); socket.onopen = resolve; });
        await open("/source/a"); await open("/stream/a"); console.log("open");`;
      const child = new Child([process.execPath, "-e", watch]);
      await child.until(/open/);
      const living = await relay.open("/stream/a");
      expect(await relay.channel("a")).toMatchObject({ connectedReceivers: 2, sourceConnected: true });
      child.signal("SIGSTOP");
      await eventually("both are gone", async () => {
        const { connectedReceivers, sourceConnected } = await relay.channel("a");
        return connectedReceivers === 1 && !sourceConnected;
      });
      expect((await relay.stats()).drops["keepalive-timeout"]).toBe(2);
      expect(living.code).toBeUndefined();
      child.signal("SIGCONT");
      await child.kill();
      await relay.child.kill();
    }, 20_000);
  });
