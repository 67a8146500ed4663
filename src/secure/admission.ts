/**
 * What a host does with a first message before it spends anything on it: answer, ask for a cookie, or drop. It keeps the half-done
 * handshakes in a table of fixed size, so a flood costs no memory, and forged addresses cannot crowd out those that proved
 * theirs. Pure: it checks no cookie (cookie.ts) and answers nobody.
 */
import { limits } from "../base/limits.ts";
import { TokenBucket } from "../base/token-bucket.ts";

export type Decision = "answer" | "ask-cookie" | "drop";

interface Pending<T> {
  addressKey: number;
  connectionId: number;
  startedUs: number;
  proved: boolean;
  /** The caller's handshake; undefined in a free place. */
  value: T | undefined;
}

/** `T` is what the caller keeps for a half-done handshake; `release` is told of each that is given up. */
export class Admission<T extends object> {
  readonly #table: readonly Pending<T>[];
  readonly #release: (value: T) => void;
  /** Separate, so that those without a cookie cannot spend what those with one need. */
  readonly #unproved = new TokenBucket(limits.handshakesPerSecond);
  readonly #proved = new TokenBucket(limits.handshakesPerSecond);

  constructor(release: (value: T) => void) {
    this.#release = release;
    this.#table = Array.from({ length: limits.handshakesInProgress }, () => ({
      addressKey: 0,
      connectionId: 0,
      startedUs: 0,
      proved: false,
      value: undefined,
    }));
  }

  /** Half-done handshakes. */
  get size(): number {
    return this.#table.reduce((count, place) => count + (place.value ? 1 : 0), 0);
  }

  /** The handshake that this sender began; a repeated first message gets its answer from there and needs no decision. */
  find(addressKey: number, connectionId: number): T | undefined {
    return this.#placeOf(addressKey, connectionId)?.value;
  }

  /**
   * Decides about a first message that find() does not know. `proved` says that its cookie was verified. After "answer" the
   * caller calls begin() at once. "drop" comes only when those with good cookies are too many as well.
   */
  decide(proved: boolean, nowUs: number): Decision {
    this.expire(nowUs);
    if (!proved) return this.#vacant() && this.#unproved.take(nowUs) ? "answer" : "ask-cookie";
    return this.#placeForProved() && this.#proved.take(nowUs) ? "answer" : "drop";
  }

  /** Keeps a handshake that was decided to be answered; gives up the oldest unproved one when the table is full. */
  begin(addressKey: number, connectionId: number, proved: boolean, value: T, nowUs: number): void {
    const place = this.#placeOf(addressKey, connectionId) ?? (proved ? this.#placeForProved() : this.#vacant());
    if (!place) throw new Error("a handshake was begun that decide() did not admit");
    this.#free(place);
    place.addressKey = addressKey;
    place.connectionId = connectionId;
    place.startedUs = nowUs;
    place.proved = proved;
    place.value = value;
  }

  /** Takes a handshake out because it succeeded; it is not released. */
  end(addressKey: number, connectionId: number): T | undefined {
    const place = this.#placeOf(addressKey, connectionId);
    const value = place?.value;
    if (place) place.value = undefined;
    return value;
  }

  /** Gives up what takes longer than limits.handshakeTimeoutUs. */
  expire(nowUs: number): void {
    for (const place of this.#table) {
      if (place.value && nowUs - place.startedUs >= limits.handshakeTimeoutUs) this.#free(place);
    }
  }

  /** Gives up everything. */
  close(): void {
    for (const place of this.#table) this.#free(place);
  }

  #placeOf(addressKey: number, connectionId: number): Pending<T> | undefined {
    return this.#table.find((p) => p.value && p.connectionId === connectionId && p.addressKey === addressKey);
  }

  #vacant(): Pending<T> | undefined {
    return this.#table.find((place) => !place.value);
  }

  #placeForProved(): Pending<T> | undefined {
    const vacant = this.#vacant();
    if (vacant) return vacant;
    let oldest: Pending<T> | undefined;
    for (const place of this.#table) {
      if (!place.proved && (!oldest || place.startedUs < oldest.startedUs)) oldest = place;
    }
    return oldest;
  }

  #free(place: Pending<T>): void {
    const { value } = place;
    place.value = undefined;
    if (value) this.#release(value);
  }
}
