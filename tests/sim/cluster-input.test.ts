/** What goes the other way between relays of a cluster: input, what is held, texts, and how many receivers a source has. */
import { describe, expect, test } from "bun:test";
import { relayLimits } from "../../src/relay/limits.ts";
import type { MemoryPeer } from "../../src/relay/memory-transport.ts";
import { audienceOf, buildKeyDown, buildKeyUp, decodeFrame } from "../../src/wire/ds.ts";
import { ClusterWorld, type MemberRelay } from "./cluster-world.ts";
import { move, names, press } from "./relay-world.ts";

type Three = [MemberRelay, MemberRelay, MemberRelay];
const three = (world: ClusterWorld) => world.relays as Three;
const quick = { keepaliveSeconds: 1, keepaliveTimeoutSeconds: 3 };

describe("input and texts", () => {
  test("input of any relay's receivers reaches the source", () => {
    const world = new ClusterWorld(3);
    const [a, b, c] = three(world);
    const source = a.open("/source/x");
    const viewers = [b, c].map((relay) => relay.open("/stream/x"));
    world.pass(0.05);
    source.take();
    (viewers[0] as MemoryPeer).send(press(1));
    world.pass(0.01);
    (viewers[1] as MemoryPeer).send(move(2));
    world.pass(0.01);
    expect(source.take().map((message) => message)).toEqual([press(1), move(2)]);
    expect(b.core.channels.get("x")?.stats(0).inputsRelayed).toBe(1);
  });

  test("input without a source anywhere is counted and forgotten", () => {
    const world = new ClusterWorld(2);
    const [a, b] = three(world);
    const source = a.open("/source/x");
    const viewer = b.open("/stream/x");
    world.pass(0.05);
    source.leave();
    world.pass(0.05);
    viewer.send(press(1));
    expect(b.core.drops.toJSON()["input-without-source"]).toBe(1);
    const next = a.open("/source/x");
    world.pass(0.2);
    expect(names(next)).toEqual([]);
  });

  test("signalling texts reach the peers of all relays but not their sender", () => {
    const world = new ClusterWorld(3);
    const [a, b, c] = three(world);
    const [one, two, other] = [a.open("/signal/x"), b.open("/signal/x"), c.open("/signal/y")];
    world.pass(0.01);
    one.send('{"offer":1}');
    world.pass(0.01);
    two.send('{"answer":2}');
    world.pass(0.01);
    expect([one.take(), two.take(), other.take()]).toEqual([['{"answer":2}'], ['{"offer":1}'], []]);
  });
});

