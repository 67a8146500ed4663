/**
 * What no honest client sends, to the built relay over real sockets, on the native server and on Bun's: every truncation of every
 * frame, lengths that lie, noise, requests that are none. Each is answered or counted, and afterwards the relay serves as before.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Prng } from "../../src/base/prng.ts";
import { relayLimits } from "../../src/relay/limits.ts";
import { audienceOf } from "../../src/wire/ds.ts";
import { keyframe, press } from "../sim/relay-world.ts";
import { frameCases, inputCases, refusedMessages } from "../vectors/ds.ts";
import { cleanUp, eventually } from "./processes.ts";
import { RawClient, RelayProcess, upgrade, wsFrame } from "./relay-clients.ts";

afterAll(cleanUp);

/** Every prefix of every message that is good, and all that are bad. */
const broken = [
  ...[...frameCases, ...inputCases].flatMap(({ bytes }) => Array.from(bytes, (_, size) => bytes.slice(0, size))),
  ...refusedMessages.map(({ bytes }) => bytes),
];

for (const server of ["native", "bun"])
  describe(`on the ${server} server`, () => {
    let relay: RelayProcess;
    beforeAll(async () => {
      relay = await RelayProcess.start(["--server", server]);
    });
    afterAll(() => relay.child.kill());

    const served = async (channel: string) => {
      const [source, receiver] = [await relay.open(`/source/${channel}`), await relay.open(`/stream/${channel}`)];
      source.send(keyframe(1));
      await receiver.frames(1);
      for (const peer of [source, receiver]) peer.close();
    };

    test("truncated and lying messages of a source are relayed as they are; a receiver's are counted and go nowhere", async () => {
      const [source, receiver] = [await relay.open("/source/broken"), await relay.open("/stream/broken")];
      const signal = await relay.open("/signal/broken");
      // No faster than a receiver reads, so that nothing is left out for it.
      for (const [n, bytes] of broken.entries()) {
        source.send(bytes);
        if (n % 8 === 7)
          await eventually("they are relayed", async () => (await relay.channel("broken")).framesRelayed > n);
      }
      await eventually("all are relayed", async () => (await relay.channel("broken")).framesRelayed === broken.length);
      const before = (await relay.stats()).drops;
      const told = async (reason: string) => ((await relay.stats()).drops[reason] ?? 0) - (before[reason] ?? 0);
      for (const bytes of broken) {
        receiver.send(bytes);
        signal.send(bytes);
      }
      receiver.send(press(1));
      await source.frames(1);
      expect(source.names).toEqual(["pointerDown 1"]);
      expect([source.code, receiver.code, signal.code]).toEqual([undefined, undefined, undefined]);
      await eventually("all are counted", async () => (await told("binary-signal")) === broken.length);
      expect((await told("not-input")) + (await told("input-malformed"))).toBe(broken.length);
      for (const peer of [source, receiver, signal]) peer.close();
      await served("after");
    }, 60_000);

    test("noise instead of a request or of frames is answered by a status or a close, and takes no memory", async () => {
      const random = new Prng(20);
      const before = (await relay.stats()).process.residentBytes;
      for (let n = 0; n < 60; n++) {
        const client = n % 2 === 0 ? await RawClient.open(relay.port) : await relay.raw("/source/noise?takeover=1");
        client.write(random.bytes(2000));
        if (n % 4 === 0) client.write("\r\n\r\n");
        // What looks like the beginning of a long frame, or of a request, is waited for.
        await Promise.race([eventually("an end", () => client.isClosed), Bun.sleep(200)]);
        client.end();
      }
      await eventually("all have left", async () => (await relay.stats()).connections.sources === 0);
      expect((await relay.stats()).process.residentBytes - before).toBeLessThan(50e6);
      await served("after");
    }, 60_000);

    test("requests that are none, or are two, become no connection", async () => {
      const head = `Host: ${relay.place}\r\n`;
      const lines = Object.entries(upgrade).map(([name, value]) => `${name}: ${value}\r\n`);
      const asking = lines.join("");
      const cases: readonly (readonly [title: string, request: string, status: number])[] = [
        ["no host", `GET /source/x HTTP/1.1\r\n${asking}\r\n`, 400],
        ["another method", `POST /source/x HTTP/1.1\r\n${head}${asking}\r\n`, 400],
        ["two keys", `GET /source/x HTTP/1.1\r\n${head}${asking}${lines.at(-1)}\r\n`, 400],
        ["a long head", `GET /source/x HTTP/1.1\r\n${head}${asking}x: ${"a".repeat(200_000)}\r\n\r\n`, 431],
        ["a negative length", `POST / HTTP/1.1\r\n${head}content-length: -5\r\n\r\n`, 400],
        [
          "two lengths",
          `GET / HTTP/1.1\r\n${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
          400,
        ],
        ["TLS", "\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03\r\n\r\n", 400],
        ["a name that breaks lines", `GET /source/x%0d%0aset-cookie:y HTTP/1.1\r\n${head}${asking}\r\n`, 400],
        ["a foreign page", `GET /source/x HTTP/1.1\r\n${head}${asking}origin: null\r\n\r\n`, 403],
      ];
      for (const [title, request, status] of cases) {
        const client = await RawClient.open(relay.port);
        client.write(request);
        await client.until((text) => text.includes("\r\n\r\n"));
        expect([title, Number(client.text.split(" ")[1])]).toEqual([title, status]);
        expect(client.text.toLowerCase()).not.toContain("set-cookie");
        client.end();
      }
      expect((await relay.stats()).channels.some(({ name }) => name.startsWith("x"))).toBe(false);
    });

    test("a source that reads nothing is told nothing more than fits, and its channel goes on", async () => {
      const source = await relay.raw("/source/deaf?audience=1");
      source.pause();
      const receiver = await relay.open("/stream/deaf");
      for (let n = 0; n < relayLimits.inputsPerSecond; n++) receiver.send(press(n));
      for (let n = 0; n < 20; n++) (await relay.open("/stream/deaf")).close();
      source.write(wsFrame(2, keyframe(1)));
      await receiver.frames(1);
      source.end();
      await eventually("it left", async () => !(await relay.channel("deaf")).sourceConnected);
      const next = await relay.open("/source/deaf?audience=1");
      await eventually("the next is told of those that are here", () =>
        next.received.some((message) => typeof message !== "string" && audienceOf(message) === 1),
      );
      for (const peer of [next, receiver]) peer.close();
    });
  });
