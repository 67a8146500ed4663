/** Relays as processes, joined by a real broker: what tests/sim/cluster.test.ts shows in memory, with kills, freezes and restarts. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ClusterStats } from "../../src/relay/cluster-link.ts";
import { audienceOf, buildKeyDown, buildKeyframe, decodeFrame } from "../../src/wire/ds.ts";
import { delta, diff, keyframe, press, sync } from "../sim/relay-world.ts";
import { Broker, Link } from "./broker.ts";
import { atEnd, cleanUp, eventually } from "./processes.ts";
import { RelayProcess } from "./relay-clients.ts";

const hasBroker = Bun.which("nats-server") !== null;
if (!hasBroker) console.warn("skipped: relays joined by NATS; they want nats-server (Debian: apt install nats-server)");
setDefaultTimeout(60_000);

afterAll(cleanUp);

const clusterOf = async (relay: RelayProcess): Promise<ClusterStats> => {
  const { cluster } = await relay.stats();
  if (!cluster) throw new Error("the relay is in no cluster");
  return cluster;
};

/** What is kept outlives the tests, so that a slow machine changes nothing but the time that they take. */
const patient = ["--keepalive", "5", "--keepalive-timeout", "600", "--collect", "600", "--grace", "600"];
/** For those that wait for a silence: as short as a machine that is busy with other things never is silent. */
const silenceSeconds = 5;
const noticing = [...patient.slice(4), "--keepalive", "0.5", "--keepalive-timeout", String(silenceSeconds)];
const join = (url: string, words = patient) => RelayProcess.start(["--bus", url, ...words]);

const knowing = (relay: RelayProcess, others: number) =>
  eventually(`${others} other relays are known`, async () => (await clusterOf(relay)).relays === others);

/** Publishes the channel on `relay`, and waits until the others know. */
async function publish(relay: RelayProcess, channel: string, others: readonly RelayProcess[]) {
  const source = await relay.open(`/source/${channel}`);
  for (const other of others) {
    const viewer = await other.open(`/stream/${channel}`);
    await eventually("the claim is known", async () => (await other.channel(channel)).sourceConnected);
    viewer.close();
    await eventually("the viewer has left", async () => (await other.channel(channel)).connectedReceivers === 0);
  }
  return source;
}

/** A viewer of another relay whose frames come from now on. */
async function follow(relay: RelayProcess, path: string) {
  const before = (await clusterOf(relay)).catchUpsTaken;
  const viewer = await relay.open(path);
  await eventually("the catch-up is here", async () => (await clusterOf(relay)).catchUpsTaken > before);
  return viewer;
}

