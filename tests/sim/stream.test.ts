/**
 * Pictures on a bad network. The decoder model throws at every broken chain, changed byte and wrong order, so each test here also
 * says that none occurred; what is left to show is that pictures come back soon, and how old they are.
 */
import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { permission } from "../../src/wire/root.ts";
import { hostPlace, second } from "./places.ts";
import type { SimClient } from "./sim-client.ts";
import { World, type WorldOptions } from "./world.ts";

const view = permission.view;
const perKey = limits.packetsPerKey;

function watching(options: WorldOptions): { world: World; client: SimClient } {
  const world = new World(options);
  const client = world.connect(1, { approved: view });
  world.until("pictures", () => client.decoded.length > 3, 20 * second);
  return { world, client };
}

/** Until the client decodes something newer than what is encoded now. */
const untilFresh = (world: World, client: SimClient, limitUs: number) => {
  const newest = world.host.newestFrameId;
  return world.until("a new picture", () => (client.decoded.at(-1) ?? 0) > newest, limitUs);
};

describe("loss", () => {
  test("a perfect network loses nothing and needs one keyframe", () => {
    const { world, client } = watching({ seed: 1, link: { delayUs: 3000 } });
    world.run(5 * second);
    const first = client.decoded[0] as number;
    expect(client.decoded).toEqual(Array.from({ length: client.decoded.length }, (_, i) => first + i));
    expect(client.decoded.length).toBeGreaterThan(290);
    expect(world.host.keyframesMade).toBe(1);
    expect(client.core.frames.stats).toMatchObject({ lost: 0, waitingForKeyframe: 0, keyframesAsked: 0, keyframes: 1 });
    expect(client.link.lossPercent).toBe(0);
  });

  const atLeast: [loss: number, frames: number][] = [
    [0.01, 150],
    [0.05, 60],
    [0.2, 10],
    [0.4, 2],
  ];
  test.each(atLeast)(
    "with %d lost, no broken chain, keyframes asked for seldom, and pictures go on",
    (loss, frames) => {
      for (let seed = 0; seed < 3; seed++) {
        const link = { delayUs: 10_000, jitterUs: 4000, loss, duplicate: 0.05 };
        const { world, client } = watching({ seed, link });
        const before = client.core.frames.stats;
        const count = client.decoded.length;
        world.run(4 * second);
        const { keyframesAsked, keyframes, lost } = client.core.frames.stats;
        expect(lost).toBeGreaterThan(0);
        expect(keyframes).toBeGreaterThan(1);
        expect(keyframesAsked - before.keyframesAsked).toBeLessThanOrEqual(
          (4 * second) / limits.keyframeRequestIntervalUs,
        );
        expect(client.decoded.length - count).toBeGreaterThan(frames);
        expect(Math.abs(client.link.lossPercent - loss * 100)).toBeLessThan(loss * 50 + 1);
      }
    },
  );

  test("after a hole in the network a picture comes within a round trip, a request and a frame", () => {
    for (const holeUs of [30_000, 100_000, 700_000, 2 * second]) {
      const { world, client } = watching({ seed: 2, link: { delayUs: 15_000 } });
      world.network.partition(hostPlace, client.place, true);
      world.run(holeUs);
      world.network.partition(hostPlace, client.place, false);
      const tookUs = untilFresh(world, client, 2 * second);
      // The request may just have been lost and is then repeated after limits of its own.
      expect(tookUs).toBeLessThan(2 * limits.keyframeRequestIntervalUs + 100_000);
    }
  });

  test("a lost last frame of a still screen is noticed by the ping", () => {
    const { world, client } = watching({ seed: 3, link: { delayUs: 5000 } });
    world.run(3 * second);
    world.streaming = false;
    world.run(500_000);
    world.network.setLink(hostPlace, client.place, { loss: 1 });
    world.host.encode();
    world.network.setLink(hostPlace, client.place, { delayUs: 5000 });
    const asked = world.host.keyframeRequests.length;
    world.until("a request", () => world.host.keyframeRequests.length > asked, 2 * limits.pingIntervalUs + 200_000);
    const { frameId } = world.host.encode();
    world.until("the picture", () => client.decoded.at(-1) === frameId, 100_000);
    const quiet = world.host.keyframeRequests.length;
    world.run(3 * second);
    expect(world.host.keyframeRequests.length).toBe(quiet);
  });

  test("a lost first frame of a still screen is noticed as well, in one piece or in many", () => {
    for (const size of [900, 30_000]) {
      const world = new World({ seed: 4, link: { delayUs: 5000 }, streaming: false });
      const client = world.connect(1, { approved: view });
      world.until("admission", () => client.isIn);
      // One packet of it is lost: of a large frame one among many, of a small one all there is.
      const link = { delayUs: 5000 };
      let sent = 0;
      world.sniffers.push((_, to) => {
        if (to === client.place) world.network.setLink(hostPlace, client.place, ++sent === 1 ? { loss: 1 } : link);
      });
      world.host.encode(size);
      const asked = world.host.keyframeRequests.length;
      world.until("a request", () => world.host.keyframeRequests.length > asked, 2 * limits.pingIntervalUs + 200_000);
      const { frameId } = world.host.encode(size);
      world.until("the picture", () => client.decoded.at(-1) === frameId, 100_000);
    }
  });

  test("one bad link does not cost the others a frame", () => {
    const world = new World({ seed: 5, link: { delayUs: 5000 } });
    const good = world.connect(1, { approved: view });
    world.network.setLink(hostPlace, "client2:40001", { delayUs: 20_000, loss: 0.2 });
    const bad = world.connect(2, { approved: view });
    world.until("pictures", () => good.decoded.length > 0 && bad.decoded.length > 0);
    const from = good.decoded.length;
    world.run(4 * second);
    const got = good.decoded.slice(from);
    expect(got).toEqual(Array.from({ length: got.length }, (_, i) => (got[0] as number) + i));
    expect(got.length).toBeGreaterThan(230);
    expect(bad.core.frames.stats.lost).toBeGreaterThan(10);
  });

  test("no room on the way out, and none before the decoder: both go on with a keyframe", () => {
    const { world, client } = watching({ seed: 6, link: { delayUs: 5000 } });
    world.host.room = false;
    world.run(300_000);
    world.host.room = true;
    untilFresh(world, client, 100_000);
    expect(world.host.viewers[0]?.subscription?.stats.droppedFull).toBeGreaterThan(0);
    client.room = false;
    world.run(300_000);
    client.room = true;
    untilFresh(world, client, 200_000);
    expect(client.core.frames.stats.decoderFull).toBeGreaterThan(0);
  });

  test("a decoder that reports an error gets a keyframe", () => {
    const { world, client } = watching({ seed: 7, link: { delayUs: 5000 } });
    const { keyframes } = client.core.frames.stats;
    client.core.frames.broken(client.nowUs);
    world.run(100_000);
    expect(client.core.frames.stats.keyframes).toBe(keyframes + 1);
  });
});

