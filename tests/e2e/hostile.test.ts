/**
 * A hostile network: what is not the protocol, floods, forgeries, replays, too many, and clients that do what they may not. Host
 * and client live on, count it by reason, and grow by nothing.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { limits } from "../../src/base/limits.ts";
import {
  encodeHandshakePacket,
  handshakeStep,
  header,
  headerBytes,
  packetType,
  putHeader,
  putInput,
} from "../../src/wire/root.ts";
import { Home, type RunningHost, startHeadless, startPatternHost } from "./harness.ts";
import { Outsider, openMiddle, socket } from "./outsiders.ts";
import { type Child, cleanUp } from "./processes.ts";

const hosting = new Home();
const viewing = new Home();
let host: RunningHost;
let client: Child;

beforeAll(async () => {
  await hosting.approve(viewing);
  host = await startPatternHost(hosting);
  client = startHeadless(viewing, host.place, "--json", "-");
  await client.until(/approved/);
}, 60_000);
afterAll(() => host?.child.interrupt());
afterAll(cleanUp);

function packet(type: number, size: number, change: (view: DataView) => void = () => undefined): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(headerBytes + size + 16));
  const view = new DataView(bytes.buffer);
  putHeader(view, 0, type, 1, size);
  change(view);
  return bytes;
}

/** One that the host has not reached yet, so that it is no replay. */
const setCounter = (view: DataView) => view.setBigUint64(8, 500_000n, true);

function hello(connectionId: number): Uint8Array {
  const fields = {
    step: handshakeStep.hello,
    reason: 0,
    connectionId,
    cookie: crypto.getRandomValues(new Uint8Array(16)),
  };
  return encodeHandshakePacket(fields, crypto.getRandomValues(new Uint8Array(376)));
}

const residentMb = (pid: number) =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

/** The picture still goes out, and the client is still there. */
async function alive(): Promise<void> {
  const { frames } = (await host.stats()).stream;
  await host.until("frames go on", (stats) => stats.stream.frames > frames + 5);
  expect(client.running).toBe(true);
}

test("what is not the protocol is counted by reason", async () => {
  const stranger = await socket();
  const junk: Record<string, Uint8Array> = {
    short: new Uint8Array(7),
    magic: packet(packetType.video, 100, (view) => view.setUint32(0, 0)),
    "version-1": packet(packetType.ping, 16, (view) => view.setUint8(4, 1)),
    version: packet(packetType.ping, 16, (view) => view.setUint8(4, 9)),
    type: packet(99, 16),
    length: packet(packetType.video, 100, (view) => view.setUint16(16, 1200, true)),
    "unknown-sender": packet(packetType.video, 500),
  };
  const before = (await host.stats()).drops;
  for (const bytes of Object.values(junk)) for (let i = 0; i < 5; i++) stranger.send(bytes, host.port, "127.0.0.1");
  for (let i = 0; i < 50; i++) {
    const noise = crypto.getRandomValues(new Uint8Array(1 + i * 30));
    stranger.send(noise, host.port, "127.0.0.1");
  }
  await host.until(
    "every reason",
    ({ drops }) =>
      Object.keys(junk).every((reason) => (drops[reason] ?? 0) >= (before[reason] ?? 0) + 5) &&
      (drops.magic ?? 0) >= (before.magic ?? 0) + 45,
  );
  await alive();
}, 60_000);

test("a client of version 1 is told so, and not for every packet of a flood", async () => {
  let told = 0;
  const old = await socket((data) => {
    if (header.type(new DataView(data.buffer, data.byteOffset), 0) === packetType.handshake) told++;
  });
  const before = (await host.stats()).drops["version-1"] ?? 0;
  const ping = packet(packetType.ping, 16, (view) => view.setUint8(4, 1));
  for (let i = 0; i < 200; i++) old.send(ping, host.port, "127.0.0.1");
  await host.until("all of them", ({ drops }) => (drops["version-1"] ?? 0) >= before + 200);
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThanOrEqual(3 * limits.handshakesPerSecond);
}, 60_000);

