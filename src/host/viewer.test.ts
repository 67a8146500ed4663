import { describe, expect, test } from "bun:test";
import { ok } from "../base/result.ts";
import { Stream } from "../hub/stream.ts";
import { nobleCipher } from "../secure/cipher-noble.ts";
import { Link } from "../secure/link.ts";
import { Session } from "../secure/session.ts";
import { controlCommand, inputType, permission } from "../wire/root.ts";
import { HostDevices } from "./devices.ts";
import type { SoundPacket } from "./listener.ts";
import { type OutgoingFrame, type Remote, Viewer } from "./viewer.ts";

const keyA = new Uint8Array(32).fill(1);
const keyB = new Uint8Array(32).fill(2);
const remote: Remote = { key: 1, host: "192.0.2.1", port: 5 };
const identity = { key: new Uint8Array(32), name: "laptop", fingerprint: "", words: [] };
const { view, input } = permission;
const press = (code: number, value = 1) => Uint8Array.of(inputType.key, code, 0, value, 0, 0, 0);
const frame = (frameId: number, keyframe: boolean, size = 5000): OutgoingFrame => ({
  address: 0,
  size,
  frameId,
  keyframe,
  chunkFlags: keyframe ? 1 : 0,
  captureUs: 0,
  spreadUs: 0,
  sentUs: 0,
});

/** A viewer, and the client's end of its link. */
function setUp() {
  const events: string[] = [];
  const injected: string[] = [];
  const told: number[] = [];
  const counters: number[] = [];
  let room = true;
  let keyframes = 0;
  const stream = new Stream<OutgoingFrame>(() => keyframes++);
  const sound = new Stream<SoundPacket>(() => undefined);
  const spoken: Uint8Array[] = [];
  const devices = { plug: () => ok(undefined), unplug: () => undefined, injectTo: () => undefined };
  const client: Link = new Link(
    new Session(nobleCipher, keyA, keyB),
    0,
    { control: (_, value) => told.push(value) },
    (packet, size) => {
      const copy = packet.slice(0, size);
      viewer.receive(copy, new DataView(copy.buffer), 0, size, 0);
    },
  );
  const viewer: Viewer<Remote> = new Viewer(
    remote,
    identity,
    new Session(nobleCipher, keyB, keyA),
    { pictures: stream, sound, devices: new HostDevices(devices) },
    {
      send(_, packet, size) {
        const copy = packet.slice(0, size);
        client.receive(copy, new DataView(copy.buffer), 0, size, 0);
      },
      sendFrame(_, __, counter, { size }) {
        counters.push(counter);
        return room ? Math.ceil(size / 1342) : -1;
      },
      inject: (type, code, value) => injected.push(`${type} ${code} ${value}`),
      flushInput: () => undefined,
      ...devices,
      microphone: (_, { data, size }) => spoken.push(data.slice(0, size)),
    },
    { changed: () => events.push("changed"), left: () => events.push("left") },
    0,
  );
  const setRoom = (value: boolean) => {
    room = value;
  };
  return { viewer, client, stream, events, injected, told, counters, setRoom, keyframes: () => keyframes };
}

describe("rights", () => {
  test("are told to the client; view gives a place in the stream, once", () => {
    const { viewer, stream, told, keyframes } = setUp();
    viewer.admit(0, 0);
    expect([viewer.admitted, stream.subscribers]).toEqual([false, 0]);
    viewer.admit(view | input, 0);
    viewer.admit(view, 0);
    expect([viewer.admitted, stream.subscribers, keyframes()]).toEqual([true, 1, 1]);
    viewer.admit(input, 0);
    expect(stream.subscribers).toBe(0);
    viewer.admit(0, 0);
    expect(told).toEqual([0, 5, 1, 4, 0]);
  });

  test("without them, commands and input are dropped and counted, but leaving is always possible", () => {
    const { viewer, client, events, injected } = setUp();
    viewer.admit(0, 0);
    client.control(controlCommand.setFps, 30, 0);
    client.control(controlCommand.pause, 0, 0);
    client.input(press(30), true, 0);
    expect(viewer.drops.toJSON()).toEqual({ "control-not-permitted": 2, "input-not-permitted": 1 });
    expect([events, injected]).toEqual([[], []]);
    client.control(controlCommand.disconnect, 0, 0);
    expect(events).toEqual(["left"]);
  });

  test("taking input lets go of what is down", () => {
    const { viewer, client, injected } = setUp();
    viewer.admit(view | input, 0);
    client.input(press(30), true, 0);
    client.input(press(31), true, 0);
    client.input(press(31, 0), true, 0);
    viewer.admit(view, 0);
    expect(injected).toEqual(["1 30 1", "1 31 1", "1 31 0", "1 30 0"]);
    expect(viewer.inputEvents).toBe(3);
  });
});

