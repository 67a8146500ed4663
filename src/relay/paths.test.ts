import { expect, test } from "bun:test";
import { parseRoute } from "./paths.ts";

const route = (role: string, channel: string, isLegacy = false) => ({
  role,
  channel,
  isLegacy,
  takesOver: false,
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

test("the query carries takeover and key", () => {
  expect(parseRoute("/source/x?takeover=1&key=abc")).toMatchObject({ channel: "x", takesOver: true, key: "abc" });
});
