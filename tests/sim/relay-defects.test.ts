/** Each defect that spec ds-stream.md section 18 found in the source, held to be gone. The numbers are that section's. */
import { describe, expect, test } from "bun:test";
import { relayLimits } from "../../src/relay/limits.ts";
import { delta, diff, keyframe, names, press, RelayWorld, sync } from "./relay-world.ts";

describe("1: a second source", () => {
  test("is refused with 409, and the first goes on undisturbed", () => {
    const world = new RelayWorld();
    const source = world.open("/source/a");
    const receiver = world.open("/stream/a");
    const second = world.transport.connect("/source/a");
    expect(second.status).toBe(409);
    expect(JSON.parse(second.body).error).toBe("source-connected");
    receiver.send(press(1));
    source.send(keyframe(2));
    expect(names(source)).toEqual(["pointerDown 1"]);
    expect(names(receiver)).toEqual(["keyframe 2"]);
  });

  test("takes over when it says so: the old one is closed with 4409, and its end changes nothing", () => {
    const world = new RelayWorld();
    const first = world.open("/source/a");
    const receiver = world.open("/stream/a");
    const second = world.open("/source/a?takeover=1");
    expect(first.code).toBe(4409);
    first.leave();
    second.send(keyframe(1));
    receiver.send(press(2));
    expect(names(receiver)).toEqual(["keyframe 1"]);
    expect(names(second)).toEqual(["pointerDown 2"]);
    expect(world.channel("a").source).toBe(second.id);
    expect(world.channel("a").graceExpired(world.nowUs + 1e9, 30e6)).toBe(false);
  });

  test("that replaced another, and leaves, leaves the channel without a source", () => {
    const world = new RelayWorld();
    world.open("/source/a");
    world.open("/source/a?takeover=1").leave();
    expect(world.channel("a").source).toBeUndefined();
    expect(world.open("/source/a").isOpen).toBe(true);
  });
});

test("2: input reaches the source that is connected now", () => {
  const world = new RelayWorld();
  const first = world.open("/source/a");
  const receiver = world.open("/stream/a");
  first.leave();
  const second = world.open("/source/a");
  receiver.send(press(1));
  expect(names(second)).toEqual(["pointerDown 1"]);
});

test("3: without a source input is dropped, and does not surprise the next one", () => {
  const world = new RelayWorld();
  const receiver = world.open("/stream/a");
  for (let n = 0; n < 300; n++) receiver.send(press(n));
  expect(world.drops["input-without-source"]).toBe(300);
  expect(names(world.open("/source/a"))).toEqual([]);
  receiver.leave();
  expect(world.channel("a").receivers.size).toBe(0);
});

describe("4: collection", () => {
  test("never takes a channel with receivers, however long the source is away", () => {
    const world = new RelayWorld();
    const source = world.open("/source/a");
    const receiver = world.open("/stream/a");
    source.leave();
    world.pass(300);
    world.open("/source/a").send(keyframe(1));
    expect(names(receiver)).toEqual(["keyframe 1"]);
  });

  test("never takes a channel with signalling peers", () => {
    const world = new RelayWorld();
    const [one, other] = [world.open("/signal/a"), world.open("/signal/a")];
    world.pass(300);
    one.send("offer");
    expect(names(other)).toEqual(["offer"]);
  });

  test("takes what is deserted: idle at once, cached after the grace period", () => {
    const world = new RelayWorld();
    world.open("/stream/idle").leave();
    const source = world.open("/source/cached");
    source.send(keyframe(1));
    world.pass(50);
    source.leave();
    world.pass(15);
    expect([...world.core.channels.keys()]).toEqual(["cached"]);
    world.pass(60);
    expect(world.core.channels.size).toBe(0);
    expect(world.transport.messagesAlive).toBe(0);
    expect(world.lines.filter((line) => line.includes("removed")).length).toBe(2);
    expect(world.core.stats(world.nowUs).channelsCollected).toBe(2);
  });
});

