/**
 * What a relay tells about itself (/api/stats, the report, the log) and the rows of its history: differences of the same counts
 * from minute to minute. Pure but for the process's own use of memory and processor.
 */
import type { RelayMinute } from "../store/relay.ts";
import type { ChannelStats, RelayStats } from "./channel-stats.ts";
import type { ClusterStats } from "./cluster-link.ts";
import type { RelaySettings } from "./limits.ts";
import type { TransportStats } from "./transport.ts";

export interface RelayReport extends RelayStats {
  readonly version: string;
  readonly limits: RelaySettings;
  readonly transport: TransportStats & { readonly name: string };
  readonly process: ProcessStats;
  /** Of a relay that is one of several. */
  readonly cluster?: ClusterStats | undefined;
}

export interface ProcessStats {
  readonly pid: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
}

export function processStats(): ProcessStats {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    pid: process.pid,
    residentBytes: rss,
    heapBytes: heapUsed,
    userSeconds: user / 1e6,
    systemSeconds: system / 1e6,
  };
}

/** Worth a line in the log and a row in the history. */
export function isActive({ sourceConnected, connectedReceivers }: ChannelStats): boolean {
  return sourceConnected || connectedReceivers > 0;
}

/** The log line of spec section 8. */
export function channelLine(stats: ChannelStats, maxReceivers: number): string {
  const { name, uptimeSeconds, framesRelayed, bytesRelayed, connectedReceivers, peakReceivers, signalDiffs } = stats;
  const parts = [
    `up ${Math.round(uptimeSeconds)} s`,
    `${framesRelayed} frames`,
    `${(bytesRelayed / 1e6).toFixed(1)} MB`,
    `receivers ${connectedReceivers}/${maxReceivers} (peak ${peakReceivers})`,
    `${signalDiffs} signal diffs`,
    `cached ${stats.hasState ? "yes" : "no"}`,
    ...(stats.leftOut > 0 ? [`${stats.leftOut} left out`] : []),
    ...(stats.sourceConnected ? [] : ["no source"]),
  ];
  return `"${name}": ${parts.join(", ")}`;
}

type Counted = Pick<RelayMinute, "frames" | "bytes" | "inputs" | "leftOut">;
const none: Counted = { frames: 0, bytes: 0, inputs: 0, leftOut: 0 };

function countsOf(stats: ChannelStats): Counted {
  const { framesRelayed: frames, bytesRelayed: bytes, inputsRelayed: inputs, leftOut } = stats;
  return { frames, bytes, inputs, leftOut };
}

function difference(now: Counted, before: Counted): Counted {
  return {
    frames: now.frames - before.frames,
    bytes: now.bytes - before.bytes,
    inputs: now.inputs - before.inputs,
    leftOut: now.leftOut - before.leftOut,
  };
}

/** Makes the history's rows. A channel that was collected and made anew counts from zero again. */
export class HistorySampler {
  #before = new Map<string, Counted & { readonly uptimeSeconds: number }>();
  #sampledMs: number;

  constructor(nowMs: number) {
    this.#sampledMs = nowMs;
  }

  /** One row for the whole and one for each channel that was active or counted something since the last call. */
  sample(channels: readonly ChannelStats[], nowMs: number): RelayMinute[] {
    const seconds = (nowMs - this.#sampledMs) / 1000;
    const rows = channels.map((stats) => {
      const before = this.#before.get(stats.name);
      const isSame = before !== undefined && before.uptimeSeconds <= stats.uptimeSeconds;
      const counts = difference(countsOf(stats), isSame ? before : none);
      const [receivers, sources] = [stats.connectedReceivers, stats.sourceConnected ? 1 : 0];
      return { atMs: nowMs, channel: stats.name, seconds, ...counts, receivers, sources };
    });
    this.#before = new Map(channels.map((s) => [s.name, { ...countsOf(s), uptimeSeconds: s.uptimeSeconds }]));
    this.#sampledMs = nowMs;
    const whole = { atMs: nowMs, channel: "", seconds, ...none, receivers: 0, sources: 0 };
    for (const row of rows)
      for (const key of ["frames", "bytes", "inputs", "leftOut", "receivers", "sources"] as const)
        whole[key] += row[key];
    return [whole, ...rows.filter((row) => row.receivers + row.sources + row.frames + row.inputs > 0)];
  }
}
