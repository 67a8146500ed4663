/**
 * The relay's core on sockets in memory: the required behaviours of spec ds-stream.md section 17 that are about channels (3 to 7
 * stand beside the cache, 8 to 14 beside the paths), and sections 8 to 13 as the spec means them.
 */
import { describe, expect, test } from "bun:test";
import { relayDefaults, relayLimits } from "../../src/relay/limits.ts";
import { delta, diff, keyframe, keyUp, move, names, ping, press, RelayWorld, sync } from "./relay-world.ts";

describe("required behaviours", () => {
  test("1: defaults", () => {
    expect(relayDefaults).toMatchObject({
      maxReceivers: 64,
      queueMessages: 16,
      keepaliveSeconds: 10,
      keepaliveTimeoutSeconds: 30,
      maxChannels: 256,
      collectSeconds: 60,
      graceSeconds: 30,
    });
  });

  test("2: all statistics start at 0, without a source", () => {
    const world = new RelayWorld();
    world.open("/signal/a");
    const [stats] = world.core.stats(world.nowUs).channels;
    if (!stats) throw new Error("there is no channel");
    const { name, signalPeers, sourceConnected, hasState, ...rest } = stats;
    const { picture, sound, latencyMs, sourceElsewhere, ...counts } = rest;
    expect([picture, sound, latencyMs, sourceElsewhere]).toEqual([null, null, null, false]);
    expect({ name, signalPeers, sourceConnected, hasState }).toEqual({
      name: "a",
      signalPeers: 1,
      sourceConnected: false,
      hasState: false,
    });
    expect(new Set(Object.values(counts))).toEqual(new Set([0]));
  });

  test("15: the same name is the same channel, another name another", () => {
    const world = new RelayWorld();
    world.open("/source/a");
    world.open("/stream/a");
    world.open("/stream/b");
    expect([...world.core.channels.keys()]).toEqual(["a", "b"]);
  });

  test("16: at the limit a third name is refused before the upgrade, the first still works", () => {
    const world = new RelayWorld({ maxChannels: 2 });
    world.open("/source/a");
    world.open("/source/b");
    const third = world.transport.connect("/stream/c");
    expect(third.status).toBe(503);
    expect(JSON.parse(third.body)).toMatchObject({ error: "too-many-channels" });
    expect(world.open("/stream/a").isOpen).toBe(true);
    expect(world.core.channels.size).toBe(2);
    expect(world.drops["refused-too-many-channels"]).toBe(1);
  });

  test("17 to 20: idle is who has neither state nor source nor receiver", () => {
    const world = new RelayWorld();
    const receiver = world.open("/stream/a");
    const channel = world.channel("a");
    expect(channel.isIdle).toBe(false);
    receiver.leave();
    expect(channel.isIdle).toBe(true);
    const source = world.open("/source/a");
    expect(channel.isIdle).toBe(false);
    source.send(sync(1));
    source.leave();
    expect(channel.isDeserted).toBe(true);
    expect(channel.isIdle).toBe(false);
  });

  test("21, 22: grace runs from when the source left", () => {
    const world = new RelayWorld();
    const source = world.open("/source/a");
    const channel = world.channel("a");
    const expired = () => channel.graceExpired(world.nowUs, 30e6);
    expect(expired()).toBe(false);
    source.leave();
    expect(expired()).toBe(false);
    world.nowUs += 60e6;
    expect(expired()).toBe(true);
  });
});

describe("late joiners", () => {
  test("get sync, diffs, keyframe and deltas first, then what comes, each once, and the source is not asked", () => {
    const world = new RelayWorld();
    const source = world.open("/source/a");
    for (const message of [sync(0), keyframe(1), delta(2), diff(3), delta(4)]) source.send(message);
    const late = world.open("/stream/a");
    source.send(delta(5));
    source.send(diff(6));
    expect(names(late)).toEqual([
      "signalSync 0",
      "signalDiff 3",
      "keyframe 1",
      "deltaPixels 2",
      "deltaPixels 4",
      "deltaPixels 5",
      "signalDiff 6",
    ]);
    expect(source.take()).toEqual([]);
  });

  test("get all of a cache that is longer than the queue of one receiver", () => {
    const world = new RelayWorld({ queueMessages: 4 });
    const source = world.open("/source/a");
    source.send(keyframe(0));
    for (let n = 1; n <= 100; n++) source.send(delta(n));
    expect(names(world.open("/stream/a")).length).toBe(101);
  });
});

