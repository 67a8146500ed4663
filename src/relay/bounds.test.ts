/** The small parts that keep a relay's tables bounded and its upgrades well-formed. */
import { describe, expect, test } from "bun:test";
import { AddressLimit } from "./address-limit.ts";
import { RecentSet } from "./recent-set.ts";
import { checkUpgrade } from "./upgrade.ts";

describe("attempts of an address", () => {
  test("a burst, then so many a second, each address for itself", () => {
    const limit = new AddressLimit(10, 20, 100);
    const taken = (address: string, nowUs: number) =>
      Array.from({ length: 50 }, () => limit.take(address, nowUs)).filter(Boolean).length;
    expect(taken("192.0.2.1", 0)).toBe(20);
    expect(taken("192.0.2.2", 0)).toBe(20);
    expect(taken("192.0.2.1", 1e6)).toBe(10);
    expect(taken("192.0.2.1", 1e9)).toBe(20);
  });

  test("of IPv6 the /64 network counts, however it is written", () => {
    const limit = new AddressLimit(1, 1, 100);
    expect(limit.take("2001:db8:0:1::5", 0)).toBe(true);
    for (const same of ["2001:db8:0:1:9:8:7:6", "2001:db8:0:1::", "2001:db8:0:1:0:0:0:1%eth0"])
      expect([same, limit.take(same, 0)]).toEqual([same, false]);
    expect(limit.take("2001:db8:0:2::5", 0)).toBe(true);
    expect(limit.take("2001:db8::5", 0)).toBe(true);
  });

  test("the table never grows over its size", () => {
    const limit = new AddressLimit(1, 1, 100);
    for (let n = 0; n < 5000; n++) limit.take(`192.0.${n >> 8}.${n & 255}`, n);
    expect(limit.size).toBe(100);
  });
});

describe("what was seen", () => {
  test("is known for its time and forgotten after it", () => {
    const seen = new RecentSet(10, 1000);
    expect([seen.add("a", 0), seen.add("a", 999), seen.add("a", 1000)]).toEqual([true, false, true]);
  });

  test("a full set takes no more, and forgets nothing early", () => {
    const seen = new RecentSet(3, 1000);
    expect(["a", "b", "c", "d"].map((what) => seen.add(what, 0))).toEqual([true, true, true, false]);
    expect(seen.add("a", 500)).toBe(false);
    expect(seen.add("d", 1000)).toBe(true);
    expect(seen.size).toBe(1);
  });
});

describe("upgrades", () => {
  const good = {
    upgrade: "websocket",
    connection: "keep-alive, Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  const check = (changed: Record<string, string | undefined> = {}, method = "GET"): number | boolean => {
    const all = Object.entries({ ...good, ...changed }).filter(([, value]) => value !== undefined);
    const checked = checkUpgrade(method, new Map(all as [string, string][]));
    return typeof checked === "object" ? checked.status : checked;
  };

  test("as the protocol has them, and plain requests", () => {
    expect(check()).toBe(true);
    expect(check({ upgrade: "WebSocket" })).toBe(true);
    expect(check({ upgrade: undefined })).toBe(false);
    expect(check({ upgrade: "h2c" })).toBe(false);
  });

  const wrong: readonly [Record<string, string | undefined>, number][] = [
    [{ connection: undefined }, 400],
    [{ connection: "keep-alive" }, 400],
    [{ "sec-websocket-version": undefined }, 426],
    [{ "sec-websocket-version": "8" }, 426],
    [{ "sec-websocket-key": undefined }, 400],
    [{ "sec-websocket-key": "c2hvcnQ=" }, 400],
    [{ "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZR==" }, 400],
  ];
  for (const [changed, status] of wrong)
    test(`${JSON.stringify(changed)} gets ${status}`, () => {
      expect(check(changed)).toBe(status);
    });

  test("by another method are none", () => {
    expect(check({}, "POST")).toBe(400);
  });
});
