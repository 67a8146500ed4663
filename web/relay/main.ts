/**
 * The relay's status page: reads /api/stats once a second and shows the whole relay, its channels, and (detail.ts) the one that is
 * open. It changes nothing. When the relay stops answering, the last figures stay, faded, with a sentence that says how old they are.
 */
import type { RelayReport } from "../../src/relay/stats.ts";
import { byId, element, setText } from "../dom.ts";
import { CounterRates } from "../lib/counter-rates.ts";
import { bits, bytes, count, decimals, duration, milliseconds } from "../lib/format.ts";
import { LiveTable } from "../live-table.ts";
import { Sparkline } from "../sparkline.ts";
import { type ChannelRow, Detail } from "./detail.ts";
import { facts } from "./facts.ts";
import { showLosses } from "./losses.ts";
import { ask, chosenChannel, keyInUse, onAddressChanged, pageUrl, Refused, remember } from "./server.ts";
import { contentText } from "./words.ts";

const intervalMs = 1000;

const rates = new CounterRates();
const lines = {
  in: new Sparkline(byId("in-spark")),
  out: new Sparkline(byId("out-spark")),
  latency: new Sparkline(byId("latency-spark")),
};
const detail = new Detail(() => choose(undefined));
let open = chosenChannel();
let lastAnswerMs: number | undefined;
let last: readonly ChannelRow[] = [];
let maxReceivers = 0;

const channels = new LiveTable<ChannelRow>(
  byId("channels"),
  "A channel's name opens its figures below",
  [
    { title: "Channel", cell: ({ stats }) => stats.name, make: nameButton },
    { title: "Carries", cell: ({ stats }) => contentText(stats) },
    { title: "Pictures", number: true, cell: ({ stats, fps }) => (stats.picture ? `${decimals(fps, 1)} fps` : "–") },
    { title: "Bit rate", number: true, cell: ({ bps }) => bits(bps) },
    { title: "Receivers", number: true, cell: ({ stats }) => `${stats.connectedReceivers} of ${maxReceivers}` },
    {
      title: "In the relay, p99",
      number: true,
      cell: ({ stats }) => (stats.latencyMs ? milliseconds(stats.latencyMs.p99) : "–"),
    },
    {
      title: "Left out",
      number: true,
      cell: ({ stats }) => count(stats.leftOut),
      isSlow: ({ stats }) => stats.leftOut > 0,
    },
  ],
  ({ stats }) => stats.name,
  ({ stats }, node) => {
    node.dataset.live = stats.sourceConnected ? "yes" : "no";
    node.toggleAttribute("data-open", stats.name === open);
    node.querySelector("button")?.setAttribute("aria-expanded", String(stats.name === open));
    node.querySelector("button")?.setAttribute("title", stats.sourceConnected ? "A source is connected" : "No source");
  },
);

function nameButton({ stats: { name } }: ChannelRow): HTMLElement {
  const button = element("button", { type: "button", class: "name", "aria-controls": "detail", "data-channel": name });
  button.addEventListener("click", () => {
    choose(open === name ? undefined : name);
    if (open !== undefined) byId("detail").focus();
  });
  return button;
}

/** Closing gives the focus back to where the channel was opened. */
function choose(channel: string | undefined): void {
  const before = open;
  open = channel;
  remember("channel", channel);
  showChannels();
  if (channel === undefined && before !== undefined)
    document.querySelector<HTMLElement>(`[data-channel="${CSS.escape(before)}"]`)?.focus();
}

function showChannels(): void {
  channels.show(last);
  byId("no-channels").hidden = last.length > 0;
  detail.show(
    open,
    last.find(({ stats }) => stats.name === open),
  );
}

async function poll(): Promise<void> {
  try {
    show(await ask<RelayReport>("/api/stats"));
    lastAnswerMs = Date.now();
    lock(undefined);
    tellConnection(undefined);
  } catch (cause) {
    if (cause instanceof Refused && (cause.status === 401 || cause.status === 403)) lock(cause.message);
    else {
      console.warn(cause);
      tellConnection(cause);
    }
  }
  setTimeout(() => void poll(), intervalMs);
}

/** Without a key that lets one view there is nothing to show but the way in. */
function lock(reason: string | undefined): void {
  byId("locked").hidden = reason === undefined;
  byId("board").hidden = reason !== undefined;
  if (reason === undefined) return;
  if (keyInUse() !== undefined) setText(byId("refused"), reason);
  byId("state").dataset.state = "wait";
  setText(byId("state"), "Locked");
}

