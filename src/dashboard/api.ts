/** What programs read from the dashboard's server. One read-only route so far. */
import { Elysia } from "elysia";
import type { HostStats } from "../host/stats.ts";

/** GET /api/stats: HostStats as JSON, fresh at each request. */
export function api(stats: (headers: Headers) => HostStats) {
  return new Elysia({ name: "api" }).get("/api/stats", ({ request }) => stats(request.headers));
}
