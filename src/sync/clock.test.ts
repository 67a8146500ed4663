import { expect, test } from "bun:test";
import { Prng } from "../base/prng.ts";
import { OffsetEstimator } from "./clock.ts";

test("nothing is known before the first exchange", () => {
  expect(new OffsetEstimator().offsetUs).toBeUndefined();
});

test("the offset is found within half the shortest round trip, whatever the queues do", () => {
  const random = new Prng(7);
  const estimator = new OffsetEstimator();
  const offset = -123_456_789;
  for (let i = 0; i < 16; i++) {
    const sent = i * 1_000_000;
    const there = 200 + random.below(20_000);
    const back = 200 + random.below(20_000);
    const peerReceived = sent + there + offset;
    estimator.add(sent, peerReceived, peerReceived + 50, sent + there + 50 + back);
  }
  expect(Math.abs((estimator.offsetUs as number) - offset)).toBeLessThanOrEqual((estimator.roundTripUs as number) / 2);
});

test("an answer from before its question is ignored", () => {
  const estimator = new OffsetEstimator();
  estimator.add(1000, 500, 5000, 900);
  estimator.add(1000, 500, 400, 2000);
  expect(estimator.samples).toBe(0);
});
