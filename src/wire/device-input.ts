/**
 * What a gamepad, a touch screen and a pen may say: codes and ranges of the events in a DEVICE INPUT payload, once, for the check
 * of what comes and for whoever makes it. A gamepad is an Xbox 360 pad as Linux has it, a touch screen speaks the multi-touch
 * protocol B, a pen is a tablet's tool. Pure; keeps no state.
 */
import { limits } from "../base/limits.ts";
import { accessors } from "./codec.ts";
import { readDeviceName } from "./identity.ts";
import {
  absoluteLimit,
  device,
  deviceAction,
  deviceInputLayout,
  inputEventsLimit,
  inputLayout,
  inputType,
} from "./root-layouts.ts";
import type { WireError } from "./schema.ts";

export type DeviceKind = "pad" | "touch" | "pen";
type Range = readonly [min: number, max: number];

/** Linux codes (input-event-codes.h) that have a meaning of their own here. */
export const touchCode = { slot: 0x2f, trackingId: 0x39, x: 0x35, y: 0x36, pressure: 0x3a } as const;
export const touchSlots = 16;

const stick: Range = [-32_768, 32_767];
const trigger: Range = [0, 255];
const hat: Range = [-1, 1];
const place: Range = [0, absoluteLimit];
const tilt: Range = [-90, 90];

export const axesOf: Readonly<Record<DeviceKind, ReadonlyMap<number, Range>>> = {
  pad: new Map([
    [0x00, stick],
    [0x01, stick],
    [0x02, trigger],
    [0x03, stick],
    [0x04, stick],
    [0x05, trigger],
    [0x10, hat],
    [0x11, hat],
  ]),
  touch: new Map([
    [touchCode.slot, [0, touchSlots - 1]],
    [touchCode.x, place],
    [touchCode.y, place],
    [touchCode.trackingId, [-1, absoluteLimit]],
    [touchCode.pressure, [0, 255]],
  ]),
  pen: new Map([
    [0x00, place],
    [0x01, place],
    [0x18, [0, 4095]],
    [0x1a, tilt],
    [0x1b, tilt],
  ]),
};

export const keysOf: Readonly<Record<DeviceKind, ReadonlySet<number>>> = {
  pad: new Set([0x130, 0x131, 0x133, 0x134, 0x136, 0x137, 0x13a, 0x13b, 0x13c, 0x13d, 0x13e]),
  touch: new Set(),
  pen: new Set([0x140, 0x141, 0x14a, 0x14b, 0x14c]),
};

export function kindOf(number: number): DeviceKind {
  if (number === device.touch) return "touch";
  return number === device.pen ? "pen" : "pad";
}

export function isDeviceEvent(kind: DeviceKind, type: number, code: number, value: number): boolean {
  if (type === inputType.key) return (value === 0 || value === 1) && keysOf[kind].has(code);
  const range = type === inputType.absolute ? axesOf[kind].get(code) : undefined;
  return range !== undefined && value >= range[0] && value <= range[1];
}

/** The name in the payload of a plug; undefined when it is no text that may be shown. */
export function nameOf(view: DataView, at: number, size: number): string | undefined {
  const start = view.byteOffset + at + deviceInputLayout.bytes;
  return readDeviceName(new Uint8Array(view.buffer, start, size - deviceInputLayout.bytes));
}

const head = accessors(deviceInputLayout);
const event = accessors(inputLayout);

/** Checks a payload whose fixed fields have been checked. Allocates nothing. */
export function checkDeviceInput(view: DataView, at: number, size: number): WireError | undefined {
  const tail = size - deviceInputLayout.bytes;
  const start = at + deviceInputLayout.bytes;
  switch (head.action(view, at)) {
    case deviceAction.unplug:
      return tail === 0 ? undefined : "length";
    case deviceAction.plug:
      if (tail < 1 || tail > limits.deviceNameBytes) return "length";
      return nameOf(view, at, size) === undefined ? "text" : undefined;
    default:
      return checkEvents(kindOf(head.device(view, at)), view, start, tail);
  }
}

function checkEvents(kind: DeviceKind, view: DataView, at: number, size: number): WireError | undefined {
  if (size === 0 || size % inputLayout.bytes !== 0 || size > inputEventsLimit * inputLayout.bytes) return "length";
  for (let i = at; i < at + size; i += inputLayout.bytes)
    if (!isDeviceEvent(kind, event.type(view, i), event.code(view, i), event.value(view, i))) return "range";
  return undefined;
}
