/** Who gets in: loopback, keys, paired devices, foreign pages and names. */
import { beforeEach, describe, expect, test } from "bun:test";
import { createIdentity, type DeviceIdentity } from "../secure/identity.ts";
import { signInHeader } from "../secure/sign-in.ts";
import { type AccessRules, type DeviceVerdict, isLoopback, RelayAccess } from "./access.ts";
import { parseRoute, type Role, type Route } from "./paths.ts";

const nowMs = 1_800_000_000_000;
const keys: Record<string, "publish" | "view"> = { "key-to-publish": "publish", "key-to-view": "view" };
let device: DeviceIdentity;
let verdict: DeviceVerdict;
beforeEach(() => {
  device = createIdentity("laptop");
  verdict = { state: "approved", mayView: true };
});

const open: AccessRules = {
  address: "127.0.0.1",
  wantsKeys: false,
  origins: [],
  hasKey: () => true,
  permitOf: (key) => keys[key],
  device: () => verdict,
  changed: () => true,
  nowMs: () => nowMs,
};
const closed: AccessRules = { ...open, address: "0.0.0.0", wantsKeys: true };
const local = "127.0.0.1:9100";

function request(target: string, headers: Record<string, string>) {
  const all = new Map(Object.entries({ host: local, ...headers }));
  return { connection: 1, method: "GET", target, headers: all, remote: "192.0.2.1", isUpgrade: true, isSecure: false };
}

/** The status of a denial, or 0. */
function ask(
  rules: AccessRules,
  target: string,
  headers: Record<string, string> = {},
  access = new RelayAccess(rules),
) {
  const route = parseRoute(target) as Route;
  return access.upgrade(request(target, headers), route, route.role as Role)?.status ?? 0;
}

