/** Bytes that several holders may hold together. Pure. */
export class ByteBudget {
  readonly #most: number;
  #used = 0;

  constructor(mostBytes: number) {
    this.#most = mostBytes;
  }

  get used(): number {
    return this.#used;
  }

  /** False, and nothing is taken, when so many are not left. */
  take(sizeBytes: number): boolean {
    if (this.#used + sizeBytes > this.#most) return false;
    this.#used += sizeBytes;
    return true;
  }

  give(sizeBytes: number): void {
    this.#used -= sizeBytes;
  }
}
