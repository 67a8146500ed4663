/** What was seen within the last so many milliseconds, up to a number. Pure. */
export class RecentSet {
  readonly #size: number;
  readonly #lifetimeMs: number;
  /** Oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(size: number, lifetimeMs: number) {
    this.#size = size;
    this.#lifetimeMs = lifetimeMs;
  }

  get size(): number {
    return this.#seen.size;
  }

  /** False when it was seen already, or when there is no room: nothing is forgotten before its time. */
  add(what: string, nowMs: number): boolean {
    for (const [old, seenMs] of this.#seen) {
      if (nowMs - seenMs < this.#lifetimeMs) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(what) || this.#seen.size >= this.#size) return false;
    this.#seen.set(what, nowMs);
    return true;
  }
}
