import { expect, test } from "bun:test";
import { Stream } from "../hub/stream.ts";
import { Listener, type SoundPacket } from "./listener.ts";

const packet = (size: number): SoundPacket => ({
  keyframe: true,
  captureUs: 0,
  sampleRate: 48_000,
  channels: 2,
  samples: 960,
  data: new Uint8Array(size),
  size,
  sentUs: 0,
});

function setUp() {
  const stream = new Stream<SoundPacket>(() => undefined);
  const sent: number[] = [];
  let room = true;
  const listener = new Listener(stream, ({ size }) => {
    if (room) sent.push(size);
    return room;
  });
  const setRoom = (value: boolean) => {
    room = value;
  };
  return { stream, sent, listener, setRoom };
}

test("sound goes where it is permitted, wanted and not paused", () => {
  for (let bits = 0; bits < 8; bits++) {
    const { stream, listener } = setUp();
    listener.permit((bits & 1) !== 0);
    listener.want((bits & 2) !== 0);
    listener.pause((bits & 4) === 0);
    expect([listener.isOn, stream.watched]).toEqual([bits === 7, bits === 7]);
  }
});

test("what finds no room is counted and left out, and the next packet is not", () => {
  const { stream, sent, listener, setRoom } = setUp();
  listener.permit(true);
  listener.want(true);
  stream.publish(packet(1));
  setRoom(false);
  stream.publish(packet(2));
  stream.publish(packet(3));
  setRoom(true);
  stream.publish(packet(4));
  expect(sent).toEqual([1, 4]);
  expect([listener.packets, listener.bytes, listener.leftOut]).toEqual([2, 5, 2]);
});

test("a pause forgets no count, and what was said of the loss is forgotten with the sound", () => {
  const { stream, listener, setRoom } = setUp();
  listener.permit(true);
  listener.want(true);
  setRoom(false);
  stream.publish(packet(1));
  listener.lossPercent = 5;
  listener.pause(true);
  expect([listener.leftOut, listener.lossPercent, stream.subscribers]).toEqual([1, 0, 0]);
  listener.pause(false);
  stream.publish(packet(1));
  expect(listener.leftOut).toBe(2);
  listener.close();
  listener.close();
  expect(stream.subscribers).toBe(0);
});
