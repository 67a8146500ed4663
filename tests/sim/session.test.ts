/** Sessions on a bad network: silence, partitions, commands, ends, and peers that know the key and send nonsense. */
import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { Prng } from "../../src/base/prng.ts";
import type { Session } from "../../src/secure/session.ts";
import { controlCommand, headerBytes, packetType, permission, tagBytes } from "../../src/wire/root.ts";
import { hostPlace, second } from "./places.ts";
import type { SimClient } from "./sim-client.ts";
import { World } from "./world.ts";

const all = permission.view | permission.sound | permission.input;

function connected(options: { seed?: number; loss?: number; streaming?: boolean } = {}) {
  const { seed = 1, loss = 0, streaming = true } = options;
  const world = new World({ seed, link: { delayUs: 8000, jitterUs: 4000, loss, duplicate: loss }, streaming });
  const client = world.connect(1, { approved: all });
  world.until("admission", () => client.isIn, 20 * second);
  const [viewer] = world.host.viewers;
  if (!viewer) throw new Error("nobody is there");
  return { world, client, viewer };
}

describe("silence", () => {
  test("ends both sides after the time-out, and lets go of keys", () => {
    const { world, client } = connected();
    client.key(30, 1);
    world.until("the key", () => world.host.down.has(30));
    const startUs = world.nowUs;
    world.network.partition(hostPlace, client.place, true);
    world.until("both ends", () => client.ended !== undefined && world.host.viewers.length === 0, 7 * second);
    expect(client.ended).toBe("silent");
    expect(world.host.left).toMatchObject([{ why: "silent" }]);
    expect(world.host.down.size).toBe(0);
    expect(world.host.watched).toBe(false);
    expect(world.host.core.busy).toBe(false);
    for (const endUs of [client.endedUs, world.host.left[0]?.atUs ?? 0]) {
      expect(endUs - startUs).toBeGreaterThan(limits.peerTimeoutUs - limits.pingIntervalUs * 2 - 20_000);
      expect(endUs - startUs).toBeLessThan(limits.peerTimeoutUs + 20_000);
    }
  });

  test("of three seconds heals: the same session goes on, and nothing reliable is lost", () => {
    const { world, client, viewer } = connected();
    world.until("pictures", () => client.decoded.length > 3);
    world.network.partition(hostPlace, client.place, true);
    client.key(30, 1);
    client.core.setBitrate(2_000_000, client.nowUs);
    world.run(3 * second);
    client.key(30, 0);
    client.key(31, 1);
    expect(world.host.injected).toEqual([]);
    world.network.partition(hostPlace, client.place, false);
    const newest = world.host.newestFrameId;
    world.until("a new picture", () => (client.decoded.at(-1) ?? 0) > newest, second);
    world.until("the keys", () => world.host.injected.length === 3, second);
    expect(world.host.injected.map(({ code, value }) => [code, value])).toEqual([
      [30, 1],
      [30, 0],
      [31, 1],
    ]);
    expect(world.host.settings.bitrateBps).toBe(2_000_000);
    expect(world.host.viewers).toEqual([viewer]);
    expect(client.ended).toBeUndefined();
  });

  test("of six seconds does not; both are ready for a new session, which the old one does not disturb", () => {
    const { world, client } = connected();
    world.network.partition(hostPlace, client.place, true);
    world.run(6 * second);
    world.network.partition(hostPlace, client.place, false);
    world.run(second);
    expect(client.ended).toBe("silent");
    expect(world.host.viewers.length).toBe(0);
    const again = world.connect(1);
    world.until("pictures", () => again.decoded.length > 3);
  });

  test("is not what an idle session is: pings keep it", () => {
    const { world, client, viewer } = connected({ streaming: false });
    world.run(60 * second);
    expect(client.ended).toBeUndefined();
    expect(world.host.viewers).toEqual([viewer]);
    // A still screen costs next to nothing: pings and pongs, at most one of each a second and side.
    expect(viewer.link.sent + client.link.sent).toBeLessThan(4 * 60 + 60);
  });
});

