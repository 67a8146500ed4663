/** Time as an argument. Cores take a Clock or a point in time; only this file and the shells read the machine's. */
import { type Micros, micros } from "./units.ts";

export interface Clock {
  /** Monotonic time in microseconds. */
  nowUs(): Micros;
}

const originUs = Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000;

/** CLOCK_MONOTONIC, the clock that the native side stamps frames with. Reading it allocates nothing. */
export const monotonicClock: Clock = {
  nowUs: () => micros(Math.round(originUs + performance.now() * 1000)),
};

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
