/** Each kind of value: what is taken, what is refused, and that a refusal says what is allowed. */
import { describe, expect, test } from "bun:test";
import type { Flag } from "./spec.ts";
import { formatBitrate, formatEndpoint, nearest, parseValue } from "./values.ts";

const flags = {
  fps: { kind: "number", value: "N", min: 1, max: 144, help: "" },
  bitrate: { kind: "bitrate", value: "BPS", min: 500_000, max: 50_000_000, help: "" },
  time: { kind: "duration", value: "SECONDS", min: 0.1, max: 3600, help: "" },
  size: { kind: "size", help: "" },
  choice: { kind: "choice", choices: ["auto", "x11"], help: "" },
  set: { kind: "set", choices: ["view", "sound"], help: "" },
  text: { kind: "text", value: "NAME", help: "" },
  boolean: { kind: "boolean", help: "" },
  listen: { kind: "address", value: "ADDR:PORT", defaultHost: "0.0.0.0", help: "" },
  page: { kind: "address", value: "ADDR:PORT|off", defaultHost: "127.0.0.1", allowOff: true, help: "" },
  host: { kind: "address", value: "HOST[:PORT]", defaultPort: 9876, help: "" },
} as const satisfies Record<string, Flag>;
type Name = keyof typeof flags;

const taken: readonly (readonly [Name, string, unknown])[] = [
  ["fps", "1", 1],
  ["fps", "144", 144],
  ["bitrate", "10M", 10_000_000],
  ["bitrate", "8000k", 8_000_000],
  ["bitrate", "2.5M", 2_500_000],
  ["bitrate", "500000", 500_000],
  ["time", "10", 10],
  ["time", "500ms", 0.5],
  ["time", "2m", 120],
  ["time", "1h", 3600],
  ["time", "0.5s", 0.5],
  ["size", "1280x720", { width: 1280, height: 720 }],
  ["size", "16X16", { width: 16, height: 16 }],
  ["choice", "x11", "x11"],
  ["set", "view", ["view"]],
  ["set", "sound, view,sound", ["sound", "view"]],
  ["text", "a name", "a name"],
  ["boolean", "on", true],
  ["boolean", "0", false],
  ["listen", "127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
  ["listen", "[::1]:9876", { host: "::1", port: 9876 }],
  ["listen", "7000", { host: "0.0.0.0", port: 7000 }],
  ["listen", ":7000", { host: "0.0.0.0", port: 7000 }],
  ["page", "off", "off"],
  ["host", "desk", { host: "desk", port: 9876 }],
];

const refused: readonly (readonly [Name, string, string])[] = [
  ["fps", "0", "1 to 144"],
  ["fps", "145", "1 to 144"],
  ["fps", "59.9", "whole number"],
  ["fps", "1e2", "1 to 144"],
  ["fps", "-1", "1 to 144"],
  ["fps", "", "1 to 144"],
  ["fps", "0x10", "1 to 144"],
  ["fps", "60k", "1 to 144"],
  ["bitrate", "499k", "500k to 50M"],
  ["bitrate", "51M", "500k to 50M"],
  ["bitrate", "10MB", "500k to 50M"],
  ["time", "0", "100ms to 1h"],
  ["time", "2h", "100ms to 1h"],
  ["time", "Infinity", "100ms to 1h"],
  ["size", "1280", "1280x720"],
  ["size", "15x16", "16x16"],
  ["size", "8193x16", "8192x8192"],
  ["size", "1280x720x2", "1280x720"],
  ["choice", "x12", "auto or x11. Did you mean x11?"],
  ["set", "view,sond", "Did you mean sound?"],
  ["set", "", "view or sound"],
  ["text", "", "needs a value"],
  ["boolean", "perhaps", "1 or 0"],
  ["listen", "0.0.0.0", "port is missing"],
  ["listen", "0.0.0.0:65536", "65535"],
  ["listen", "::1:9876", "brackets"],
  ["listen", "off", "port is missing"],
  ["listen", "http://a:1", "ADDR:PORT"],
];

describe("parseValue", () => {
  test.each(taken)("%s takes %s", (name, text, value) => {
    expect(parseValue("--flag", flags[name], text)).toEqual({ ok: true, value } as never);
  });

  test.each(refused)("%s refuses %p and says %s", (name, text, says) => {
    const result = parseValue("--flag", flags[name], text);
    expect(result).toMatchObject({ ok: false, code: "usage" });
    const message = result.ok ? "" : result.message;
    expect(message).toStartWith("--flag ");
    expect(message).toContain(says);
  });
});

test("nearest forgives a slip and does not guess", () => {
  const words = ["host", "client", "demo", "inspect"];
  expect(nearest("hots", words)).toBe("host");
  expect(nearest("clinet", words)).toBe("client");
  expect(nearest("insp", words)).toBe("inspect");
  expect(nearest("DEMO", words)).toBe("demo");
  expect(nearest("xyzzy", words)).toBeUndefined();
  expect(nearest("", words)).toBeUndefined();
});

test("what is formatted can be read back", () => {
  for (const bps of [500_000, 8_000_000, 2_500_000, 1_234_567]) {
    expect(parseValue("", flags.bitrate, formatBitrate(bps))).toEqual({ ok: true, value: bps });
  }
  for (const place of [
    { host: "::1", port: 1 },
    { host: "desk", port: 2 },
  ]) {
    expect(parseValue("", flags.host, formatEndpoint(place))).toEqual({ ok: true, value: place });
  }
});
