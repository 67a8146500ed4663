/** What --bus takes, and what of it may be shown. The bus itself is held to a real broker in tests/e2e/cluster.test.ts. */
import { expect, test } from "bun:test";
import { busToken } from "./bus.ts";
import { parseBusUrl } from "./bus-nats.ts";

const plain = { isSecure: false, user: undefined, password: undefined, token: undefined, cluster: "patchbay" };

test.each([
  ["nats://broker", { ...plain, server: "broker:4222" }],
  ["nats://127.0.0.1:4333/", { ...plain, server: "127.0.0.1:4333" }],
  ["nats://[::1]:4333/stage-2", { ...plain, server: "[::1]:4333", cluster: "stage-2" }],
  ["tls://broker:443", { ...plain, server: "broker:443", isSecure: true }],
  ["nats://me:p%40ss@broker", { ...plain, server: "broker:4222", user: "me", password: "p@ss" }],
  ["nats://t0ken@broker", { ...plain, server: "broker:4222", token: "t0ken" }],
])("%s", (text, value) => expect(parseBusUrl(text)).toEqual({ ok: true, value }));

test.each([
  "broker",
  "broker:4222",
  "http://broker",
  "nats://",
  "nats://broker/two/levels",
  "nats://broker/a.b",
  "nats://broker/%zz",
  "nats://%zz@broker",
])("%s is refused", (text) => expect(parseBusUrl(text)).toMatchObject({ ok: false, code: "usage" }));

test("a refusal repeats no password", () => {
  const refused = parseBusUrl("http://me:secret-word@broker");
  expect(refused.ok ? "" : refused.message).toContain("http://...@broker");
  expect(JSON.stringify(refused)).not.toContain("secret-word");
  expect(JSON.stringify(parseBusUrl("nats://me:secret@word@broker/a.b"))).not.toContain("secret");
});

test("names become tokens that mean no other name", () => {
  expect(["default", "a/b", "a.b", "a~b", "a=b", "*", "ü"].map(busToken)).toEqual([
    "default",
    "a=2Fb",
    "a=2Eb",
    "a=7Eb",
    "a=3Db",
    "=2A",
    "=C3=BC",
  ]);
});
