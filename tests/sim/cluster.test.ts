/** Several relays joined by a bus: one source for all, late joiners, input, texts, and what happens when parts of it break. */
import { describe, expect, test } from "bun:test";
import { Prng } from "../../src/base/prng.ts";
import type { MemoryPeer } from "../../src/relay/memory-transport.ts";
import { buildKeyframe } from "../../src/wire/ds.ts";
import { ClusterWorld, type MemberRelay } from "./cluster-world.ts";
import { delta, diff, keyframe, names, press, sync } from "./relay-world.ts";

type Three = [MemberRelay, MemberRelay, MemberRelay];
const three = (world: ClusterWorld) => world.relays as Three;
const quick = { keepaliveSeconds: 1, keepaliveTimeoutSeconds: 3 };
const send = (source: MemoryPeer, ...messages: Uint8Array[]) => {
  for (const message of messages) source.send(message);
};

describe("one source for all relays", () => {
  test("receivers of every relay get each frame once, in order", () => {
    const world = new ClusterWorld(3);
    const [a, b, c] = three(world);
    const source = a.open("/source/x");
    world.pass(0.01);
    const watching = [a, b, c].map((relay) => relay.open("/stream/x"));
    world.pass(0.05);
    send(source, keyframe(1), delta(2), delta(3));
    world.pass(0.05);
    for (const peer of watching) expect(names(peer)).toEqual(["keyframe 1", "deltaPixels 2", "deltaPixels 3"]);
  });

  test("a late joiner of another relay has the whole picture at once, and its relay caches for the next", () => {
    const world = new ClusterWorld(3);
    const [a, b] = three(world);
    const source = a.open("/source/x");
    const whole = ["signalSync 1", "signalDiff 2", "keyframe 3", "deltaPixels 4"];
    send(source, sync(1), diff(2), keyframe(3), delta(4));
    world.pass(0.05);
    const first = b.open("/stream/x");
    world.pass(0.01);
    expect(names(first)).toEqual(whole);
    expect(a.stats.catchUpsSent).toBe(1);
    send(source, delta(5));
    world.pass(0.01);
    const second = b.open("/stream/x");
    expect(names(second)).toEqual([...whole, "deltaPixels 5"]);
    expect(names(first)).toEqual(["deltaPixels 5"]);
    expect(a.stats.catchUpsSent).toBe(1);
  });

  test("frames sent while the catch-up is on its way come once and in order, whatever overtakes what", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const world = new ClusterWorld(3, { seed, delayUs: 200, jitterUs: 8000 });
      const [a, b] = three(world);
      const source = a.open("/source/x");
      send(source, keyframe(0));
      world.pass(0.05);
      const peer = b.open("/stream/x");
      for (let n = 1; n < 40; n++) {
        send(source, delta(n));
        world.pass(0.001);
      }
      world.pass(0.1);
      const expected = ["keyframe 0", ...Array.from({ length: 39 }, (_, n) => `deltaPixels ${n + 1}`)];
      expect({ seed, got: names(peer) }).toEqual({ seed, got: expected });
    }
  });

  test("a channel without receivers elsewhere costs the bus no frame", () => {
    const world = new ClusterWorld(3);
    const [a, b] = three(world);
    const source = a.open("/source/x");
    a.open("/stream/x");
    world.pass(0.05);
    const before = world.broker.counts.published;
    for (let n = 0; n < 100; n++) send(source, keyframe(n));
    expect(world.broker.counts.published).toBe(before);
    const peer = b.open("/stream/x");
    world.pass(0.05);
    expect(a.stats.wanted).toBe(1);
    expect(world.broker.isWanted("sim.1.channel.x")).toBe(true);
    peer.leave();
    world.pass(0.05);
    const after = world.broker.counts.published;
    for (let n = 0; n < 100; n++) send(source, keyframe(n));
    expect(world.broker.counts.published).toBe(after);
    expect(world.broker.isWanted("sim.1.channel.x")).toBe(false);
    expect([a.stats.wanted, b.stats.followed]).toEqual([0, 0]);
  });

  test("what a relay followed is forgotten with its last receiver, and its channel is collected", () => {
    const world = new ClusterWorld(2, {}, { collectSeconds: 1 });
    const [a, b] = three(world);
    const source = a.open("/source/x");
    send(source, keyframe(1));
    const peer = b.open("/stream/x");
    world.pass(0.05);
    expect(b.core.channels.get("x")?.cache.hasState).toBe(true);
    peer.leave();
    expect(b.core.channels.get("x")?.cache.hasState).toBe(false);
    world.pass(1.5);
    expect(b.core.channels.size).toBe(0);
    expect(b.transport.messagesAlive).toBe(0);
  });

  test("frames larger than the bus takes arrive whole", () => {
    const world = new ClusterWorld(2, { maxPayloadBytes: 1000 });
    const [a, b] = three(world);
    const source = a.open("/source/x");
    const early = buildKeyframe(1, 1, 100, 100, "rgba", new Uint8Array(40_000).fill(7));
    send(source, early);
    const peer = b.open("/stream/x");
    world.pass(0.05);
    const later = buildKeyframe(2, 2, 100, 100, "rgba", new Uint8Array(40_000).fill(9));
    send(source, later);
    world.pass(0.05);
    const got = peer.take().filter((one) => typeof one !== "string" && one.length > 100);
    expect(got).toEqual([early, later]);
    expect(b.stats.pendingBytes).toBe(0);
  });

  test("every channel name has subjects of its own", () => {
    const world = new ClusterWorld(2);
    const [a, b] = three(world);
    for (const name of ["a.b", "a/b", "a-b", "a~b", "A.b", "a=2Eb".replace("=", "_")]) {
      const source = a.open(`/source/${name}`);
      const peer = b.open(`/stream/${name}`);
      world.pass(0.05);
      send(source, sync(1, { name }));
      world.pass(0.05);
      const texts = peer.take().map((one) => new TextDecoder().decode((one as Uint8Array).subarray(16)));
      expect(texts).toEqual([JSON.stringify({ name })]);
    }
  });
});

