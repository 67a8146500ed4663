/** CLOCK_MONOTONIC, the clock with which the native side stamps frames. The engine's own timers count from the process's start. */
import type { Clock } from "../src/base/clock.ts";
import type { Micros } from "../src/base/units.ts";
import { native } from "./library.ts";

/** Reading it is one native call and allocates nothing. */
export const monotonicClock: Clock = {
  nowUs: () => native().pb_now_us() as Micros,
};
