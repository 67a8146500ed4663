/**
 * The status page and /api/stats over HTTP, read-only, and the viewer (viewer.ts) for those who have the token. Requests pass the
 * guard first; every answer carries the security headers. It never listens beyond loopback unless told to.
 */
import { randomBytes } from "node:crypto";
import { Elysia } from "elysia";
import { monotonicClock } from "../../ffi/clock.ts";
import type { Log } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import type { HostStats } from "../host/stats.ts";
import { BunTransport } from "../relay/bun-transport.ts";
import { pageFor } from "../relay/pages.ts";
import type { RelayRequest } from "../relay/transport.ts";
import { api } from "./api.ts";
import { cookieName, isLoopback, type Listening, refusal, sameToken, stranger } from "./guard.ts";
import { pageAssets } from "./page.ts";
import { networkPlaces } from "./places.ts";
import { type ScreenHost, ScreenViewer, screenChannel } from "./viewer.ts";

export interface DashboardSettings {
  /** IP address or name to listen on. */
  readonly address: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Called at each request; must not block. */
  readonly stats: () => HostStats;
  readonly log: Log;
  /** The host's picture, for browsers to watch and control; without it there is no viewer. */
  readonly screen?: ScreenHost | undefined;
}

export interface Dashboard {
  /** What a person opens; carries the token when the page wants one. */
  readonly url: string;
  /** What a person opens to watch; always carries the token. */
  readonly viewerUrl: string | undefined;
  /** Ends open connections too. Idempotent. */
  close(): Promise<void>;
}

const viewerPath = `/player/${screenChannel}`;
/** Nobody outside publishes here, and an access unit of the host is never larger. */
const screenMessageBytes = 64 * 1024 * 1024;

const securityHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
} as const;

/** Listens at once. Fails with a sentence when the address or port cannot be had. */
export function startDashboard(settings: DashboardSettings): Result<Dashboard> {
  const { address, port, stats, log, screen } = settings;
  const token = randomBytes(24).toString("base64url");
  const listening = { address, port, token };
  const viewerFor = (headers: Headers): HostStats["viewer"] => ({
    path: viewerPath,
    isOpen: stranger(headers, listening) === undefined,
    places: networkPlaces(address).map((place) => `http://${place}:${listening.port}${viewerPath}`),
  });
  const told = (headers: Headers): HostStats => (screen ? { ...stats(), viewer: viewerFor(headers) } : stats());
  const app = application(() => listening, told, log);
  let transport: BunTransport | undefined;
  const answered = async (request: RelayRequest): Promise<void> => {
    try {
      const { status, headers, body } = await answer(request, listening, app, screen !== undefined);
      transport?.respond(request.connection, status, headers, body);
    } catch (cause) {
      log.error(`a request failed: ${cause instanceof Error ? cause.message : String(cause)}`);
      transport?.respond(request.connection, 500, {}, new Uint8Array(0));
    }
  };
  const viewer = new ScreenViewer(screen ?? noScreen, {
    denial: (request) => {
      const headers = headersOf(request);
      return refusal(headers, listening) ?? stranger(headers, listening);
    },
    http: (request) => void answered(request),
    log: (text) => log.debug(text),
    nowUs: () => monotonicClock.nowUs(),
  });
  const opened = BunTransport.open({ address, port, maxMessageBytes: screenMessageBytes }, viewer.events);
  if (!opened.ok) return cannotListen(address, port, opened.message);
  transport = opened.value;
  viewer.bind(transport);
  listening.port = transport.port;
  const base = `http://${address.includes(":") ? `[${address}]` : address}:${listening.port}`;
  return ok({
    url: `${base}/${isLoopback(address) ? "" : `?token=${token}`}`,
    viewerUrl: screen && `${base}${viewerPath}?token=${token}`,
    close: async () => {
      viewer.close();
      transport.close();
    },
  });
}