describe("one source a channel", () => {
  test("a second source is refused on every relay, and the path / receives", () => {
    const world = new ClusterWorld(3);
    const [a, b, c] = three(world);
    a.open("/source/x");
    a.open("/source");
    world.pass(0.01);
    for (const relay of [a, b, c]) expect(relay.transport.connect("/source/x").status).toBe(409);
    c.open("/");
    expect(c.core.channels.get("default")).toMatchObject({ hasSource: false, receiverCount: 1 });
  });

  test("a take-over works across relays: the old source is closed with 4409, all follow the new", () => {
    const world = new ClusterWorld(3);
    const [a, b, c] = three(world);
    const old = a.open("/source/x");
    send(old, keyframe(1), delta(2));
    const [local, remote] = [a.open("/stream/x"), c.open("/stream/x")];
    world.pass(0.05);
    names(local);
    names(remote);
    const source = b.open("/source/x?takeover=1");
    world.pass(0.05);
    expect(old.code).toBe(4409);
    send(source, keyframe(11), delta(12));
    world.pass(0.05);
    expect(names(local)).toEqual(["keyframe 11", "deltaPixels 12"]);
    expect(names(remote)).toEqual(["keyframe 11", "deltaPixels 12"]);
    expect([a.stats.claims, b.stats.claims, a.stats.claimsLost]).toEqual([0, 1, 1]);
    remote.send(press(5));
    world.pass(0.05);
    expect(source.take()).toEqual([press(5)]);
  });

  test("two at the same moment: one stays, and all agree which", () => {
    for (const swap of [false, true]) {
      const world = new ClusterWorld(3);
      const [a, b, c] = three(world);
      const order = swap ? [b, a] : [a, b];
      const sources = new Map(order.map((relay) => [relay.number, relay.open("/source/x")]));
      const peer = c.open("/stream/x");
      world.pass(0.1);
      expect([sources.get(a.number)?.code, sources.get(b.number)?.code]).toEqual([undefined, 4409]);
      send(sources.get(a.number) as MemoryPeer, keyframe(1));
      world.pass(0.05);
      expect(names(peer)).toEqual(["keyframe 1"]);
    }
  });

  test("a relay that knew nothing yet does not displace a claim of old", () => {
    const world = new ClusterWorld(1);
    const old = world.relays[0] as MemberRelay;
    const source = old.open("/source/x");
    world.pass(5);
    const young = world.add(1);
    const second = young.open("/source/x");
    world.pass(0.1);
    expect([source.code, second.code]).toEqual([undefined, 4409]);
    expect(young.transport.connect("/source/x").status).toBe(409);
  });

  test("a source that comes back to another relay takes the channel up there", () => {
    const world = new ClusterWorld(3);
    const [a, b, c] = three(world);
    const first = a.open("/source/x");
    send(first, keyframe(1));
    const peer = c.open("/stream/x");
    world.pass(0.05);
    first.leave();
    world.pass(0.05);
    expect(c.core.channels.get("x")?.isLive).toBe(false);
    const late = b.open("/stream/x");
    world.pass(0.05);
    expect(names(late)).toEqual(["keyframe 1"]);
    const again = b.open("/source/x");
    world.pass(0.05);
    send(again, keyframe(2));
    world.pass(0.05);
    // The relay that took over hands out what it had kept, and then what is new.
    expect(names(peer)).toEqual(["keyframe 1", "keyframe 1", "keyframe 2"]);
    expect(a.stats.claims).toBe(0);
  });
});

