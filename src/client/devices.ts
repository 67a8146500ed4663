/**
 * What a person does with gamepads, touch screen and pen, on its way to the host. Presses go until they are acknowledged; axes
 * and fingers that only move go at most every few milliseconds, the newest wins, and where they come to rest is told once more so
 * that it arrives. Pure: it reads no device and no clock.
 */
import { Counters } from "../base/counters.ts";
import { limits } from "../base/limits.ts";
import { axesOf, kindOf, touchCode } from "../wire/device-input.ts";
import { deviceName } from "../wire/identity.ts";
import {
  deviceAction,
  deviceCapability,
  deviceInputLayout,
  deviceState,
  inputEventsLimit,
  inputLayout,
  inputType,
  putDeviceInput,
  putInput,
} from "../wire/root.ts";

export interface DeviceTarget {
  /** A whole DEVICE INPUT payload; `keep` asks for repetition until it is acknowledged. */
  device(payload: Uint8Array, keep: boolean, nowUs: number): void;
}

export type DeviceStateName = keyof typeof deviceState;

/** ABS_HAT0X and ABS_HAT0Y. */
const hats: ReadonlySet<number> = new Set([0x10, 0x11]);

/** Cells of a touch screen are codes of one slot each; the slots of others are 0. */
const slotShift = 8;

class Plugged {
  /** Newest values of axes, or of slots' axes. */
  readonly cells = new Map<number, number>();
  /** Cells that the host may not know yet: since the last message that arrives for certain. */
  readonly unsure = new Set<number>();
  readonly keys = new Set<number>();
  /** Fingers that touch, with their numbers. */
  readonly fingers = new Map<number, number>();
  /** Presses, releases, fingers that came or went, in their order, of the group that is being gathered. */
  readonly presses: { type: number; code: number; value: number; slot: number }[] = [];
  state: DeviceStateName | "asked" | "unasked" = "unasked";
  slot = 0;
  /** Motion of whole groups waits to be sent. */
  isMoved = false;
  movedUs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly name: string,
    readonly rumbles: boolean,
  ) {}
}

export class ClientDevices {
  readonly drops = new Counters<"device-refused">();
  readonly #target: DeviceTarget;
  readonly #plugged = new Map<number, Plugged>();
  readonly #bytes = new Uint8Array(deviceInputLayout.bytes + inputEventsLimit * inputLayout.bytes);
  readonly #view = new DataView(this.#bytes.buffer);
  #isAllowed = false;

  constructor(target: DeviceTarget) {
    this.#target = target;
  }

  /** What became of the device at the host. */
  stateOf(device: number): DeviceStateName | undefined {
    const state = this.#plugged.get(device)?.state;
    return state === "asked" || state === "unasked" ? undefined : state;
  }

  /** Input is permitted from now on, or no longer. The host forgets devices of those who may not. */
  allow(isAllowed: boolean, nowUs: number): void {
    if (isAllowed === this.#isAllowed) return;
    this.#isAllowed = isAllowed;
    for (const [device, plugged] of this.#plugged) {
      plugged.state = "unasked";
      if (isAllowed) this.#ask(device, plugged, nowUs);
    }
  }

  plug(device: number, name: string, rumbles: boolean, nowUs: number): void {
    if (this.#plugged.has(device)) return;
    const plugged = new Plugged(name, rumbles);
    this.#plugged.set(device, plugged);
    if (this.#isAllowed) this.#ask(device, plugged, nowUs);
  }

  unplug(device: number, nowUs: number): void {
    if (!this.#plugged.delete(device) || !this.#isAllowed) return;
    const size = putDeviceInput(this.#view, 0, device, deviceAction.unplug);
    this.#target.device(this.#bytes.subarray(0, size), true, nowUs);
  }

  /** Everything that is not at rest is told as well: it may be held since before. */
  #ask(device: number, plugged: Plugged, nowUs: number): void {
    const size = putDeviceInput(
      this.#view,
      0,
      device,
      deviceAction.plug,
      plugged.rumbles ? deviceCapability.rumble : 0,
    );
    const name = new TextEncoder().encode(deviceName(plugged.name));
    this.#bytes.set(name, size);
    this.#target.device(this.#bytes.subarray(0, size + name.length), true, nowUs);
    plugged.state = "asked";
    for (const cell of plugged.cells.keys()) plugged.unsure.add(cell);
    for (const [slot, finger] of plugged.fingers)
      plugged.presses.push({ type: inputType.absolute, code: touchCode.trackingId, value: finger, slot });
    for (const code of plugged.keys) plugged.presses.push({ type: inputType.key, code, value: 1, slot: 0 });
    if (plugged.unsure.size + plugged.presses.length > 0) this.#send(device, plugged, true, nowUs);
  }

  /** The host's answer: a device's number and one of deviceState. */
  answered(device: number, state: number): DeviceStateName | undefined {
    const plugged = this.#plugged.get(device);
    const name = (Object.keys(deviceState) as DeviceStateName[]).find((key) => deviceState[key] === state);
    if (plugged && name) plugged.state = name;
    return plugged && name;
  }

  /** Linux type, code and value; type 0 (EV_SYN) ends the group. */
  add(device: number, type: number, code: number, value: number, nowUs: number): void {
    const plugged = this.#plugged.get(device);
    if (!plugged) return;
    if (type === 0) this.#endGroup(device, plugged, nowUs);
    else if (type === inputType.key) {
      if (value === 0) plugged.keys.delete(code);
      else plugged.keys.add(code);
      plugged.presses.push({ type, code, value: value === 0 ? 0 : 1, slot: 0 });
    } else if (code === touchCode.slot && kindOf(device) === "touch") plugged.slot = value;
    else if (code === touchCode.trackingId && kindOf(device) === "touch") this.#finger(device, plugged, value, nowUs);
    else this.#move(device, plugged, code, value);
    // A group that never ends must not grow for ever.
    if (plugged.presses.length >= inputEventsLimit / 4) this.#endGroup(device, plugged, nowUs);
  }

  #finger(device: number, plugged: Plugged, value: number, nowUs: number): void {
    const { slot } = plugged;
    if (value < 0) plugged.fingers.delete(slot);
    else {
      // Another finger in the same slot is another group, and has a place of its own.
      if (plugged.presses.some((press) => press.slot === slot)) this.#send(device, plugged, true, nowUs);
      for (const cell of plugged.cells.keys()) if (cell >> slotShift === slot) plugged.cells.delete(cell);
      plugged.fingers.set(slot, value);
    }
    plugged.presses.push({ type: inputType.absolute, code: touchCode.trackingId, value, slot });
  }

  #move(device: number, plugged: Plugged, code: number, value: number): void {
    const range = axesOf[kindOf(device)].get(code);
    if (!range) return;
    const cell = (plugged.slot << slotShift) | code;
    const fit = Math.max(range[0], Math.min(range[1], value));
    if (plugged.cells.get(cell) === fit) return;
    plugged.cells.set(cell, fit);
    // The cross is an axis by name and four buttons by nature: a tap on it must not be lost between two packets.
    if (kindOf(device) === "pad" && hats.has(code))
      plugged.presses.push({ type: inputType.absolute, code, value: fit, slot: 0 });
    else plugged.unsure.add(cell);
  }

  #endGroup(device: number, plugged: Plugged, nowUs: number): void {
    if (plugged.presses.length > 0) this.#send(device, plugged, true, nowUs);
    else if (plugged.unsure.size > 0) {
      plugged.isMoved = true;
      this.#flush(device, plugged, nowUs);
    }
  }

  #flush(device: number, plugged: Plugged, nowUs: number): void {
    const sinceUs = nowUs - plugged.movedUs;
    if (plugged.isMoved && sinceUs >= limits.deviceIntervalUs) this.#send(device, plugged, false, nowUs);
    else if (!plugged.isMoved && plugged.unsure.size > 0 && sinceUs >= limits.deviceSettleUs)
      this.#send(device, plugged, true, nowUs);
  }

