/**
 * The client's own keys: Ctrl+Alt+Shift and Q to leave, F for the whole screen, P to pause, M for pointer motion as games want
 * it, S to silence the sound. The letter never reaches the host. Pure.
 */
export type HotkeyAction = "leave" | "fullscreen" | "pause" | "pointer" | "mute";

/** Linux key codes. */
const actions: Readonly<Record<number, HotkeyAction>> = {
  16: "leave",
  33: "fullscreen",
  25: "pause",
  50: "pointer",
  31: "mute",
};
const EV_KEY = 1;
const modifierOf: Readonly<Record<number, string>> = {
  29: "ctrl",
  97: "ctrl",
  56: "alt",
  100: "alt",
  42: "shift",
  54: "shift",
};

export class Hotkeys {
  readonly #down = new Map<number, string>();
  /** Keys pressed as part of a chord; their release is ours as well. */
  readonly #taken = new Set<number>();

  /** "pass" sends the event on; "swallow" does not; an action is to be done, and everything held on the host let go. */
  take(type: number, code: number, value: number): HotkeyAction | "pass" | "swallow" {
    if (type !== EV_KEY) return "pass";
    const modifier = modifierOf[code];
    if (modifier !== undefined) {
      if (value === 0) this.#down.delete(code);
      else this.#down.set(code, modifier);
      return "pass";
    }
    if (value === 0) return this.#taken.delete(code) ? "swallow" : "pass";
    const action = actions[code];
    if (action === undefined || new Set(this.#down.values()).size < 3) return "pass";
    const isRepeat = value === 2 || this.#taken.has(code);
    this.#taken.add(code);
    return isRepeat ? "swallow" : action;
  }

  /** The window lost the focus: releases will not be seen. */
  forget(): void {
    this.#down.clear();
    this.#taken.clear();
  }
}