describe("losses", () => {
  test("a relay that dies: its claims end within the time-out, and another takes the channel up", () => {
    const world = new ClusterWorld(3, {}, quick);
    const [a, b, c] = three(world);
    const source = a.open("/source/x");
    send(source, keyframe(1));
    const peer = c.open("/stream/x");
    world.pass(0.5);
    world.kill(a);
    world.pass(1);
    expect(b.transport.connect("/source/x").status).toBe(409);
    world.pass(2.2);
    const next = b.open("/source/x");
    world.pass(0.05);
    send(next, keyframe(2));
    world.pass(0.05);
    expect(names(peer)).toEqual(["keyframe 1", "keyframe 2"]);
    expect([b.stats.relays, c.stats.relays]).toEqual([1, 1]);
  });

  test("a relay that leaves says so, and nobody waits", () => {
    const world = new ClusterWorld(2);
    const [a, b] = three(world);
    a.open("/source/x");
    world.pass(0.05);
    a.cluster.leave();
    world.pass(0.05);
    b.open("/source/x");
    expect(b.stats.relays).toBe(0);
  });

  test("a relay without the broker serves its own channels, and is whole again when it is back", () => {
    const world = new ClusterWorld(3, {}, quick);
    const [a, b] = three(world);
    const source = a.open("/source/x");
    send(source, keyframe(1));
    const [local, remote] = [a.open("/stream/x"), b.open("/stream/x")];
    world.pass(0.05);
    a.bus.lose();
    send(source, delta(2), delta(3));
    world.pass(10);
    send(source, delta(4));
    expect(names(local)).toEqual(["keyframe 1", "deltaPixels 2", "deltaPixels 3", "deltaPixels 4"]);
    expect(names(remote)).toEqual(["keyframe 1"]);
    a.bus.connect();
    world.pass(0.1);
    expect(names(remote)).toEqual(["keyframe 1", "deltaPixels 2", "deltaPixels 3", "deltaPixels 4"]);
    expect(b.transport.connect("/source/x").status).toBe(409);
  });

  test("a receiver's relay that lost the broker for a moment asks for what it missed", () => {
    const world = new ClusterWorld(2, {}, quick);
    const [a, b] = three(world);
    const source = a.open("/source/x");
    send(source, keyframe(1));
    const remote = b.open("/stream/x");
    world.pass(0.05);
    b.bus.lose();
    send(source, delta(2));
    world.pass(0.1);
    b.bus.connect();
    world.pass(0.1);
    expect(names(remote)).toEqual(["keyframe 1", "keyframe 1", "deltaPixels 2"]);
  });

  test("a partition: each side may have a source; healed, the one of the later claim stays and all see it", () => {
    const world = new ClusterWorld(3, {}, quick);
    const [a, b, c] = three(world);
    const one = a.open("/source/x");
    send(one, keyframe(1));
    const peers = [a, b, c].map((relay) => relay.open("/stream/x"));
    world.pass(0.1);
    b.bus.side = 1;
    c.bus.side = 1;
    world.pass(4);
    const two = b.open("/source/x");
    send(two, keyframe(2));
    world.pass(4);
    send(one, keyframe(3));
    world.pass(0.1);
    expect(peers.map((peer) => names(peer).at(-1))).toEqual(["keyframe 3", "keyframe 2", "keyframe 2"]);
    for (const relay of [a, b, c]) relay.bus.side = 0;
    world.pass(2);
    expect([one.code, two.code]).toEqual([4409, undefined]);
    send(two, keyframe(4));
    world.pass(0.1);
    expect(peers.map((peer) => names(peer).at(-1))).toEqual(["keyframe 4", "keyframe 4", "keyframe 4"]);
    for (const relay of [a, b, c]) expect(relay.transport.connect("/source/x").status).toBe(409);
  });

  test("a relay that stood still finds its channel taken, and follows", () => {
    const world = new ClusterWorld(3, {}, quick);
    const [a, b, c] = three(world);
    const one = a.open("/source/x");
    send(one, keyframe(1));
    const [local, remote] = [a.open("/stream/x"), c.open("/stream/x")];
    world.pass(0.1);
    a.bus.isFrozen = true;
    world.pass(4);
    const two = b.open("/source/x");
    send(two, keyframe(2));
    world.pass(1);
    a.bus.isFrozen = false;
    a.core.setTime(world.clock.nowUs());
    send(one, keyframe(3));
    a.transport.hear(local);
    world.pass(2);
    expect(one.code).toBe(4409);
    send(two, keyframe(4));
    world.pass(0.1);
    expect(names(local).at(-1)).toBe("keyframe 4");
    expect(names(remote)).toEqual(["keyframe 1", "keyframe 2", "keyframe 4"]);
  });

  test("lost messages are noticed, and mended by a catch-up", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = new ClusterWorld(3, { seed, jitterUs: 2000 }, quick);
      const [a, b, c] = three(world);
      const source = a.open("/source/x");
      send(source, sync(0, {}), keyframe(0));
      const peers = [b, c].map((relay) => relay.open("/stream/x"));
      world.pass(0.1);
      world.broker.loss = 0.1;
      for (let n = 1; n <= 200; n++) {
        send(source, n % 10 === 0 ? diff(n, { [n]: n }) : delta(n));
        world.pass(0.016);
      }
      world.broker.loss = 0;
      world.pass(4);
      // Since its last keyframe each receiver has had every delta once, in order.
      for (const peer of peers) {
        const got = names(peer);
        const since = got.slice(got.lastIndexOf("keyframe 0") + 1).filter((name) => name.startsWith("delta"));
        const deltas = Array.from({ length: 200 }, (_, n) => n + 1).filter((n) => n % 10 !== 0);
        expect({ seed, since }).toEqual({ seed, since: deltas.map((n) => `deltaPixels ${n}`) });
      }
    }
  });

  test("a full bus loses frames, never order or memory, and says so", () => {
    const world = new ClusterWorld(2, { roomBytes: 3000 }, quick);
    const [a, b] = three(world);
    const source = a.open("/source/x");
    send(source, keyframe(0));
    const peer = b.open("/stream/x");
    world.pass(0.1);
    names(peer);
    for (let n = 1; n <= 50; n++) send(source, keyframe(n));
    expect(a.stats.drops["bus-full"]).toBeGreaterThan(0);
    world.pass(4);
    expect(names(peer).at(-1)).toBe("keyframe 50");
  });
});

