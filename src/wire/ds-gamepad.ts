/**
 * Gamepad events of ds-stream (section 4), numbered as the W3C's standard gamepad is, to the events of an Xbox 360 pad as Linux has
 * it (device-input.ts). Pure, with the memory that four buttons making one cross need.
 */
import type { InputMessage } from "./ds-codec.ts";
import type { Emit } from "./ds-evdev.ts";

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
