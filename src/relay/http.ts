/**
 * What a relay answers to plain HTTP: its status page, the pages for browsers, statistics as JSON, Prometheus text and history.
 * Read-only, and each answer carries the security headers. It sends nothing by itself and keeps no state.
 */
import type { Result } from "../base/result.ts";
import type { RelayMinute } from "../store/relay.ts";
import type { RelayAccess } from "./access.ts";
import type { ChannelStats } from "./channel-stats.ts";
import type { Denial } from "./core.ts";
import { metricsType, prometheusText } from "./metrics.ts";
import { isChannelName, parseRoute, webSocketPaths } from "./paths.ts";
import type { PeerStats } from "./peer-stats.ts";
import type { RelayReport } from "./stats.ts";
import type { RelayRequest } from "./transport.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What the pages are asked for a path; undefined for one that is not theirs. */
export type Pages = (target: string) => Promise<HttpAnswer | undefined>;

export interface HttpParts {
  readonly access: RelayAccess;
  readonly pages: Pages;
  report(): RelayReport;
  peersOf(channel: string): readonly PeerStats[];
  /** Newest `count` rows since a time, oldest first. */
  history(channel: string, sinceMs: number, count: number): Result<readonly RelayMinute[]>;
}

/** What /api/channel tells. */
export interface ChannelDetail {
  readonly channel: ChannelStats;
  /** Null when there is none, or on another relay. `remote` is empty for those who may not know where others connect from. */
  readonly source: PeerStats | null;
  /** Those for whom most waits first. */
  readonly receivers: readonly PeerStats[];
  /** Further receivers, which are not listed. */
  readonly receiversOmitted: number;
}

const securityHeaders = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
} as const;
const nothingLoads = "default-src 'none'; frame-ancestors 'none'";
/** A day of minutes, which is also the most that is answered at once. */
const historyRows = 1440;
/** Receivers in one answer. */
const detailRows = 100;

export async function answer(request: RelayRequest, parts: HttpParts): Promise<HttpAnswer> {
  const { method, target } = request;
  if (method !== "GET" && method !== "HEAD")
    return withHeader(failure(405, "method-not-allowed", "Everything here can only be read."), "allow", "GET, HEAD");
  const [path = ""] = target.split("?", 1);
  const { access } = parts;
  switch (path) {
    case "/api/stats":
      return readable(request, parts, () => json(200, parts.report()));
    case "/api/channel":
      return readable(request, parts, () => detail(request, parts));
    case "/metrics":
      return readable(request, parts, () => text(metricsType, prometheusText(parts.report())));
    case "/api/history":
      return readable(request, parts, () => history(target, parts));
  }
  const foreign = access.page(request);
  if (foreign) return denied(foreign);
  const page = await parts.pages(target);
  return page ? { ...page, headers: { ...securityHeaders, ...page.headers } } : noPage(target);
}

function readable(request: RelayRequest, { access }: HttpParts, make: () => HttpAnswer): HttpAnswer {
  const denial = access.read(request);
  return denial ? denied(denial) : make();
}

function denied(denial: Denial | undefined): HttpAnswer {
  const { status, message } = denial ?? { status: 403, message: "This is not for you." };
  const answered = failure(status, status === 401 ? "no-access" : "forbidden", message);
  return status === 401 ? withHeader(answered, "www-authenticate", 'Bearer realm="patchbay relay"') : answered;
}

function noPage(target: string): HttpAnswer {
  if (typeof parseRoute(target) === "object") {
    const needed = failure(426, "upgrade-required", "This address is for WebSockets.");
    return withHeader(needed, "upgrade", "websocket");
  }
  return json(404, { error: "unknown-path", message: "There is nothing here.", paths: webSocketPaths });
}

/** `?name=NAME` */
function detail(request: RelayRequest, { access, report, peersOf }: HttpParts): HttpAnswer {
  const name = new URLSearchParams(request.target.split("?", 2)[1] ?? "").get("name") ?? "";
  const channel = report().channels.find((one) => one.name === name);
  if (!channel) return failure(404, "no-channel", "There is no channel of this name now.");
  const isTrusted = access.knowsPeers(request);
  const peers = peersOf(name).map((peer) => (isTrusted ? peer : { ...peer, remote: "" }));
  const receivers = peers
    .filter(({ role }) => role === "receiver")
    .sort((a, b) => b.queuedBytes - a.queuedBytes || b.leftOut - a.leftOut || a.connection - b.connection);
  const told: ChannelDetail = {
    channel,
    source: peers.find(({ role }) => role === "source") ?? null,
    receivers: receivers.slice(0, detailRows),
    receiversOmitted: Math.max(0, receivers.length - detailRows),
  };
  return json(200, told);
}

/** `?channel=NAME&minutes=N`; without a channel the whole relay, without minutes the last hour. */
function history(target: string, parts: HttpParts): HttpAnswer {
  const query = new URLSearchParams(target.split("?", 2)[1] ?? "");
  const channel = query.get("channel") ?? "";
  const minutes = Number(query.get("minutes") ?? 60);
  if (channel !== "" && !isChannelName(channel)) return failure(400, "bad-name", "There is no channel of such a name.");
  if (!(Number.isInteger(minutes) && minutes >= 1 && minutes <= 7 * 1440))
    return failure(400, "bad-query", "minutes is a whole number from 1 to 10080.");
  const rows = parts.history(channel, Date.now() - minutes * 60_000, historyRows);
  return rows.ok ? json(200, { channel, minutes: rows.value }) : failure(503, "no-history", rows.message);
}

function text(type: string, body: string): HttpAnswer {
  const headers = {
    ...securityHeaders,
    "content-security-policy": nothingLoads,
    "cache-control": "no-store",
    "content-type": type,
  };
  return { status: 200, headers, body: new TextEncoder().encode(body) };
}

function json(status: number, value: unknown): HttpAnswer {
  return { ...text("application/json", `${JSON.stringify(value)}\n`), status };
}

function failure(status: number, error: string, message: string): HttpAnswer {
  return json(status, { error, message });
}

function withHeader(one: HttpAnswer, name: string, value: string): HttpAnswer {
  return { ...one, headers: { ...one.headers, [name]: value } };
}
