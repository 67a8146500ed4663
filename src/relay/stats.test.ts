/** What a relay says about itself: the log line, the history's rows, the Prometheus text. */
import { describe, expect, test } from "bun:test";
import type { ChannelStats } from "./channel-stats.ts";
import { relayDefaults } from "./limits.ts";
import { prometheusText } from "./metrics.ts";
import { channelLine, HistorySampler, isActive, processStats, type RelayReport } from "./stats.ts";

function channel(name: string, its: Partial<ChannelStats> = {}): ChannelStats {
  return {
    name,
    framesRelayed: 0,
    bytesRelayed: 0,
    inputsRelayed: 0,
    connectedReceivers: 0,
    signalPeers: 0,
    sourceConnected: false,
    lastFrameTimestamp: 0,
    keyframes: 0,
    signalDiffs: 0,
    uptimeSeconds: 0,
    peakReceivers: 0,
    totalConnections: 0,
    rejectedConnections: 0,
    leftOut: 0,
    resyncs: 0,
    hasState: false,
    pictures: 0,
    picture: null,
    sound: null,
    cachedBytes: 0,
    sourceElsewhere: false,
    latencyMs: null,
    ...its,
  };
}

function report(channels: readonly ChannelStats[]): RelayReport {
  return {
    version: "1.2.3",
    limits: relayDefaults,
    uptimeSeconds: 5,
    channels,
    connections: { sources: 1, receivers: 2, signalPeers: 3 },
    drops: { "text-ignored": 4 },
    channelsCollected: 0,
    latencyMs: { p50: 0.05, p95: 0.1, p99: 1.5 },
    roundTripMs: null,
    transport: {
      name: "bun",
      connections: 6,
      accepted: 7,
      messagesIn: 8,
      bytesIn: 9,
      messagesOut: 10,
      bytesOut: 11,
      leftOut: 12,
      latencyCount: 14,
      latencySumUs: 1500,
      refusals: { "1009": 13 },
    },
    process: processStats(),
  };
}

test("the log line says what section 8 wants", () => {
  const stats = channel("a/b", {
    uptimeSeconds: 61.4,
    framesRelayed: 1000,
    bytesRelayed: 2_500_000,
    connectedReceivers: 3,
    peakReceivers: 5,
    signalDiffs: 7,
    hasState: true,
    sourceConnected: true,
  });
  expect(channelLine(stats, 64)).toBe(
    '"a/b": up 61 s, 1000 frames, 2.5 MB, receivers 3/64 (peak 5), 7 signal diffs, cached yes',
  );
  expect([stats, channel("x"), channel("x", { connectedReceivers: 1 })].map(isActive)).toEqual([true, false, true]);
});

describe("history", () => {
  test("rows are differences, and the whole is their sum", () => {
    const sampler = new HistorySampler(0);
    sampler.sample([channel("a", { framesRelayed: 10, sourceConnected: true, uptimeSeconds: 1 })], 60_000);
    const rows = sampler.sample(
      [
        channel("a", { framesRelayed: 15, bytesRelayed: 100, sourceConnected: true, uptimeSeconds: 61 }),
        channel("b", { framesRelayed: 2, connectedReceivers: 3, uptimeSeconds: 1 }),
        channel("idle", { hasState: true, uptimeSeconds: 1 }),
      ],
      120_000,
    );
    expect(
      rows.map(({ channel: name, frames, bytes, receivers, sources }) => [name, frames, bytes, receivers, sources]),
    ).toEqual([
      ["", 7, 100, 3, 1],
      ["a", 5, 100, 0, 1],
      ["b", 2, 0, 3, 0],
    ]);
    expect(rows[0]?.seconds).toBe(60);
  });

  test("a channel that was made anew counts from zero", () => {
    const sampler = new HistorySampler(0);
    sampler.sample([channel("a", { framesRelayed: 100, connectedReceivers: 1, uptimeSeconds: 50 })], 60_000);
    const [, row] = sampler.sample(
      [channel("a", { framesRelayed: 7, connectedReceivers: 1, uptimeSeconds: 5 })],
      120_000,
    );
    expect(row?.frames).toBe(7);
  });
});

describe("metrics", () => {
  const lines = prometheusText(report([channel("a", { framesRelayed: 3, uptimeSeconds: 2 }), channel("b")])).split(
    "\n",
  );

  test("each series has its help and type before it, once, and counters end in _total", () => {
    const types = new Map<string, string>();
    for (const line of lines.filter((one) => one !== "")) {
      const [, name, kind] = /^# TYPE (\S+) (counter|gauge|summary)$/.exec(line) ?? [];
      if (name !== undefined) {
        expect(types.has(name)).toBe(false);
        types.set(name, kind ?? "");
        expect(kind === "counter").toBe(name.endsWith("_total"));
      } else if (!line.startsWith("# HELP ")) {
        const [, series = ""] =
          /^(patchbay_relay_[a-z_]+?)(?:_sum|_count)?(?:\{(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? [0-9.e+-]+$/.exec(
            line,
          ) ?? [];
        expect([line, types.has(series)]).toEqual([line, true]);
      }
    }
    expect(lines.at(-1)).toBe("");
  });

  test("tell of the whole and of each channel", () => {
    expect(lines).toContain('patchbay_relay_channel_frames_total{channel="a"} 3');
    expect(lines).toContain('patchbay_relay_channel_frames_total{channel="b"} 0');
    expect(lines).toContain('patchbay_relay_connections{role="receiver"} 2');
    expect(lines).toContain('patchbay_relay_drops_total{reason="text-ignored"} 4');
    expect(lines).toContain('patchbay_relay_refusals_total{code="1009"} 13');
    expect(lines).toContain('patchbay_relay_info{version="1.2.3"} 1');
    expect(lines).toContain('patchbay_relay_latency_seconds{quantile="0.99"} 0.0015');
    expect(lines).toContain("patchbay_relay_latency_seconds_count 14");
    expect(lines).toContain("patchbay_relay_latency_seconds_sum 0.0015");
    expect(lines.some((line) => line.startsWith("patchbay_relay_round_trip_seconds"))).toBe(false);
  });

  test("labels are escaped", () => {
    expect(prometheusText({ ...report([]), drops: { 'a"b\\c\nd': 1 } })).toContain('{reason="a\\"b\\\\c\\nd"} 1');
  });
});
