import { expect, test } from "bun:test";
import { parseTarget } from "./target.ts";

const key = `${"A".repeat(43)}=`;

test.each([
  ["desk", { host: "desk", port: 9876 }],
  ["desk.local:7000", { host: "desk.local", port: 7000 }],
  ["192.0.2.7:1", { host: "192.0.2.7", port: 1 }],
  ["[::1]", { host: "::1", port: 9876 }],
  ["[2001:db8::1]:9000", { host: "2001:db8::1", port: 9000 }],
])("%s is an address", (text, place) => {
  expect(parseTarget(text)).toMatchObject({ ok: true, value: { ...place, key: undefined } });
});

test("a pairing code names the key too", () => {
  expect(parseTarget(`${key}@desk:7000`)).toMatchObject({
    ok: true,
    value: { host: "desk", port: 7000, key: new Uint8Array(32) },
  });
});

test.each(["", "desk:", "desk:x", "desk:70000", ":9876", "::1", "a b", "AAAA@desk"])(
  "%p is refused as a usage fault",
  (text) => {
    expect(parseTarget(text)).toMatchObject({ ok: false, code: "usage" });
  },
);
