import { describe, expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import {
  checkPayload,
  deviceInput,
  deviceInputLayout,
  deviceState,
  input,
  inputLayout,
  packetType,
} from "../wire/root.ts";
import { ClientDevices } from "./devices.ts";

interface Sent {
  readonly device: number;
  readonly action: number;
  readonly keep: boolean;
  readonly events: string[];
}

function setUp(state: number | undefined = deviceState.ready) {
  const sent: Sent[] = [];
  const devices = new ClientDevices({
    device(payload, keep) {
      const view = new DataView(payload.slice().buffer);
      expect(checkPayload(packetType.deviceInput, view, 0, payload.length)).toBeUndefined();
      const action = deviceInput.action(view, 0);
      const events: string[] = [];
      if (action === 3)
        for (let at = deviceInputLayout.bytes; at < payload.length; at += inputLayout.bytes)
          events.push(`${input.type(view, at)} ${input.code(view, at)} ${input.value(view, at)}`);
      sent.push({ device: deviceInput.device(view, 0), action, keep, events });
    },
  });
  devices.allow(true, 0);
  const plug = (device: number) => {
    devices.plug(device, "a pad\n\u202e", true, 0);
    if (state !== undefined) devices.answered(device, state);
    sent.length = 0;
  };
  return { devices, sent, plug };
}

describe("motion", () => {
  test("goes at most every few milliseconds, the newest of each axis, and once more when it rests", () => {
    const { devices, sent, plug } = setUp();
    plug(1);
    for (let us = 0; us < 10_000; us += 500) {
      devices.add(1, 3, 0, us, us);
      devices.add(1, 0, 0, 0, us);
    }
    expect(sent.map(({ keep, events }) => [keep, events])).toEqual([
      [false, ["3 0 0"]],
      [false, ["3 0 4000"]],
      [false, ["3 0 8000"]],
    ]);
    devices.tick(12_000);
    expect(sent.at(-1)).toMatchObject({ keep: false, events: ["3 0 9500"] });
    devices.tick(12_000 + limits.deviceSettleUs - 1);
    expect(sent.length).toBe(4);
    devices.tick(12_000 + limits.deviceSettleUs);
    expect(sent.at(-1)).toMatchObject({ keep: true, events: ["3 0 9500"] });
    devices.tick(60_000_000);
    expect(sent.length).toBe(5);
  });

  test("of an axis that a press carried is not told again", () => {
    const { devices, sent, plug } = setUp();
    plug(1);
    devices.add(1, 3, 5, 255, 0);
    devices.add(1, 1, 0x130, 1, 0);
    devices.add(1, 0, 0, 0, 0);
    devices.tick(1_000_000);
    expect(sent.map(({ keep, events }) => [keep, events])).toEqual([[true, ["3 5 255", "1 304 1"]]]);
  });

  test("is held to what the protocol allows, and what it has no word for is left out", () => {
    const { devices, sent, plug } = setUp();
    plug(2);
    devices.add(2, 3, 0, 1_000_000, 0);
    devices.add(2, 3, 2, -5, 0);
    devices.add(2, 3, 0x28, 1, 0);
    devices.add(2, 0, 0, 0, 0);
    expect(sent[0]?.events).toEqual(["3 0 32767", "3 2 0"]);
  });
});

describe("fingers", () => {
  test("have their slots named once for what follows, and a place of their own when another comes", () => {
    const { devices, sent, plug } = setUp();
    plug(16);
    for (const [code, value] of [
      [0x2f, 0],
      [0x39, 1],
      [0x35, 10],
      [0x36, 20],
      [0x2f, 4],
      [0x39, 2],
      [0x35, 30],
    ] as const)
      devices.add(16, 3, code, value, 0);
    devices.add(16, 0, 0, 0, 0);
    expect(sent[0]).toMatchObject({
      keep: true,
      events: ["3 47 0", "3 57 1", "3 47 4", "3 57 2", "3 47 0", "3 53 10", "3 54 20", "3 47 4", "3 53 30"],
    });
    devices.add(16, 3, 0x39, -1, 0);
    devices.add(16, 3, 0x39, 3, 0);
    devices.add(16, 3, 0x35, 30, 0);
    devices.add(16, 0, 0, 0, 0);
    expect(sent.slice(1).map(({ events }) => events)).toEqual([
      ["3 47 4", "3 57 -1"],
      ["3 47 4", "3 57 3", "3 53 30"],
    ]);
  });
});

describe("what the host says", () => {
  test("a refused device sends nothing and is counted; another's answer changes nothing", () => {
    const { devices, sent, plug } = setUp(deviceState.full);
    plug(1);
    devices.add(1, 1, 0x130, 1, 0);
    devices.add(1, 0, 0, 0, 0);
    expect([sent, devices.drops.get("device-refused"), devices.stateOf(1)]).toEqual([[], 1, "full"]);
    expect([devices.answered(3, 1), devices.answered(1, 9), devices.stateOf(1)]).toEqual([
      undefined,
      undefined,
      "full",
    ]);
  });

  test("who may again plugs again, and tells what is held", () => {
    const { devices, sent, plug } = setUp();
    plug(4);
    devices.add(4, 1, 0x131, 1, 0);
    devices.add(4, 3, 0x10, -1, 0);
    devices.add(4, 0, 0, 0, 0);
    devices.allow(false, 0);
    devices.add(4, 1, 0x130, 1, 0);
    devices.add(4, 0, 0, 0, 0);
    sent.length = 0;
    devices.allow(true, 0);
    expect(sent.map(({ action }) => action)).toEqual([1, 3]);
    expect(sent[1]?.events).toEqual(["3 16 -1", "1 305 1", "1 304 1"]);
    expect(devices.release()).toBe(true);
    expect(devices.release()).toBe(false);
    devices.unplug(4, 0);
    devices.unplug(4, 0);
    expect(sent.map(({ action }) => action)).toEqual([1, 3, 2]);
  });

  test("a group that never ends does not grow for ever", () => {
    const { devices, sent, plug } = setUp();
    plug(1);
    for (let i = 0; i < 1000; i++) devices.add(1, 1, 0x130, i & 1, 0);
    expect(sent.flatMap(({ events }) => events).length).toBe(1000);
  });
});
