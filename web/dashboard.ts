/**
 * The status page: reads /api/stats once a second and shows it. Changes nothing on the host, keeps nothing. When the host
 * stops answering, the last figures stay, faded, with a sentence that says how old they are.
 */
import { type HostStats, type PeerStats, type Percentiles, stages } from "../src/host/stats.ts";
import { byId, element, setText, table, whenChanged } from "./dom.ts";
import { bits, count, counted, decimals, duration } from "./lib/format.ts";
import { Sparkline } from "./sparkline.ts";

const intervalMs = 1000;
const timeoutMs = 4000;

const fpsLine = new Sparkline(byId("fps-spark"));
const bitrateLine = new Sparkline(byId("bitrate-spark"));
let lastAnswerMs: number | undefined;

async function poll(): Promise<void> {
  try {
    const answer = await fetch("/api/stats", { signal: AbortSignal.timeout(timeoutMs), cache: "no-store" });
    if (!answer.ok) throw new Error(`the host answered with status ${answer.status}`);
    show((await answer.json()) as HostStats);
    lastAnswerMs = Date.now();
    showConnection();
  } catch (cause) {
    console.warn(cause);
    showConnection(cause);
  }
  setTimeout(() => void poll(), intervalMs);
}

function showConnection(problem?: unknown): void {
  const state = byId("state");
  const lost = problem !== undefined;
  state.dataset.state = lost ? "lost" : "live";
  setText(state, lost ? "Not answering" : "Live");
  document.body.toggleAttribute("data-stale", lost);
  const stale = byId("stale");
  stale.hidden = !lost;
  const age = lastAnswerMs === undefined ? "" : ` The figures are ${duration((Date.now() - lastAnswerMs) / 1000)} old.`;
  if (lost) setText(stale, `The host does not answer; trying again every second.${age}`);
}

function show(stats: HostStats): void {
  document.title = `${stats.name} – Patchbay host`;
  setText(byId("name"), stats.name);
  setText(byId("fingerprint"), stats.fingerprint);
  setText(byId("about"), `Patchbay ${stats.version}, up ${duration(stats.uptimeSeconds)}, UDP port ${stats.udp.port}`);
  showWaiting(stats.peers.filter((peer) => peer.state === "waiting"));
  showSource(stats);
  showViewer(stats.viewer);
  showPeers(stats.peers.filter((peer) => peer.state !== "waiting"));
  showStages(stats);
  showDrops(stats);
}

function showWaiting(peers: readonly PeerStats[]): void {
  byId("waiting").hidden = peers.length === 0;
  const stable = peers.map(({ name, fingerprint, words }) => ({ name, fingerprint, words }));
  whenChanged(byId("waiting-list"), stable, () => stable.map(waitingItem));
}

function waitingItem({ name, fingerprint, words }: Pick<PeerStats, "name" | "fingerprint" | "words">): HTMLElement {
  const command = `patchbay peers approve ${fingerprint}`;
  const copy = element("button", { type: "button" }, "Copy command");
  copy.setAttribute("aria-label", `Copy the command that approves ${name || fingerprint}`);
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command);
      copy.textContent = "Copied";
    } catch (cause) {
      console.warn(cause);
      copy.textContent = "Select it by hand";
    }
  });
  const spoken = (words ?? []).map((word) => element("span", {}, word));
  return element(
    "li",
    {},
    element(
      "p",
      {},
      element("strong", {}, name || "Unnamed device"),
      " ",
      element("span", { class: "mono" }, fingerprint),
    ),
    spoken.length > 0
      ? element("p", { class: "words" }, ...spoken.flatMap((word, i) => (i === 0 ? [word] : [" ", word])))
      : element("p", { class: "quiet" }, "Its words appear when it connects again."),
    element("div", { class: "command" }, element("code", {}, command), copy),
  );
}

const codecNames: Record<string, string> = { h264: "H.264", hevc: "HEVC" };

