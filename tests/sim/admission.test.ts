/** Who gets in: floods, sixteen places, waiting, approval, revocation, and devices that come back. */
import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { sixWords } from "../../src/secure/fingerprint.ts";
import { Initiator } from "../../src/secure/handshake.ts";
import { encodeHandshakePacket, handshakeStep, permission } from "../../src/wire/root.ts";
import { hostPlace, identityOf, second } from "./places.ts";
import { stepOf, World } from "./world.ts";

const all = permission.view | permission.sound | permission.input;
const link = { delayUs: 5000 };

describe("a flood of first messages", () => {
  test("from thousands of addresses: nothing grows, and an honest client gets in by a cookie", () => {
    const world = new World({ seed: 1, link, streaming: false });
    const hello = new Initiator({ identity: identityOf(1) }).hello();
    const answers: number[] = [];
    let cookies = 0;
    world.sniffers.push((_, to, packet) => {
      if (!to.startsWith("flood")) return;
      if (stepOf(packet) === "answer") answers.push(world.nowUs);
      if (stepOf(packet) === "cookie") cookies++;
      expect(packet.length).toBeLessThanOrEqual(418);
    });
    const flood = 6000;
    const [perSecond, step] = [2000, 10_000];
    const sendSome = () => {
      for (let i = 0; i < (perSecond * step) / second; i++) {
        const connectionId = world.random.u32();
        const fields = { step: handshakeStep.hello, reason: 0, connectionId, cookie: new Uint8Array(16) };
        world.send(`flood${sent}:1`, hostPlace, encodeHandshakePacket(fields, hello));
        sent++;
      }
    };
    let sent = 0;
    for (; sent < flood / 2; world.run(step)) sendSome();
    const client = world.connect(2, { approved: all });
    const startUs = world.nowUs;
    for (; sent < flood; world.run(step)) sendSome();
    world.run(second / 2);
    expect(client.isIn).toBe(true);
    expect(world.host.viewers[0]?.connectedUs).toBeLessThan(world.host.nowUs - world.nowUs + startUs + 100_000);
    // Half-done handshakes: the answered ones that are not over yet. None is over before handshakeTimeoutUs.
    expect(world.nowUs).toBeLessThan(limits.handshakeTimeoutUs);
    expect(answers.length).toBeLessThanOrEqual(limits.handshakesInProgress + 1);
    expect(cookies).toBe(flood - answers.length);
    expect(world.host.core.drops.get("handshake-flood")).toBe(cookies + 1);
    expect(world.host.joined).toBe(1);
    expect(world.host.viewers.length).toBe(1);
    world.run(limits.handshakeTimeoutUs);
    client.close();
    world.run(100_000);
    expect(world.host.core.busy).toBe(false);
  });
});

describe("sixteen places", () => {
  function full() {
    const world = new World({ seed: 1, link, streaming: false });
    const clients = Array.from({ length: limits.peers }, (_, i) => {
      const client = world.connect(i + 1, { approved: all });
      world.until("admission", () => client.isIn);
      return client;
    });
    return { world, clients };
  }

  test("the seventeenth is told that the host is full, and gets in when one leaves", () => {
    const { world, clients } = full();
    const late = world.connect(20, { approved: all });
    world.until("refusal", () => late.ended !== undefined);
    expect(late.ended).toBe("refused-full");
    expect(world.host.viewers.length).toBe(16);
    expect(world.host.core.drops.get("refused")).toBe(1);
    clients[3]?.close();
    const again = world.connect(20);
    world.until("admission", () => again.isIn);
    expect(world.host.peak).toBe(16);
  });

  test("the refusal is said again when it was lost", () => {
    const { world } = full();
    const late = world.connect(20, { approved: all });
    let refusals = 0;
    world.sniffers.push((_, to, packet) => {
      if (to === late.place && stepOf(packet) === "refused")
        world.network.setLink(hostPlace, late.place, ++refusals === 1 ? { loss: 1 } : link);
    });
    world.until("refusal", () => late.ended !== undefined);
    expect(late.ended).toBe("refused-full");
    expect(refusals).toBe(2);
    world.run(limits.handshakeTimeoutUs + second);
    expect(world.host.viewers.length).toBe(16);
  });

  test("a device that comes back takes its own place", () => {
    const { world, clients } = full();
    const back = world.connect(5);
    world.until("admission", () => back.isIn);
    expect(world.host.viewers.length).toBe(16);
    expect(world.host.left).toMatchObject([{ name: "device 5", why: "replaced" }]);
    world.until("the old connection's end", () => clients[4]?.ended === "host-left", second);
  });

  test("waiting devices have places of their own", () => {
    const { world } = full();
    const waiting = Array.from({ length: limits.peers }, (_, i) => world.connect(30 + i));
    world.run(8 * second);
    expect(world.host.viewers.length).toBe(32);
    expect(waiting.every((client) => client.connected === 1 && !client.isIn && !client.ended)).toBe(true);
    const busy = world.connect(60);
    world.until("refusal", () => busy.ended !== undefined);
    expect(busy.ended).toBe("refused-busy");
    const known = world.connect(5);
    world.until("admission", () => known.isIn);
    expect(world.host.peak).toBeLessThanOrEqual(32);
  });

  test("approving one more than there is room for dismisses it, also when it comes back in between", () => {
    const { world } = full();
    const waiting = world.connect(20);
    world.until("the connection", () => waiting.connected === 1 && world.host.viewers.length === 17);
    world.host.approve(waiting.identity, all);
    const back = world.connect(20);
    world.until("refusal", () => back.ended !== undefined);
    expect(back.ended).toBe("refused-full");
    world.host.review();
    world.until("dismissal", () => waiting.ended !== undefined);
    expect(waiting.ended).toBe("host-left");
    expect(world.host.viewers.filter((viewer) => viewer.admitted).length).toBe(16);
  });
});