describe("commands", () => {
  test("all come through loss and duplicates, once and in order", () => {
    for (let seed = 0; seed < 5; seed++) {
      const { world, client } = connected({ seed, loss: 0.3 });
      client.core.setBitrate(3_000_000, client.nowUs);
      client.core.setFps(30, client.nowUs);
      client.link.control(controlCommand.setQuality, 20, client.nowUs);
      const wanted = { bitrateBps: 3_000_000, fps: 30, quality: 20 };
      world.until("the wishes", () => world.host.settings.quality === 20, 5 * second);
      expect(world.host.settings).toEqual(wanted);
      client.core.setPaused(true, client.nowUs);
      world.until("the pause", () => !world.host.watched, 5 * second);
      world.run(second);
      const paused = client.decoded.length;
      world.run(second);
      expect(client.decoded.length).toBe(paused);
      client.core.setPaused(false, client.nowUs);
      world.until("pictures", () => client.decoded.length > paused + 3, 5 * second);
      expect(world.host.settings).toEqual(wanted);
      const asked = world.host.keyframeRequests.length;
      client.link.control(controlCommand.requestKeyframe, 0, client.nowUs);
      world.until("a request", () => world.host.keyframeRequests.length > asked, 5 * second);
    }
  });

  test("wishes of several clients are put together, and forgotten when they leave", () => {
    const world = new World({ seed: 1, link: { delayUs: 5000, loss: 0.1 } });
    const one = world.connect(1, { approved: all, bitrateBps: 4_000_000, fps: 30, quality: 40 });
    const two = world.connect(2, { approved: all, bitrateBps: 2_000_000, fps: 50, quality: 60 });
    world.until("both wishes", () => world.host.settings.fps === 50 && world.host.settings.quality === 40, 20 * second);
    expect(world.host.settings).toEqual({ bitrateBps: 2_000_000, fps: 50, quality: 40 });
    two.close();
    world.until("the departure", () => world.host.viewers.length === 1, 6 * second);
    expect(world.host.settings).toEqual({ bitrateBps: 4_000_000, fps: 30, quality: 40 });
    one.close();
    world.until("the departure", () => world.host.viewers.length === 0, 6 * second);
    expect(world.host.settings).toEqual({ bitrateBps: 10_000_000, fps: 60, quality: 50 });
  });

  test("who pauses binds nobody by its wishes", () => {
    const { world, client } = connected();
    const other = world.connect(2, { approved: all, fps: 30 });
    client.core.setFps(20, client.nowUs);
    world.until("both wishes", () => world.host.settings.fps === 30, 5 * second);
    other.core.setPaused(true, other.nowUs);
    world.until("one wish", () => world.host.settings.fps === 20, 5 * second);
  });

  test("a paused client that asks for keyframes costs the others none", () => {
    const { world, client } = connected();
    const other = world.connect(2, { approved: all });
    world.until("pictures", () => other.decoded.length > 3);
    client.core.setPaused(true, client.nowUs);
    world.run(200_000);
    const asked = world.host.keyframeRequests.length;
    for (let i = 0; i < 20; i++) {
      client.link.control(controlCommand.requestKeyframe, 0, client.nowUs);
      world.run(50_000);
    }
    expect(world.host.keyframeRequests.length).toBe(asked);
    client.core.setPaused(false, client.nowUs);
    const before = client.decoded.length;
    world.until("pictures", () => client.decoded.length > before + 3);
  });

  test("too many without an answer close the session, on the client", () => {
    const { world, client } = connected();
    world.network.setLink(client.place, hostPlace, { loss: 1 });
    for (let i = 0; i <= limits.reliableWindow; i++) client.core.setFps(30 + (i % 2), client.nowUs);
    world.run(20_000);
    expect(client.ended).toBe("overflowed");
    expect(client.link.drops.get("window-full")).toBe(1);
    // What is still tried afterwards hurts nobody.
    client.core.setFps(30, client.nowUs);
    client.key(30, 1);
    client.close();
    client.key(30, 0);
    client.core.setFps(30, client.nowUs);
    world.run(6 * second);
    expect(world.host.viewers.length).toBe(0);
  });

  test("too many without an answer close the session, on the host", () => {
    const { world, client } = connected();
    client.key(30, 1);
    world.until("the key", () => world.host.down.has(30));
    world.network.partition(hostPlace, client.place, true);
    for (let i = 0; i <= limits.reliableWindow; i++) {
      world.host.approve(client.identity, i % 2 ? all : permission.view);
      world.host.review();
    }
    world.run(20_000);
    expect(world.host.left).toMatchObject([{ why: "overflowed" }]);
    expect(world.host.down.size).toBe(0);
    expect(world.host.core.departed.get("window-full")).toBe(1);
  });
});