  /** Sends motion that has waited long enough. Call at least every 20 ms. */
  tick(nowUs: number): void {
    for (const [device, plugged] of this.#plugged) this.#flush(device, plugged, nowUs);
  }

  #send(device: number, plugged: Plugged, keep: boolean, nowUs: number): void {
    plugged.isMoved = false;
    plugged.movedUs = nowUs;
    if (!this.#isAllowed || (plugged.state !== "ready" && plugged.state !== "asked")) {
      if (this.#isAllowed) this.drops.add("device-refused");
      plugged.presses.length = 0;
      plugged.unsure.clear();
      return;
    }
    const group = new Group(this.#view, putDeviceInput(this.#view, 0, device, deviceAction.events));
    const isTouch = kindOf(device) === "touch";
    // A finger that comes is there before it has a place; one that goes has had its last place before.
    for (const { type, code, value, slot } of plugged.presses)
      if (isTouch && value >= 0) group.put(type, code, value, slot);
    for (const cell of [...plugged.unsure].sort((a, b) => a - b)) {
      const [slot, code] = [cell >> slotShift, cell & ((1 << slotShift) - 1)];
      if (!group.put(inputType.absolute, code, plugged.cells.get(cell) ?? 0, isTouch ? slot : undefined)) break;
      if (keep) plugged.unsure.delete(cell);
    }
    for (const { type, code, value, slot } of plugged.presses)
      if (!isTouch || value < 0) group.put(type, code, value, isTouch ? slot : undefined);
    plugged.presses.length = 0;
    this.#target.device(this.#bytes.subarray(0, group.size), keep, nowUs);
  }

  /** The focus is gone: the host brings everything to rest, and what happens until it is back is not for it. */
  release(): boolean {
    let wasHeld = false;
    for (const plugged of this.#plugged.values()) {
      wasHeld ||= plugged.cells.size + plugged.keys.size + plugged.fingers.size > 0;
      plugged.cells.clear();
      plugged.unsure.clear();
      plugged.keys.clear();
      plugged.fingers.clear();
      plugged.presses.length = 0;
      plugged.isMoved = false;
    }
    return wasHeld;
  }
}

/** Events of one payload; says in which slot they are where that changes. */
class Group {
  readonly #view: DataView;
  #slot: number | undefined;
  #count = 0;
  size: number;

  constructor(view: DataView, size: number) {
    this.#view = view;
    this.size = size;
  }

  /** False when there is no room. */
  put(type: number, code: number, value: number, slot: number | undefined): boolean {
    const isElsewhere = slot !== undefined && slot !== this.#slot;
    if (this.#count + (isElsewhere ? 2 : 1) > inputEventsLimit) return false;
    if (isElsewhere) this.#put(inputType.absolute, touchCode.slot, slot);
    this.#slot = slot;
    this.#put(type, code, value);
    return true;
  }

  #put(type: number, code: number, value: number): void {
    this.size += putInput(this.#view, this.size, type, code, value);
    this.#count++;
  }
}
