import { expect, test } from "bun:test";
import { Stream } from "./stream.ts";

const frame = (id: number, keyframe = false) => ({ id, keyframe });

function setUp() {
  let requests = 0;
  const stream = new Stream<{ id: number; keyframe: boolean }>(() => requests++);
  return { stream, requests: () => requests };
}

test("a newcomer starts with a keyframe, and the publisher is asked for it", () => {
  const { stream, requests } = setUp();
  const got: number[] = [];
  const subscription = stream.subscribe({ deliver: (f) => got.push(f.id) > 0 });
  expect(requests()).toBe(1);
  stream.publish(frame(1));
  stream.publish(frame(2, true));
  stream.publish(frame(3));
  expect(got).toEqual([2, 3]);
  expect(subscription.stats).toEqual({ delivered: 2, droppedFull: 0, droppedWaiting: 1 });
});

test("a full subscriber loses frames up to the next keyframe and holds up nobody", () => {
  const { stream, requests } = setUp();
  const slow: number[] = [];
  const fast: number[] = [];
  let room = true;
  const subscription = stream.subscribe({ deliver: (f) => room && slow.push(f.id) > 0 });
  stream.subscribe({ deliver: (f) => fast.push(f.id) > 0 });
  stream.publish(frame(1, true));
  room = false;
  stream.publish(frame(2));
  room = true;
  stream.publish(frame(3));
  stream.publish(frame(4, true));
  expect(slow).toEqual([1, 4]);
  expect(fast).toEqual([1, 2, 3, 4]);
  expect(requests()).toBe(3);
  expect(subscription.stats).toEqual({ delivered: 2, droppedFull: 1, droppedWaiting: 1 });
});

test("a paused subscriber gets nothing, and a keyframe when it resumes", () => {
  const { stream, requests } = setUp();
  const got: number[] = [];
  const subscription = stream.subscribe({ deliver: (f) => got.push(f.id) > 0 });
  stream.publish(frame(1, true));
  stream.pause(subscription);
  expect(stream.watched).toBe(false);
  stream.publish(frame(2, true));
  stream.resume(subscription);
  stream.resume(subscription);
  expect(requests()).toBe(2);
  stream.publish(frame(3));
  stream.publish(frame(4, true));
  expect(got).toEqual([1, 4]);
});

test("who has left gets nothing", () => {
  const { stream } = setUp();
  const got: number[] = [];
  const subscription = stream.subscribe({ deliver: (f) => got.push(f.id) > 0 });
  stream.unsubscribe(subscription);
  stream.publish(frame(1, true));
  expect(got).toEqual([]);
  expect(stream.subscribers).toBe(0);
});
