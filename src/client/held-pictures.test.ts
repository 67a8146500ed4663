/** Held pictures on a clock moved by hand, with the lip sync that says when each is due, as sound.ts and window.ts put them together. */
import { expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import { Prng } from "../base/prng.ts";
import { copyByLoop } from "../wire/reassembly.ts";
import { HeldPictures } from "./held-pictures.ts";
import { LipSync } from "./lip-sync.ts";

const ms = 1000;

/** A player that takes what fits, and pictures that carry their number in their bytes. */
function player(dueUs: (captureUs: number) => number | undefined) {
  const taken: { frameId: number; captureUs: number }[] = [];
  const waits: number[] = [];
  const state = { room: true, broken: 0 };
  const held = new HeldPictures(copyByLoop, {
    dueUs,
    deliver: (data, size, frameId, _keyframe, captureUs, coded) => {
      expect([data[0], data[size - 1], coded]).toEqual([frameId & 255, frameId & 255, "hevc"]);
      if (state.room) taken.push({ frameId, captureUs });
      return state.room;
    },
    broken: () => void state.broken++,
    waited: (us) => void waits.push(us),
  });
  const bytes = new Uint8Array(64 * 1024);
  const push = (frameId: number, nowUs: number, { captureUs = nowUs, keyframe = false, size = 1000 } = {}) => {
    // One buffer for all, as a reassembler has.
    const data = size > bytes.length ? new Uint8Array(size) : bytes;
    data.fill(frameId & 255, 0, size);
    return held.push(data, size, frameId, keyframe, captureUs, "hevc", nowUs);
  };
  return { held, state, taken, waits, push, numbers: () => taken.map(({ frameId }) => frameId) };
}

/** A minute of a stream of 50 fps: what the network, the player and the sound's own way take. Returns the lip sync's report. */
function minute({
  networkUs,
  jitterUs,
  playerUs,
  soundUs,
}: Record<`${"network" | "jitter" | "player" | "sound"}Us`, number>) {
  const sync = new LipSync();
  const random = new Prng(1);
  let aimUs = 0;
  const end = player((captureUs) => {
    const afterUs = sync.handOverUs;
    return afterUs === undefined ? undefined : captureUs + afterUs;
  });
  const arrivals: { atUs: number; frameId: number; captureUs: number }[] = [];
  let [shown, delayUs, atMost] = [0, soundUs, 0];
  for (let nowUs = 0; nowUs < 60_000 * ms; nowUs += ms) {
    if (nowUs % (20 * ms) === 0) {
      const atUs = Math.max(nowUs + networkUs + random.unit() * jitterUs, arrivals.at(-1)?.atUs ?? 0);
      arrivals.push({ atUs, frameId: nowUs / (20 * ms), captureUs: nowUs });
    }
    for (let next = arrivals[0]; next && next.atUs <= nowUs; arrivals.shift(), next = arrivals[0])
      expect(end.push(next.frameId, nowUs, { captureUs: next.captureUs })).toBe(true);
    end.held.release(nowUs);
    for (; shown < end.taken.length; shown++) {
      const { frameId, captureUs } = end.taken[shown] as { frameId: number; captureUs: number };
      sync.picture(nowUs + playerUs - captureUs, end.held.waitOf(frameId), playerUs);
    }
    if (nowUs % (100 * ms) !== 0 || nowUs === 0) continue;
    aimUs = sync.aim() ?? aimUs;
    // Sound cannot be sooner than it can, and moves slowly; what is measured of it trembles.
    delayUs += Math.max(-2 * ms, Math.min(2 * ms, Math.max(soundUs, aimUs) - delayUs));
    atMost = Math.max(atMost, delayUs);
    sync.heard(delayUs + (random.unit() - 0.5) * 4 * ms);
  }
  expect(end.numbers()).toEqual(end.numbers().toSorted((a, b) => a - b));
  return { ...sync.report(), ...end.held.stats, atMostMs: atMost / ms, waits: end.waits };
}

test("on a fast network pictures wait for their sound, and neither is carried away by the other", () => {
  const { offsetMs, held, early, atMostMs, waits } = minute({
    networkUs: 2 * ms,
    jitterUs: 3 * ms,
    playerUs: 6 * ms,
    soundUs: 60 * ms,
  });
  expect(offsetMs?.p50).toBeLessThan(3);
  expect(offsetMs?.p95).toBeLessThan(6);
  expect(held).toBeGreaterThan(2900);
  expect(early).toBe(0);
  expect(atMostMs).toBe(60);
  expect(Math.max(...waits)).toBeLessThan(60 * ms);
});

test("where pictures are the later ones, sound waits for them and they wait for nothing but its tremble", () => {
  const { offsetMs, atMostMs, waits } = minute({
    networkUs: 80 * ms,
    jitterUs: 10 * ms,
    playerUs: 40 * ms,
    soundUs: 60 * ms,
  });
  expect(offsetMs?.p50).toBeLessThan(8);
  expect(atMostMs).toBeLessThan(135);
  expect(Math.max(0, ...waits)).toBeLessThan(15 * ms);
});

test("without sound nothing waits; when it ends, what waited goes at once, in order", () => {
  let delayUs: number | undefined;
  const { held, push, numbers } = player((captureUs) => (delayUs === undefined ? undefined : captureUs + delayUs));
  push(0, 0, { keyframe: true });
  expect([held.waiting, held.stats.held]).toEqual([0, 0]);
  delayUs = 100 * ms;
  for (let i = 1; i < 4; i++) push(i, 20 * ms * i);
  expect([held.waiting, held.release(60 * ms)]).toEqual([3, 60 * ms]);
  expect(numbers()).toEqual([0]);
  // Its time has come for the first only.
  expect(held.release(120 * ms)).toBe(20 * ms);
  expect(held.waitOf(1)).toBe(100 * ms);
  delayUs = undefined;
  push(4, 125 * ms);
  expect(numbers()).toEqual([0, 1, 2, 3, 4]);
  expect([held.waiting, held.waitOf(4)]).toEqual([0, 0]);
});

test("nothing waits longer than the longest, however late the sound is or wrong the clock", () => {
  for (const wrongUs of [5e6, Number.POSITIVE_INFINITY, Number.NaN]) {
    const { held, push, numbers } = player(() => wrongUs);
    push(7, 1000);
    expect(held.release(1000) ?? 0).toBeLessThanOrEqual(limits.pictureHoldUs);
    expect(held.release(1000 + limits.pictureHoldUs)).toBeUndefined();
    expect(numbers()).toEqual([7]);
  }
});

test("when too many wait the oldest goes early and is counted; none is lost", () => {
  const { held, push, numbers } = player((captureUs) => captureUs + 200 * ms);
  for (let i = 0; i < limits.picturesHeld + 5; i++) expect(push(i, i)).toBe(true);
  expect(numbers()).toEqual([0, 1, 2, 3, 4]);
  expect(held.stats).toEqual({ held: limits.picturesHeld + 5, early: 5, refused: 0 });
  // So does everything when they are too large together, and room is there again afterwards.
  const [large, before] = [limits.frameBytes, held.waiting];
  const fit = limits.heldPictureBytes / large;
  for (let i = 0; i < fit; i++) push(100 + i, 100, { size: large, captureUs: 100 });
  expect([held.waiting, held.stats.early]).toEqual([0, 5 + before + fit - 1]);
  push(200, 101);
  expect([held.waiting, numbers().at(-1)]).toEqual([1, 100 + fit - 1]);
});

test("what the player has no room for asks for a keyframe, and what leans on it is left out", () => {
  const { held, state, push, numbers } = player((captureUs) => captureUs + 100 * ms);
  for (let i = 0; i < 4; i++) push(i, i * ms, { keyframe: i === 0 });
  state.room = false;
  held.release(100 * ms);
  state.room = true;
  held.release(103 * ms);
  expect([numbers(), state.broken]).toEqual([[], 1]);
  expect(held.stats.refused).toBe(4);
  expect(push(4, 104 * ms)).toBe(false);
  expect(push(5, 105 * ms, { keyframe: true })).toBe(true);
  expect(push(6, 106 * ms)).toBe(true);
  held.release(206 * ms);
  expect(push(7, 206 * ms, { captureUs: 0 })).toBe(true);
  expect(numbers()).toEqual([5, 6, 7]);
});
