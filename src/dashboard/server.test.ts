/** The status page over real HTTP: who gets an answer, what it holds, and who is turned away. */
import { afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { createLog } from "../base/log.ts";
import type { HostStats } from "../host/stats.ts";
import { type Dashboard, startDashboard } from "./server.ts";

export const exampleStats: HostStats = {
  version: "0.1.0",
  name: "desk",
  fingerprint: "1a2b-3c4d-5e6f-7a8b",
  uptimeSeconds: 61,
  source: {
    capture: "x11",
    encoder: "openh264",
    codec: "h264",
    width: 1280,
    height: 720,
    fps: 60,
    detail: "display :0",
    failures: [],
    imported: 0,
  },
  stream: { fps: 59.9, bitrateBps: 8_000_000, frames: 3600, keyframes: 60, skipped: {} },
  sound: {
    state: "live",
    backend: "pulse",
    device: "speakers.monitor",
    detail: "",
    listeners: 2,
    frameMs: 20,
    bitrateBps: 96_000,
    packets: 3000,
    lossPercent: 0,
    hasFec: false,
    latencyMs: 25,
    drops: {},
    deviceLost: 0,
    microphones: [],
  },
  stagesMs: { capture: { p50: 1.2, p95: 1.5, p99: 2 } },
  peers: [],
  drops: { replay: 3 },
  udp: {
    port: 9876,
    receiveBufferBytes: 8388608,
    received: 1,
    receivedBytes: 2,
    sent: 3,
    sentBytes: 4,
    droppedKernel: 0,
    droppedRingFull: 0,
    droppedSendFull: 0,
    sendErrors: 0,
  },
};

const open: Dashboard[] = [];
const lines: string[] = [];
const log = createLog("dashboard", (line) => lines.push(line));

function start(address = "127.0.0.1", port = 0, stats = () => exampleStats): Dashboard {
  const started = startDashboard({ address, port, stats, log });
  if (!started.ok) throw new Error(started.message);
  open.push(started.value);
  return started.value;
}

afterEach(async () => {
  for (const dashboard of open.splice(0)) await dashboard.close();
});

const get = (dashboard: Dashboard, path: string, init: RequestInit = {}) =>
  fetch(new URL(path, dashboard.url), { redirect: "manual", ...init });

describe("on loopback", () => {
  test("a script reads /api/stats plainly", async () => {
    const answer = await get(start(), "/api/stats");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toStartWith("application/json");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await answer.json()).toEqual(exampleStats);
  });

  test("the page and all that it refers to are served, with the security headers", async () => {
    const dashboard = start();
    const page = await get(dashboard, "/");
    expect(page.headers.get("content-type")).toStartWith("text/html");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    expect(page.headers.get("referrer-policy")).toBe("no-referrer");
    const html = await page.text();
    const references = [...html.matchAll(/(?:src|href)="(\.?\/[^"]+\.[a-z]+)"/g)].map(([, path]) => path as string);
    expect(references.length).toBeGreaterThanOrEqual(3);
    for (const path of references) {
      const asset = await get(dashboard, path);
      expect([path, asset.status]).toEqual([path, 200]);
      expect(asset.headers.get("content-security-policy")).toContain("default-src 'none'");
    }
  });

  test.each([
    "evil.example",
    "evil.example:PORT",
    "127.0.0.1",
    "127.0.0.1:1",
    "192.0.2.1:PORT",
    "localhost.evil.example:PORT",
  ])("Host %s is refused", async (host) => {
    const dashboard = start();
    const headers = { host: host.replace("PORT", new URL(dashboard.url).port) };
    for (const path of ["/", "/api/stats"]) {
      const answer = await get(dashboard, path, { headers });
      expect(answer.status).toBe(421);
      expect(await answer.text()).not.toContain("desk");
    }
  });

  test("localhost is another name of it", async () => {
    const dashboard = start();
    const headers = { host: `localhost:${new URL(dashboard.url).port}` };
    expect((await get(dashboard, "/api/stats", { headers })).status).toBe(200);
  });

  test("foreign web pages are refused", async () => {
    const dashboard = start();
    const own = dashboard.url.slice(0, -1);
    const status = async (headers: Record<string, string>) => (await get(dashboard, "/api/stats", { headers })).status;
    expect(await status({ origin: "https://evil.example" })).toBe(403);
    expect(await status({ origin: "null" })).toBe(403);
    expect(await status({ origin: own.replace("http:", "https:") })).toBe(403);
    expect(await status({ origin: own })).toBe(200);
    expect(await status({ "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" })).toBe(403);
    expect(await status({ "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" })).toBe(200);
  });

  test("nothing can be written, and what is not there is a 404", async () => {
    const dashboard = start();
    expect((await get(dashboard, "/api/stats", { method: "POST" })).status).toBe(405);
    expect((await get(dashboard, "/nothing.js")).status).toBe(404);
    expect((await get(dashboard, "/a/b/c")).status).toBe(404);
    expect((await get(dashboard, "/%2e%2e%2fpackage.json")).status).toBe(404);
  });

  test("a fault in the figures is a 500 without its details, and a line in the log", async () => {
    const dashboard = start("127.0.0.1", 0, () => {
      throw new Error("inner detail");
    });
    const answer = await get(dashboard, "/api/stats");
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain("inner detail");
    expect(lines.join("")).toContain("inner detail");
  });

  test("a taken port is a sentence that names --dashboard", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const started = startDashboard({ address: "127.0.0.1", port, stats: () => exampleStats, log });
    other.close();
    expect(started).toMatchObject({ ok: false, code: "unavailable" });
    expect(started.ok ? "" : started.message).toMatch(/in use.*--dashboard/);
  });

  test("an address that is not this machine's is a sentence too", () => {
    const started = startDashboard({ address: "192.0.2.1", port: 0, stats: () => exampleStats, log });
    expect(started.ok ? "" : started.message).toContain("--dashboard");
  });
});

