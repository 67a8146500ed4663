/**
 * Two hundred seeds of everything at once: devices come, go and come back, the owner changes his mind, people type, the network
 * tears and heals, and somebody replays, forges and babbles. What must hold whatever happens is asserted as it runs and at the end.
 * `SIM_SEED=n bun test tests/sim/soak.test.ts` runs one seed again.
 */
import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { permission } from "../../src/wire/root.ts";
import { hostPlace, identityOf, second } from "./places.ts";
import type { SimClient } from "./sim-client.ts";
import { World } from "./world.ts";

const seeds = 200;
const steps = 80;
const stepUs = 25_000;
const devices = 6;
const rights = [permission.view, permission.view | permission.input, permission.input, 7, 15];

type Action = (world: World, client: SimClient | undefined) => void;

const pick = <T>(world: World, from: readonly T[]): T | undefined => from[world.random.below(from.length)];
const someone = (world: World) => identityOf(1 + world.random.below(devices));

const recorded: { from: string; packet: Uint8Array }[] = [];

/** Rather often. */
const usual: Action[] = [
  (world) => {
    if (world.clients.filter((client) => !client.core.ended).length >= 4) return;
    world.connect(1 + world.random.below(devices), { fps: 10 + world.random.below(30) });
  },
  (world, client) => client?.key(30 + world.random.below(4), world.random.below(3)),
  (world, client) => client?.key(30 + world.random.below(4), world.random.below(2)),
  (world, client) => client?.input(3, world.random.below(2), world.random.below(65_536)),
  (_, client) => client?.core.releaseKeys(client.nowUs),
  (world, client) => client?.core.setPaused(world.random.below(4) === 0, client.nowUs),
  (world, client) => client?.core.setBitrate(500_000 + world.random.below(1_000_000), client.nowUs),
  (_, client) => client?.core.link?.control(5, 0, client.nowUs),
  (_, client) => client?.core.frames.broken(client.nowUs),
  (world) => {
    world.host.approve(someone(world), pick(world, rights) as number);
    if (world.random.below(4) > 0) world.host.review();
  },
  (world) => {
    const old = pick(world, recorded);
    if (old) world.network.send(old.from === hostPlace ? "thief:1" : old.from, hostPlace, old.packet);
  },
  (world) => {
    const old = pick(world, recorded)?.packet.slice();
    if (!old) return;
    old[world.random.below(old.length)] = world.random.u32();
    world.network.send(pick(world, world.clients)?.place ?? "thief:1", hostPlace, old);
  },
  (world, client) => {
    const old = pick(world, recorded)?.packet;
    if (client && old) world.network.send(hostPlace, client.place, old);
  },
  (world) => world.network.send("thief:2", hostPlace, world.random.bytes(world.random.below(60))),
];

/** Now and then. */
const rare: Action[] = [
  (_, client) => client?.close(),
  (_, client) => client?.core.link?.control(7, 0, client.nowUs),
  (world) => {
    world.host.revoke(someone(world));
    world.host.review();
  },
  (world, client) => client && world.network.partition(hostPlace, client.place, world.random.below(3) === 0),
  (world, client) => {
    if (client) client.room = world.random.below(3) > 0;
  },
  (world) => {
    world.host.room = world.random.below(3) > 0;
  },
];

function check(world: World): void {
  const { viewers, down } = world.host;
  const admitted = viewers.filter((viewer) => viewer.admitted);
  expect(viewers.length).toBeLessThanOrEqual(2 * limits.peers);
  expect(admitted.length).toBeLessThanOrEqual(limits.peers);
  expect(new Set(viewers.map((viewer) => viewer.identity.name)).size).toBe(viewers.length);
  if (!viewers.some((viewer) => (viewer.permissions & permission.input) !== 0)) expect(down.size).toBe(0);
  expect(world.host.watched).toBe(world.host.core.stream.watched);
  expect(world.host.core.stream.subscribers).toBeLessThanOrEqual(admitted.length);
}

/** Plays one seed; returns how many pictures were decoded. */
function play(seed: number): number {
  const link = {
    delayUs: 2000,
    jitterUs: 20_000,
    loss: (seed % 5) * 0.08,
    duplicate: 0.1,
    reorder: 0.05,
    reorderUs: 50_000,
  };
  const world = new World({ seed, link, frameId: seed % 2 ? 0xffffffff - 10 : 0 });
  recorded.length = 0;
  world.sniffers.push((from, _, packet) => {
    if (recorded.length < 200) recorded.push({ from, packet: packet.slice() });
    else if (world.random.below(20) === 0) recorded[world.random.below(200)] = { from, packet: packet.slice() };
  });
  for (let device = 1; device <= devices; device += 2)
    world.host.approve(identityOf(device), pick(world, rights) as number);
  world.connect(1, { fps: 25 });
  for (let step = 0; step < steps; step++) {
    const living = world.clients.filter((client) => !client.core.ended);
    const actions = world.random.below(8) === 0 ? rare : usual;
    pick(world, actions)?.(world, pick(world, living));
    world.run(stepUs);
    check(world);
  }
  world.network.leave(hostPlace);
  world.host.core.close(world.host.nowUs);
  world.run(second / 2);
  expect(world.host.down.size).toBe(0);
  expect(world.host.watched).toBe(false);
  expect(world.host.left.length).toBe(world.host.joined);
  expect(world.host.core.busy).toBe(false);
  return world.clients.reduce((sum, client) => sum + client.decoded.length, 0);
}

const only = process.env.SIM_SEED;

// One seed is named to look at it alone, so the many are left out.
test.skipIf(only !== undefined)(
  `${seeds} seeds of everything at once`,
  () => {
    let decoded = 0;
    for (let seed = 0; seed < seeds; seed++) {
      try {
        decoded += play(seed);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    // The world is no desert: pictures did come through.
    expect(decoded).toBeGreaterThan(seeds * 10);
  },
  30_000,
);

if (only !== undefined)
  test("the seed asked for", () => {
    play(Number(only));
  });