describe("the owner decides", () => {
  test("a waiting device sees nothing and may nothing until it is approved", () => {
    const world = new World({ seed: 1, link });
    const client = world.connect(1);
    world.until("the connection", () => client.connected === 1);
    world.run(second);
    expect(client.admitted).toEqual([0]);
    expect(world.host.watched).toBe(false);
    expect(world.host.core.someoneWaits).toBe(true);
    // What an honest client would not send before it is admitted.
    client.link.input(Uint8Array.of(1, 30, 0, 1, 0, 0, 0), true, client.nowUs);
    client.link.control(3, 600_000, client.nowUs);
    client.link.control(5, 0, client.nowUs);
    world.run(second);
    expect(world.host.injected).toEqual([]);
    expect(world.host.settings.bitrateBps).toBe(10_000_000);
    expect(world.host.keyframeRequests).toEqual([]);
    expect(world.host.viewers[0]?.drops.toJSON()).toEqual({ "input-not-permitted": 1, "control-not-permitted": 2 });

    world.host.approve(client.identity, all);
    world.host.review();
    world.until("a picture", () => client.decoded.length > 0, second);
    expect(client.admitted).toEqual([0, all]);
    expect(world.host.core.someoneWaits).toBe(false);
  });

  test("both ends show the same six words", () => {
    const world = new World({ seed: 1, link });
    let hash: Uint8Array | undefined;
    const client = world.connect(1, { met: (host) => (hash = host.handshakeHash) });
    world.until("the connection", () => world.host.viewers.length === 1);
    expect(world.host.viewers[0]?.identity.words).toEqual(sixWords(hash as Uint8Array));
    expect(client.core.mayInput).toBe(false);
  });

  test("revoking while connected ends the session, and the device is told why when it comes back", () => {
    const world = new World({ seed: 1, link });
    const client = world.connect(1, { approved: all });
    world.until("pictures", () => client.decoded.length > 3);
    client.key(30, 1);
    world.until("the key", () => world.host.down.has(30));
    world.host.revoke(client.identity);
    world.host.review();
    expect(world.host.down.size).toBe(0);
    expect(world.host.viewers.length).toBe(0);
    expect(world.host.watched).toBe(false);
    world.until("the end", () => client.ended !== undefined);
    expect(client.ended).toBe("host-left");
    const again = world.connect(1);
    world.until("refusal", () => again.ended !== undefined);
    expect(again.ended).toBe("refused-revoked");
    expect(again.connected).toBe(1);
    expect(world.host.joined).toBe(1);
  });

  test("taking the right to input lets go of what is down; view and the rest stay", () => {
    const world = new World({ seed: 1, link });
    const client = world.connect(1, { approved: all });
    world.until("admission", () => client.isIn);
    client.key(30, 1);
    client.key(0x110, 1);
    world.until("the keys", () => world.host.down.size === 2);
    world.host.approve(client.identity, permission.view);
    world.host.review();
    expect(world.host.down.size).toBe(0);
    world.until("the news", () => client.core.permissions === permission.view);
    const count = world.host.injected.length;
    client.key(31, 1);
    client.link.input(Uint8Array.of(1, 31, 0, 1, 0, 0, 0), true, client.nowUs);
    const before = client.decoded.length;
    world.run(second);
    expect(world.host.injected.length).toBe(count);
    expect(client.decoded.length).toBeGreaterThan(before + 50);
    expect(world.host.viewers[0]?.drops.toJSON()).toEqual({ "input-not-permitted": 1 });
  });

  test("who may only send input gets no picture, asks for none, and can let go of its keys", () => {
    const world = new World({ seed: 1, link });
    const client = world.connect(1, { approved: permission.input });
    world.until("admission", () => client.isIn);
    client.key(30, 1);
    world.until("the key", () => world.host.down.has(30));
    client.core.releaseKeys(client.nowUs);
    world.until("the release", () => world.host.down.size === 0, second);
    world.run(3 * second);
    expect(world.host.watched).toBe(false);
    expect(client.decoded).toEqual([]);
    expect(client.core.frames.stats.keyframesAsked).toBe(0);
  });

  test("taking and giving back the right to view stops the stream and starts it with a keyframe", () => {
    const world = new World({ seed: 1, link });
    const client = world.connect(1, { approved: all, bitrateBps: 2_000_000 });
    world.until("pictures", () => client.decoded.length > 3);
    world.host.approve(client.identity, permission.input);
    world.host.review();
    expect(world.host.watched).toBe(false);
    world.run(second);
    const before = client.decoded.length;
    world.run(second);
    expect(client.decoded.length).toBe(before);
    expect(client.core.frames.stats.keyframesAsked).toBe(0);
    world.host.approve(client.identity, all);
    world.host.review();
    world.until("pictures", () => client.decoded.length > before + 3);
    expect(world.host.settings.bitrateBps).toBe(2_000_000);
  });
});

