/**
 * What a person does, on its way to the host: events gather until the group ends, motion alone is sent once and newest wins,
 * anything with a press in it is sent until acknowledged, together with the place where it happened. Pure.
 */
import { inputEventsLimit, inputLayout, inputType, putInput } from "../wire/root.ts";

const ABS_X = 0;
const ABS_Y = 1;

export interface InputTarget {
  /** Events back to back; `keep` asks for repetition until they are acknowledged. */
  input(events: Uint8Array, keep: boolean, nowUs: number): void;
}

export class InputGroup {
  readonly #bytes = new Uint8Array(inputEventsLimit * inputLayout.bytes);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #target: InputTarget;
  readonly #down = new Set<number>();
  #size = 0;
  #hasPress = false;
  #x: number | undefined;
  #y: number | undefined;

  constructor(target: InputTarget) {
    this.#target = target;
  }

  /** Linux type, code and value; type 0 (EV_SYN) ends the group. */
  add(type: number, code: number, value: number, nowUs: number): void {
    if (type === 0) {
      this.flush(nowUs);
      return;
    }
    if (type === inputType.absolute) {
      if (code === ABS_X) this.#x = value;
      else if (code === ABS_Y) this.#y = value;
    } else if (type === inputType.key || code >= 6) this.#press(type, code, value);
    // Who moves by steps has left that place: a press must not bring the pointer back to it.
    else this.#x = this.#y = undefined;
    if (this.#size + inputLayout.bytes > this.#bytes.length) this.flush(nowUs);
    this.#size += putInput(this.#view, this.#size, type, code, value);
  }

  /** Keys, buttons and wheels: what must not be lost. */
  #press(type: number, code: number, value: number): void {
    this.#hasPress = true;
    if (type !== inputType.key) return;
    if (value === 0) this.#down.delete(code);
    else this.#down.add(code);
    if (this.#size > 0) return;
    // A button without its place would hit whatever the last motion packet that arrived points at.
    if (this.#x !== undefined) this.#size += putInput(this.#view, this.#size, inputType.absolute, ABS_X, this.#x);
    if (this.#y !== undefined) this.#size += putInput(this.#view, this.#size, inputType.absolute, ABS_Y, this.#y);
  }

  flush(nowUs: number): void {
    if (this.#size === 0) return;
    this.#target.input(this.#bytes.subarray(0, this.#size), this.#hasPress, nowUs);
    this.#size = 0;
    this.#hasPress = false;
  }

  /** Keys that this client believes are down; for letting go of them. */
  takeDown(): number[] {
    const down = [...this.#down];
    this.#down.clear();
    return down;
  }
}
