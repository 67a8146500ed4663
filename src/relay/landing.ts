/**
 * The relay's first page: what is on, and the addresses to publish, watch and signal at. One text without scripts, so that it
 * shows in anything; what peers chose is escaped. Pure.
 */
import { createHash } from "node:crypto";
import type { ChannelStats } from "./channel-stats.ts";

/** The colours are web/dashboard.css's. */
const style = `
:root { color-scheme: light dark; --ground: light-dark(#f5f6f4, #131614); --panel: light-dark(#fff, #1b1f1d);
  --line: light-dark(#dfe3df, #2f3532); --text: light-dark(#1a1f1c, #e8ece9); --quiet: light-dark(#5b655f, #9aa69f);
  --accent: light-dark(#0f6b5c, #4fc3ab);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 2.5rem); max-width: 74rem; background: var(--ground); color: var(--text); }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0; }
h2 { font-size: 0.9rem; font-weight: 600; margin: 0 0 0.5rem; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 0.6rem; padding: 1rem; margin-top: 1rem; overflow-x: auto; }
.quiet { color: var(--quiet); margin: 0.25rem 0 0; }
code { font-family: ui-monospace, "Noto Sans Mono", monospace; overflow-wrap: anywhere; }
a { color: var(--accent); }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 500; color: var(--quiet); }
th, td { padding: 0.3rem 1rem 0.3rem 0; border-top: 1px solid var(--line); white-space: nowrap; }
tr:first-child th { border-top: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.3rem 1rem; margin: 0; }
dd { margin: 0; }
`;

/** For the header Content-Security-Policy. */
export const landingPolicy =
  `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function escapeHtml(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => names[character] as string);
}

export interface Landing {
  /** `ws://host:port` as the visitor came here. */
  readonly base: string;
  /** Undefined when the visitor may not know. */
  readonly channels: readonly ChannelStats[] | undefined;
  readonly version: string;
}

function row({ name, sourceConnected, connectedReceivers, framesRelayed, bytesRelayed }: ChannelStats): string {
  const cells = [
    sourceConnected ? "live" : "no source",
    connectedReceivers,
    framesRelayed,
    `${(bytesRelayed / 1e6).toFixed(1)} MB`,
  ];
  const safe = escapeHtml(name);
  return `<tr><td><a href="/player/${safe}">${safe}</a></td>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

function channelTable(channels: Landing["channels"]): string {
  if (!channels) return `<p class="quiet">Which channels there are is told to whoever has a key.</p>`;
  if (channels.length === 0) return `<p class="quiet">Nothing is on. A source opens a channel by its name.</p>`;
  const head = ["Channel", "Source", "Receivers", "Frames", "Relayed"].map((name) => `<th>${name}</th>`).join("");
  return `<table><tr>${head}</tr>${channels.map(row).join("")}</table>`;
}

export function landingPage({ base, channels, version }: Landing): string {
  const forms = [
    ["Publish", "/source/NAME"],
    ["Watch", "/stream/NAME"],
    ["Signal", "/signal/NAME"],
  ].map(([title, path]) => `<dt>${title}</dt><dd><code>${escapeHtml(base)}${path}</code></dd>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Patchbay relay</title>
<style>${style}</style>
</head>
<body>
<header><h1>Patchbay relay</h1><p class="quiet">version ${escapeHtml(version)}</p></header>
<main>
<section><h2>Channels</h2>${channelTable(channels)}</section>
<section><h2>In this browser</h2><p><a href="/player">Watch a channel</a> or <a href="/publish">publish one</a>.</p></section>
<section><h2>WebSocket addresses</h2><dl>${forms.join("")}</dl>
<p class="quiet">Without a name it is the channel <code>default</code>.</p></section>
<section><h2>For programs</h2><p><a href="/api/stats">/api/stats</a>, <a href="/api/history">/api/history</a>, <a href="/metrics">/metrics</a></p></section>
</main>
</body>
</html>
`;
}
