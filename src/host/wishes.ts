/**
 * One encode serves all clients, so their wishes are put together: the lowest bit rate and quality anybody asked for, because a
 * slow link loses what does not fit, and the highest frame rate, because frames can be left out but not invented.
 */
import type { Wishes } from "./viewer.ts";

export interface EncoderSettings {
  readonly bitrateBps: number;
  readonly fps: number;
  /** 0-100; 50 is neutral. */
  readonly quality: number;
}

const known = (values: readonly (number | undefined)[]): number[] => values.filter((value) => value !== undefined);

/** `owner` are the host's own settings: the most bits and frames that anybody gets, and the quality when nobody asks. */
export function agree(owner: EncoderSettings, wishes: Iterable<Wishes>): EncoderSettings {
  const all = [...wishes];
  const rates = known(all.map((w) => w.fps));
  const qualities = known(all.map((w) => w.quality));
  const everyoneAsked = rates.length > 0 && rates.length === all.length;
  return {
    bitrateBps: Math.min(owner.bitrateBps, ...known(all.map((w) => w.bitrateBps))),
    fps: everyoneAsked ? Math.min(owner.fps, Math.max(...rates)) : owner.fps,
    quality: qualities.length > 0 ? Math.min(...qualities) : owner.quality,
  };
}
