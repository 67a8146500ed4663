/** What a client reports at its end, and while it runs. Reads only. */
import { monotonicClock } from "../../ffi/clock.ts";
import type { Percentiles } from "../base/percentiles.ts";
import { toMillis } from "../base/units.ts";
import type { Client } from "./client.ts";
import type { FrameStats } from "./frames.ts";
import type { ClientStage } from "./meters.ts";

export interface ClientReport {
  readonly display: string;
  readonly decoder: string;
  readonly width: number;
  readonly height: number;
  /** Frames a second from the first shown to the last. */
  readonly fps: number;
  readonly framesShown: number;
  readonly secondsShown: number;
  /** Milliseconds by stage; `age` is from capture to display by the clock offset. */
  readonly stagesMs: Partial<Record<ClientStage, Percentiles>>;
  readonly bitrateBps: number;
  /** Packets of the host that did not arrive. */
  readonly lossPercent: number;
  readonly rttMs: number | null;
  readonly clockOffsetUs: number | null;
  readonly frames: FrameStats & { readonly skippedLate: number; readonly decodeErrors: number };
  readonly drops: Record<string, number>;
}

export function clientReport(client: Client): ClientReport {
  const { core, meters } = client;
  const { link } = core;
  const { display, decoder } = client.describe();
  const player = client.playerStats();
  const seconds = meters.secondsShown;
  const frames = core.frames.stats;
  return {
    display,
    decoder,
    width: meters.width,
    height: meters.height,
    fps: meters.meanFps,
    framesShown: meters.framesShown,
    secondsShown: seconds,
    stagesMs: meters.stagesMs(),
    bitrateBps: seconds > 0 ? (frames.bytes * 8) / seconds : meters.bitrateBps(monotonicClock.nowUs()),
    lossPercent: link?.lossPercent ?? 0,
    rttMs: link?.clock.roundTripUs === undefined ? null : toMillis(link.clock.roundTripUs),
    clockOffsetUs: link?.clock.offsetUs ?? null,
    frames: { ...frames, skippedLate: player.skippedLate, decodeErrors: player.decodeErrors },
    drops: { ...core.drops.toJSON(), ...link?.drops.toJSON() },
  };
}
