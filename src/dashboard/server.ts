/**
 * The status page and /api/stats over HTTP, read-only. Requests pass the guard first; every answer carries the security headers.
 * It never changes the host's state, and it never listens beyond loopback unless told to.
 */
import { randomBytes } from "node:crypto";
import { Elysia } from "elysia";
import type { Log } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import type { HostStats } from "../host/stats.ts";
import { api } from "./api.ts";
import { cookieName, isLoopback, type Listening, refusal, sameToken } from "./guard.ts";
import { pageAssets } from "./page.ts";

export interface DashboardSettings {
  /** IP address or name to listen on. */
  readonly address: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Called at each request; must not block. */
  readonly stats: () => HostStats;
  readonly log: Log;
}

export interface Dashboard {
  /** What a person opens; carries the token when the page wants one. */
  readonly url: string;
  /** Ends open connections too. Idempotent. */
  close(): Promise<void>;
}

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
export function startDashboard({ address, port, stats, log }: DashboardSettings): Result<Dashboard> {
  const token = randomBytes(24).toString("base64url");
  const listening = { address, port, token };
  const app = application(() => listening, stats, log);
  let server: ReturnType<typeof Bun.serve>;
  try {
    server = Bun.serve({ hostname: address, port, fetch: app.fetch, development: false, reusePort: false });
  } catch (cause) {
    return cannotListen(address, port, cause);
  }
  listening.port = server.port ?? port;
  const host = address.includes(":") ? `[${address}]` : address;
  const url = `http://${host}:${listening.port}/${isLoopback(address) ? "" : `?token=${token}`}`;
  return ok({ url, close: () => server.stop(true) });
}

function application(listening: () => Listening, stats: () => HostStats, log: Log) {
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
  if (url.pathname !== "/" || given === null || !sameToken(given, listening.token)) return undefined;
  const cookie = `${cookieName(listening.port)}=${listening.token}; Path=/; HttpOnly; SameSite=Strict`;
  return new Response(null, { status: 303, headers: { ...securityHeaders, location: "/", "set-cookie": cookie } });
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

function cannotListen(address: string, port: number, cause: unknown): Result<never> {
  const error = cause as NodeJS.ErrnoException;
  const where = `${address}:${port}`;
  if (error.code === "EADDRINUSE") {
    return fail(
      "unavailable",
      `${where} is in use; give the status page another address with --dashboard, or --dashboard off.`,
    );
  }
  const why = error instanceof Error ? error.message : String(cause);
  return fail(
    "unavailable",
    `The status page cannot listen on ${where} (${why}); change it with --dashboard, or --dashboard off.`,
  );
}
