/**
 * Sound on a bad network: who hears what, and who may speak. Bytes that changed and sound that was never made throw by themselves;
 * what is left to show is that it goes to those who may hear and asked, as it is made, and to nobody else.
 */
import { expect, test } from "bun:test";
import { controlCommand, permission } from "../../src/wire/root.ts";
import { second } from "./places.ts";
import type { SimClient, SimClientOptions } from "./sim-client.ts";
import { soundOf, soundUs } from "./sim-host.ts";
import { World, type WorldOptions } from "./world.ts";

const { view, sound, microphone } = permission;

function joined(options: WorldOptions, approved: number, more: Partial<SimClientOptions> = { sound: true }) {
  const world = new World({ streaming: false, ...options });
  const client = world.connect(1, { approved, ...more });
  world.until("the admission", () => client.isIn, 20 * second);
  return { world, client };
}

/** The host captures sound for `count` packets' time. */
function speak(world: World, count: number): void {
  for (let i = 0; i < count; i++) {
    world.host.speak();
    world.run(soundUs);
  }
}

function say(client: SimClient, number: number): boolean {
  const data = soundOf(number);
  const head = { captureUs: number * soundUs, sampleRate: 48_000, channels: 1, samples: 960 };
  return client.core.speak({ ...head, data, size: data.length }, client.nowUs);
}

test("on a good network all of it arrives, in order, and its age is known", () => {
  const { world, client } = joined({ seed: 1, link: { delayUs: 7000 } }, view | sound);
  world.until("the wish", () => world.host.heard);
  const first = client.heard.length;
  speak(world, 200);
  expect(client.heard.slice(first)).toEqual(Array.from({ length: 200 }, (_, i) => i));
  for (const { trueUs, measuredUs } of client.soundAges) {
    expect(trueUs).toBe(7000);
    expect(Math.abs((measuredUs ?? 0) - trueUs)).toBeLessThan(1000);
  }
});

test("with loss, doubles and jitter each packet arrives at most once, whole, and the share that is lost is the network's", () => {
  for (let seed = 0; seed < 3; seed++) {
    const link = { delayUs: 10_000, jitterUs: 30_000, loss: 0.1, duplicate: 0.1 };
    const { world, client } = joined({ seed, link }, view | sound);
    world.until("the wish", () => world.host.heard);
    speak(world, 500);
    world.run(second);
    expect(new Set(client.heard).size).toBe(client.heard.length);
    expect(client.heard.length).toBeGreaterThan(400);
    expect(client.heard.length).toBeLessThan(490);
  }
});

test("without its owner's permission a client hears nothing, and nothing is captured for it", () => {
  const { world, client } = joined({ seed: 2 }, view);
  world.run(second);
  expect([world.host.heard, client.core.mayHear]).toEqual([false, false]);
  speak(world, 10);
  expect(client.heard).toEqual([]);
  // Given later, it is heard at once, because the wish is remembered; and taken again, no more.
  world.host.approve(client.identity, view | sound);
  world.host.review();
  expect(world.host.heard).toBe(true);
  speak(world, 10);
  expect(client.heard.length).toBe(10);
  world.host.approve(client.identity, view);
  world.host.review();
  speak(world, 10);
  expect([world.host.heard, client.heard.length]).toEqual([false, 10]);
});

test("who does not ask gets none, however much it may", () => {
  const { world, client } = joined({ seed: 3 }, 31, {});
  world.run(second);
  speak(world, 5);
  expect([world.host.heard, client.heard.length]).toEqual([false, 0]);
  // And a host that sends it all the same is not listened to.
  const data = soundOf(1);
  const viewer = world.host.viewerOf(client.identity);
  viewer?.link.audio(
    { captureUs: 5, sampleRate: 48_000, channels: 2, samples: 960, data, size: data.length },
    world.host.nowUs,
  );
  world.run(second);
  expect([client.heard.length, client.core.drops.get("sound-not-asked")]).toEqual([0, 1]);
});

test("a pause is a pause of the sound as well, and a client that leaves is not sent any", () => {
  const { world, client } = joined({ seed: 4, link: { delayUs: 1000 } }, view | sound);
  world.until("the wish", () => world.host.heard);
  client.core.setPaused(true, client.nowUs);
  world.until("the pause", () => !world.host.heard);
  speak(world, 5);
  client.core.setPaused(false, client.nowUs);
  world.until("its end", () => world.host.heard);
  speak(world, 5);
  expect(client.heard.length).toBe(5);
  client.close();
  world.until("the farewell", () => !world.host.heard);
});

test("the worst loss that clients tell is the host's to reckon with, as long as they listen", () => {
  const { world, client } = joined({ seed: 5 }, view | sound);
  const other = world.connect(2, { approved: view | sound, sound: true });
  world.until("both", () => other.isIn);
  client.core.tellSoundLoss(3.4, client.nowUs);
  other.core.tellSoundLoss(250, other.nowUs);
  world.run(second);
  expect(world.host.lossPercent).toBe(100);
  other.close();
  world.run(second);
  expect(world.host.lossPercent).toBe(3);
});

test("a microphone is heard by the host only where its owner permits it", () => {
  const { world, client } = joined({ seed: 6, link: { delayUs: 2000 } }, view | sound | microphone);
  for (let i = 0; i < 20; i++) expect(say(client, i)).toBe(true);
  world.run(second);
  expect(world.host.spoken).toEqual(Array.from({ length: 20 }, (_, i) => i));

  world.host.approve(client.identity, view | sound);
  world.host.review();
  // It does not know yet.
  expect(say(client, 20)).toBe(true);
  world.run(second);
  expect(say(client, 21)).toBe(false);
  expect(world.host.spoken.length).toBe(20);
  expect(world.host.viewerOf(client.identity)?.drops.toJSON()).toEqual({ "microphone-not-permitted": 1 });
});

test("the usual permissions do not include it, and a client that asks for what it may not have is not heard", () => {
  const { world, client } = joined({ seed: 7 }, view | sound | permission.input);
  expect(client.core.maySpeak).toBe(false);
  client.link.audio(
    { captureUs: 1, sampleRate: 48_000, channels: 1, samples: 960, data: soundOf(1), size: 10 },
    client.nowUs,
  );
  client.link.control(controlCommand.admit, 31, client.nowUs);
  world.run(second);
  expect(world.host.spoken).toEqual([]);
  expect(world.host.viewerOf(client.identity)?.drops.toJSON()).toEqual({
    "microphone-not-permitted": 1,
    "control-not-permitted": 1,
  });
});
