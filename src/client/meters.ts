/**
 * What the client measures: how long each stage takes, how old a picture is when it is shown (by the clock offset), and, when
 * the picture carries a timecode, glass to glass. Reads no clock.
 */
import { type Percentiles, Samples, stagesMs } from "../base/percentiles.ts";
import { Rate } from "../base/rate.ts";
import type { HeldPicturesStats } from "./held-pictures.ts";

export const clientStages = [
  "arrival",
  "reassemble",
  "held",
  "wait",
  "decode",
  "present",
  "age",
  "glassToGlass",
] as const;
export type ClientStage = (typeof clientStages)[number];

/** A shown frame's times in microseconds; captureUs is on the host's clock, the others on ours. */
export interface ShownTimes {
  readonly captureUs: number;
  readonly pushedUs: number;
  readonly decodeBeginUs: number;
  readonly decodedUs: number;
  readonly shownUs: number;
  /** 0 when the picture carries no timecode. */
  readonly timecodeUs: number;
  readonly width: number;
  readonly height: number;
}

const shortestForRate = 0.25;

export class ClientMeters {
  readonly #samples = Object.fromEntries(clientStages.map((s) => [s, new Samples()])) as Record<ClientStage, Samples>;
  readonly #frameRate = new Rate();
  readonly #bitRate = new Rate();
  #timecode = 0;
  #firstShownUs = 0;
  #lastShownUs = 0;
  framesShown = 0;
  skipped = 0;
  /** Of pictures that waited for their sound. */
  heldPictures: HeldPicturesStats = { held: 0, early: 0, refused: 0 };
  width = 0;
  height = 0;

  /** A frame is whole: `offsetUs` added to our time gives the host's. */
  arrived(
    frame: { readonly captureUs: number; readonly firstUs: number; readonly size: number },
    offsetUs: number | undefined,
    nowUs: number,
  ): void {
    if (offsetUs !== undefined) this.#samples.arrival.add(nowUs + offsetUs - frame.captureUs);
    this.#samples.reassemble.add(nowUs - frame.firstUs);
    this.#bitRate.add(frame.size * 8, nowUs);
  }

  shown(times: ShownTimes, offsetUs: number | undefined): void {
    const samples = this.#samples;
    samples.wait.add(times.decodeBeginUs - times.pushedUs);
    samples.decode.add(times.decodedUs - times.decodeBeginUs);
    samples.present.add(times.shownUs - times.decodedUs);
    if (offsetUs !== undefined) samples.age.add(times.shownUs + offsetUs - times.captureUs);
    // A picture that is shown again says nothing new about the way it came.
    if (times.timecodeUs > 0 && times.timecodeUs !== this.#timecode) {
      this.#timecode = times.timecodeUs;
      samples.glassToGlass.add(times.shownUs - times.timecodeUs);
    }
    if (this.framesShown === 0) this.#firstShownUs = times.shownUs;
    this.#lastShownUs = times.shownUs;
    this.framesShown++;
    this.width = times.width;
    this.height = times.height;
    this.#frameRate.add(1, times.shownUs);
  }

  /** A picture waited for its sound. */
  waited(us: number): void {
    this.#samples.held.add(us);
  }

  fps(nowUs: number): number {
    return this.#frameRate.perSecond(nowUs);
  }

  bitrateBps(nowUs: number): number {
    return this.#bitRate.perSecond(nowUs);
  }

  /** Frames a second from the first shown to the last; 0 while they lie too close together to tell a rate. */
  get meanFps(): number {
    return this.secondsShown >= shortestForRate ? (this.framesShown - 1) / this.secondsShown : 0;
  }

  get secondsShown(): number {
    return (this.#lastShownUs - this.#firstShownUs) / 1e6;
  }

  /** Milliseconds by stage; a stage without samples is left out. */
  stagesMs(): Partial<Record<ClientStage, Percentiles>> {
    return stagesMs(this.#samples);
  }
}