describe("addresses", () => {
  test("the same device from a new address replaces its old connection, and its keys are let go", () => {
    const world = new World({ seed: 1, link });
    const old = world.connect(1, { approved: all });
    world.until("admission", () => old.isIn);
    old.key(30, 1);
    world.until("the key", () => world.host.down.has(30));
    const fresh = world.connect(1);
    world.until("pictures", () => fresh.decoded.length > 3);
    expect(world.host.down.size).toBe(0);
    expect(world.host.viewers.length).toBe(1);
    expect(world.host.left).toMatchObject([{ why: "replaced" }]);
    // It is told once; should that be lost, what it still sends is nobody's and it ends by silence.
    world.until("the old one's end", () => old.ended === "host-left", second);
    expect(fresh.ended).toBeUndefined();
  });

  test("a device that missed being replaced ends by silence, and disturbs nobody until then", () => {
    const world = new World({ seed: 1, link });
    const old = world.connect(1, { approved: all });
    world.until("admission", () => old.isIn);
    world.network.setLink(hostPlace, old.place, { loss: 1 });
    const fresh = world.connect(1);
    world.until("the old one's end", () => old.ended === "silent", 6 * second);
    expect(world.host.core.drops.get("unknown-sender")).toBeGreaterThan(0);
    expect(fresh.ended).toBeUndefined();
    expect(fresh.decoded.at(-1)).toBeGreaterThan(world.host.newestFrameId - 3);
  });

  test("the same device at the same address, with a new connection id, begins anew", () => {
    const world = new World({ seed: 1, link });
    const first = world.connect(1, { approved: all });
    world.until("pictures", () => first.decoded.length > 3);
    world.network.leave(first.place);
    const again = world.connect(1, { place: first.place });
    world.until("pictures", () => again.decoded.length > 3);
    world.run(second);
    expect(again.ended).toBeUndefined();
    expect(world.host.viewers.length).toBe(1);
  });

  test("another device at the same address replaces what was there", () => {
    const world = new World({ seed: 1, link });
    const first = world.connect(1, { approved: all });
    world.until("admission", () => first.isIn);
    world.network.leave(first.place);
    const second = world.connect(2, { approved: all, place: first.place });
    world.until("pictures", () => second.decoded.length > 3);
    expect(world.host.viewers.map((viewer) => viewer.identity.name)).toEqual(["device 2"]);
    expect(world.host.left).toMatchObject([{ name: "device 1", why: "replaced" }]);
  });
});

test("clients of protocol version 1 are told so, at a limited rate, and counted", () => {
  const world = new World({ seed: 1 });
  const old = Uint8Array.fromHex("544f4f5201010000000000000000000020001234567890");
  let refusals = 0;
  world.sniffers.push((_, to, packet) => {
    if (to !== "old:1") return;
    expect(stepOf(packet)).toBe("refused");
    refusals++;
  });
  for (let i = 0; i < 500; i++) {
    world.network.send("old:1", hostPlace, old);
    world.run(2000);
  }
  expect(refusals).toBe(limits.handshakesPerSecond);
  world.run(second);
  world.network.send("old:1", hostPlace, old);
  world.run(0);
  expect(refusals).toBe(limits.handshakesPerSecond + 1);
  expect(world.host.core.drops.toJSON()).toEqual({ "version-1": 501, refused: refusals });
  expect(world.host.core.busy).toBe(false);
});
