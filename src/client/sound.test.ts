/** Sound with the native sink behind it, which only decodes: in step with pictures of a known age, on clocks that differ. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { openAudioSource } from "../../ffi/audio.ts";
import { monotonicClock } from "../../ffi/clock.ts";
import { setLogLevel } from "../base/log.ts";
import type { Result } from "../base/result.ts";
import { type SoundOptions, SoundOutput } from "./sound.ts";

beforeAll(() => setLogLevel("error"));
afterAll(() => setLogLevel("info"));

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

function good<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

const options: SoundOptions = { backend: "none", device: "", volume: 100, muted: false, minDelayUs: 0 };
const frameUs = 10_000;

/** A tone whose capture is told on a clock that is `offsetUs` ahead of ours; `lose` leaves packets out. */
function playing(offsetUs: number, lose: (number: number) => boolean = () => false) {
  const output = good(SoundOutput.open(options));
  let number = 0;
  const settings = { backend: "tone", device: "", microphone: false, frameUs, bitrateBps: 64_000 } as const;
  const source = good(
    openAudioSource(settings, () => {
      source.rearm();
      for (let next = source.take(); next; next = source.take()) {
        if (!lose(number++)) output.push(source.bytes(next).slice(), next.size, next.captureUs + offsetUs);
        source.release();
      }
    }),
  );
  closing.push(
    () => output.close(),
    () => source.close(),
  );
  const told: number[] = [];
  /** Runs until `holds`; pictures are `ageUs` old, and were `inPlayerUs` of that in the player. */
  const until = async (holds: () => boolean, ageUs: number, inPlayerUs = 0) => {
    while (!holds()) {
      output.picture(ageUs, 0, inPlayerUs);
      const percent = output.tick(offsetUs, monotonicClock.nowUs());
      if (percent !== undefined) told.push(percent);
      await Bun.sleep(10);
    }
  };
  return { output, until, told, end: () => source.close() };
}

test("sound is heard with the picture of its time, and follows it when that gets older", async () => {
  const { output, until } = playing(7_000_000_000);
  const apart = (ageUs: number) => Math.abs(output.report(false).delayMs - ageUs / 1000);
  for (const ageUs of [150_000, 250_000]) await until(() => apart(ageUs) < 5, ageUs);
  await until(() => output.report(false).lipSync.measured >= 10, 250_000);
  expect(output.report(false)).toMatchObject({ state: "playing", refusedPackets: 0 });
}, 20_000);

test("pictures that are younger than sound can be are not waited for: sound is behind by the least, and says so", async () => {
  const { output, until } = playing(0);
  await until(() => output.report(false).lipSync.measured >= 10, 0);
  expect(output.report(false).lipSync.behindMs).toBeGreaterThan(frameUs / 1000);
  const apart = ({ delayMs, wantedDelayMs } = output.report(false)) => Math.abs(delayMs - wantedDelayMs);
  await until(() => apart() < 50, 0);
}, 20_000);

test("a picture is due when its sound is heard, less its time in the player; when the sound has ended it is due at once", async () => {
  const offsetUs = 7_000_000_000;
  const { output, until, end } = playing(offsetUs);
  expect(output.pictureDueUs(0)).toBeUndefined();
  await until(() => Math.abs(output.report(false).delayMs - 150) < 5, 150_000, 30_000);
  const dueMs = () => ((output.pictureDueUs(offsetUs) as number) + 30_000) / 1000;
  await until(() => Math.abs(dueMs() - output.report(false).delayMs) < 5, 150_000, 30_000);
  end();
  await until(() => output.pictureDueUs(0) === undefined, 150_000, 30_000);
}, 20_000);

test("what is lost is made up, counted, and told to the sender", async () => {
  const { output, until, told } = playing(0, (number) => number % 10 === 5);
  await until(() => told.length > 0, 0);
  // A busy machine loses some more.
  expect(told[0]).toBeGreaterThanOrEqual(5);
  expect(told[0]).toBeLessThanOrEqual(25);
  const { lost, recovered, concealed } = output.report(false);
  expect(lost).toBeGreaterThan(0);
  expect(recovered + concealed).toBeGreaterThanOrEqual(lost);
}, 20_000);

test("without a device, or when none is wanted, everything is taken and nothing is played", () => {
  const off = good(SoundOutput.open({ ...options, backend: "off" }));
  off.push(Uint8Array.of(1), 1, 0);
  off.toggleMute();
  expect(off.tick(0, 1e9)).toBeUndefined();
  expect(off.isThere).toBe(false);
  expect(off.report(false)).toMatchObject({ state: "off", muted: true, pushed: 0 });
  const refused = SoundOutput.open({ ...options, backend: "no-such-backend" });
  expect(refused.ok).toBe(false);
});

test("who may not hear is told apart from who hears nothing", () => {
  const output = good(SoundOutput.open(options));
  closing.push(() => output.close());
  expect(output.report(true).state).toBe("refused");
  expect(output.report(false).state).toBe("silent");
  output.close();
  output.close();
  expect(output.report(false)).toMatchObject({ state: "silent", pushed: 0 });
});
