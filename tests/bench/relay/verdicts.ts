/** What Patchbay's relay is to reach beside the other servers, and whether it did. Pure. */
import { median } from "../meter.ts";
import { type Measured, relayServers } from "./servers.ts";

export interface Target {
  /**
   * rate: messages delivered a second. efficiency: those for a second of the server's processor time. p99: of the time from
   * source to receiver. left out: messages that reading receivers did not get. memory: the server's highest, in MB of 10^6 bytes.
   */
  readonly measure: "rate" | "efficiency" | "p99" | "left out" | "memory";
  /** The server it is a ratio to; without it the figure itself is meant. */
  readonly than?: string;
  readonly least?: number;
  readonly most?: number;
}

export interface Verdict {
  readonly text: string;
  readonly value: number;
  readonly met: boolean;
}

const figure: Readonly<Record<Target["measure"], (one: Measured) => number>> = {
  rate: (one) => one.deliveriesPerSecond,
  efficiency: (one) => (one.deliveriesPerSecond * one.seconds) / one.serverCpuSeconds,
  p99: (one) => one.p99Us,
  "left out": (one) => one.leftOut,
  memory: (one) => (one.serverPeakKib * 1024) / 1e6,
};

const wording: Readonly<Record<Target["measure"], string>> = {
  rate: "messages a second",
  efficiency: "messages a server-CPU second",
  p99: "p99",
  "left out": "messages left out",
  memory: "MB of memory",
};

function judgeOne({ measure, than, least, most }: Target, servers: Record<string, Measured[]>): Verdict[] {
  const own = servers.patchbay;
  const other = than === undefined ? undefined : servers[than];
  if (!own || (than !== undefined && !other)) return [];
  const of = figure[measure];
  // The worst round where nothing is compared; the median of the rounds' ratios where something is.
  const value = other
    ? median(own.map((one, round) => of(one) / of(other[round] as Measured)))
    : Math.max(...own.map(of));
  const met = value >= (least ?? Number.NEGATIVE_INFINITY) && value <= (most ?? Number.POSITIVE_INFINITY);
  const limit = least === undefined ? `at most ${most}` : `at least ${least}`;
  const unit = than === undefined ? "" : " x";
  const beside = than === undefined ? "" : ` ${relayServers[than]?.name}`;
  const shown = than === undefined ? value.toFixed(0) : value.toFixed(2);
  return [{ text: `${wording[measure]} ${shown}${unit}${beside} (target ${limit}${unit})`, value, met }];
}

/** Those that can be judged with the servers that were measured; by key of `relayServers`. */
export function judge(targets: readonly Target[], servers: Record<string, Measured[]>): Verdict[] {
  return targets.flatMap((target) => judgeOne(target, servers));
}