// Without a broker: install the Debian package nats-server.
describe.skipIf(!hasBroker)("three relays on one broker", () => {
  let broker: Broker;
  let relays: [RelayProcess, RelayProcess, RelayProcess];

  beforeAll(async () => {
    broker = await Broker.start();
    relays = [await join(broker.url), await join(broker.url), await join(broker.url)];
    for (const relay of relays) await knowing(relay, 2);
  });

  test("a late joiner elsewhere has the whole picture at once; input and texts find their way", async () => {
    const [a, b, c] = relays;
    const source = await a.open("/source/one");
    for (const message of [sync(0), keyframe(1), delta(2), diff(3)]) source.send(message);
    await eventually("all are cached", async () => (await a.channel("one")).framesRelayed === 4);
    const late = await follow(b, "/stream/one");
    await late.frames(4);
    source.send(delta(4));
    await late.frames(5);
    expect(late.names).toEqual(["signalSync 0", "signalDiff 3", "keyframe 1", "deltaPixels 2", "deltaPixels 4"]);
    late.send(press(7));
    await source.frames(1);
    expect(source.names).toEqual(["pointerDown 7"]);
    expect((await clusterOf(c)).followed).toBe(0);
    expect((await b.channel("one")).sourceConnected).toBe(true);
    const [one, two] = [await a.open("/signal/one"), await c.open("/signal/one")];
    await eventually("both are on", async () => (await c.channel("one")).signalPeers === 1);
    one.send("offer");
    await two.frames(1);
    two.send("answer");
    await one.frames(1);
    expect([one.names, two.names]).toEqual([["answer"], ["offer"]]);
    for (const peer of [source, late, one, two]) peer.close();
  });

  test("a frame larger than the broker takes arrives whole", async () => {
    const [a, , c] = relays;
    const source = await a.open("/source/large");
    const viewer = await follow(c, "/stream/large");
    const large = buildKeyframe(1, 1, 1024, 1024, "rgba", noise(4 * 1024 * 1024));
    source.send(large);
    await viewer.frames(1);
    const got = viewer.received.find((message) => message.length > 1000);
    expect(got instanceof Uint8Array && Bun.hash(got) === Bun.hash(large)).toBe(true);
    source.close();
    viewer.close();
  });

  test("one source for all: 409 elsewhere, and a take-over closes the old one with 4409", async () => {
    const [a, b, c] = relays;
    const old = await publish(a, "own", [b, c]);
    const viewer = await follow(c, "/stream/own");
    expect((await b.ask("/source/own")).status).toBe(409);
    const source = await b.open("/source/own?takeover=1");
    await old.closed();
    expect(old.code).toBe(4409);
    await eventually("the viewer's relay follows the new one", async () => (await clusterOf(b)).wanted === 1);
    source.send(keyframe(9));
    await viewer.frames(1);
    expect(viewer.names).toEqual(["keyframe 9"]);
    source.close();
    viewer.close();
  });

  test("the broker's restart: nobody leaves, claims are told again, missing frames are made up for", async () => {
    const [a, b, c] = relays;
    const source = await publish(a, "restart", [b, c]);
    source.send(keyframe(1));
    const viewer = await follow(b, "/stream/restart");
    await viewer.frames(1);
    await broker.child.kill();
    for (const relay of relays) await eventually("noticed", async () => !(await clusterOf(relay)).isConnected);
    source.send(delta(2));
    await broker.restart();
    await viewer.until("the frame of the outage", ({ names }) => names.at(-1) === "deltaPixels 2");
    source.send(delta(3));
    await viewer.until("what came after it", ({ names }) => names.at(-1) === "deltaPixels 3");
    expect(viewer.names.slice(-3)).toEqual(["keyframe 1", "deltaPixels 2", "deltaPixels 3"]);
    for (const relay of relays) await eventually("it is back", async () => (await clusterOf(relay)).isConnected);
    expect((await c.ask("/source/restart")).status).toBe(409);
    for (const peer of [source, viewer]) peer.close();
  });
});

