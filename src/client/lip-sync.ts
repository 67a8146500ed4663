/**
 * Lips and voice: how late sound must be heard to fit the picture, when a picture must go to the player to fit the sound, and how far
 * the two are off. Sound is aimed at the age that pictures have without waiting for it, so that neither waits for the other's wait.
 * Where pictures do not wait, sound that needs longer than they do is behind by the rest, which is measured. Pure.
 */
import { type Percentiles, Samples, stagesMs } from "../base/percentiles.ts";

/** The newest pictures that count: a second or two. */
const recentPictures = 90;
/** Those that are compared with the sound of the moment. */
const presentPictures = 15;
/** Steering sound costs it a little, so small wishes are left out. */
const deadbandUs = 3000;
/** More than this apart is seen. */
const visibleUs = 20_000;
/** Nothing is as old as this, unless clocks are wrong. */
const oldestUs = 2_000_000;
/** Share of a new measurement of the sound's delay: a picture's wait should not tremble as these do. */
const weight = 0.25;

export interface LipSyncReport {
  /** How far apart sound and picture of one capture time are presented, in milliseconds, whichever is first. */
  readonly offsetMs: Percentiles | null;
  /** The same with a sign, of the median: positive when sound is later. */
  readonly behindMs: number | null;
  /** Measurements, and those in which sound was later or earlier by more than 20 ms. */
  readonly measured: number;
  readonly late: number;
  readonly early: number;
}

export class LipSync {
  readonly #ages = new Samples(presentPictures);
  readonly #agesWithoutWait = new Samples(recentPictures);
  readonly #inPlayer = new Samples(recentPictures);
  readonly #offsets = { offset: new Samples() };
  readonly #behind = new Samples();
  #aimUs = 0;
  #delayUs: number | undefined;
  #inPlayerUs = 0;
  #late = 0;
  #early = 0;

  /** A picture was shown `ageUs` after its capture; `waitUs` of that it was held back, and `inPlayerUs` it was in the player. */
  picture(ageUs: number, waitUs = 0, inPlayerUs = 0): void {
    if (!Number.isFinite(ageUs) || ageUs >= oldestUs) return;
    this.#ages.add(Math.max(0, ageUs));
    this.#agesWithoutWait.add(Math.max(0, ageUs - waitUs));
    this.#inPlayer.add(Math.max(0, inPlayerUs));
  }

  /** Time from capture until sound should be heard, when that changed; undefined while it is what it was. */
  aim(): number | undefined {
    const ageUs = this.#agesWithoutWait.percentiles()?.p50;
    if (ageUs === undefined || Math.abs(ageUs - this.#aimUs) < deadbandUs) return undefined;
    this.#aimUs = ageUs;
    return ageUs;
  }

  /** Sound is heard `delayUs` after its capture just now. */
  heard(delayUs: number): void {
    this.#delayUs = this.#delayUs === undefined ? delayUs : this.#delayUs + (delayUs - this.#delayUs) * weight;
    const ageUs = this.#ages.percentiles()?.p50;
    if (ageUs === undefined) return;
    this.#inPlayerUs = this.#inPlayer.percentiles()?.p50 ?? 0;
    const behindUs = delayUs - ageUs;
    this.#behind.add(behindUs);
    this.#offsets.offset.add(Math.abs(behindUs));
    if (behindUs > visibleUs) this.#late++;
    else if (behindUs < -visibleUs) this.#early++;
  }

  /** No sound plays. */
  silent(): void {
    this.#delayUs = undefined;
  }

  /** How long after its capture a picture must go to the player to be shown with its sound; undefined while none plays. */
  get handOverUs(): number | undefined {
    return this.#delayUs === undefined ? undefined : this.#delayUs - this.#inPlayerUs;
  }

  report(): LipSyncReport {
    const behindUs = this.#behind.percentiles()?.p50;
    return {
      offsetMs: stagesMs(this.#offsets).offset ?? null,
      behindMs: behindUs === undefined ? null : behindUs / 1000,
      measured: this.#behind.count,
      late: this.#late,
      early: this.#early,
    };
  }
}
