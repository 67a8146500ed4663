/** What the relay tells of single connections: round trips by its keepalive, what waits for whom. */
import { describe, expect, test } from "bun:test";
import { RelayWorld } from "./relay-world.ts";

describe("round trips", () => {
  test("run from the oldest unanswered ping to its pong; a peer's own pings are none", () => {
    const world = new RelayWorld({ keepaliveSeconds: 10 });
    const quick = world.open("/stream/a");
    const mute = world.open("/stream/a");
    mute.isAnswering = false;
    const trip = (id: number) =>
      world.core.peersOf("a", world.nowUs).find(({ connection }) => connection === id)?.roundTripMs;
    expect([trip(quick.id), trip(mute.id)]).toEqual([null, null]);
    world.pass(15);
    expect([trip(quick.id), trip(mute.id)]).toEqual([0, null]);
    world.core.events.alive(mute.id, false);
    expect(trip(mute.id)).toBeNull();
    world.pass(10);
    world.core.events.alive(mute.id, true);
    // Pinged at 10 s and again at 20 s, heard at 25 s.
    expect(Math.round((trip(mute.id) ?? 0) / 1000)).toBe(15);
    expect(world.core.stats(world.nowUs).roundTripMs?.p99).toBeGreaterThan(10_000);
    // A pong that nobody asked for counts once at most.
    world.skip(1);
    world.core.events.alive(mute.id, true);
    expect(Math.round((trip(mute.id) ?? 0) / 1000)).toBe(15);
  });
});

describe("peers", () => {
  test("are those of the channel, with their roles, and go when they go", () => {
    const world = new RelayWorld();
    world.open("/source/a");
    const receiver = world.open("/stream/a");
    world.open("/stream/b");
    world.skip(5);
    const peers = world.core.peersOf("a", world.nowUs);
    expect(peers.map(({ role, connectedSeconds }) => [role, connectedSeconds])).toEqual([
      ["source", 5],
      ["receiver", 5],
    ]);
    receiver.leave();
    expect(world.core.peersOf("a", world.nowUs).map(({ role }) => role)).toEqual(["source"]);
    expect(world.core.peersOf("none", world.nowUs)).toEqual([]);
  });
});
