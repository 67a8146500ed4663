/**
 * What every sender of input passes before the injector: its permission, its share of events a second, and a note of what it holds
 * down, so that it can be let go. Pure.
 */
import { inputType } from "../wire/root.ts";
import { HeldKeys, InputBudget } from "./keys.ts";

export type InputDrop = "input-not-permitted" | "input-rate";

interface InputDrops {
  add(name: InputDrop): void;
}

export interface InputOutbox {
  inject(type: number, code: number, value: number): void;
  /** What was injected since the last call belongs together and shall happen now. */
  flushInput(): void;
}

export class InputGate {
  readonly #held = new HeldKeys();
  readonly #budget = new InputBudget();
  readonly #outbox: InputOutbox;
  readonly #drops: InputDrops;
  /** Events that passed. */
  passed = 0;

  constructor(outbox: InputOutbox, drops: InputDrops) {
    this.#outbox = outbox;
    this.#drops = drops;
  }

  pass(isPermitted: boolean, type: number, code: number, value: number, nowUs: number): void {
    if (!isPermitted) {
      this.#drops.add("input-not-permitted");
      return;
    }
    if (!this.#budget.take(type, value, nowUs)) {
      this.#drops.add("input-rate");
      return;
    }
    this.#held.note(type, code, value);
    this.passed++;
    this.#outbox.inject(type, code, value);
  }

  /** Lets go of everything that is held; returns how many. */
  releaseKeys(): number {
    const count = this.#held.release((code) => this.#outbox.inject(inputType.key, code, 0));
    if (count > 0) this.#outbox.flushInput();
    return count;
  }
}