describe.skipIf(!hasBroker)("three relays, one of which falls silent", () => {
  let broker: Broker;
  let link: Link;
  let relays: [RelayProcess, RelayProcess, RelayProcess];

  beforeAll(async () => {
    broker = await Broker.start();
    link = await Link.to(broker.port);
    atEnd(() => link.close());
    relays = [await join(broker.url, noticing), await join(broker.url, noticing), await join(link.url, noticing)];
    for (const relay of relays) await knowing(relay, 2);
  });

  test("a relay cut off from the broker serves its own; healed, all is as it was", async () => {
    const [a, , c] = relays;
    const source = await c.open("/source/cut");
    source.send(keyframe(1));
    const near = await c.open("/stream/cut");
    const far = await follow(a, "/stream/cut");
    await far.frames(1);
    link.cut();
    await eventually("the cut is noticed", async () => !(await clusterOf(c)).isConnected);
    source.send(delta(2));
    await near.frames(2);
    await knowing(a, 1);
    const other = await a.open("/source/cut");
    other.send(keyframe(11));
    await far.until("its side's new source", ({ names }) => names.at(-1) === "keyframe 11");
    source.send(delta(3));
    await near.frames(3);
    expect(near.names).toEqual(["keyframe 1", "deltaPixels 2", "deltaPixels 3"]);
    link.heal();
    // The later claim stays.
    await source.closed();
    expect(source.code).toBe(4409);
    await near.until("the picture of the source that stays", ({ names }) => names.at(-1) === "keyframe 11");
    other.send(delta(12));
    await near.until("its frames", ({ names }) => names.at(-1) === "deltaPixels 12");
    for (const peer of [near, far, other]) peer.close();
  });

  test("a relay that stood still gives way to the source that took its place", async () => {
    const [a, b, c] = relays;
    const frozen = await join(broker.url, noticing);
    for (const relay of [a, b, c]) await knowing(relay, 3);
    const source = await publish(frozen, "frozen", [a, b, c]);
    const viewer = await follow(b, "/stream/frozen");
    frozen.child.signal("SIGSTOP");
    for (const relay of [a, b, c]) await knowing(relay, 2);
    const other = await a.open("/source/frozen");
    await eventually("its relay follows the new one", async () => (await clusterOf(a)).wanted === 1);
    frozen.child.signal("SIGCONT");
    await source.closed();
    expect([4408, 4409]).toContain(source.code as number);
    other.send(keyframe(2));
    await viewer.frames(1);
    await eventually("it knows", async () => (await clusterOf(frozen)).claimsElsewhere > 0);
    expect((await frozen.ask("/source/frozen")).status).toBe(409);
    expect(await frozen.child.interrupt()).toBe(0);
    for (const peer of [viewer, other]) peer.close();
  });

  test("a relay that is killed: its claim ends within the time-out, its viewers' relays go on with another", async () => {
    const [a, b, c] = relays;
    const source = await publish(a, "killed", [b, c]);
    source.send(keyframe(1));
    const viewer = await follow(b, "/stream/killed");
    await viewer.frames(1);
    await a.child.kill();
    expect((await c.ask("/source/killed")).status).toBe(409);
    await eventually("the claim ends", async () => (await clusterOf(c)).relays === 1);
    const next = await c.open("/source/killed");
    next.send(keyframe(2));
    await viewer.until("the new source's picture", ({ names }) => names.at(-1) === "keyframe 2");
  });

  test("a viewer's relay that is killed: what the viewer held is let go at the source", async () => {
    const [, b, c] = relays;
    const lost = await join(broker.url, noticing);
    await knowing(c, 2);
    const source = await c.open("/source/held?audience=1");
    const viewer = await follow(lost, "/stream/held");
    const other = await follow(b, "/stream/held");
    viewer.send(buildKeyDown(1, 0, 30, 0, false));
    other.send(buildKeyDown(2, 0, 31, 0, false));
    await source.until("both presses", ({ names }) => names.filter((name) => name.startsWith("keyDown")).length === 2);
    await source.until("both viewers", ({ received }) => received.map(receivers).includes(2));
    await lost.child.kill();
    await source.until("one release", ({ received }) => received.map(released).includes(30));
    await source.until("one viewer", ({ received }) => received.map(receivers).at(-1) === 1);
    other.close();
    await source.until("the other release", ({ received }) => received.map(released).includes(31));
    await source.until("nobody", ({ received }) => received.map(receivers).at(-1) === 0);
    source.close();
  });
});

/** The key that an event lets go. */
function released(message: Uint8Array | string): number | undefined {
  const decoded = typeof message === "string" ? undefined : decodeFrame(message);
  return decoded?.ok && decoded.value.name === "keyUp" ? decoded.value.fields.code : undefined;
}

const receivers = (message: Uint8Array | string): number | undefined =>
  typeof message === "string" ? undefined : audienceOf(message);

describe.skipIf(!hasBroker)("a relay and its broker", () => {
  test("a broker that is not there yet keeps nobody waiting", async () => {
    const first = await Broker.start();
    await first.child.kill();
    const relay = await join(first.url);
    const source = await relay.open("/source/alone");
    const viewer = await relay.open("/stream/alone");
    source.send(keyframe(1));
    await viewer.frames(1);
    await first.restart();
    await eventually("it is joined", async () => (await clusterOf(relay)).isConnected);
    expect(await relay.child.interrupt()).toBe(0);
  });

  test("a password is kept from the log", async () => {
    const broker = await Broker.start(-1, ["--user", "u", "--pass", "secret-word"]);
    const relay = await join(broker.url.replace("//", "//u:secret-word@"));
    await eventually("it is joined", async () => (await clusterOf(relay)).isConnected);
    const stranger = await join(broker.url.replace("//", "//u:wrong-word@"));
    await stranger.child.until(/the bus is lost/);
    expect(relay.child.told().replace(/^\$.*\n/, "")).not.toContain("secret-word");
    expect(stranger.child.told().replace(/^\$.*\n/, "")).not.toContain("wrong-word");
  });
});

function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}
