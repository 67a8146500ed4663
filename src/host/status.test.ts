/** What a running host tells of itself: a real one, sending the test pattern over loopback to a real client that only decodes. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monotonicClock } from "../../ffi/clock.ts";
import { setLogLevel } from "../base/log.ts";
import type { Result } from "../base/result.ts";
import { Client } from "../client/client.ts";
import { fingerprint } from "../secure/fingerprint.ts";
import { createIdentity } from "../secure/identity.ts";
import { openStore } from "../store/database.ts";
import { Peers } from "../store/peers.ts";
import { version } from "../version.ts";
import { permission } from "../wire/root.ts";
import { Directory } from "./directory.ts";
import { Host } from "./host.ts";
import { hostStats } from "./status.ts";

beforeAll(() => setLogLevel("error"));
afterAll(() => setLogLevel("info"));

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

function good<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

function running() {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-status-"));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  const store = good(openStore({ folder }));
  closing.push(() => store.close());
  const identity = createIdentity("desk");
  const directory = new Directory(store);
  const options = {
    capture: "pattern",
    target: "",
    encoder: "auto",
    codec: "h264" as const,
    width: 320,
    height: 240,
    fps: 30,
    bitrateBps: 2_000_000,
    keyframeIntervalSeconds: 1,
    listen: { host: "127.0.0.1", port: 0 },
    input: "off",
    inputTarget: "",
    sound: { backend: "tone", device: "", frameUs: 20_000, bitrateBps: 64_000, microphone: true } as const,
  };
  const host = good(Host.open(options, identity, directory));
  closing.push(() => host.close());
  return { host, identity, directory, peers: new Peers(store) };
}

/** Connects a device and waits for the first word about its rights. */
async function connect(host: Host, device: ReturnType<typeof createIdentity>): Promise<Client> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const options = {
    address: "127.0.0.1",
    port: host.port,
    expectedKey: undefined,
    output: "headless",
    display: "",
    decoder: "auto",
    title: "",
    width: 0,
    height: 0,
    fullscreen: false,
    sendInput: false,
    relative: false,
    readTimecode: false,
    lipSync: false,
    bitrateBps: undefined,
    fps: undefined,
    quality: undefined,
    sound: { backend: "none", device: "", volume: 100, muted: false, minDelayUs: 0 },
    microphone: undefined,
  };
  const client = good(Client.open(options, device, { connected: () => {}, admitted: resolve }));
  closing.push(() => client.close());
  await promise;
  return client;
}

test("a host that nobody watches tells who it is and whom it knows", () => {
  const { host, identity, directory, peers } = running();
  const [known, unwanted] = [createIdentity("a").signing.publicKey, createIdentity("b").signing.publicKey];
  good(peers.approve(Buffer.from(known).toString("base64"), permission.view | permission.clipboard));
  good(peers.revoke(Buffer.from(unwanted).toString("base64")));
  const stats = hostStats(host, identity, directory);
  expect(stats).toMatchObject({
    version,
    name: "desk",
    fingerprint: fingerprint(identity.signing.publicKey),
    source: { capture: "pattern", width: 320, height: 240, fps: 30 },
    stream: { fps: 0, frames: 0, keyframes: 0 },
    stagesMs: {},
    drops: {},
    udp: { port: host.port, receiveBufferBytes: host.receiveBufferBytes },
  });
  expect(stats.uptimeSeconds).toBeGreaterThan(0);
  const about = Object.fromEntries(stats.peers.map((peer) => [peer.fingerprint, peer]));
  expect(about[fingerprint(known)]).toEqual({
    name: "not seen yet",
    fingerprint: fingerprint(known),
    state: "approved",
    permissions: ["view", "clipboard"],
    address: "",
    connectedSeconds: 0,
    rttMs: null,
    lossPercent: 0,
    bitrateBps: 0,
  });
  expect(about[fingerprint(unwanted)]).toMatchObject({ state: "revoked", permissions: [] });
});

test("connected and waiting devices, drops by reason, frames", async () => {
  const { host, identity, directory, peers } = running();
  const [friend, stranger] = [createIdentity("friend"), createIdentity("stranger")];
  good(peers.approve(Buffer.from(friend.signing.publicKey).toString("base64"), permission.view));
  const client = await connect(host, friend);
  await connect(host, stranger);
  while (client.core.frames.stats.delivered < 3 || client.core.link?.clock.offsetUs === undefined) await Bun.sleep(5);
  for (const viewer of host.core.viewers) {
    viewer.drops.add("input-rate", 2);
    viewer.link.drops.add("replayed", 3);
  }
  host.core.departed.add("replayed", 5);
  host.core.drops.add("magic", 7);

  const stats = hostStats(host, identity, directory);
  expect(stats.peers.length).toBe(2);
  const [first, second] = stats.peers;
  expect(first).toMatchObject({ name: "friend", state: "connected", permissions: ["view"] });
  expect(first?.words).toBeUndefined();
  expect(first?.address).toStartWith("127.0.0.1:");
  expect(first?.rttMs).toBeGreaterThan(0);
  expect(first?.bitrateBps).toBeGreaterThan(0);
  expect(first?.connectedSeconds).toBeGreaterThan(0);
  expect(second).toMatchObject({ name: "stranger", state: "waiting", permissions: [], bitrateBps: 0 });
  expect(second?.words?.length).toBe(6);
  expect(stats.drops).toEqual({ "input-rate": 4, replayed: 11, magic: 7 });
  expect(stats.stream.frames).toBeGreaterThanOrEqual(3);
  expect(stats.stream.keyframes).toBeGreaterThanOrEqual(1);
  expect(Object.keys(stats.stagesMs)).toEqual(["wait", "capture", "convert", "encode", "queue", "send"]);
  expect(stats.udp.sentBytes).toBeGreaterThan(0);
});

test("sound is captured while a device listens that may, and is told of on both sides", async () => {
  const { host, identity, directory, peers } = running();
  const sound = () => hostStats(host, identity, directory).sound;
  expect(sound()).toMatchObject({ state: "idle", backend: "tone", listeners: 0, packets: 0, frameMs: 20 });
  const [friend, deaf] = [createIdentity("friend"), createIdentity("deaf")];
  good(peers.approve(Buffer.from(deaf.signing.publicKey).toString("base64"), permission.view));
  good(peers.approve(Buffer.from(friend.signing.publicKey).toString("base64"), permission.view | permission.sound));
  const unheard = await connect(host, deaf);
  const client = await connect(host, friend);
  while (client.sounding().sound.playedSeconds < 0.2) await Bun.sleep(5);
  const told = sound();
  expect(told).toMatchObject({ state: "live", listeners: 1, lossPercent: 0, microphones: [] });
  expect(told.packets).toBeGreaterThanOrEqual(10);
  expect(told.bitrateBps).toBeGreaterThan(0);
  expect(client.sounding().sound).toMatchObject({ state: "playing", backend: "none", refusedPackets: 0 });
  expect(unheard.sounding()).toMatchObject({ sound: { state: "refused", pushed: 0 }, microphone: { state: "off" } });
  expect(told.hasFec).toBe(false);
  client.core.tellSoundLoss(5, monotonicClock.nowUs());
  while (!sound().hasFec) await Bun.sleep(5);
  expect(sound().lossPercent).toBe(5);
  client.close();
  while (sound().listeners > 0) await Bun.sleep(5);
  expect(sound().state).toBe("idle");
  expect(client.sounding().sound.playedSeconds).toBeGreaterThanOrEqual(0.2);
});
