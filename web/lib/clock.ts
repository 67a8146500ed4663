/**
 * How old a picture is. Frames carry milliseconds of the source's clock, which a player does not share. Where the source answers
 * clock questions (over the signalling path) the offset is known to within half the round trip of the quickest answer; elsewhere
 * only how much later a frame came than the quickest one of the last minute can be said, which is less than its age by the
 * quickest one's own way. Pure.
 */
const halfWindowMs = 30_000;

/** The signed difference of two u32 times that wrap. */
export const since = (later: number, earlier: number): number => (later - earlier) | 0;

export interface Age {
  readonly ms: number;
  /** Plus or minus; undefined when `ms` is only the delay beyond the quickest frame. */
  readonly errorMs: number | undefined;
}

export class StreamClock {
  /** Own time minus stream time, of the quickest frame: this half minute's and the one before's. */
  #floor: number | undefined;
  #floorBefore: number | undefined;
  #floorSinceMs = 0;
  #exchange: { readonly offset: number; readonly rttMs: number; readonly atMs: number } | undefined;

  /** A live frame came; `nowMs` is the player's own clock. */
  arrived(timestampMs: number, nowMs: number): void {
    const offset = since(nowMs >>> 0, timestampMs);
    if (nowMs - this.#floorSinceMs > halfWindowMs) {
      this.#floorBefore = this.#floor;
      this.#floor = undefined;
      this.#floorSinceMs = nowMs;
    }
    this.#floor = this.#floor === undefined ? offset : Math.min(this.#floor, offset);
  }

  /** The source said that its clock stood at `streamMs` between `sentMs` and `receivedMs` of ours. */
  answered(sentMs: number, streamMs: number, receivedMs: number): void {
    const rttMs = receivedMs - sentMs;
    const known = this.#exchange;
    if (known && known.rttMs < rttMs && receivedMs - known.atMs < 2 * halfWindowMs) return;
    const offset = since(Math.round((sentMs + receivedMs) / 2) >>> 0, streamMs);
    this.#exchange = { offset, rttMs, atMs: receivedMs };
  }

  /** The source changed: nothing of before holds. */
  reset(): void {
    this.#floor = undefined;
    this.#floorBefore = undefined;
    this.#exchange = undefined;
  }

  age(timestampMs: number, nowMs: number): Age | undefined {
    const offset = since(nowMs >>> 0, timestampMs);
    if (this.#exchange) return { ms: Math.max(0, offset - this.#exchange.offset), errorMs: this.#exchange.rttMs / 2 };
    const floors = [this.#floor, this.#floorBefore].filter((one) => one !== undefined);
    return floors.length > 0 ? { ms: Math.max(0, offset - Math.min(...floors)), errorMs: undefined } : undefined;
  }
}