const nothing = { start: () => undefined, stop: () => undefined };
const noScreen: ScreenHost = {
  screen: () => ({ ...nothing, receive: () => undefined }),
  stills: () => nothing,
  requestKeyframe: () => undefined,
};

function headersOf({ headers }: RelayRequest): Headers {
  return new Headers([...headers]);
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

type Application = ReturnType<typeof application>;

/** Plain HTTP: the viewer's pages for those with the token, everything else from the application. */
async function answer(request: RelayRequest, listening: Listening, app: Application, hasScreen: boolean) {
  const { method, target } = request;
  const headers = headersOf(request);
  const asked = new Request(`http://${headers.get("host") ?? "unnamed"}${target}`, { method, headers });
  const isViewer = hasScreen && /^\/(player|assets)\//.test(target);
  if (!isViewer) return plainAnswer(await app.handle(asked));
  const refused = refusal(headers, listening);
  if (refused) return plainAnswer(plain(refused.status, refused.message));
  const entered = enter(asked, listening);
  if (entered) return plainAnswer(entered);
  const unknown = stranger(headers, listening);
  if (unknown) return plainAnswer(plain(unknown.status, unknown.message));
  if (method !== "GET" && method !== "HEAD") return plainAnswer(plain(405, "This page can only be read."));
  return (await pageFor(target)) ?? plainAnswer(plain(404, "There is nothing here."));
}

async function plainAnswer(response: Response): Promise<Answer> {
  const headers: Record<string, string> = {};
  response.headers.forEach((value, name) => {
    headers[name] = value;
  });
  return { status: response.status, headers, body: await response.bytes() };
}

function application(listening: () => Listening, stats: (headers: Headers) => HostStats, log: Log) {
  return new Elysia({ name: "dashboard" })
    .onRequest(({ request, set }) => {
      Object.assign(set.headers, securityHeaders, { "cache-control": "no-store" });
      const entered = enter(request, listening());
      if (entered) return entered;
      const refused = refusal(request.headers, listening());
      if (refused) return plain(refused.status, refused.message);
      if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "This page can only be read.");
      return undefined;
    })
    .onError(({ code, error }) => {
      if (code === "NOT_FOUND") return plain(404, "There is nothing here.");
      log.error(`a request failed: ${error instanceof Error ? error.message : String(error)}`);
      return plain(500, "This could not be answered; the host's log says why.");
    })
    .use(api(stats))
    .get("/", () => asset("index.html"))
    .get("/:name", ({ params, set }) => {
      // Names carry a hash of the content, so what is at one never changes.
      if (params.name !== "index.html") set.headers["cache-control"] = "max-age=31536000, immutable";
      return asset(params.name);
    });
}

/** The printed address: its token becomes a cookie, so that it does not stay in the address bar and the history. */
function enter(request: Request, listening: Listening): Response | undefined {
  const url = new URL(request.url);
  const given = url.searchParams.get("token");
  const isEntrance = url.pathname === "/" || url.pathname === viewerPath;
  if (!isEntrance || given === null || !sameToken(given, listening.token)) return undefined;
  const cookie = `${cookieName(listening.port)}=${listening.token}; Path=/; HttpOnly; SameSite=Strict`;
  return new Response(null, {
    status: 303,
    headers: { ...securityHeaders, location: url.pathname, "set-cookie": cookie },
  });
}

async function asset(name: string): Promise<Response> {
  const found = (await pageAssets()).get(name);
  return found
    ? new Response(found.body, { headers: { "content-type": found.type } })
    : plain(404, "There is nothing here.");
}

function plain(status: number, message: string): Response {
  return new Response(`${message}\n`, {
    status,
    headers: { ...securityHeaders, "cache-control": "no-store", "content-type": "text/plain; charset=utf-8" },
  });
}

function cannotListen(address: string, port: number, message: string): Result<never> {
  const why = /\((.*)\)/.exec(message)?.[1] ?? message;
  return fail(
    "unavailable",
    `The status page cannot listen on ${address}:${port} (${why}); change it with --dashboard, or --dashboard off.`,
  );
}
