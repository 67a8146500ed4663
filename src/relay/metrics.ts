/**
 * The relay's statistics as Prometheus text (exposition format 0.0.4). Pure. Counters end in _total and never fall while a channel
 * lives; a channel's series end when it is collected, so that there are never more than the channel limit allows.
 */
import type { Percentiles } from "../base/percentiles.ts";
import type { ChannelStats } from "./channel-stats.ts";
import type { ClusterStats } from "./cluster-link.ts";
import type { RelayReport } from "./stats.ts";

export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

type Kind = "counter" | "gauge" | "summary";
type Labels = Readonly<Record<string, string>>;
/** `suffix` is of a summary's count and sum. */
type Sample = readonly [labels: Labels, value: number, suffix?: "" | "_count" | "_sum"];

interface Metric {
  readonly name: string;
  readonly kind: Kind;
  readonly help: string;
  readonly samples: readonly Sample[];
}

type ChannelMetric = readonly [name: string, kind: Kind, help: string, value: (stats: ChannelStats) => number];

const ofChannels: readonly ChannelMetric[] = [
  ["channel_frames_total", "counter", "Messages of the source that were relayed.", (s) => s.framesRelayed],
  ["channel_bytes_total", "counter", "Bytes of these messages, counted once.", (s) => s.bytesRelayed],
  ["channel_inputs_total", "counter", "Input events that reached the source.", (s) => s.inputsRelayed],
  ["channel_keyframes_total", "counter", "Frames that a picture begins with.", (s) => s.keyframes],
  ["channel_signal_diffs_total", "counter", "Signal diffs.", (s) => s.signalDiffs],
  ["channel_left_out_total", "counter", "Messages left out for receivers that were too slow.", (s) => s.leftOut],
  ["channel_resyncs_total", "counter", "Receivers given the whole picture again.", (s) => s.resyncs],
  ["channel_connections_total", "counter", "Sources and receivers that connected.", (s) => s.totalConnections],
  ["channel_rejected_total", "counter", "Receivers turned away for the limit.", (s) => s.rejectedConnections],
  ["channel_receivers", "gauge", "Receivers now.", (s) => s.connectedReceivers],
  ["channel_receivers_peak", "gauge", "Most receivers at one time.", (s) => s.peakReceivers],
  ["channel_signal_peers", "gauge", "Signalling peers now.", (s) => s.signalPeers],
  ["channel_source_connected", "gauge", "1 while a source is connected.", (s) => (s.sourceConnected ? 1 : 0)],
  ["channel_cached", "gauge", "1 while there is something for late joiners.", (s) => (s.hasState ? 1 : 0)],
  ["channel_pictures_total", "counter", "Pictures of the source, whole ones and changes.", (s) => s.pictures],
  ["channel_cached_bytes", "gauge", "Bytes kept for late joiners.", (s) => s.cachedBytes],
  ["channel_uptime_seconds", "gauge", "Age of the channel.", (s) => s.uptimeSeconds],
];

const ofCluster: readonly (readonly [
  name: string,
  kind: Kind,
  help: string,
  value: (stats: ClusterStats) => number,
])[] = [
  ["cluster_connected", "gauge", "1 while the broker is there.", (s) => (s.isConnected ? 1 : 0)],
  ["cluster_reconnects_total", "counter", "Times that the broker came back.", (s) => s.reconnects],
  ["cluster_relays", "gauge", "Other relays that are known.", (s) => s.relays],
  ["cluster_claims", "gauge", "Channels whose source is or was here.", (s) => s.claims],
  ["cluster_wanted", "gauge", "Channels of ours that other relays watch.", (s) => s.wanted],
  ["cluster_followed", "gauge", "Channels of others that are watched here.", (s) => s.followed],
  ["cluster_messages_in_total", "counter", "Bus messages received.", (s) => s.messagesIn],
  ["cluster_bytes_in_total", "counter", "Bytes of bus messages received.", (s) => s.bytesIn],
  ["cluster_messages_out_total", "counter", "Bus messages sent.", (s) => s.messagesOut],
  ["cluster_bytes_out_total", "counter", "Bytes of bus messages sent.", (s) => s.bytesOut],
  ["cluster_claims_lost_total", "counter", "Sources that gave way to one on another relay.", (s) => s.claimsLost],
];

function clusterMetrics(stats: ClusterStats): Metric[] {
  const drops = Object.entries(stats.drops).map(([reason, count]): Sample => [{ reason }, count]);
  return [
    ...ofCluster.map(([name, kind, help, value]): Metric => ({ name, kind, help, samples: [[{}, value(stats)]] })),
    { name: "cluster_drops_total", kind: "counter", help: "Bus messages dropped.", samples: drops },
  ];
}

