/** Time as an argument: cores take a point in time; shells read a Clock (ffi/clock.ts is the machine's). */
import { type Micros, micros } from "./units.ts";

export interface Clock {
  /** Monotonic time in microseconds. */
  nowUs(): Micros;
}

/** A clock that tests move by hand. */
export class ManualClock implements Clock {
  #now = micros(0);
  nowUs(): Micros {
    return this.#now;
  }
  advance(us: number): void {
    this.#now = micros(this.#now + us);
  }
}
