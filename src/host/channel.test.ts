import { expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import { fail, ok } from "../base/result.ts";
import { Stream } from "../hub/stream.ts";
import {
  buildGamepadAxis,
  buildGamepadButton,
  buildKeyDown,
  buildPing,
  buildPointer,
  buildResize,
  decodeFrame,
} from "../wire/ds.ts";
import { codec, codecShift } from "../wire/root.ts";
import { HostChannel } from "./channel.ts";
import { HostDevices } from "./devices.ts";
import type { SoundPacket } from "./listener.ts";
import type { OutgoingFrame } from "./viewer.ts";

function setUp(mayControl: boolean) {
  const asked = { keyframes: 0 };
  const stream = new Stream<OutgoingFrame>(() => asked.keyframes++);
  const sound = new Stream<SoundPacket>(() => undefined);
  const injected: (number[] | "flush")[] = [];
  const sent: Uint8Array[] = [];
  const padEvents: (string | number[])[] = [];
  const devices = new HostDevices({
    plug: (device, name) => {
      padEvents.push(`plug ${device} ${name}`);
      return device > 2 ? fail("unavailable", "no more here") : ok(undefined);
    },
    unplug: (device) => padEvents.push(`unplug ${device}`),
    injectTo: (...event) => padEvents.push(event),
  });
  const room = { left: Number.POSITIVE_INFINITY };
  const channel = new HostChannel(
    {
      inject: (...event) => injected.push(event),
      flushInput: () => injected.push("flush"),
      attach: (subscriber) => stream.subscribe(subscriber),
      detach: (subscription) => stream.unsubscribe(subscription),
      attachSound: (subscriber) => sound.subscribe(subscriber),
      detachSound: (subscription) => sound.unsubscribe(subscription),
      requestKeyframe: () => asked.keyframes++,
      devices,
      size: () => ({ width: 640, height: 480 }),
      bytesOf: ({ frameId }) => Uint8Array.of(0, 0, 1, frameId),
    },
    {
      send: (message) => {
        if (room.left-- <= 0) return false;
        sent.push(message);
        return true;
      },
    },
    mayControl,
  );
  const publish = (frameId: number, keyframe: boolean) =>
    stream.publish({
      address: frameId,
      size: 4,
      frameId,
      keyframe,
      chunkFlags: 0,
      captureUs: 7_000_000_000_123 + frameId * 1000,
      spreadUs: 0,
      sentUs: 0,
    });
  const told = () =>
    sent.map((bytes) => {
      const decoded = decodeFrame(bytes);
      if (!decoded.ok || decoded.value.kind !== "frame") throw new Error("no frame");
      return decoded.value;
    });
  const speak = (byte: number) =>
    sound.publish({
      keyframe: true,
      captureUs: 7_000_000_000_123 + byte * 1000,
      sampleRate: 48_000,
      channels: 2,
      samples: 960,
      data: Uint8Array.of(byte, byte, 99),
      size: 2,
      sentUs: 0,
    });
  return { channel, devices, padEvents, asked, injected, room, publish, speak, told, stream, sound };
}

test("sound goes with the pictures while the channel is watched, as Opus with its time of capture", () => {
  const { channel, room, publish, speak, told, sound } = setUp(false);
  speak(1);
  channel.start(0);
  publish(1, true);
  speak(2);
  room.left = 0;
  speak(3);
  room.left = 1;
  speak(4);
  const timestampMs = 7_000_000_000 % 2 ** 32;
  const head = { name: "audioCompressed", fields: { codec: 1, channels: 2, samples: 960, sampleRate: 48_000 } };
  expect(told().slice(1)).toMatchObject([
    { ...head, sequence: 1, timestampMs: timestampMs + 2 },
    { ...head, sequence: 2, timestampMs: timestampMs + 4 },
  ]);
  expect([...(told()[1]?.tail ?? [])]).toEqual([2, 2]);
  expect(channel.stats(0)).toMatchObject({ sounds: 2, soundsLeftOut: 1 });
  channel.setWatched(false);
  expect(sound.subscribers).toBe(0);
  channel.setWatched(true);
  channel.stop();
  expect(sound.subscribers).toBe(0);
});

test("frames are the stream's access units, with the time of capture in milliseconds, from a keyframe on", () => {
  const { channel, asked, publish, told } = setUp(false);
  channel.start(0);
  expect(asked.keyframes).toBe(1);
  publish(1, false);
  publish(2, true);
  publish(3, false);
  const timestampMs = 7_000_000_002 % 2 ** 32;
  expect(told()).toMatchObject([
    {
      name: "compressedPixels",
      fields: { format: 4 },
      sequence: 0,
      isKeyframe: true,
      width: 640,
      height: 480,
      timestampMs,
    },
    { sequence: 1, isKeyframe: false, timestampMs: timestampMs + 1 },
  ]);
  expect([...(told()[0]?.tail ?? [])]).toEqual([0, 0, 1, 2]);
});

test("without room, nothing goes until the next keyframe, numbers have no hole, and it is counted", () => {
  const { channel, asked, room, publish, told } = setUp(false);
  channel.start(0);
  publish(1, true);
  room.left = 0;
  publish(2, false);
  expect(asked.keyframes).toBe(2);
  room.left = 10;
  publish(3, false);
  publish(4, true);
  expect(told().map(({ sequence, tail }) => [sequence, tail[3]])).toEqual([
    [0, 1],
    [1, 4],
  ]);
  channel.stop();
  expect(channel.stats(0)).toMatchObject({ isOn: false, frames: 2, droppedFull: 1, droppedWaiting: 1 });
});

test("the end is said once, and nothing follows", () => {
  const { channel, publish, told, stream } = setUp(false);
  channel.start(0);
  publish(1, true);
  channel.end();
  channel.end();
  publish(2, true);
  expect(told().map(({ name }) => name)).toEqual(["compressedPixels", "streamEnd"]);
  expect(stream.subscribers).toBe(0);
});

test("input is injected in groups, and what is held is let go at the end", () => {
  const { channel, injected } = setUp(true);
  channel.start(0);
  channel.receive(buildPointer("pointerDown", 0, 0, 1, 2, 1), 0);
  channel.receive(buildKeyDown(1, 0, 30, 0, false), 0);
  expect(injected).toEqual([[3, 0, 1], [3, 1, 2], [1, 0x110, 1], "flush", [1, 30, 1], "flush"]);
  injected.length = 0;
  channel.stop();
  channel.stop();
  expect(injected).toEqual([[1, 0x110, 0], [1, 30, 0], "flush"]);
});

test("without permission nothing is injected, and each event is counted", () => {
  const { channel, injected } = setUp(false);
  channel.receive(buildKeyDown(0, 0, 30, 0, false), 0);
  channel.stop();
  expect(injected).toEqual([]);
  expect(channel.drops.toJSON()).toEqual({ "input-not-permitted": 1 });
});

test("a flood is cut to the share of one sender, and rubbish is counted", () => {
  const { channel, injected } = setUp(true);
  const extra = 50;
  for (let i = 0; i < limits.inputEventsPerSecond + extra; i++)
    channel.receive(buildKeyDown(i & 0xffff, 0, 30, 0, true), 0);
  expect(injected.filter((event) => event !== "flush").length).toBe(limits.inputEventsPerSecond);
  channel.receive(Uint8Array.of(1, 2, 3), 0);
  channel.receive(buildPing(0, 0), 0);
  channel.receive(buildResize(0, 0, 10, 10), 0);
  expect(channel.drops.toJSON()).toEqual({ "input-rate": extra, "input-malformed": 1 });
});

test("while nobody watches there is no demand, keys are let go, and who comes gets a keyframe", () => {
  const { channel, asked, injected, publish, told, stream } = setUp(true);
  channel.start(0);
  publish(1, true);
  channel.receive(buildKeyDown(0, 0, 30, 0, false), 0);
  channel.setWatched(false);
  expect([stream.watched, injected.some((event) => event[0] === 1 && event[1] === 30 && event[2] === 0)]).toEqual([
    false,
    true,
  ]);
  expect(channel.stats(0)).toMatchObject({ isOn: true, isWatched: false });
  const before = asked.keyframes;
  channel.setWatched(true);
  channel.setWatched(true);
  expect([stream.subscribers, asked.keyframes]).toEqual([1, before + 1]);
  publish(2, false);
  publish(3, true);
  expect(told().map(({ sequence, isKeyframe }) => [sequence, isKeyframe])).toEqual([
    [0, true],
    [1, true],
  ]);
  channel.setWatched(false);
  channel.end();
  expect(told().at(-1)?.name).toBe("streamEnd");
  channel.setWatched(true);
  expect(stream.watched).toBe(false);
});

test("frames that are not H.264 are kept from relays and browsers, and counted", () => {
  const { channel, told, stream } = setUp(false);
  channel.start(0);
  const frame = { address: 1, size: 4, frameId: 1, keyframe: true, captureUs: 1, spreadUs: 0, sentUs: 0 };
  stream.publish({ ...frame, chunkFlags: codec.hevc << codecShift });
  expect(told()).toEqual([]);
  expect(channel.drops.toJSON()).toEqual({ codec: 1 });
});

test("a browser's gamepads become pads of this machine when they are used, and go with their people", () => {
  const { channel, devices, padEvents } = setUp(true);
  const button = (pad: number, number: number, value: number) =>
    channel.receive(buildGamepadButton(0, 0, pad, number, value), 0);
  button(0, 0, 65_535);
  expect(padEvents.splice(0)).toEqual(["plug 1 Gamepad 1 of a browser", [1, 1, 0x130, 1], [1, 0, 0, 0]]);
  channel.receive(buildGamepadAxis(0, 0, 0, 3, -32_767), 0);
  button(0, 7, 32_767);
  expect(padEvents.splice(0)).toEqual([
    [1, 3, 4, -32_767],
    [1, 0, 0, 0],
    [1, 3, 5, 127],
    [1, 0, 0, 0],
  ]);
  // The cross is two axes; opposite buttons are none.
  for (const [number, value] of [
    [12, 65_535],
    [15, 65_535],
    [13, 65_535],
    [12, 0],
  ] as const)
    button(0, number, value);
  expect(padEvents.splice(0).filter((event) => event[1] !== 0)).toEqual([
    [1, 3, 0x11, -1],
    [1, 3, 0x10, 1],
    [1, 3, 0x11, 0],
    [1, 3, 0x11, 1],
  ]);
  button(7, 1, 65_535);
  button(8, 1, 65_535);
  button(8, 1, 0);
  expect(padEvents.splice(0)).toEqual([
    "plug 2 Gamepad 8 of a browser",
    [2, 1, 0x131, 1],
    [2, 0, 0, 0],
    "plug 3 Gamepad 9 of a browser",
  ]);
  button(0, 40, 65_535);
  channel.receive(buildGamepadAxis(0, 0, 0, 9, 5), 0);
  expect(channel.drops.toJSON()).toMatchObject({ "device-unavailable": 2, "input-unknown": 2 });
  expect(devices.pads).toEqual([
    { pad: 1, owner: "a browser" },
    { pad: 2, owner: "a browser" },
  ]);
  channel.releaseKeys();
  channel.releaseKeys();
  // Everything that was held is let go first.
  expect(padEvents.filter((event) => typeof event === "string")).toEqual(["unplug 1", "unplug 2"]);
  expect(padEvents).toContainEqual([1, 1, 0x130, 0]);
  expect(padEvents).toContainEqual([1, 3, 4, 0]);
  expect(padEvents).toContainEqual([2, 1, 0x131, 0]);
});

test("a browser that may not control has no gamepad, and nobody has more than its share of events", () => {
  const watching = setUp(false);
  watching.channel.receive(buildGamepadButton(0, 0, 0, 0, 65_535), 0);
  expect(watching.padEvents).toEqual([]);
  expect(watching.channel.drops.toJSON()).toMatchObject({ "input-not-permitted": 1 });

  const { channel, padEvents } = setUp(true);
  for (let i = 0; i <= limits.deviceEventsPerSecond; i++)
    channel.receive(buildGamepadButton(0, 0, 0, 0, i % 2 === 0 ? 65_535 : 0), 0);
  expect(channel.drops.toJSON()).toMatchObject({ "input-rate": 1 });
  const presses = padEvents.filter((event) => event[1] === 1);
  expect(presses.at(-1)?.[3]).toBe(0);
});

test("a pad that was let go for too many events has forgotten which buttons of its cross were down", () => {
  const { channel, padEvents } = setUp(true);
  const up = (value: number, atUs: number) => channel.receive(buildGamepadButton(0, 0, 0, 12, value), atUs);
  for (let i = 0; i <= limits.deviceEventsPerSecond; i++) up(65_535, 0);
  expect(channel.drops.toJSON()).toMatchObject({ "input-rate": 1 });
  padEvents.splice(0);
  channel.receive(buildGamepadButton(0, 0, 0, 13, 65_535), 1_000_000);
  expect(padEvents[0]).toEqual([1, 3, 0x11, 1]);
});