describe("strangers on the bus", () => {
  test("more relays than fit are ignored and counted", () => {
    const world = new ClusterWorld(2);
    const [a] = three(world);
    for (let n = 0; n < 100; n++) world.add(1000 + n);
    world.pass(0.5);
    expect(a.stats.relays).toBe(64);
    expect(a.stats.drops["bus-too-many-relays"]).toBeGreaterThan(0);
  });

  test("random and damaged messages are counted by reason, disturb nobody and take no memory", () => {
    const world = new ClusterWorld(2, {}, quick);
    const [a, b] = three(world);
    const random = new Prng(3);
    const heard: Uint8Array[] = [];
    const spy = world.broker.attach({
      connected: () => undefined,
      lost: () => undefined,
      message: (m) => void heard.push(m),
    });
    for (const subject of ["relays", "relay.b", "relay.m", "channel.x"]) spy.subscribe(`sim.1.${subject}`);
    spy.connect();
    const source = a.open("/source/x");
    const viewer = b.open("/stream/x");
    world.pass(1.2);
    send(source, keyframe(1), delta(2));
    viewer.send(press(1));
    world.pass(0.1);
    expect(heard.length).toBeGreaterThan(6);
    for (let n = 0; n < 20_000; n++) {
      const bytes =
        n % 4 === 0 ? random.bytes(random.below(200)) : (heard[random.below(heard.length)] as Uint8Array).slice();
      for (let times = random.below(4); times > 0 && bytes.length > 0; times--)
        bytes[random.below(bytes.length)] = random.u32();
      for (const relay of [a, b]) relay.cluster.events.message(bytes.subarray(0, bytes.length - (n % 7 === 0 ? 1 : 0)));
      if (n % 100 === 0) world.pass(0.001);
    }
    // What damage took for other relays' claims and goings ends with their silence.
    world.pass(5);
    for (const relay of [a, b]) expect(relay.stats).toMatchObject({ relays: 1, pendingBytes: 0 });
    viewer.take();
    const again = a.core.channels.get("x")?.hasSource ? source : a.open("/source/x?takeover=1");
    world.pass(3);
    send(again, keyframe(3));
    world.pass(0.1);
    expect(names(viewer).at(-1)).toBe("keyframe 3");
  });
});