function showSource({ source, stream, sound }: HostStats): void {
  setText(byId("picture"), source.width > 0 ? `${source.width} × ${source.height}` : "No picture yet");
  const rows = [
    ["Capture", source.capture],
    ["Encoder", source.encoder],
    ["Codec", codecNames[source.codec] ?? source.codec],
    ["Detail", source.detail],
    ["Sound", soundWords(sound)],
    ...sound.microphones.map((one) => ["Microphone", microphoneWords(one)]),
    ...source.failures.map(({ what, from, to, why }) => ["Failed", `${what} ${from}: ${why}; ${to} goes on`]),
  ].filter(([, value]) => value !== "");
  whenChanged(byId("source"), rows, () =>
    rows.flatMap(([term, value]) => [element("dt", {}, term as string), element("dd", {}, value as string)]),
  );
  setText(byId("fps"), decimals(stream.fps, 1));
  setText(byId("fps-note"), `At most ${source.fps}. An unchanged screen sends none.`);
  fpsLine.add(stream.fps, source.fps);
  const [value, unit] = bits(stream.bitrateBps).split(" ");
  setText(byId("bitrate"), value ?? "");
  setText(byId("bitrate-unit"), unit ?? "");
  setText(byId("bitrate-note"), `${count(stream.frames)} frames, ${count(stream.keyframes)} keyframes`);
  bitrateLine.add(stream.bitrateBps, 1_000_000);
}

function soundWords(sound: HostStats["sound"]): string {
  const { state, backend, detail, listeners, bitrateBps, lossPercent, drops } = sound;
  if (state === "off") return "off";
  if (state === "unavailable") return `none: ${detail}`;
  if (state === "lost") return `gone, and tried again: ${detail}`;
  if (state === "idle") return `${backend}, nobody listens`;
  const left = Object.values(drops).reduce((sum, one) => sum + one, 0);
  const words = [backend, bits(bitrateBps), counted(listeners, "listener")];
  if (lossPercent > 0) words.push(`${lossPercent} % lost on the way`);
  if (left > 0) words.push(`${counted(left, "packet")} left out`);
  return words.join(", ");
}

function microphoneWords({ name, device, packets, lost }: HostStats["sound"]["microphones"][number]): string {
  return device ? `${name} as ${device}, ${count(lost)} of ${counted(packets, "packet")} lost` : `${name}: not heard`;
}

/** How this screen is watched without a client, from here and from elsewhere. */
function showViewer(viewer: HostStats["viewer"]): void {
  byId("viewer").hidden = viewer === undefined;
  whenChanged(byId("viewer-text"), viewer ?? null, () => {
    if (!viewer) return [];
    const command = element("code", {}, "patchbay key show --viewer");
    const here = viewer.isOpen
      ? element("p", {}, element("a", { href: viewer.path }, "Watch and control this screen"), " in this browser.")
      : element(
          "p",
          {},
          "To watch and control this screen, open the address that ",
          command,
          " prints on this machine.",
        );
    const option = element("code", {}, "--dashboard 0.0.0.0:9101");
    const elsewhere =
      viewer.places.length === 0
        ? element(
            "p",
            { class: "quiet" },
            "Only this machine reaches this page; ",
            option,
            " opens it to the network, for those with the token.",
          )
        : element(
            "p",
            { class: "quiet" },
            "From the network, with the token: ",
            element("span", { class: "mono" }, viewer.places.join(", ")),
          );
    return [here, elsewhere];
  });
}

const stateText: Readonly<Record<PeerStats["state"], string>> = {
  waiting: "Waiting",
  approved: "Not connected",
  connected: "Connected",
  revoked: "Revoked",
};