describe("sources", () => {
  test("bytes are passed on as they are, even what is no frame", () => {
    const world = new RelayWorld();
    const [source, receiver] = [world.open("/source/a"), world.open("/stream/a")];
    const odd = [new Uint8Array([1, 2, 3]), new Uint8Array(0), new Uint8Array([0x77, 0xff, ...new Uint8Array(40)])];
    for (const message of odd) source.send(message);
    expect(receiver.take()).toEqual(odd);
    expect(world.channel("a").stats(world.nowUs)).toMatchObject({
      framesRelayed: 3,
      bytesRelayed: 45,
      hasState: false,
    });
  });

  test("statistics count what section 8 says", () => {
    const world = new RelayWorld();
    const source = world.open("/source/a");
    world.open("/stream/a").leave();
    world.open("/stream/a").send(press(1));
    for (const message of [keyframe(1), delta(2), sync(3), diff(4), diff(5)]) source.send(message);
    world.pass(2);
    expect(world.channel("a").stats(world.nowUs)).toMatchObject({
      framesRelayed: 5,
      inputsRelayed: 1,
      connectedReceivers: 1,
      sourceConnected: true,
      lastFrameTimestamp: 5,
      keyframes: 1,
      signalDiffs: 2,
      peakReceivers: 1,
      totalConnections: 3,
      uptimeSeconds: 2,
      hasState: true,
    });
  });

  test("coming back within the grace period keeps the cache", () => {
    const world = new RelayWorld();
    const source = world.open("/source/a");
    const watcher = world.open("/stream/a");
    source.send(keyframe(1));
    source.leave();
    world.pass(20);
    const again = world.open("/source/a");
    expect(names(world.open("/stream/a"))).toEqual(["keyframe 1"]);
    again.send(delta(2));
    expect(names(watcher)).toEqual(["keyframe 1", "deltaPixels 2"]);
    world.pass(60);
    expect(world.core.channels.has("a")).toBe(true);
  });

  test("the relay's ping goes to receivers and not to the source, and stops with the source", () => {
    const world = new RelayWorld();
    const [source, receiver] = [world.open("/source/a"), world.open("/stream/a")];
    world.pass(31);
    expect(names(receiver, true)).toEqual(["ping 0", "ping 1", "ping 2"]);
    expect(source.take()).toEqual([]);
    expect(source.pings).toBe(3);
    source.leave();
    world.pass(20);
    expect(names(receiver, true)).toEqual([]);
  });
});

