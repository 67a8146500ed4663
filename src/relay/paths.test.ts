import { expect, test } from "bun:test";
import { parseRoute } from "./paths.ts";

const route = (role: string, channel: string, isLegacy = false) => ({
  role,
  channel,
  isLegacy,
  takesOver: false,
  wantsAudience: false,
  key: undefined,
});

test.each([
  ["/source", route("source", "default")],
  ["/source/main", route("source", "main")],
  ["/stream", route("receiver", "default")],
  ["/stream/player1", route("receiver", "player1")],
  ["/signal", route("signal", "default")],
  ["/signal/main", route("signal", "main")],
  ["/", route("receiver", "default", true)],
  ["//source//x", "bad-name"],
  ["/source/a/b.c", route("source", "a/b.c")],
  ["/source/", "bad-name"],
  ["/source/a%20b", "bad-name"],
  ["/source/..", "bad-name"],
  [`/source/${"x".repeat(129)}`, "bad-name"],
  ["/elsewhere", "unknown-path"],
  ["/sources/x", "unknown-path"],
])("%s", (target, expected) => {
  expect(parseRoute(target) as unknown).toEqual(expected);
});

test("the query carries takeover, audience and key", () => {
  const asked = { channel: "x", takesOver: true, wantsAudience: true, key: "abc" };
  expect(parseRoute("/source/x?takeover=1&audience=1&key=abc")).toMatchObject(asked);
});