test("a flood of first messages from many places costs no memory and keeps nobody out", async () => {
  const crowd = await Promise.all(Array.from({ length: 100 }, () => socket()));
  const flood = async (rounds: number) => {
    const before = (await host.stats()).udp.received;
    for (let round = 0; round < rounds; round++) {
      for (const [i, one] of crowd.entries()) one.send(hello(round * 1000 + i), host.port, "127.0.0.1");
      await host.until("this round", (stats) => stats.udp.received >= before + (round + 1) * crowd.length);
    }
  };
  // The heap first grows to the size that suits such a load; from then on nothing is kept.
  await flood(80);
  const before = residentMb(host.child.pid);
  await flood(80);
  expect(residentMb(host.child.pid) - before).toBeLessThan(10);
  expect((await host.stats()).drops["handshake-flood"]).toBeGreaterThan(1000);
  const late = new Home();
  await hosting.approve(late);
  const guest = startHeadless(late, host.place, "--seconds", "0.5", "--json", "-");
  expect(await guest.ended()).toBe(0);
  expect(JSON.parse(guest.out).framesShown).toBeGreaterThan(0);
  await alive();
}, 90_000);

test("who may only view and sends input all the same is counted, and nothing happens", async () => {
  const outsider = new Outsider();
  await hosting.tell("peers", "approve", outsider.publicKey, "--permit", "view");
  await outsider.connect(host.port);
  expect(await outsider.admitted.promise).toBe(1);
  const events = new Uint8Array(7);
  putInput(new DataView(events.buffer), 0, 1, 30, 1);
  outsider.core.link?.input(events, true, outsider.nowUs);
  await host.until("the attempt", ({ drops }) => drops["input-not-permitted"] === 1);
  outsider.core.close(outsider.nowUs);
}, 60_000);

test("forgeries and replays between the two ends are counted by the client, which goes on", async () => {
  const forged: Uint8Array[] = [];
  const middle = await openMiddle(host.port, (data) => {
    if (data[5] !== packetType.video) return [data];
    const changed = data.slice();
    changed[data.length - 20] = (changed[data.length - 20] as number) ^ 1;
    forged.push(changed);
    // The forgery comes first, and the true packet twice.
    return [changed, data, data];
  });
  const friend = new Home();
  await hosting.approve(friend);
  const target = startHeadless(friend, middle.place, "--json", "-");
  await target.until(/approved/);
  const { frames } = (await host.stats()).stream;
  for (let i = 0; i < 200; i++) middle.inject(crypto.getRandomValues(new Uint8Array(1 + i * 6)));
  for (let i = 0; i < 50; i++) middle.inject(packet(packetType.video, 1000, setCounter));
  for (let i = 0; i < 50; i++) middle.inject(packet(packetType.handshake, 300));
  await host.until("20 frames", (stats) => stats.stream.frames >= frames + 20);
  expect(await target.interrupt()).toBe(0);
  const report = JSON.parse(target.out);
  expect(report.drops.replayed).toBeGreaterThanOrEqual(10);
  expect(report.drops.forged).toBeGreaterThanOrEqual(60);
  expect(report.drops.magic).toBeGreaterThanOrEqual(150);
  expect(report.framesShown).toBeGreaterThanOrEqual(10);
  expect(report.frames).toMatchObject({ decodeErrors: 0, lost: 0 });
  expect(forged.length).toBeGreaterThan(0);
}, 60_000);

test("the seventeenth client is refused with a sentence, and comes in when a place is free", async () => {
  const crowd = Array.from({ length: limits.peers - 1 }, () => new Outsider());
  for (const one of crowd) {
    await hosting.tell("peers", "approve", one.publicKey);
    await one.connect(host.port);
    expect(await one.admitted.promise).toBeGreaterThan(0);
  }
  const seventeenth = new Home();
  await hosting.approve(seventeenth);
  const refused = startHeadless(seventeenth, host.place);
  expect(await refused.ended()).toBe(77);
  expect(refused.err).toContain(`has its ${limits.peers} clients already`);
  crowd[0]?.core.close(crowd[0].nowUs);
  await host.child.until(/outsider \(\S+\) left after/, host.child.err.lastIndexOf("is connected"));
  const again = startHeadless(seventeenth, host.place, "--seconds", "0.3");
  expect(await again.ended()).toBe(0);
  for (const one of crowd) one.core.close(one.nowUs);
}, 90_000);

test("after all that, the first client has lost nothing that counts", async () => {
  await alive();
  expect(await client.interrupt()).toBe(0);
  const report = JSON.parse(client.out);
  expect(report.frames.decodeErrors).toBe(0);
  expect(report.framesShown).toBeGreaterThan(20);
}, 60_000);