describe("what a source is told of its receivers", () => {
  const told = (source: MemoryPeer) =>
    source.take().flatMap((message) => (typeof message === "string" ? [] : (audienceOf(message) ?? [])));

  test("how many there are on all relays, at once and at each change", () => {
    const world = new ClusterWorld(3);
    const [a, b, c] = three(world);
    const source = a.open("/source/x?audience=1");
    world.pass(0.01);
    expect(told(source)).toEqual([0]);
    const near = a.open("/stream/x");
    const far = [b.open("/stream/x"), c.open("/stream/x")] as const;
    world.pass(0.01);
    expect(told(source).at(-1)).toBe(3);
    const second = c.open("/stream/x");
    world.pass(0.01);
    expect(told(source)).toEqual([4]);
    for (const peer of [near, ...far]) peer.leave();
    world.pass(0.01);
    expect(told(source).at(-1)).toBe(1);
    second.leave();
    world.pass(0.01);
    expect(told(source)).toEqual([0]);
  });

  test("receivers of a relay that dies are counted until its silence is noticed; those of the next source anew", () => {
    const world = new ClusterWorld(3, {}, quick);
    const [a, b, c] = three(world);
    const source = a.open("/source/x?audience=1");
    for (const relay of [b, c]) relay.open("/stream/x");
    world.pass(0.05);
    expect(told(source).at(-1)).toBe(2);
    world.kill(b);
    world.pass(4);
    expect(told(source)).toEqual([1]);
    const next = c.open("/source/x?takeover=1&audience=1");
    world.pass(0.05);
    expect([source.code, told(next)]).toEqual([4409, [1]]);
    const last = a.open("/source/x?takeover=1&audience=1");
    world.pass(0.05);
    expect(told(last)).toEqual([0, 1]);
  });

  test("a source that does not read is told the newest number once it does, and nothing piles up for it", () => {
    const world = new ClusterWorld(1);
    const [a] = three(world);
    const source = a.open("/source/x?audience=1");
    const viewer = a.open("/stream/x");
    source.take();
    source.isStalled = true;
    for (let n = 0; a.transport.queued(source.id) < relayLimits.sourceBacklogBytes; n++) {
      if (n % 900 === 0) world.pass(1);
      viewer.send(press(n));
    }
    const full = a.transport.queued(source.id);
    for (let n = 0; n < 500; n++) a.open("/stream/x").leave();
    const last = [a.open("/stream/x"), a.open("/stream/x")];
    expect([a.transport.queued(source.id), last.length]).toEqual([full, 2]);
    source.resume();
    world.pass(0.2);
    expect(told(source)).toEqual([3]);
  });

  test("a source that does not ask is told nothing", () => {
    const world = new ClusterWorld(2);
    const [a, b] = three(world);
    const source = a.open("/source/x");
    for (const relay of [a, b]) relay.open("/stream/x");
    world.pass(0.1);
    expect(source.take()).toEqual([]);
  });

  test("who left unheard is not counted for the source that comes back", () => {
    const world = new ClusterWorld(2, {}, quick);
    const [a, b] = three(world);
    const first = a.open("/source/x?audience=1");
    const viewer = b.open("/stream/x");
    world.pass(0.05);
    expect(told(first)).toEqual([0, 1]);
    world.broker.loss = 1;
    viewer.leave();
    world.pass(0.05);
    world.broker.loss = 0;
    first.leave();
    const second = a.open("/source/x?audience=1");
    world.pass(0.05);
    expect(told(second).at(-1)).toBe(0);
  });

  test("a lost word is said again at the next beat", () => {
    const world = new ClusterWorld(2, {}, quick);
    const [a, b] = three(world);
    const source = a.open("/source/x?audience=1");
    b.open("/stream/x");
    world.pass(0.05);
    world.broker.loss = 1;
    b.open("/stream/x");
    world.pass(0.05);
    world.broker.loss = 0;
    expect(told(source).at(-1)).toBe(1);
    world.pass(1.1);
    expect(told(source)).toEqual([2]);
  });
});

describe("what a vanished receiver held", () => {
  const setUp = () => {
    const world = new ClusterWorld(3, {}, quick);
    const [a, b, c] = three(world);
    const source = a.open("/source/x");
    const [one, two] = [b.open("/stream/x"), c.open("/stream/x")];
    world.pass(0.05);
    one.send(buildKeyDown(0, 0, 30, 0, false));
    one.send(press(1));
    two.send(buildKeyDown(0, 0, 31, 0, false));
    world.pass(0.05);
    names(source);
    return { world, a, b, c, source, one, two };
  };
  const keys = (source: MemoryPeer): (number | "buttons")[] =>
    source.take().flatMap<number | "buttons">((message) => {
      const decoded = typeof message === "string" ? undefined : decodeFrame(message);
      if (!decoded?.ok || !decoded.value.name.endsWith("Up")) return [];
      return decoded.value.name === "keyUp" ? [decoded.value.fields.code] : ["buttons"];
    });

  test("is let go when it leaves a relay that is not the source's", () => {
    const { world, source, one } = setUp();
    one.leave();
    world.pass(0.05);
    expect(keys(source)).toEqual([30, "buttons"]);
  });

  test("is let go when its whole relay dies or leaves, and nobody else's", () => {
    const { world, b, c, source } = setUp();
    world.kill(b);
    world.pass(4);
    expect(keys(source)).toEqual([30, "buttons"]);
    c.cluster.leave();
    world.pass(0.05);
    expect(keys(source)).toEqual([31]);
  });

  test("is let go once, and not what it let go itself", () => {
    const { world, b, source, one } = setUp();
    one.send(buildKeyUp(0, 0, 30, 0));
    world.pass(0.05);
    expect(keys(source)).toEqual([30]);
    one.leave();
    world.pass(0.05);
    world.kill(b);
    world.pass(4);
    expect(keys(source)).toEqual(["buttons"]);
  });

  test("is let go when its relay is cut off from the broker", () => {
    const { world, b, source } = setUp();
    b.bus.lose();
    world.pass(4);
    expect(keys(source)).toEqual([30, "buttons"]);
  });
});