describe("5: dead peers", () => {
  test("are closed with 4408 within the time-out: sources, receivers and signalling peers", () => {
    const world = new RelayWorld();
    const peers = [world.open("/source/a"), world.open("/stream/a"), world.open("/signal/a")];
    const alive = world.open("/stream/a");
    for (const peer of peers) peer.isAnswering = false;
    world.pass(29);
    expect(peers.map((peer) => peer.code)).toEqual([undefined, undefined, undefined]);
    world.pass(2);
    expect(peers.map((peer) => peer.code)).toEqual([4408, 4408, 4408]);
    expect(alive.isOpen).toBe(true);
    expect(world.drops["keepalive-timeout"]).toBe(3);
    expect(world.open("/source/a").isOpen).toBe(true);
  });

  test("who sends anything is not dead", () => {
    const world = new RelayWorld();
    const source = world.open("/source/a");
    source.isAnswering = false;
    for (let n = 0; n < 60; n++) {
      world.pass(1);
      source.send(delta(n));
    }
    expect(source.isOpen).toBe(true);
  });
});

describe("6: the legacy path", () => {
  test("the first connection to / publishes, later ones receive", () => {
    const world = new RelayWorld();
    const first = world.open("/");
    const second = world.open("/");
    first.send(keyframe(1));
    expect(names(second)).toEqual(["keyframe 1"]);
    expect(world.channel("default").receivers.size).toBe(1);
  });

  test("a receiver that names its channel never becomes a source", () => {
    const world = new RelayWorld();
    const receiver = world.open("/stream");
    expect(world.channel("default").source).toBeUndefined();
    receiver.send(keyframe(1));
    expect(world.channel("default").framesRelayed).toBe(0);
  });

  test("a full channel still takes its source", () => {
    const world = new RelayWorld({ maxReceivers: 1 });
    world.open("/stream");
    world.open("/").send(keyframe(1));
    expect(world.channel("default").framesRelayed).toBe(1);
    expect(world.transport.connect("/").status).toBe(503);
  });

  test("who may not publish receives, and who may do neither is refused", () => {
    const world = new RelayWorld({}, (request, _, role) => {
      if (request.headers.get("authorization") === undefined) return { status: 401, message: "no" };
      return role === "source" ? { status: 403, message: "no" } : undefined;
    });
    const headers = { authorization: "Bearer view" };
    expect(world.transport.connect("/", { headers }).isOpen).toBe(true);
    expect(world.channel("default").source).toBeUndefined();
    expect(world.transport.connect("/").status).toBe(401);
  });
});

test("8: a late joiner of a delta stream decodes rightly from the start", () => {
  const world = new RelayWorld();
  const source = world.open("/source/a");
  for (const message of [keyframe(1), delta(2), delta(3)]) source.send(message);
  expect(names(world.open("/stream/a"))).toEqual(["keyframe 1", "deltaPixels 2", "deltaPixels 3"]);
});

test("9: nothing comes twice at a join", () => {
  const world = new RelayWorld();
  const source = world.open("/source/a");
  for (let n = 0; n < 50; n++) {
    source.send(n % 10 === 0 ? keyframe(n) : delta(n));
    const got = names(world.open("/stream/a"));
    expect(new Set(got).size).toBe(got.length);
    expect(got.at(-1)).toEndWith(` ${n}`);
  }
});

describe("10: limits", () => {
  test("are counted before the upgrade", () => {
    const world = new RelayWorld({ maxReceivers: 3 });
    const peers = Array.from({ length: 10 }, () => world.transport.connect("/stream/a"));
    expect(peers.filter((peer) => peer.isOpen).length).toBe(3);
    expect(peers.filter((peer) => peer.status === 503).length).toBe(7);
    expect(world.channel("a").rejectedConnections).toBe(7);
    peers[0]?.leave();
    expect(world.open("/stream/a").isOpen).toBe(true);
  });

  test("hold for signalling peers", () => {
    const world = new RelayWorld();
    for (let n = 0; n < relayLimits.signalPeers; n++) world.open("/signal/a");
    expect(world.transport.connect("/signal/a").status).toBe(503);
  });
});