describe("the end", () => {
  test("of a client is known to the host at once, and the other way round", () => {
    const { world, client } = connected();
    client.key(30, 1);
    world.until("the key", () => world.host.down.has(30));
    client.close();
    client.close();
    world.run(50_000);
    expect(world.host.left).toMatchObject([{ why: "left" }]);
    expect(world.host.down.size).toBe(0);

    const second = world.connect(2, { approved: all });
    world.until("pictures", () => second.decoded.length > 3);
    world.host.core.close(world.host.nowUs);
    world.until("the end", () => second.ended !== undefined, 100_000);
    expect(second.ended).toBe("host-left");
    expect(world.host.core.busy).toBe(false);
    world.host.encode();
    world.run(100_000);
  });

  test("sent reliably, repeated, with more behind it, is one end", () => {
    const { world, client } = connected({ loss: 0.2 });
    client.link.control(controlCommand.disconnect, 0, client.nowUs);
    client.link.control(controlCommand.setFps, 30, client.nowUs);
    client.link.controlOnce(controlCommand.disconnect, 0, client.nowUs);
    client.key(30, 1);
    world.until("the departure", () => world.host.viewers.length === 0, 5 * second);
    world.run(second);
    expect(world.host.left).toMatchObject([{ why: "left" }]);
    expect(world.host.down.size).toBe(0);
    expect(world.host.core.drops.get("unknown-sender")).toBeGreaterThan(0);
  });

  test("said by the host reliably is understood", () => {
    const { world, client, viewer } = connected({ loss: 0.2 });
    viewer.link.control(controlCommand.disconnect, 0, world.host.nowUs);
    world.until("the end", () => client.ended !== undefined, 5 * second);
    expect(client.ended).toBe("host-left");
  });

  test("what a viewer dropped is still counted after it left", () => {
    const { world, client, viewer } = connected();
    viewer.drops.add("input-rate", 3);
    viewer.link.drops.add("stale-input", 2);
    client.close();
    world.run(50_000);
    expect(world.host.core.departed.toJSON()).toEqual({ "input-rate": 3, "stale-input": 2 });
  });
});