describe("slow receivers", () => {
  const fill = (world: RelayWorld, stalledTarget = "/stream/a") => {
    const source = world.open("/source/a");
    const [slow, quick] = [world.open(stalledTarget), world.open("/stream/a")];
    slow.isStalled = true;
    return { source, slow, quick };
  };

  test("lose frames up to the next keyframe, and nobody else does", () => {
    const world = new RelayWorld({ queueMessages: 4 });
    const { source, slow, quick } = fill(world);
    // One message of this size fills the socket, so that the next ones wait.
    source.send(new Uint8Array(70_000));
    source.send(keyframe(1));
    for (let n = 2; n <= 10; n++) source.send(delta(n));
    expect(names(quick).length).toBe(11);
    for (const message of [keyframe(11), delta(12)]) source.send(message);
    slow.resume();
    // The old picture's rest went when the new one needed room; no delta stands without what it builds on.
    expect(names(slow).slice(1)).toEqual(["keyframe 11", "deltaPixels 12"]);
    expect(names(quick)).toEqual(["keyframe 11", "deltaPixels 12"]);
    expect(world.channel("a").leftOut).toBeGreaterThan(0);
  });

  test("get the whole picture from the cache when they have caught their breath", () => {
    const world = new RelayWorld({ queueMessages: 4 });
    const { source, slow } = fill(world);
    source.send(keyframe(1));
    source.send(new Uint8Array(70_000));
    expect(world.core.isWaiting).toBe(false);
    for (let n = 2; n <= 10; n++) source.send(delta(n));
    // Ticks come often until it has its picture, and not after.
    expect(world.core.isWaiting).toBe(true);
    world.pass(0.1);
    expect(world.core.isWaiting).toBe(true);
    slow.resume();
    const before = names(slow);
    expect(before.at(-1)).toBe("deltaPixels 5");
    world.pass(0.1);
    source.send(delta(11));
    expect(names(slow)).toEqual(["keyframe 1", ...[2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((n) => `deltaPixels ${n}`)]);
    expect(world.channel("a").resyncs).toBe(1);
    expect(world.core.isWaiting).toBe(false);
  });

  test("are told by 4413 when they are too slow for state, which is never left out", () => {
    const world = new RelayWorld({ queueMessages: 4 });
    const { source, slow, quick } = fill(world);
    source.send(new Uint8Array(70_000));
    for (let n = 1; n <= 6; n++) source.send(diff(n));
    expect(slow.code).toBe(4413);
    expect(names(quick).length).toBe(7);
    expect(world.channel("a").receivers.size).toBe(1);
  });

  test("pictures make room for state", () => {
    const world = new RelayWorld({ queueMessages: 4 });
    const { source, slow } = fill(world);
    source.send(keyframe(0));
    source.send(new Uint8Array(70_000));
    for (let n = 1; n <= 4; n++) source.send(delta(n));
    source.send(diff(5));
    expect(slow.code).toBeUndefined();
    slow.resume();
    expect(names(slow).at(-1)).toBe("signalDiff 5");
  });

  test("hold no memory: messages are shared and bounded", () => {
    const world = new RelayWorld({ queueMessages: 4 });
    const { source, slow } = fill(world);
    for (let n = 1; n <= 1000; n++) source.send(keyframe(n & 0xffff));
    source.send(new Uint8Array(70_000));
    for (let n = 1; n <= 1000; n++) source.send(keyframe(n & 0xffff));
    expect(world.transport.messagesAlive).toBeLessThan(10);
    expect(world.transport.queued(slow.id)).toBeLessThan(200_000 + 1001 * 420);
    slow.leave();
    expect(world.transport.messagesAlive).toBe(1);
  });
});

describe("input", () => {
  test("motion is coalesced and presses are kept, in order, while the source is slow", () => {
    const world = new RelayWorld();
    const [source, receiver] = [world.open("/source/a"), world.open("/stream/a")];
    source.isStalled = true;
    // Until the source's backlog is full, events are handed on.
    for (let n = 0; n < 5000 && world.transport.queued(source.id) < relayLimits.sourceBacklogBytes; n++) {
      if (n % 900 === 0) world.skip(1);
      receiver.send(press(n));
    }
    world.skip(2);
    const events = [move(1), move(2), move(3), press(4), move(5), move(6), keyUp(7)];
    for (const event of events) receiver.send(event);
    source.take();
    source.resume();
    world.pass(0.1);
    expect(names(source).slice(-4)).toEqual(["pointer 3", "pointerDown 4", "pointer 6", "keyUp 7"]);
    expect(world.drops["input-coalesced"]).toBe(3);
  });

  test("what is no input is dropped and counted", () => {
    const world = new RelayWorld();
    const [source, receiver] = [world.open("/source/a"), world.open("/stream/a")];
    receiver.send(keyframe(1));
    receiver.send(new Uint8Array(3));
    receiver.send("hello");
    receiver.send(press(1).subarray(0, 20));
    receiver.send(new Uint8Array([0x10, 1, ...new Uint8Array(5000)]));
    expect(names(source)).toEqual([]);
    expect(world.drops).toMatchObject({ "not-input": 3, "text-ignored": 1, "input-malformed": 1 });
  });

  test("more than a person makes is dropped and counted", () => {
    const world = new RelayWorld();
    const [source, receiver] = [world.open("/source/a"), world.open("/stream/a")];
    for (let n = 0; n < relayLimits.inputsPerSecond + 50; n++) receiver.send(press(n));
    expect(names(source).length).toBe(relayLimits.inputsPerSecond);
    expect(world.drops["input-rate"]).toBe(50);
  });
});

test("without memory for messages sources are closed by 1013, and the rest goes on", () => {
  const world = new RelayWorld({ maxMessageBytes: 1_000_000 }, undefined, 200_000);
  const large = (n: number) => {
    const message = new Uint8Array(90_000);
    message.set(keyframe(n));
    return message;
  };
  const sources = ["a", "b", "c"].map((name) => world.open(`/source/${name}`));
  sources.forEach((source, n) => {
    source.send(large(n));
  });
  expect(sources.map(({ code }) => code)).toEqual([undefined, undefined, 1013]);
  const diffs = world.open("/source/d");
  for (let n = 0; n < 40 && diffs.isOpen; n++) diffs.send(diff(n, { text: "x".repeat(1000) }));
  expect(diffs.code).toBe(1013);
  world.pass(20);
  expect(world.open("/stream/a").take().length).toBe(1);
});

describe("the end", () => {
  test("sources, receivers and signalling peers are told 1001, and nobody new comes in", () => {
    const world = new RelayWorld();
    const peers = [world.open("/source/a"), world.open("/stream/a"), world.open("/signal/a")];
    world.core.drain();
    world.transport.settle();
    expect(peers.map((peer) => peer.code)).toEqual([1001, 1001, 1001]);
    expect(world.core.hasPeers).toBe(false);
    expect(world.transport.isListening).toBe(false);
    expect(world.transport.connect("/stream/a").status).toBe(503);
  });

  test("what is queued goes out before the close", () => {
    const world = new RelayWorld();
    const [source, receiver] = [world.open("/source/a"), world.open("/stream/a")];
    receiver.isStalled = true;
    source.send(new Uint8Array(70_000));
    source.send(ping(7));
    world.core.drain();
    expect(receiver.isOpen).toBe(true);
    receiver.resume();
    expect(names(receiver, true)).toEqual(["no frame, 70000 bytes", "ping 7"]);
    expect(receiver.code).toBe(1001);
  });
});