function showPeers(peers: readonly PeerStats[]): void {
  const live = (peer: PeerStats, text: string) => (peer.state === "connected" ? text : "–");
  whenChanged(byId("peers"), peers, () =>
    peers.length === 0
      ? [empty("No paired device yet. Connect one with patchbay client; patchbay key show prints the pairing code.")]
      : [
          table<PeerStats>(
            "Paired devices and what each receives",
            [
              { title: "Device", cell: (p) => deviceName(p) },
              { title: "State", cell: (p) => stateText[p.state] },
              { title: "May", cell: (p) => p.permissions.join(", ") || "nothing" },
              { title: "Address", cell: (p) => p.address || "–" },
              { title: "Since", number: true, cell: (p) => live(p, duration(p.connectedSeconds)) },
              {
                title: "RTT",
                number: true,
                cell: (p) => live(p, p.rttMs === null ? "–" : `${decimals(p.rttMs, 1)} ms`),
              },
              { title: "Loss", number: true, cell: (p) => live(p, `${decimals(p.lossPercent, 2)} %`) },
              { title: "Bit rate", number: true, cell: (p) => live(p, bits(p.bitrateBps)) },
            ],
            peers,
          ),
        ],
  );
}

function deviceName({ name, fingerprint }: PeerStats): DocumentFragment {
  const cell = document.createDocumentFragment();
  cell.append(name || "Unnamed device", element("small", { class: "mono" }, fingerprint));
  return cell;
}

function showStages({ stagesMs, source }: HostStats): void {
  const rows = stages.flatMap((stage) => {
    const times = stagesMs[stage];
    return times ? [{ stage, times }] : [];
  });
  const longest = Math.max(...rows.map(({ times }) => times.p99), 0.1);
  whenChanged(byId("stages"), rows, () => {
    if (rows.length === 0) return [empty("Nothing measured yet. Times appear with the first frame that is sent.")];
    const caption = `Milliseconds a frame. At ${source.fps} frames a second each has ${decimals(1000 / source.fps, 1)}.`;
    const made = table<(typeof rows)[number]>(
      caption,
      [
        { title: "Stage", cell: (row) => row.stage },
        { title: "", cell: (row) => bar(row.times, longest) },
        { title: "p50", number: true, cell: (row) => decimals(row.times.p50, 2) },
        { title: "p95", number: true, cell: (row) => decimals(row.times.p95, 2) },
        { title: "p99", number: true, cell: (row) => decimals(row.times.p99, 2) },
      ],
      rows,
    );
    for (const row of made.rows) row.cells[1]?.classList.add("bar-cell");
    made.rows[0]?.cells[1]?.setAttribute("aria-hidden", "true");
    return [made];
  });
}

/** Solid up to the median, soft up to the 99th percentile; the numbers beside it say the same. */
function bar({ p50, p99 }: Percentiles, longest: number): HTMLElement {
  const part = (name: string, value: number) => {
    const node = element("i", { class: name });
    node.style.width = `${Math.min(100, (value / longest) * 100).toFixed(1)}%`;
    return node;
  };
  return element("div", { class: "bar", "aria-hidden": "true" }, part("p99", p99), part("p50", p50));
}

function showDrops({ drops, sound, stream, udp }: HostStats): void {
  const rows = [
    ...entries(stream.skipped, "frames"),
    ...entries(drops, "packets"),
    ...entries(sound.drops, "packets of sound"),
    ...entries({ "receive buffer full": udp.droppedKernel, "receive queue full": udp.droppedRingFull }, "packets"),
    ...entries({ "send queue full": udp.droppedSendFull, "send errors": udp.sendErrors }, "packets"),
  ];
  whenChanged(byId("drops"), rows, () =>
    rows.length === 0
      ? [empty("Nothing has been dropped.")]
      : [
          table<(typeof rows)[number]>(
            "Since the start, by reason",
            [
              { title: "Reason", cell: (row) => row.reason },
              { title: "What", cell: (row) => row.what },
              { title: "Count", number: true, cell: (row) => count(row.number) },
            ],
            rows,
          ),
        ],
  );
}

function entries(counts: Readonly<Record<string, number>>, what: string) {
  return Object.entries(counts)
    .filter(([, number]) => number > 0)
    .map(([reason, number]) => ({ reason: reason.replaceAll("-", " "), what, number }));
}

function empty(text: string): HTMLElement {
  return element("p", { class: "empty" }, text);
}

void poll();