/** Prometheus has no percentiles of what others counted; a summary's quantiles are of a window, as these are. */
function quantiles(percentiles: Percentiles | null, labels: Labels = {}): Sample[] {
  if (!percentiles) return [];
  const { p50, p95, p99 } = percentiles;
  return [
    [{ ...labels, quantile: "0.5" }, p50 / 1000],
    [{ ...labels, quantile: "0.95" }, p95 / 1000],
    [{ ...labels, quantile: "0.99" }, p99 / 1000],
  ];
}

function latencyMetrics({ latencyMs, roundTripMs, transport, channels }: RelayReport): Metric[] {
  return [
    {
      name: "latency_seconds",
      kind: "summary",
      help: "From a message's last byte read to its last byte given to the kernel, each receiver; quantiles of the last 30 to 60 s.",
      samples: [
        ...quantiles(latencyMs),
        [{}, transport.latencySumUs / 1e6, "_sum"],
        [{}, transport.latencyCount, "_count"],
      ],
    },
    {
      name: "round_trip_seconds",
      kind: "gauge",
      help: "From a keepalive ping to its pong, all connections, of the last 30 to 60 s.",
      samples: quantiles(roundTripMs),
    },
    {
      name: "channel_latency_seconds",
      kind: "gauge",
      help: "As latency_seconds, of one channel.",
      samples: channels.flatMap(({ name, latencyMs: its }) => quantiles(its, { channel: name })),
    },
  ];
}

function metricsOf(report: RelayReport): Metric[] {
  const { channels, connections, transport, process } = report;
  const one = (name: string, kind: Kind, help: string, value: number): Metric => {
    return { name, kind, help, samples: [[{}, value]] };
  };
  const each = (name: string, help: string, label: string, counts: Readonly<Record<string, number>>): Metric => {
    return { name, kind: "counter", help, samples: Object.entries(counts).map(([key, n]) => [{ [label]: key }, n]) };
  };
  return [
    { name: "info", kind: "gauge", help: "The relay's version.", samples: [[{ version: report.version }, 1]] },
    one("uptime_seconds", "gauge", "Time since the relay started.", report.uptimeSeconds),
    one("channels", "gauge", "Channels now.", channels.length),
    one(
      "channels_collected_total",
      "counter",
      "Channels removed because nobody was on them.",
      report.channelsCollected,
    ),
    {
      name: "connections",
      kind: "gauge",
      help: "WebSockets now.",
      samples: [
        [{ role: "source" }, connections.sources],
        [{ role: "receiver" }, connections.receivers],
        [{ role: "signal" }, connections.signalPeers],
      ],
    },
    one("accepted_total", "counter", "WebSockets that were accepted.", transport.accepted),
    one("messages_in_total", "counter", "Messages received.", transport.messagesIn),
    one("bytes_in_total", "counter", "Bytes of messages received.", transport.bytesIn),
    one("messages_out_total", "counter", "Messages sent, one for each receiver.", transport.messagesOut),
    one("bytes_out_total", "counter", "Bytes of messages sent.", transport.bytesOut),
    one("left_out_total", "counter", "Messages left out for receivers that were too slow.", transport.leftOut),
    each("drops_total", "Connections refused and messages dropped.", "reason", report.drops),
    each("refusals_total", "Connections ended for breaking the protocol.", "code", transport.refusals),
    one("resident_memory_bytes", "gauge", "Resident memory of the process.", process.residentBytes),
    one("cpu_seconds_total", "counter", "Processor time of the process.", process.userSeconds + process.systemSeconds),
    ...latencyMetrics(report),
    ...(report.cluster ? clusterMetrics(report.cluster) : []),
    ...ofChannels.map(([name, kind, help, value]): Metric => {
      return { name, kind, help, samples: channels.map((stats) => [{ channel: stats.name }, value(stats)]) };
    }),
  ];
}

/** Backslash, quote and line feed are the only characters that a label's value must not hold as they are. */
function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function sampleLine(name: string, [labels, value, suffix = ""]: Sample): string {
  const list = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
  return `${name}${suffix}${list.length > 0 ? `{${list.join(",")}}` : ""} ${value}`;
}

export function prometheusText(report: RelayReport): string {
  const lines = metricsOf(report)
    .filter(({ samples }) => samples.length > 0)
    .flatMap(({ name, kind, help, samples }) => {
      const full = `patchbay_relay_${name}`;
      return [`# HELP ${full} ${help}`, `# TYPE ${full} ${kind}`, ...samples.map((sample) => sampleLine(full, sample))];
    });
  return `${lines.join("\n")}\n`;
}