describe("nonsense under a good seal", () => {
  /** Seals whatever it is given as a packet of `type`. */
  function seal(session: Session, type: number, payload: Uint8Array, nowUs: number): Uint8Array {
    const packet = new Uint8Array(headerBytes + payload.length + tagBytes);
    packet.set(payload, headerBytes);
    session.seal(type, packet, 0, payload.length, nowUs);
    return packet;
  }
  const fromClient = (world: World, client: SimClient, type: number, payload: Uint8Array) =>
    world.network.send(client.place, hostPlace, seal(client.link.session, type, payload, client.nowUs));

  const cases: [what: string, type: number, hex: string, reason: string][] = [
    ["an unknown command", packetType.control, "7f00000000", "range"],
    ["a wish to hear twice", packetType.control, "0a02000000", "range"],
    ["a bit rate out of range", packetType.control, "03ffffffff", "range"],
    ["a cut command", packetType.control, "0300", "short"],
    ["an empty packet", packetType.control, "", "short"],
    ["an input event of another type", packetType.input, "04010000000000", "range"],
    ["half an input event", packetType.input, "011e0001000000011e00", "length"],
    ["a key that does not exist", packetType.input, "01ff0301000000", "range"],
    ["a second event that is wrong", packetType.input, "011e0001000000" + "ff1e0001000000", "range"],
    ["a cut ping", packetType.ping, "00", "short"],
    ["a ping with reserved bits", packetType.ping, "00000000000000000000000001000000", "reserved"],
    ["a pong with times no clock shows", packetType.pong, "ff".repeat(24), "range"],
    ["a reliable packet in a reliable packet", packetType.reliable, "0000000008000000" + "0000000005000000", "range"],
    ["a reliable packet with a wrong command", packetType.reliable, "0000000005000000" + "7f00000000", "range"],
    ["a cut reliable packet", packetType.reliable, "00000000050000000100", "length"],
    ["an acknowledgement with reserved bits", packetType.ack, "0000000001000000", "reserved"],
    [
      "video to the host",
      packetType.video,
      "01000000" + "01000000" + "00000000" + "01000200" + "00".repeat(8) + "aa",
      "type",
    ],
    ["sound that lasts too long", packetType.audio, "00".repeat(8) + "80bb0000" + "02008116" + "00", "range"],
    ["sound without a sound", packetType.audio, "00".repeat(8) + "80bb0000" + "0200c003", "length"],
  ];

  test.each(cases)("%s is dropped and counted", (_, type, hex, reason) => {
    const { world, client, viewer } = connected({ streaming: false });
    world.run(second);
    fromClient(world, client, type, Uint8Array.fromHex(hex));
    world.run(50_000);
    expect(viewer.link.drops.toJSON()).toEqual({ [reason]: 1 });
    expect(world.host.injected).toEqual([]);
    world.run(6 * second);
    expect(world.host.viewers).toEqual([viewer]);
  });

  test("commands that only a host gives are not taken from a client, nor input from a host", () => {
    const { world, client, viewer } = connected({ streaming: false });
    client.link.control(controlCommand.admit, 15, client.nowUs);
    viewer.link.input(Uint8Array.of(1, 30, 0, 1, 0, 0, 0), true, world.host.nowUs);
    world.run(second);
    expect(viewer.drops.toJSON()).toEqual({ "control-not-permitted": 1 });
    expect(client.link.drops.toJSON()).toEqual({ type: 1 });
    expect(viewer.permissions).toBe(all);
  });

  test("acknowledgements and clocks from nowhere change nothing", () => {
    const { world, client, viewer } = connected();
    for (let i = 0; i < 200; i++) {
      const lie = new Uint8Array(24);
      lie.set(world.random.bytes(6), 0);
      lie.set(world.random.bytes(6), 8);
      fromClient(world, client, packetType.pong, lie);
      fromClient(world, client, packetType.ack, Uint8Array.of(world.random.u32(), 200, 200, 200, 0, 0, 0, 0));
      world.run(5000);
    }
    world.host.approve(client.identity, permission.view);
    world.host.review();
    world.until("the news", () => client.core.permissions === permission.view, 2 * second);
    expect(world.host.viewers).toEqual([viewer]);
  });

  test("thousands of random payloads of all types never throw, on either end", () => {
    for (let seed = 0; seed < 4; seed++) {
      const { world, client, viewer } = connected({ seed, streaming: false });
      const random = new Prng(seed);
      for (let i = 0; i < 1500 && world.host.viewers.length > 0 && !client.ended; i++) {
        const payload = random.bytes(random.below(60));
        // Half of them with a plausible beginning, so that more than the first check is reached.
        if (i % 2 && payload.length > 8) payload.set([random.below(10), 0, 0, 0, random.below(6), 0, 0, 0]);
        const type = 2 + random.below(8);
        fromClient(world, client, type, payload);
        world.network.send(hostPlace, client.place, seal(viewer.link.session, type, payload, world.host.nowUs));
        world.run(1000);
      }
      const drops = Object.values(viewer.link.drops.toJSON()).reduce((sum, n) => sum + n, 0);
      expect(drops).toBeGreaterThan(100);
      world.host.core.close(world.host.nowUs);
      expect(world.host.down.size).toBe(0);
    }
  });
});
