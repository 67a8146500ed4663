/** What every AudioSource and AudioSink does, held against the native ones, with devices that are none, and the fake ones. */
import { afterEach, describe, expect, test } from "bun:test";
import { openAudioSink, openAudioSource } from "../../ffi/audio.ts";
import { monotonicClock } from "../../ffi/clock.ts";
import { FakeAudioSink, FakeAudioSource } from "../../ffi/fake-audio.ts";
import type { AudioFrameUs, AudioSink, AudioSource } from "../../ffi/interfaces-audio.ts";
import { must } from "./world.ts";

const sourceSettings = { backend: "tone", device: "", microphone: false, bitrateBps: 96_000 };
const sinkSettings = { backend: "none", device: "", minDelayUs: 0, virtualSource: false };
const open: { close(): void }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

function keep<T extends { close(): void }>(one: T): T {
  open.push(one);
  return one;
}

type OpenSource = (frameUs: AudioFrameUs, onWake: () => void) => AudioSource;

const nativeSource: OpenSource = (frameUs, onWake) =>
  keep(must(openAudioSource({ ...sourceSettings, frameUs }, onWake)));

const fakeSource: OpenSource = (frameUs, onWake) => {
  const source = keep(new FakeAudioSource({ ...sourceSettings, frameUs }, onWake, monotonicClock));
  const timer = setInterval(() => source.produce(), frameUs / 1000);
  keep({ close: () => clearInterval(timer) });
  return source;
};

/** Takes until there are `count` packets: their times, lengths and first bytes. */
async function packetsOf(openSource: OpenSource, frameUs: AudioFrameUs, count: number) {
  const taken: { captureUs: number; samples: number; bytes: Uint8Array }[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const source = openSource(frameUs, () => {
    source.rearm();
    for (let packet = source.take(); packet && taken.length < count; packet = source.take())
      taken.push({ captureUs: packet.captureUs, samples: packet.samples, bytes: source.bytes(packet).slice() });
    if (taken.length >= count) resolve();
  });
  await promise;
  return { source, taken };
}

for (const [name, openSource] of [
  ["native", nativeSource],
  ["fake", fakeSource],
] as const)
  describe(`sound source, ${name}`, () => {
    for (const frameUs of [20_000, 10_000, 5_000, 2_500] as const)
      test(`packets of ${frameUs} us come in order, each as long as it says`, async () => {
        const before = monotonicClock.nowUs();
        const { source, taken } = await packetsOf(openSource, frameUs, 10);
        for (const [i, { captureUs, samples, bytes }] of taken.entries()) {
          expect(samples).toBe((frameUs * 48) / 1000);
          expect(bytes.length).toBeGreaterThan(0);
          expect(bytes.length).toBeLessThanOrEqual(1275);
          expect(captureUs).toBeGreaterThan(taken[i - 1]?.captureUs ?? before - frameUs - 10_000);
        }
        const { encoded, captured, overruns } = source.stats();
        expect(encoded).toBeGreaterThanOrEqual(10);
        expect(captured).toBeGreaterThanOrEqual((encoded * frameUs * 48) / 1000);
        expect(overruns).toBe(0);
      });

    test("FEC is carried when loss is reported, by packets that can", async () => {
      const { source } = await packetsOf(openSource, 20_000, 1);
      expect(source.stats().fec).toBe(0);
      source.setLossPercent(5);
      for (let i = 0; i < 200 && source.stats().fec === 0; i++) await Bun.sleep(5);
      expect(source.stats().fec).toBe(1);
    });

    test("a closed one throws, but still tells its numbers, and closes twice", async () => {
      const { source } = await packetsOf(openSource, 5_000, 3);
      source.close();
      source.close();
      expect(() => source.take()).toThrow("closed");
      expect(() => source.setMuted(true)).toThrow("closed");
      expect(source.stats().encoded).toBeGreaterThanOrEqual(3);
    });
  });

/** One Opus packet of 20 ms of silence: CELT, full band, stereo. */
const silence = Uint8Array.of(0xfc, 0xff, 0xfe);

for (const [name, openSink] of [
  ["native", () => keep(must(openAudioSink(sinkSettings)))],
  ["fake", () => keep(new FakeAudioSink(sinkSettings, monotonicClock))],
] as [string, () => AudioSink][])
  describe(`sound sink, ${name}`, () => {
    test("takes packets, counts repeated ones and refuses what is none", () => {
      const sink = openSink();
      const now = Math.floor(monotonicClock.nowUs());
      sink.setTargetDelay(1_000_000);
      expect(sink.push(silence, silence.length, now)).toBe(true);
      expect(sink.push(silence, silence.length, now + 20_000)).toBe(true);
      expect(sink.push(silence, silence.length, now)).toBe(true);
      expect(sink.push(silence, 0, now + 40_000)).toBe(false);
      expect(sink.push(new Uint8Array(1350), 1350, now + 40_000)).toBe(false);
      expect(sink.push(silence, silence.length, -1)).toBe(false);
      expect(sink.push(silence, silence.length, Number.NaN)).toBe(false);
      expect(() => sink.push(silence, 4, now)).toThrow();
      expect(sink.stats()).toMatchObject({ pushed: 7, duplicate: 1, invalid: 4, late: 0, lost: 0 });
    });

    test("a closed one throws, but still tells its numbers, and closes twice", () => {
      const sink = openSink();
      sink.setVolume(0.5);
      sink.setMuted(true);
      sink.setClockOffset(-12_345.5);
      sink.push(silence, silence.length, 1_000_000);
      sink.close();
      sink.close();
      expect(() => sink.push(silence, silence.length, 1_020_000)).toThrow("closed");
      expect(() => sink.setVolume(1)).toThrow("closed");
      expect(sink.stats().pushed).toBe(1);
    });
  });

test("what cannot be opened says why and what there is", () => {
  const fault = (opened: ReturnType<typeof openAudioSink> | ReturnType<typeof openAudioSource>) =>
    opened.ok ? "" : opened.message;
  expect(fault(openAudioSink({ ...sinkSettings, backend: "kazoo" }))).toContain('"kazoo"');
  expect(fault(openAudioSink({ ...sinkSettings, backend: "tone" }))).toContain("no sound backend that plays");
  expect(fault(openAudioSink({ ...sinkSettings, backend: "file", device: "/nowhere/x" }))).toContain(
    "/nowhere/x: open",
  );
  const nobody = () => undefined;
  expect(fault(openAudioSource({ ...sourceSettings, frameUs: 20_000, device: "la" }, nobody))).toContain(
    "no frequency",
  );
  expect(fault(openAudioSource({ ...sourceSettings, frameUs: 20_000, bitrateBps: 1 }, nobody))).toContain("6000");
});