test("the client lets go of its keys by command, also when it may not view", () => {
  const { viewer, client, injected } = setUp();
  viewer.admit(input, 0);
  client.input(press(30), true, 0);
  client.control(controlCommand.releaseKeys, 0, 0);
  expect(injected).toEqual(["1 30 1", "1 30 0"]);
});

test("wishes are noted and announced; what is no wish is neither", () => {
  const { viewer, client, events } = setUp();
  viewer.admit(view, 0);
  client.control(controlCommand.setBitrate, 1_000_000, 0);
  client.control(controlCommand.setFps, 30, 0);
  client.control(controlCommand.setQuality, 0, 0);
  expect(viewer.wishes).toEqual({ bitrateBps: 1_000_000, fps: 30, quality: 0 });
  expect(events).toEqual(["changed", "changed", "changed"]);
  client.control(controlCommand.requestKeyframe, 0, 0);
  client.control(controlCommand.admit, 15, 0);
  expect(events.length).toBe(3);
  expect(viewer.permissions).toBe(view);
});

describe("frames", () => {
  test("take counters of their own and are counted", () => {
    const { viewer, stream, counters } = setUp();
    viewer.admit(view, 0);
    const sent = viewer.link.sent;
    stream.publish(frame(7, true));
    stream.publish(frame(8, false, 100));
    const [first, second] = counters as [number, number];
    expect(second - first).toBe(4);
    expect(viewer.link.sent - sent).toBe(5);
    expect([viewer.lastFrameId, viewer.framesDelivered]).toEqual([8, 2]);
    expect(viewer.bitRate.perSecond(0)).toBe(5100 * 8);
  });

  test("that find no room are not counted, and a keyframe follows", () => {
    const { viewer, stream, setRoom, keyframes } = setUp();
    viewer.admit(view, 0);
    setRoom(false);
    stream.publish(frame(1, true));
    setRoom(true);
    stream.publish(frame(2, false));
    expect([viewer.lastFrameId, viewer.framesDelivered, keyframes()]).toEqual([0, 0, 2]);
    stream.publish(frame(3, true));
    expect(viewer.lastFrameId).toBe(3);
  });

  test("stop at a pause and begin again with a keyframe; requests during it cost nobody one", () => {
    const { viewer, client, stream, events, keyframes } = setUp();
    viewer.admit(view, 0);
    stream.publish(frame(1, true));
    client.control(controlCommand.pause, 0, 0);
    expect(stream.watched).toBe(false);
    client.control(controlCommand.requestKeyframe, 0, 0);
    expect(keyframes()).toBe(1);
    client.control(controlCommand.resume, 0, 0);
    client.control(controlCommand.requestKeyframe, 0, 0);
    expect(keyframes()).toBe(3);
    stream.publish(frame(2, false));
    expect(viewer.lastFrameId).toBe(1);
    expect(events).toEqual(["changed", "changed"]);
  });
});

test("closing lets go of keys and of the place in the stream, and silences the link", () => {
  const { viewer, client, stream, injected, told } = setUp();
  viewer.admit(view | input, 0);
  client.input(press(30), true, 0);
  viewer.close();
  viewer.close();
  expect(injected).toEqual(["1 30 1", "1 30 0"]);
  expect(stream.subscribers).toBe(0);
  viewer.admit(view, 0);
  expect(told).toEqual([5]);
});

test("a client that asks for keyframes all the time gets one, and the rest is counted", () => {
  const { viewer, client, keyframes } = setUp();
  viewer.admit(view, 0);
  const before = keyframes();
  for (let i = 0; i < 50; i++) client.control(controlCommand.requestKeyframe, 0, 0);
  expect(keyframes()).toBe(before + 1);
  expect(viewer.drops.get("keyframe-rate")).toBe(49);
});
