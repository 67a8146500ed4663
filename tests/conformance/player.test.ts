/**
 * What every Player does, held against the native one without a window, with each decoder that opens here and each codec that it
 * takes, and against the fake one. What windows add is in ffi/. standins.test.ts runs this file with stand-ins for GPUs.
 */
import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { FakePlayer, fakeAccessUnit } from "../../ffi/fake.ts";
import { openGrabber, probeBackends } from "../../ffi/grabber.ts";
import type { Player, PlayerEvent, PlayerSettings, VideoCodec } from "../../ffi/interfaces.ts";
import { decodableCodecs, openPlayer } from "../../ffi/player.ts";
import { ManualClock } from "../../src/base/clock.ts";
import { limits } from "../../src/base/limits.ts";
import { must, realTurn, until, type World } from "./world.ts";

interface PlayerWorld extends World {
  readonly codec: VideoCodec;
  open(settings: PlayerSettings, onWake: () => void): Player;
  /** `count` access units in order; keyframes are numbers 0 and 10. */
  units(count: number): Promise<Uint8Array[]>;
}

const width = 320;
const height = 180;

async function patternUnits(codec: VideoCodec, count: number): Promise<Uint8Array[]> {
  const settings = { capture: "pattern", target: "", encoder: "auto", width, height, fps: 100, codec };
  const grabber = must(openGrabber({ ...settings, bitrateBps: 2_000_000, keyframeInterval: 10 }, () => undefined));
  const units: Uint8Array[] = [];
  while (units.length < count) {
    const frame = grabber.take();
    if (frame) units.push(grabber.bytes(frame).slice());
    else await realTurn();
  }
  grabber.close();
  return units;
}

const nativeWorld = (decoder: string, codec: VideoCodec): PlayerWorld => ({
  name: `native, ${decoder}, ${codec}`,
  codec,
  turn: realTurn,
  open: (settings, onWake) => must(openPlayer({ ...settings, decoder }, onWake)),
  units: (count) => patternUnits(codec, count),
});

/** Decoders by what opens here; what no encoder makes here cannot be tried. */
function nativeWorlds(): PlayerWorld[] {
  const settings = { capture: "pattern", target: "", encoder: "auto", width, height, fps: 30, bitrateBps: 2_000_000 };
  const made = (["h264", "hevc"] as const).filter((codec) => {
    const grabber = openGrabber({ ...settings, keyframeInterval: 0, codec }, () => undefined);
    if (grabber.ok) grabber.value.close();
    return grabber.ok;
  });
  return probeBackends("decode").flatMap(({ name }) =>
    decodableCodecs(name)
      .filter((codec) => made.includes(codec))
      .map((codec) => nativeWorld(name, codec)),
  );
}

function fakeWorld(): PlayerWorld {
  const clock = new ManualClock();
  clock.advance(1_000_000);
  const players: FakePlayer[] = [];
  return {
    name: "fake",
    codec: "h264",
    turn: async () => {
      clock.advance(1000);
      for (const player of players) player.step();
    },
    open: (settings, onWake) => {
      const player = new FakePlayer(settings, onWake, clock);
      players.push(player);
      return player;
    },
    units: async (count) => Array.from({ length: count }, (_, i) => fakeAccessUnit(i, i % 10 === 0, 800)),
  };
}

for (const world of [...nativeWorlds(), fakeWorld()]) describe(`player, ${world.name}`, () => suite(world));

