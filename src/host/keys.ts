/**
 * Which keys and buttons one client holds down, so that they can be let go when it leaves, loses focus or its rights; and how
 * many events a second it may send. A release is always let through: a stuck key is worse than a busy host.
 */
import { limits } from "../base/limits.ts";
import { TokenBucket } from "../base/token-bucket.ts";

const EV_KEY = 1;
/** Linux KEY_MAX: higher codes do not exist. */
const highestKey = 0x2ff;

export class HeldKeys {
  readonly #down = new Set<number>();

  /** Notes an event on its way to the injector. */
  note(type: number, code: number, value: number): void {
    if (type !== EV_KEY || code > highestKey) return;
    if (value === 0) this.#down.delete(code);
    else this.#down.add(code);
  }

  /** Hands out every key that is down and forgets it. */
  release(inject: (code: number) => void): number {
    const count = this.#down.size;
    for (const code of this.#down) inject(code);
    this.#down.clear();
    return count;
  }
}

export class InputBudget {
  readonly #tokens = new TokenBucket(limits.inputEventsPerSecond);

  /** True when the event may pass. */
  take(type: number, value: number, nowUs: number): boolean {
    return (type === EV_KEY && value === 0) || this.#tokens.take(nowUs);
  }
}
