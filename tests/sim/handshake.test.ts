/** Handshakes on a bad network: they come through, and what is repeated, late, replayed or forged disturbs nobody. */
import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { Prng } from "../../src/base/prng.ts";
import { Initiator } from "../../src/secure/handshake.ts";
import { encodeHandshakePacket, handshakeStep, headerBytes, permission } from "../../src/wire/root.ts";
import { hostPlace, identityOf, second } from "./places.ts";
import { stepOf, World } from "./world.ts";

const all = permission.view | permission.sound | permission.input;
const noCookie = new Uint8Array(16);
const rough = { delayUs: 10_000, jitterUs: 30_000, duplicate: 0.2, reorder: 0.2, reorderUs: 200_000 };

test("one seed, one story", () => {
  const story = (seed: number) => {
    const world = new World({ seed, link: { delayUs: 5000, jitterUs: 8000, loss: 0.1, duplicate: 0.1 } });
    const client = world.connect(1, { approved: all });
    world.run(3 * second);
    return JSON.stringify([
      client.decoded,
      world.network.counts,
      client.core.frames.stats,
      world.host.keyframeRequests,
    ]);
  };
  expect(story(1)).toBe(story(1));
  expect(story(1)).not.toBe(story(2));
});

test("a good network: connected, admitted and seeing within four trips", () => {
  const world = new World({ seed: 1, link: { delayUs: 20_000 } });
  const client = world.connect(1, { approved: all, expectedKey: world.host.identity.signing.publicKey });
  expect(world.until("a picture", () => client.decoded.length > 0)).toBeLessThan(140_000);
  expect(client.admitted).toEqual([all]);
  expect(client.connected).toBe(1);
});

describe("loss, duplicates, disorder and delay", () => {
  /** How 40 attempts with different seeds end: how many came in, and the names of the others' ends. */
  function attempts(loss: number) {
    let isIn = 0;
    const ends = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const world = new World({ seed, streaming: false, link: { ...rough, loss } });
      const client = world.connect(1, { approved: all });
      world.until("an outcome", () => client.isIn || client.ended !== undefined, 16 * second);
      if (client.isIn) isIn++;
      if (client.ended) ends.add(client.ended);
      expect(world.host.peak).toBeLessThanOrEqual(1);
      expect(world.host.left.length).toBe(0);
      expect(client.connected).toBeLessThanOrEqual(1);
    }
    return { isIn, ends };
  }

  test.each([0, 0.1, 0.2])("with %d lost, everybody gets in", (loss) => {
    expect(attempts(loss).isIn).toBe(40);
  });

  test.each([0.3, 0.45, 0.6])("with %d lost, most get in and nobody waits for ever", (loss) => {
    const { isIn, ends } = attempts(loss);
    expect(isIn).toBeGreaterThan(20);
    for (const end of ends) expect(["no-answer", "silent"]).toContain(end);
  });

  test("nobody there: the client gives up after its time", () => {
    const world = new World({ seed: 1 });
    world.network.leave(hostPlace);
    const client = world.connect(1);
    const tookUs = world.until("the end", () => client.ended !== undefined, 20 * second);
    expect(client.ended).toBe("no-answer");
    expect(tookUs).toBeGreaterThanOrEqual(limits.connectTimeoutUs);
    expect(tookUs).toBeLessThan(limits.connectTimeoutUs + 50_000);
    expect(world.network.counts.sent).toBe(limits.connectTimeoutUs / limits.handshakeRetryUs + 1);
  });
});

