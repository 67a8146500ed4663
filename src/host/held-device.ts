/**
 * What one gamepad, touch screen or pen is not at rest with: buttons that are down, axes away from the middle, fingers that touch.
 * It says how to bring the device to rest. Pure.
 */
import { kindOf, touchCode } from "../wire/device-input.ts";
import { inputType } from "../wire/root.ts";

type Emit = (type: number, code: number, value: number) => void;

/** ABS_X and ABS_Y of a pen are a place, which is no pressing. */
const penPlaces: ReadonlySet<number> = new Set([0, 1]);

export class HeldDevice {
  readonly #kind;
  readonly #keys = new Set<number>();
  readonly #axes = new Set<number>();
  readonly #fingers = new Set<number>();
  #slot = 0;

  constructor(device: number) {
    this.#kind = kindOf(device);
  }

  get isHeld(): boolean {
    return this.#keys.size + this.#axes.size + this.#fingers.size > 0;
  }

  note(type: number, code: number, value: number): void {
    if (type === inputType.key) put(this.#keys, code, value !== 0);
    else if (type !== inputType.absolute) return;
    else if (this.#kind !== "touch") {
      if (this.#kind === "pad" || !penPlaces.has(code)) put(this.#axes, code, value !== 0);
    } else if (code === touchCode.slot) this.#slot = value;
    else if (code === touchCode.trackingId) put(this.#fingers, this.#slot, value >= 0);
  }

  /** Without the EV_SYN that ends the group. */
  release(emit: Emit): void {
    for (const slot of this.#fingers) {
      emit(inputType.absolute, touchCode.slot, slot);
      emit(inputType.absolute, touchCode.trackingId, -1);
      this.#slot = slot;
    }
    for (const code of this.#axes) emit(inputType.absolute, code, 0);
    for (const code of this.#keys) emit(inputType.key, code, 0);
    this.#fingers.clear();
    this.#axes.clear();
    this.#keys.clear();
  }
}

function put(set: Set<number>, number: number, isIn: boolean): void {
  if (isIn) set.add(number);
  else set.delete(number);
}