describe("beyond loopback", () => {
  const wide = () => {
    const { url } = start("0.0.0.0");
    const token = new URL(url).searchParams.get("token") ?? "";
    const base = url.replace("0.0.0.0", "127.0.0.1");
    return {
      token,
      base,
      get: (path: string, headers = {}) => fetch(new URL(path, base), { headers, redirect: "manual" }),
    };
  };

  test("nothing is told without the token", async () => {
    const { get, token } = wide();
    expect(token.length).toBeGreaterThanOrEqual(32);
    expect((await get("/")).status).toBe(401);
    expect((await get("/api/stats")).status).toBe(401);
    expect((await get("/?token=guess")).status).toBe(401);
    expect((await get("/api/stats", { authorization: "Bearer guess" })).status).toBe(401);
  });

  test("the printed address becomes a cookie that the page works with; scripts send the token as bearer", async () => {
    const { get, token } = wide();
    const entered = await get(`/?token=${token}`);
    expect([entered.status, entered.headers.get("location")]).toEqual([303, "/"]);
    const cookie = entered.headers.get("set-cookie") ?? "";
    expect(cookie).toContain("HttpOnly");
    expect(cookie).toContain("SameSite=Strict");
    expect((await get("/api/stats", { cookie: cookie.split(";")[0] })).status).toBe(200);
    expect((await get("/api/stats", { authorization: `Bearer ${token}` })).status).toBe(200);
  });
});

test("two pages do not share a port", async () => {
  const settings = { address: "127.0.0.1", stats: () => exampleStats, log };
  const first = startDashboard({ ...settings, port: 0 });
  if (!first.ok) throw new Error(first.message);
  const port = Number(new URL(first.value.url).port);
  expect(startDashboard({ ...settings, port })).toMatchObject({ ok: false, code: "unavailable" });
  await first.value.close();
});