describe("11: signalling", () => {
  test("goes to the others only, and binary is ignored", () => {
    const world = new RelayWorld();
    const [one, two, three] = [world.open("/signal/a"), world.open("/signal/a"), world.open("/signal/a")];
    const elsewhere = world.open("/signal/b");
    one.send('{"type":"offer"}');
    one.send(new Uint8Array(20));
    expect([one, two, three, elsewhere].map((peer) => names(peer))).toEqual([
      [],
      ['{"type":"offer"}'],
      ['{"type":"offer"}'],
      [],
    ]);
    expect(world.drops["binary-signal"]).toBe(1);
  });

  test("more than 50 a second are dropped and counted", () => {
    const world = new RelayWorld();
    const [one, two] = [world.open("/signal/a"), world.open("/signal/a")];
    for (let n = 0; n < 60; n++) one.send("x");
    expect(names(two).length).toBe(50);
    expect(world.drops["signal-rate"]).toBe(10);
  });
});

describe("12: sizes and names", () => {
  test("a larger message than the role's limit closes with 1009", () => {
    const world = new RelayWorld({ maxMessageBytes: 1000 });
    const peers = [world.open("/source/a"), world.open("/stream/a"), world.open("/signal/a")];
    const sizes = [1000, relayLimits.receiverMessageBytes, relayLimits.signalBytes];
    peers.forEach((peer, i) => {
      const content = (size: number) => (i === 2 ? "x".repeat(size) : new Uint8Array(size));
      peer.send(content(sizes[i] as number));
      expect(peer.isOpen).toBe(true);
      peer.send(content((sizes[i] as number) + 1));
      expect(peer.code).toBe(1009);
    });
  });

  test("a refused request makes no channel", () => {
    const world = new RelayWorld({}, () => ({ status: 401, message: "no" }));
    for (const target of ["/source/a", "/stream/b", "/", "/nowhere", "/source/a%20b"]) world.transport.connect(target);
    expect(world.core.channels.size).toBe(0);
    expect(world.drops).toEqual({ "refused-no-access": 3, "refused-unknown-path": 1, "refused-bad-name": 1 });
  });

  test("an unknown path gets the list of paths", () => {
    const { status, body } = new RelayWorld().transport.connect("/streams/a");
    expect(status).toBe(404);
    expect(JSON.parse(body).paths).toContain("/stream/{name}");
  });

  test("100,000 channels asked for make no more than the limit", () => {
    const world = new RelayWorld();
    let opened = 0;
    for (let n = 0; n < 100_000; n++) {
      const peer = world.transport.connect(`/stream/c${n}`);
      if (peer.isOpen) opened++;
    }
    expect(opened).toBe(256);
    expect(world.core.channels.size).toBe(256);
    expect(world.drops["refused-too-many-channels"]).toBe(100_000 - 256);
  });

  test("channels that were deserted make room at once", () => {
    const world = new RelayWorld({ maxChannels: 2 });
    for (let n = 0; n < 100; n++) world.open(`/stream/c${n}`).leave();
    expect(world.core.channels.size).toBeLessThanOrEqual(2);
  });
});

test("13: any interval of collection works", () => {
  for (const collectSeconds of [0.1, 7, 45]) {
    const world = new RelayWorld({ collectSeconds });
    world.open("/stream/a").leave();
    world.pass(collectSeconds + 0.1);
    expect(world.core.channels.size).toBe(0);
  }
});

test("15: keyframes are counted as such", () => {
  const world = new RelayWorld();
  const source = world.open("/source/a");
  for (const message of [sync(1), diff(2), delta(3), keyframe(4)]) source.send(message);
  expect(world.channel("a").keyframes).toBe(1);
});