test("frame numbers wrap", () => {
  const { world, client } = watching({ seed: 8, link: { delayUs: 5000, loss: 0.05 }, frameId: 0xffffffb0 });
  world.run(4 * second);
  expect(client.decoded.at(-1)).toBeLessThan(1000);
  expect(client.decoded.length).toBeGreaterThan(100);
});

describe("key changes in the middle of a stream", () => {
  test("by time, without losing a frame", () => {
    const world = new World({ seed: 9, link: { delayUs: 5000 } });
    const client = world.connect(1, { approved: view, fps: 4 });
    world.run(2.5 * limits.keyLifetimeUs);
    const viewer = world.host.viewers[0];
    expect(viewer?.link.session.keyNumbers).toEqual({ send: 2, receive: 2 });
    expect(client.link.session.keyNumbers).toEqual({ send: 2, receive: 2 });
    expect(client.core.frames.stats.lost).toBe(0);
    expect(client.decoded.at(-1)).toBe(world.host.newestFrameId);
    expect(client.link.lossPercent).toBe(0);
  });

  test("by count, in both directions, on a network that reorders and loses", () => {
    const link = { delayUs: 5000, jitterUs: 3000, loss: 0.02, duplicate: 0.05 };
    const { world, client } = watching({ seed: 10, link });
    const [viewer] = world.host.viewers;
    const host = viewer?.link.session;
    for (let keys = 1; keys <= 3; keys++) {
      // The rest of the key but a few packets, as if they had been sent and lost.
      const left = (reserve: (n: number) => number) => perKey - 3 - (reserve(1) % perKey);
      const hostReserve = (n: number) => host?.reserve(n, world.host.nowUs).counter ?? 0;
      const ownReserve = (n: number) => client.link.session.reserve(n, client.nowUs).counter;
      hostReserve(left(hostReserve));
      ownReserve(left(ownReserve));
      world.run(3 * second);
      expect(host?.keyNumbers).toEqual({ send: keys, receive: keys });
      untilFresh(world, client, second);
    }
    expect(client.link.lossPercent).toBeLessThan(10);
    expect(client.link.drops.get("forged")).toBe(0);
  });
});

describe("the age of pictures", () => {
  const errors = (client: SimClient) =>
    client.ages.slice(20).map(({ trueUs, measuredUs }) => Math.abs(trueUs - (measuredUs ?? Number.NaN)));

  test("is exact on an even network, whatever the clocks show", () => {
    for (const hostOriginUs of [0, 123_456_789, 8_000_000_000_000]) {
      const { world, client } = watching({ seed: 11, link: { delayUs: 7000 }, hostOriginUs });
      world.run(2 * second);
      expect(client.ages.length).toBeGreaterThan(100);
      expect(Math.max(...errors(client))).toBe(0);
    }
  });

  test("is right within half the round trip when the ways differ, jitter and lose", () => {
    for (let seed = 0; seed < 5; seed++) {
      const world = new World({ seed });
      const [there, back] = [world.random.below(60_000), world.random.below(60_000)];
      world.network.setLink(hostPlace, "client1:40000", { delayUs: there, jitterUs: 20_000, loss: 0.05 });
      world.network.setLink("client1:40000", hostPlace, { delayUs: back, jitterUs: 20_000, loss: 0.05 });
      const client = world.connect(1, { approved: view });
      world.until("pictures", () => client.decoded.length > 40, 30 * second);
      world.run(3 * second);
      const trip = client.link.clock.roundTripUs as number;
      expect(trip).toBeGreaterThanOrEqual(there + back);
      // The offset at the time of each picture had a round trip of at most the longest one possible.
      expect(Math.max(...errors(client))).toBeLessThanOrEqual((there + back + 40_000) / 2);
      expect((errors(client).at(-1) as number) <= trip / 2).toBe(true);
    }
  });
});