describe("a running session", () => {
  /** A connected client, and everything that went over the wire until then. */
  function running(seed = 1) {
    const world = new World({ seed, link: { delayUs: 5000 } });
    const seen: { from: string; to: string; packet: Uint8Array }[] = [];
    world.sniffers.push((from, to, packet) => seen.push({ from, to, packet: packet.slice() }));
    const client = world.connect(1, { approved: all });
    world.until("pictures", () => client.decoded.length > 10);
    const handshakes = seen.filter(({ packet }) => stepOf(packet));
    return { world, client, seen: [...seen], handshakes };
  }

  test("is not disturbed by its own handshake coming again and again, for as long as a handshake lives", () => {
    const { world, client, handshakes } = running();
    const session = client.link.session;
    const viewer = world.host.viewers[0];
    expect(handshakes.map(({ packet }) => stepOf(packet))).toEqual(["hello", "answer", "finish"]);
    for (let i = 0; i < 70; i++) {
      for (const { from, to, packet } of handshakes) world.network.send(from, to, packet);
      world.run(100_000);
    }
    expect(client.link.session).toBe(session);
    expect(world.host.viewers[0]).toBe(viewer);
    expect(world.host.joined).toBe(1);
    expect(client.ended).toBeUndefined();
    expect(client.decoded.at(-1)).toBeGreaterThan(world.host.newestFrameId - 3);
    expect(client.core.drops.get("late-handshake")).toBeGreaterThan(100);
    // Each finish meets either nothing or the half-done handshake that the replayed hello began, and fits neither.
    const { drops } = world.host.core;
    expect(drops.get("handshake-unknown") + drops.get("handshake-noise")).toBe(70);
  });

  test("is not replaced by a replay from another address", () => {
    const { world, client, seen } = running();
    for (const { from, packet } of seen) if (from === client.place) world.network.send("thief:1", hostPlace, packet);
    world.run(second);
    expect(world.host.joined).toBe(1);
    expect(world.host.core.drops.get("unknown-sender")).toBeGreaterThan(0);
    expect(world.host.core.drops.get("handshake-noise")).toBe(1);
    expect(client.decoded.at(-1)).toBeGreaterThan(world.host.newestFrameId - 3);
  });

  test("is not ended by refusals, cookies and answers that somebody forges", () => {
    const { world, client, handshakes } = running();
    const connectionId = new DataView((handshakes[0] as { packet: Uint8Array }).packet.buffer).getUint32(
      headerBytes + 4,
      true,
    );
    for (const step of [handshakeStep.refused, handshakeStep.cookie, handshakeStep.answer]) {
      const reason = step === handshakeStep.refused ? 2 : 0;
      for (const id of [connectionId, 7])
        world.network.send(
          hostPlace,
          client.place,
          encodeHandshakePacket({ step, reason, connectionId: id, cookie: noCookie }),
        );
    }
    world.run(second);
    expect(client.ended).toBeUndefined();
    expect(client.core.drops.toJSON()).toEqual({ "late-handshake": 3, "not-ours": 3 });
  });

  test("refuses its own packets when they come again", () => {
    const { world, client, seen } = running();
    const before = client.decoded.length;
    world.streaming = false;
    for (const { from, to, packet } of seen) if (!stepOf(packet)) world.network.send(from, to, packet);
    world.run(50_000);
    expect(client.link.drops.get("replayed")).toBeGreaterThan(10);
    expect(world.host.viewers[0]?.link.drops.get("replayed")).toBeGreaterThan(1);
    expect(client.decoded.length).toBe(before);
  });

  test("ignores what is forged under its address", () => {
    const { world, client, seen } = running();
    const random = new Prng(5);
    for (const { from, to, packet } of seen) {
      if (stepOf(packet)) continue;
      const forged = packet.slice();
      // Behind the header and with a counter far ahead, so that only the seal can tell.
      new DataView(forged.buffer).setUint32(8, 500_000 + random.below(1000), true);
      forged[headerBytes + random.below(forged.length - headerBytes)] = random.u32();
      world.network.send(from, to, forged);
    }
    world.run(second);
    expect(client.link.drops.get("forged")).toBeGreaterThan(10);
    expect(world.host.viewers[0]?.link.drops.get("forged")).toBeGreaterThan(1);
    expect(client.ended).toBeUndefined();
    expect(client.decoded.at(-1)).toBeGreaterThan(world.host.newestFrameId - 3);
  });
});

describe("somebody else answers", () => {
  test("a host with another key than the pinned one is refused at once", () => {
    const world = new World({ seed: 1 });
    const client = world.connect(1, { approved: all, expectedKey: identityOf(9).signing.publicKey });
    world.until("the end", () => client.ended !== undefined);
    expect(client.ended).toBe("pinned");
    expect(client.connected).toBe(0);
    expect(world.host.joined).toBe(0);
  });

  test("a forged answer before the true one does not keep it out", () => {
    const world = new World({ seed: 1, link: { delayUs: 50_000 } });
    const client = world.connect(1, { approved: all });
    const packet = encodeHandshakePacket(
      { step: handshakeStep.answer, reason: 0, connectionId: world.connectionIds[0] as number, cookie: noCookie },
      new Prng(1).bytes(300),
    );
    world.network.setLink(hostPlace, client.place, {});
    world.network.send(hostPlace, client.place, packet);
    world.until("admission", () => client.isIn);
    expect(client.core.drops.get("handshake-refused")).toBe(1);
  });

  test("half a handshake makes no viewer, and is forgotten", () => {
    const world = new World({ seed: 1 });
    const initiator = new Initiator({ identity: identityOf(1) });
    const fields = { step: handshakeStep.hello, reason: 0, connectionId: 5, cookie: noCookie };
    world.network.send("half:1", hostPlace, encodeHandshakePacket(fields, initiator.hello()));
    world.run(second);
    expect(world.host.core.busy).toBe(true);
    world.run(limits.handshakeTimeoutUs);
    expect(world.host.core.busy).toBe(false);
    expect(world.host.joined).toBe(0);
  });
});
