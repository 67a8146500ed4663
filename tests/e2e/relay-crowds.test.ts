/**
 * The relay as a process under crowds: every connection that it takes and more, and a hundred thousand channels asked for. It refuses
 * with a status, counts, keeps serving who is in, and its memory goes back to where it was.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Socket } from "bun";
import { limits } from "../../src/base/limits.ts";
import { keyframe } from "../sim/relay-world.ts";
import { cleanUp, eventually } from "./processes.ts";
import { RelayProcess } from "./relay-clients.ts";

afterAll(cleanUp);

const upgrade = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/** The least of a client: it counts the answers to its requests by status, and how many bytes came in all. */
class Caller {
  readonly statuses = new Map<number, number>();
  answers = 0;
  bytes = 0;
  isOver = false;
  #socket: Socket | undefined;
  #rest = "";

  static async open(port: number): Promise<Caller> {
    const caller = new Caller();
    caller.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, data) => caller.#read(data),
        close: () => {
          caller.isOver = true;
        },
        error: () => {
          caller.isOver = true;
        },
      },
    });
    return caller;
  }

  #read(data: Buffer): void {
    this.bytes += data.length;
    const text = this.#rest + data.toString("latin1");
    for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
      this.answers++;
      this.statuses.set(Number(status), (this.statuses.get(Number(status)) ?? 0) + 1);
    }
    // A status line may be cut in two; one that was whole must not be counted again.
    this.#rest = text.slice(-12).replace(/.*HTTP\/1\.1 \d{3} /s, "");
  }

  write(text: string): void {
    this.#socket?.write(text);
  }

  end(): void {
    this.#socket?.end();
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; !holds(); await Bun.sleep(2))
    if (performance.now() > end) throw new Error(`not in time: ${what}`);
}

const settled = async (relay: RelayProcess): Promise<number> => {
  await Bun.sleep(1500); // memory that is free is given back by and by
  return (await relay.stats()).process.residentBytes;
};

describe("a hundred thousand channels", () => {
  const [callers, each, atOnce] = [100, 1000, 50];

  test("make no more than the limit, are refused and counted, and cost no memory", async () => {
    const relay = await RelayProcess.start();
    const held = await Promise.all(Array.from({ length: 256 }, () => Caller.open(relay.port)));
    for (const [n, caller] of held.entries()) caller.write(upgrade(`/stream/held${n}`));
    await until("256 channels are held", () => held.every(({ statuses }) => statuses.get(101) === 1));
    // The first thousand warm up what grows once.
    const ask = async (asking: readonly Caller[], from: number, count: number): Promise<void> => {
      for (let n = 0; n < count; n += atOnce) {
        for (const [index, caller] of asking.entries()) {
          const names = Array.from({ length: atOnce }, (_, i) => upgrade(`/stream/c${from + index * count + n + i}`));
          caller.write(names.join(""));
        }
        await until("all are answered", () => asking.every(({ answers }) => answers === n + atOnce));
      }
    };
    await ask([await Caller.open(relay.port)], 1_000_000, each);
    const before = await settled(relay);
    const asking = await Promise.all(Array.from({ length: callers }, () => Caller.open(relay.port)));
    await ask(asking, 0, each);
    expect(asking.every(({ statuses }) => statuses.get(503) === each)).toBe(true);
    const stats = await relay.stats();
    expect(stats.channels.length).toBe(256);
    expect(stats.drops["refused-too-many-channels"]).toBe(callers * each + each);
    for (const caller of asking) caller.end();
    expect((await settled(relay)) - before).toBeLessThan(25e6);
    for (const caller of held) caller.end();
    await relay.child.kill();
  }, 60_000);
});

const setDescriptors = (pid: number, count: number): boolean =>
  Bun.spawnSync(["prlimit", "--pid", String(pid), `--nofile=${count}:${count}`]).success;

/**
 * Where neither end may have descriptors enough for all connections, the relay gets fewer than this process: what it then
 * refuses for want of descriptors is to look the same to everybody.
 */
describe("as many connections as there may be", () => {
  const most = limits.websocket.connections;
  const isWhole = setDescriptors(process.pid, most + 2000);
  const allowed = Number(/^Max open files +\d+ +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? 4096);
  const fewer = Math.min(most, allowed) / 2;

  test(`are served (${isWhole ? most : `${fewer} descriptors, as more are not to be had`}), more are refused, and leaving gives all back`, async () => {
    const relay = await RelayProcess.start(["--max-receivers", String(most)]);
    const source = await relay.open("/source/crowd");
    setDescriptors(relay.child.pid, isWhole ? most + 2000 : fewer);
    const residents: number[] = [];
    let turnedAway = 0;
    for (let round = 0; round < 2; round++) {
      const crowd: Caller[] = [];
      const late: Caller[] = [];
      while (late.length < 100) {
        const some = await Promise.all(Array.from({ length: 100 }, () => Caller.open(relay.port)));
        for (const caller of some) caller.write(upgrade("/stream/crowd"));
        await until("all are answered", () => some.every(({ answers, isOver }) => answers === 1 || isOver));
        for (const caller of some) (caller.statuses.has(101) ? crowd : late).push(caller);
      }
      await until("the late ones are let go", () => late.every(({ isOver }) => isOver));
      turnedAway += late.length;
      if (isWhole) expect(crowd.length).toBe(most - 1);
      else expect([crowd.length > fewer - 200, crowd.length < fewer]).toEqual([true, true]);
      const had = crowd.map(({ bytes }) => bytes);
      source.send(keyframe(1));
      await until("all got the picture", () => crowd.every(({ bytes }, i) => bytes > (had[i] as number)));
      for (const caller of crowd) caller.end();
      await eventually("they are gone", async () => (await relay.stats()).transport.connections <= 3);
      residents.push(await settled(relay));
    }
    expect((await relay.stats()).transport.refusals["503"]).toBe(turnedAway);
    // The heap's own ups and downs.
    expect((residents[1] as number) - (residents[0] as number)).toBeLessThan(40e6);
    await relay.child.kill();
  }, 120_000);
});