test("addresses of loopback", () => {
  for (const address of ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"])
    expect(isLoopback(address)).toBe(true);
  for (const address of ["0.0.0.0", "::", "192.0.2.1", "127.example.com.evil", "1270.0.0.1"])
    expect([address, isLoopback(address)]).toEqual([address, address.startsWith("127.")]);
});

describe("on loopback", () => {
  test("everything is open", () => {
    for (const target of ["/source/a", "/stream/a", "/signal/a", "/"]) expect(ask(open, target)).toBe(0);
  });

  test("only names of loopback are this relay, or a page's own would be pointed at it", () => {
    const hosts = {
      localhost: 0,
      "localhost:9100": 0,
      "[::1]:9100": 0,
      "evil.example": 421,
      "evil.example:9100": 421,
      "": 421,
    };
    for (const [host, status] of Object.entries(hosts))
      expect([host, ask(open, "/stream/a", { host })]).toEqual([host, status]);
    const proxied = { ...open, origins: ["https://relay.example"] };
    expect(ask(proxied, "/stream/a", { host: "relay.example" })).toBe(0);
  });

  test("keys are wanted when told to", () => {
    expect(ask({ ...open, wantsKeys: true }, "/source/a")).toBe(401);
  });
});

describe("browsers", () => {
  const cases: Record<string, number> = {
    [`http://${local}`]: 0,
    [`https://${local}`]: 0,
    "http://127.0.0.1:8080": 403,
    "https://evil.example": 403,
    null: 403,
    "": 403,
    "https://site.example": 0,
    "https://SITE.example": 0,
    "https://site.example.evil": 403,
  };
  for (const [origin, status] of Object.entries(cases))
    test(`${origin || "an empty origin"} gets ${status}`, () => {
      expect(ask({ ...open, origins: ["https://site.example"] }, "/source/a", { origin })).toBe(status);
    });

  test("any page, when told so", () => {
    expect(ask({ ...open, origins: ["*"] }, "/source/a", { origin: "https://any.example" })).toBe(0);
  });
});

describe("keys", () => {
  const cases: readonly [target: string, authorization: string | undefined, status: number][] = [
    ["/source/a", undefined, 401],
    ["/source/a", "Bearer key-to-publish", 0],
    ["/source/a?key=key-to-publish", undefined, 0],
    ["/source/a", "Bearer key-to-view", 403],
    ["/source/a", "Bearer nonsense", 401],
    ["/source/a", "Basic key-to-publish", 401],
    ["/stream/a", undefined, 401],
    ["/stream/a", "bearer key-to-view", 0],
    ["/stream/a", "Bearer key-to-publish", 0],
    ["/stream/a?key=nonsense", undefined, 401],
    ["/signal/a", undefined, 401],
    ["/signal/a?key=key-to-view", undefined, 0],
  ];
  for (const [target, authorization, status] of cases)
    test(`${target} with ${authorization ?? "no header"} gets ${status}`, () => {
      expect(ask(closed, target, authorization ? { authorization } : {})).toBe(status);
    });

  test("without a key to view, viewing is open and publishing is not", () => {
    const rules: AccessRules = { ...closed, hasKey: (permits) => permits === "publish" };
    expect([ask(rules, "/stream/a"), ask(rules, "/signal/a"), ask(rules, "/source/a")]).toEqual([0, 0, 401]);
  });

  test("statistics are for viewers, pages for everybody", () => {
    const access = new RelayAccess(closed);
    expect(access.read(request("/api/stats", {}))?.status).toBe(401);
    expect(access.read(request("/api/stats?key=key-to-view", {}))).toBeUndefined();
    expect(access.page(request("/player/a", {}))).toBeUndefined();
  });
});

describe("paired devices", () => {
  const header = (target: string, atMs = nowMs, host = local) => signInHeader(device, { host, target }, atMs);
  const signIn = (target: string, authorization: string, access?: RelayAccess) =>
    ask(closed, target, { authorization }, access);

  test("an approved one publishes and views", () => {
    for (const target of ["/source/a", "/stream/a?x=1", "/signal/a"]) expect(signIn(target, header(target))).toBe(0);
  });

  test("one that may not view only publishes", () => {
    verdict = { state: "approved", mayView: false };
    expect(signIn("/source/a", header("/source/a"))).toBe(0);
    expect(signIn("/stream/a", header("/stream/a"))).toBe(403);
  });

  test("a revoked one is refused, even where all is open; an unknown one has to wait", () => {
    verdict = { state: "revoked", mayView: false };
    expect(signIn("/source/a", header("/source/a"))).toBe(403);
    expect(ask(open, "/source/a", { authorization: header("/source/a") })).toBe(403);
    verdict = { state: "waiting", mayView: false };
    expect(signIn("/source/a", header("/source/a"))).toBe(401);
  });

  test("a sign-in is for one place, half a minute, one use", () => {
    const access = new RelayAccess(closed);
    expect(signIn("/source/b", header("/source/a"), access)).toBe(401);
    expect(signIn("/source/a", header("/source/a", nowMs, "other.example"), access)).toBe(401);
    expect(signIn("/source/a", header("/source/a", nowMs - 30_001), access)).toBe(401);
    expect(signIn("/source/a", header("/source/a", nowMs + 30_001), access)).toBe(401);
    const good = header("/source/a", nowMs - 29_000);
    expect(signIn("/source/a", good, access)).toBe(0);
    expect(signIn("/source/a", good, access)).toBe(401);
  });

  test("for the path / it counts once, though two roles are looked at", () => {
    const access = new RelayAccess(closed);
    const asked = request("/", { authorization: header("/") });
    const route = parseRoute("/") as Route;
    expect(access.upgrade(asked, route, "source")).toBeUndefined();
    expect(access.upgrade(asked, route, "receiver")).toBeUndefined();
  });

  test("what was changed is refused", () => {
    const good = header("/source/a");
    for (let at = "Patchbay ".length; at < good.length; at += 7) {
      const bad = `${good.slice(0, at)}${good[at] === "A" ? "B" : "A"}${good.slice(at + 1)}`;
      expect(signIn("/source/a", bad)).toBe(401);
    }
    for (const bad of ["Patchbay", "Patchbay ", "patchbay x.y.z", good.slice(0, -2), `${good}x`])
      expect(signIn("/source/a", bad)).toBe(401);
  });
});
