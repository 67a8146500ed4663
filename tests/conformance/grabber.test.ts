/**
 * What every Grabber does, held against the native one on the test pattern, with each encoder that works here and each codec that
 * it makes, and against the fake one. standins.test.ts runs this file with stand-ins for GPUs.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { FakeGrabber } from "../../ffi/fake.ts";
import { openGrabber, probeBackends } from "../../ffi/grabber.ts";
import type { EncodedFrame, Grabber, GrabberSettings, VideoCodec } from "../../ffi/interfaces.ts";
import { ManualClock } from "../../src/base/clock.ts";
import { limits } from "../../src/base/limits.ts";
import { must, realTurn, until, type World } from "./world.ts";

const defaults: GrabberSettings = {
  capture: "pattern",
  target: "",
  encoder: "auto",
  width: 320,
  height: 180,
  fps: 100,
  bitrateBps: 2_000_000,
  keyframeInterval: 0,
  codec: "h264",
};

interface GrabberWorld extends World {
  open(settings: GrabberSettings, onWake: () => void): Grabber;
}

const nativeWorld = (encoder: string, codec: VideoCodec): GrabberWorld => ({
  name: `native, ${encoder}, ${codec}`,
  turn: realTurn,
  open: (settings, onWake) => must(openGrabber({ ...settings, encoder, codec }, onWake)),
});

/** Of each encoder whose probe is content, the codecs that it opens for. */
function nativeWorlds(): GrabberWorld[] {
  const usable = probeBackends("encode").filter((backend) => backend.usable);
  return usable.flatMap(({ name }) =>
    (["h264", "hevc"] as const).flatMap((codec) => {
      const opened = openGrabber({ ...defaults, encoder: name, codec }, () => undefined);
      if (opened.ok) opened.value.close();
      return opened.ok ? [nativeWorld(name, codec)] : [];
    }),
  );
}

function fakeWorld(): GrabberWorld {
  const clock = new ManualClock();
  clock.advance(1_000_000);
  const grabbers: FakeGrabber[] = [];
  return {
    name: "fake",
    turn: async () => {
      clock.advance(5000);
      for (const grabber of grabbers) grabber.produce();
    },
    open: (settings, onWake) => {
      const grabber = new FakeGrabber(settings, onWake, clock);
      grabbers.push(grabber);
      return grabber;
    },
  };
}

for (const world of [...nativeWorlds(), fakeWorld()]) describe(`grabber, ${world.name}`, () => suite(world));

function suite(world: GrabberWorld): void {
  const opened: Grabber[] = [];
  afterEach(() => {
    for (const grabber of opened.splice(0)) grabber.close();
  });

  const open = (settings: Partial<GrabberSettings> = {}, onWake: () => void = () => undefined): Grabber => {
    const grabber = world.open({ ...defaults, ...settings }, onWake);
    opened.push(grabber);
    return grabber;
  };
  /** Waits for the next frame; it stays valid until released. */
  const next = async (grabber: Grabber): Promise<EncodedFrame> => {
    let frame = grabber.take();
    while (!frame) {
      await world.turn();
      frame = grabber.take();
    }
    return frame;
  };

  test("names what it uses", () => {
    const { capture, encoder, width, height } = open().describe();
    expect({ width, height }).toEqual({ width: 320, height: 180 });
    expect(capture).not.toBe("");
    expect(encoder).not.toBe("");
  });

  test("begins with a keyframe and numbers its frames; times are in the order of the stages", async () => {
    const grabber = open();
    let last = 0;
    for (let i = 0; i < 10; i++) {
      const frame = await next(grabber);
      expect(frame.kind).toBe("frame");
      expect(frame.keyframe).toBe(i === 0);
      expect(frame.sequence).toBe(i);
      expect({ width: frame.width, height: frame.height }).toEqual({ width: 320, height: 180 });
      const times = [last, frame.captureUs, frame.capturedUs, frame.convertedUs, frame.encodedUs];
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(frame.damageUs).toBeLessThanOrEqual(frame.capturedUs);
      const bytes = grabber.bytes(frame);
      expect(bytes.length).toBe(frame.size);
      expect(bytes.indexOf(1)).toBeGreaterThan(1);
      expect([...bytes.subarray(0, bytes.indexOf(1))].every((byte) => byte === 0)).toBe(true);
      last = frame.captureUs;
      grabber.release();
    }
    expect(grabber.stats()).toMatchObject({ keyframes: 1 });
  });

  test("makes a keyframe when asked, or regularly when that was set", async () => {
    const grabber = open();
    await next(grabber);
    grabber.requestKeyframe();
    while (!(await next(grabber)).keyframe);
    expect(grabber.stats().keyframes).toBe(2);
    const regular = open({ keyframeInterval: 4 });
    const kinds: boolean[] = [];
    for (let i = 0; i < 9; i++) kinds.push((await next(regular)).keyframe);
    expect(kinds).toEqual([true, false, false, false, true, false, false, false, true]);
  });

  test("reuses one object, and a frame's bytes stay until it is released", async () => {
    const grabber = open();
    const first = await next(grabber);
    const bytes = grabber.bytes(first);
    const copy = bytes.slice();
    await until(world, () => grabber.stats().encoded >= 4);
    expect(bytes).toEqual(copy);
    expect(await next(grabber)).toBe(first);
  });

  test("wakes once until it is armed again", async () => {
    let woken = 0;
    const grabber = open({}, () => woken++);
    await until(world, () => woken > 0 && grabber.stats().encoded >= 3);
    expect(woken).toBe(1);
    grabber.rearm();
    while (grabber.take());
    await until(world, () => woken === 2);
  });

  test("waits for room instead of queueing without end", async () => {
    const grabber = open();
    await until(world, () => grabber.stats().encoded >= limits.encodedFramesQueued);
    for (let i = 0; i < 30; i++) await world.turn();
    expect(grabber.stats().encoded).toBeLessThanOrEqual(limits.encodedFramesQueued + 1);
    const before = grabber.stats().encoded;
    for (let i = 0; i <= limits.encodedFramesQueued; i++) expect((await next(grabber)).sequence).toBe(i);
    await until(world, () => grabber.stats().encoded > before);
  });

  test("makes nothing while paused", async () => {
    const grabber = open();
    await next(grabber);
    grabber.setPaused(true);
    for (let i = 0; i < 10; i++) await world.turn();
    while (grabber.take());
    const { encoded } = grabber.stats();
    for (let i = 0; i < 30; i++) await world.turn();
    expect(grabber.stats().encoded).toBe(encoded);
    grabber.setPaused(false);
    expect((await next(grabber)).kind).toBe("frame");
  });

  test("takes new rates while running", async () => {
    const grabber = open();
    await next(grabber);
    grabber.setBitrate(1_000_000);
    grabber.setFps(50);
    grabber.setQuality(80);
    const { sequence } = await next(grabber);
    expect((await next(grabber)).sequence).toBe(sequence + 1);
  });

  test("is closed once, with frames waiting, and is then no more to be used", async () => {
    const grabber = open();
    await until(world, () => grabber.stats().encoded >= 2);
    grabber.take();
    grabber.close();
    grabber.close();
    expect(() => grabber.take()).toThrow("the grabber is closed");
    expect(() => grabber.describe()).toThrow("the grabber is closed");
  });
}
