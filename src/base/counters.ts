/** Counts by name. Every drop in Patchbay has one, so that nothing is lost silently. The names are the programmer's, never a peer's. */
export class Counters<Name extends string = string> {
  readonly #counts = new Map<Name, number>();

  add(name: Name, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  get(name: Name): number {
    return this.#counts.get(name) ?? 0;
  }

  /** Names that occurred, with their counts. */
  toJSON(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