function tellConnection(problem: unknown): void {
  const [state, stale] = [byId("state"), byId("stale")];
  const lost = problem !== undefined;
  state.dataset.state = lost ? "lost" : "live";
  setText(state, lost ? "Not answering" : "Live");
  document.body.toggleAttribute("data-stale", lost);
  stale.hidden = !lost;
  const age = lastAnswerMs === undefined ? "" : ` The figures are ${duration((Date.now() - lastAnswerMs) / 1000)} old.`;
  if (lost) setText(stale, `The relay does not answer; trying again every second.${age}`);
}

function show(report: RelayReport): void {
  const { uptimeSeconds: now } = report;
  ({ maxReceivers } = report.limits);
  last = report.channels
    .map((stats) => ({
      stats,
      fps: rates.rate(`${stats.name} fps`, stats.pictures, now),
      bps: 8 * rates.rate(`${stats.name} bytes`, stats.bytesRelayed, now),
    }))
    .sort((a, b) => rank(b) - rank(a) || a.stats.name.localeCompare(b.stats.name));
  showWhole(report);
  showChannels();
  showLosses(report);
  rates.endRound();
}

const rank = ({ stats }: ChannelRow): number =>
  (stats.sourceConnected ? 2 : 0) + (stats.connectedReceivers > 0 ? 1 : 0);

function showWhole(report: RelayReport): void {
  const { channels: all, connections, transport, process, limits, uptimeSeconds: now, latencyMs, roundTripMs } = report;
  const live = all.filter(({ sourceConnected }) => sourceConnected).length;
  setText(byId("live"), count(live));
  setText(byId("live-note"), `live, ${all.length} of at most ${limits.maxChannels} open`);
  const cpu = rates.rate("cpu", process.userSeconds + process.systemSeconds, now);
  facts(byId("whole"), [
    ["Sources", count(connections.sources)],
    ["Receivers", count(connections.receivers)],
    ["Signalling", count(connections.signalPeers)],
    ["Up", duration(now)],
    ["Processor", `${decimals(100 * cpu, 1)} % of a core`],
    ["Memory", bytes(process.residentBytes)],
  ]);
  direction("in", transport.bytesIn, transport.messagesIn, now);
  direction("out", transport.bytesOut, transport.messagesOut, now);
  setText(byId("latency"), latencyMs ? decimals(latencyMs.p99, latencyMs.p99 < 1 ? 2 : 1) : "–");
  lines.latency.add(latencyMs?.p99 ?? 0, 1);
  const trip = roundTripMs
    ? ` Round trips ${milliseconds(roundTripMs.p50)}, p99 ${milliseconds(roundTripMs.p99)}.`
    : "";
  setText(
    byId("latency-note"),
    latencyMs
      ? `p50 ${milliseconds(latencyMs.p50)}, p95 ${milliseconds(latencyMs.p95)}.${trip}`
      : "Nothing was relayed in the last minute.",
  );
  setText(byId("about"), `Patchbay ${report.version}, ${transport.name} WebSocket server, process ${process.pid}`);
}

function direction(way: "in" | "out", total: number, messages: number, now: number): void {
  const bps = 8 * rates.rate(`bytes ${way}`, total, now);
  const [value, unit] = bits(bps).split(" ");
  setText(byId(way), value ?? "");
  setText(byId(`${way}-unit`), unit ?? "");
  lines[way].add(bps, 1e6);
  const perSecond = rates.rate(`messages ${way}`, messages, now);
  setText(
    byId(`${way}-note`),
    `${decimals(perSecond, perSecond < 10 ? 1 : 0)} messages a second, ${bytes(total)} since the start`,
  );
}

function showPlace(): void {
  const base = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}`;
  setText(byId("place"), base);
  facts(byId("addresses"), [
    ["Publish", `${base}/source/NAME`],
    ["Watch", `${base}/stream/NAME`],
    ["Signal", `${base}/signal/NAME`],
  ]);
  byId("publish-first").setAttribute("href", pageUrl("/publish/show"));
}

byId("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  remember("key", (byId("key") as HTMLInputElement).value.trim());
  showPlace();
  void ask<RelayReport>("/api/stats").then(
    (report) => {
      show(report);
      lock(undefined);
      tellConnection(undefined);
      byId("main").focus();
    },
    (cause: unknown) => lock(cause instanceof Error ? cause.message : String(cause)),
  );
});
onAddressChanged(() => {
  open = chosenChannel();
  showPlace();
  showChannels();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && open !== undefined) choose(undefined);
});
showPlace();
void poll();