function suite(world: PlayerWorld): void {
  let units: Uint8Array[] = [];
  beforeAll(async () => {
    units = await world.units(12);
  });
  const opened: Player[] = [];
  afterEach(() => {
    for (const player of opened.splice(0)) player.close();
  });

  const open = (onWake: () => void = () => undefined): Player => {
    const settings = { display: "headless", target: "", decoder: "auto", title: "conformance", width, height };
    const player = world.open({ ...settings, fullscreen: false, readTimecode: false }, onWake);
    opened.push(player);
    return player;
  };
  const push = (player: Player, index: number, frameId = index): boolean => {
    const unit = units[index] as Uint8Array;
    return player.push(unit, unit.length, frameId, index % 10 === 0, 7000 + frameId, world.codec);
  };
  /** The fates of the next `count` frames. */
  const fates = async (player: Player, count: number): Promise<PlayerEvent[]> => {
    const seen: PlayerEvent[] = [];
    while (seen.length < count) {
      const event = player.take();
      if (!event) await world.turn();
      else if (["shown", "skipped", "decode-error"].includes(event.kind)) seen.push({ ...event });
    }
    return seen;
  };

  test("names what it uses", () => {
    const { display, decoder } = open().describe();
    expect(display).not.toBe("");
    expect(decoder).not.toBe("");
  });

  test("shows frames one after the other, with the times of the stages in order", async () => {
    const player = open();
    for (let i = 0; i < 12; i++) {
      expect(push(player, i, 100 + i)).toBe(true);
      const [event] = await fates(player, 1);
      expect(event).toMatchObject({ kind: "shown", frameId: 100 + i, captureUs: 7100 + i, width, height });
      const { pushedUs, decodeBeginUs, decodedUs, shownUs } = event as PlayerEvent;
      const times = [1, pushedUs, decodeBeginUs, decodedUs, shownUs];
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
    expect(player.stats()).toMatchObject({ pushed: 12, decoded: 12, shown: 12, skippedLate: 0, decodeErrors: 0 });
  });

  test("every frame of a burst is decoded; one that has a successor may be skipped, the last is shown", async () => {
    const player = open();
    for (let i = 0; i < 12; i++) push(player, i);
    const events = await fates(player, 12);
    expect(events.map(({ frameId }) => frameId)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(events.at(-1)?.kind).toBe("shown");
    expect(events.some(({ kind }) => kind === "decode-error")).toBe(false);
    const { decoded, shown, skippedLate } = player.stats();
    expect(decoded).toBe(12);
    expect(shown + skippedLate).toBe(12);
  });

  test("decodes nothing before the first keyframe, and nothing after damage until the next", async () => {
    const player = open();
    const kinds: string[] = [];
    const feed = async (index: number, unit = units[index] as Uint8Array) => {
      player.push(unit, unit.length, index, index % 10 === 0, 1, world.codec);
      kinds.push(...(await fates(player, 1)).map(({ kind }) => kind));
    };
    await feed(1);
    await feed(0);
    await feed(1);
    await feed(2, new Uint8Array(500).fill(0x55));
    await feed(3);
    await feed(10);
    await feed(11);
    const error = "decode-error";
    expect(kinds).toEqual([error, "shown", "shown", error, error, "shown", "shown"]);
    expect(player.stats().decodeErrors).toBe(3);
  });

  test("refuses what its queue has no room for, and what is empty", async () => {
    const player = open();
    let refused = 0;
    for (let i = 0; i < 2000 && refused === 0; i++) if (!push(player, 0, i)) refused++;
    expect(refused).toBe(1);
    expect(player.stats().pushed).toBeGreaterThanOrEqual(limits.framesToDecode);
    expect(player.push(new Uint8Array(1), 0, 1, false, 1)).toBe(false);
    expect(player.stats().refusedFull).toBe(2);
    expect(() => player.push(new Uint8Array(1), 2, 1, false, 1)).toThrow(RangeError);
    const { pushed } = player.stats();
    await until(world, () => player.stats().decoded === pushed);
    expect(push(player, 0)).toBe(true);
  });

  test("copies what is pushed, and reuses one event object", async () => {
    const player = open();
    const unit = (units[0] as Uint8Array).slice();
    player.push(unit, unit.length, 1, true, 1, world.codec);
    unit.fill(0);
    const objects = new Set<unknown>();
    for (let shown = 0; shown < 2; ) {
      const event = player.take();
      if (event) {
        objects.add(event);
        expect(event.kind).toBe("shown");
        if (++shown === 1) push(player, 1);
      } else await world.turn();
    }
    expect(objects.size).toBe(1);
  });

  test("wakes once until it is armed again", async () => {
    let woken = 0;
    const player = open(() => woken++);
    push(player, 0);
    push(player, 1);
    await until(world, () => woken > 0 && player.stats().shown + player.stats().skippedLate === 2);
    push(player, 2);
    await until(world, () => player.stats().shown + player.stats().skippedLate === 3);
    for (let i = 0; i < 10; i++) await world.turn();
    expect(woken).toBe(1);
    player.rearm();
    await fates(player, 3);
    push(player, 3);
    await until(world, () => woken === 2);
  });

  test("gives the picture last shown", async () => {
    const player = open();
    expect(player.snapshot()).toBeUndefined();
    push(player, 0);
    await fates(player, 1);
    const picture = player.snapshot();
    expect(picture).toMatchObject({ width, height });
    expect(picture?.pixels.length).toBe(width * height * 4);
  });

  test("takes wishes for a window even where there is none", () => {
    const player = open();
    player.setPointerGrab(true);
    player.setFullscreen(true);
    player.setPointerGrab(false);
    expect(player.take()).toBeUndefined();
  });

  test("is closed once, with frames waiting, and is then no more to be used", () => {
    const player = open();
    for (let i = 0; i < 12; i++) push(player, i);
    player.close();
    player.close();
    expect(() => player.take()).toThrow("the player is closed");
    expect(() => push(player, 0)).toThrow("the player is closed");
  });
}
