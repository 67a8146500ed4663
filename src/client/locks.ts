/**
 * Keeps caps, num and scroll lock of the host as they are on the client's keyboard: whoever turns one on in another window must not
 * type in capitals here and in small letters there. Only where the host tells its lamps. Pure.
 */
import { lockKey } from "../wire/root.ts";

/** Linux key codes. */
const bitOf: ReadonlyMap<number, number> = new Map([
  [58, lockKey.caps],
  [69, lockKey.num],
  [70, lockKey.scroll],
]);

export class LockKeys {
  /** Bits that are known here, and their values. */
  #known = 0;
  #here = 0;
  #there: number | undefined;

  /** A lamp of this machine's keyboard, by its Linux number: 0 num, 1 caps, 2 scroll. */
  here(lamp: number, isOn: boolean): void {
    const bit = 1 << lamp;
    this.#known |= bit;
    this.#here = isOn ? this.#here | bit : this.#here & ~bit;
  }

  /** The host tells its lamps: bits of lockKey. */
  there(bits: number): void {
    this.#there = bits;
  }

  /** A key is about to be pressed on the host. Returns the lock keys to press and release there before. */
  before(code: number): number[] {
    const there = this.#there;
    if (there === undefined) return [];
    const different = (this.#here ^ there) & this.#known;
    const own = bitOf.get(code) ?? 0;
    // The host's answer comes later than the next key may.
    this.#there = there ^ different ^ own;
    this.#here ^= own & this.#known;
    return [...bitOf].flatMap(([key, bit]) => ((different & bit) !== 0 ? [key] : []));
  }
}
