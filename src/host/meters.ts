/** What the host measures while it runs: each stage's time, and frames and bits over the last second. Reads no clock. */
import { type Percentiles, Samples, stagesMs } from "../base/percentiles.ts";
import { Rate } from "../base/rate.ts";
import { type Stage, stages } from "./stats.ts";

/** A frame's times on the host, microseconds of one monotonic clock. */
export interface FrameTimes {
  readonly damageUs: number;
  readonly captureUs: number;
  readonly capturedUs: number;
  readonly convertedUs: number;
  readonly encodedUs: number;
}

export class HostMeters {
  readonly #samples = Object.fromEntries(stages.map((stage) => [stage, new Samples()])) as Record<Stage, Samples>;
  readonly #frameRate = new Rate();
  readonly #bitRate = new Rate();
  frames = 0;
  keyframes = 0;
  bytes = 0;

  /** `takenUs` is when the event loop got the frame, `sentUs` when the last viewer had it. */
  add(times: FrameTimes, size: number, keyframe: boolean, takenUs: number, sentUs: number): void {
    const { damageUs, captureUs, capturedUs, convertedUs, encodedUs } = times;
    this.#samples.wait.add(Math.max(0, captureUs - damageUs));
    this.#samples.capture.add(capturedUs - captureUs);
    this.#samples.convert.add(convertedUs - capturedUs);
    this.#samples.encode.add(encodedUs - convertedUs);
    this.#samples.queue.add(takenUs - encodedUs);
    this.#samples.send.add(sentUs - takenUs);
    this.#frameRate.add(1, sentUs);
    this.#bitRate.add(size * 8, sentUs);
    this.frames++;
    this.bytes += size;
    if (keyframe) this.keyframes++;
  }

  fps(nowUs: number): number {
    return this.#frameRate.perSecond(nowUs);
  }

  bitrateBps(nowUs: number): number {
    return this.#bitRate.perSecond(nowUs);
  }

  /** Milliseconds by stage; a stage without samples is left out. */
  stagesMs(): Partial<Record<Stage, Percentiles>> {
    return stagesMs(this.#samples);
  }
}
