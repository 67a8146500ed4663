/**
 * Gamepad events of ds-stream (section 4), numbered as the W3C's standard gamepad is, to the events of an Xbox 360 pad as Linux has
 * it (device-input.ts), and back. Pure, with the memory that four buttons making one cross need.
 */
import { kindOf } from "./device-input.ts";
import { buildGamepadAxis, buildGamepadButton } from "./ds-build.ts";
import type { InputMessage } from "./ds-codec.ts";
import type { Emit, SendInput } from "./ds-evdev.ts";
import { device as deviceNumber } from "./root-layouts.ts";

const EV_SYN = 0;
const EV_KEY = 1;
const EV_ABS = 3;

/** By number of the button; two are triggers and four the cross. */
const buttonCodes: Readonly<Record<number, number>> = {
  0: 0x130,
  1: 0x131,
  2: 0x133,
  3: 0x134,
  4: 0x136,
  5: 0x137,
  8: 0x13a,
  9: 0x13b,
  10: 0x13d,
  11: 0x13e,
  16: 0x13c,
};
const triggerCodes: Readonly<Record<number, number>> = { 6: 0x02, 7: 0x05 };
/** A button of the cross: its axis, and which way it points. */
const crossOf: Readonly<Record<number, readonly [code: number, sign: 1 | -1]>> = {
  12: [0x11, -1],
  13: [0x11, 1],
  14: [0x10, -1],
  15: [0x10, 1],
};
/** By number of the axis: left stick, right stick. */
const axisCodes: readonly number[] = [0x00, 0x01, 0x03, 0x04];

/** Of one pad. */
export class DsPad {
  readonly #cross = new Set<number>();

  /** Emits what the event means, without EV_SYN. False for a button or an axis that such a pad has not. */
  translate({ name, fields }: InputMessage<"gamepadAxis" | "gamepadButton">, emit: Emit): boolean {
    if (name === "gamepadAxis") return this.#axis(fields.axis, fields.value, emit);
    return this.#button(fields.button, fields.value, emit);
  }

  /** Nothing is held any longer: whoever has the pad let it all go. */
  rest(): void {
    this.#cross.clear();
  }

  #axis(axis: number, value: number, emit: Emit): boolean {
    const code = axisCodes[axis];
    if (code === undefined) return false;
    emit(EV_ABS, code, value);
    return true;
  }

  /** `value` is 0 to 65535; what is half pressed counts as pressed. */
  #button(button: number, value: number, emit: Emit): boolean {
    const isDown = value >= 0x8000;
    const [trigger, key, cross] = [triggerCodes[button], buttonCodes[button], crossOf[button]];
    if (trigger !== undefined) emit(EV_ABS, trigger, value >> 8);
    else if (key !== undefined) emit(EV_KEY, key, isDown ? 1 : 0);
    else if (cross) {
      if (isDown) this.#cross.add(button);
      else this.#cross.delete(button);
      const [code] = cross;
      // Opposite ones together are none.
      const sum = [...this.#cross].reduce(
        (total, held) => total + (crossOf[held]?.[0] === code ? crossOf[held][1] : 0),
        0,
      );
      emit(EV_ABS, code, sum);
    } else return false;
    return true;
  }
}

const inverse = (codes: Readonly<Record<number, number>>): ReadonlyMap<number, number> =>
  new Map(Object.entries(codes).map(([button, code]) => [code, Number(button)]));
const buttonOf = inverse(buttonCodes);
const triggerOf = inverse(triggerCodes);
const crossButtons = Object.entries(crossOf).map(([button, [code, sign]]) => ({ button: Number(button), code, sign }));
const pressed = 65_535;

/** Of the `pad`th pad from 0: gathers axes until their group ends, and remembers what is not at rest. */
export class PadToDs {
  readonly #pad: number;
  readonly #send: SendInput;
  /** What the other side was told, where that is not 0. */
  readonly #buttons = new Map<number, number>();
  readonly #axes = new Map<number, number>();
  /** Axes that moved and were not told of. */
  readonly #moved = new Map<number, number>();

  constructor(pad: number, send: SendInput) {
    this.#pad = pad;
    this.#send = send;
  }

  add(type: number, code: number, value: number): void {
    if (type === EV_SYN) this.#flush();
    else if (type === EV_KEY) this.#button(buttonOf.get(code), value === 0 ? 0 : pressed);
    else if (type === EV_ABS) this.#absolute(code, value);
  }

  #absolute(code: number, value: number): void {
    const axis = axisCodes.indexOf(code);
    if (axis >= 0) this.#moved.set(axis, Math.max(value, -32_767));
    else this.#button(triggerOf.get(code), value * 257);
    for (const cross of crossButtons)
      if (cross.code === code) this.#button(cross.button, value === cross.sign ? pressed : 0);
  }

  #button(button: number | undefined, value: number): void {
    if (button === undefined || (this.#buttons.get(button) ?? 0) === value) return;
    this.#flush();
    if (value === 0) this.#buttons.delete(button);
    else this.#buttons.set(button, value);
    this.#send((sequence, ms) => buildGamepadButton(sequence, ms, this.#pad, button, value));
  }

  #flush(): void {
    for (const [axis, value] of this.#moved) {
      if ((this.#axes.get(axis) ?? 0) === value) continue;
      if (value === 0) this.#axes.delete(axis);
      else this.#axes.set(axis, value);
      this.#send((sequence, ms) => buildGamepadAxis(sequence, ms, this.#pad, axis, value));
    }
    this.#moved.clear();
  }

  /** Lets go of everything. */
  rest(): void {
    this.#moved.clear();
    for (const axis of this.#axes.keys()) this.#moved.set(axis, 0);
    this.#flush();
    for (const button of [...this.#buttons.keys()]) this.#button(button, 0);
  }
}

/** Of all pads of one window, by the numbers that root gives its devices. Others than pads have no word here. */
export class PadsToDs {
  readonly #send: SendInput;
  readonly #pads = new Map<number, PadToDs>();

  constructor(send: SendInput) {
    this.#send = send;
  }

  /** Linux type, code and value; type 0 (EV_SYN) ends the group. */
  add(device: number, type: number, code: number, value: number): void {
    if (kindOf(device) !== "pad") return;
    const pad = this.#pads.get(device) ?? new PadToDs(device - deviceNumber.pad1, this.#send);
    this.#pads.set(device, pad);
    pad.add(type, code, value);
  }

  unplug(device: number): void {
    this.#pads.get(device)?.rest();
    this.#pads.delete(device);
  }

  /** Lets go of everything. */
  releaseAll(): void {
    for (const pad of this.#pads.values()) pad.rest();
  }
}
