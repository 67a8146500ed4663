import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../base/limits.ts";
import type { Result } from "../base/result.ts";
import { fingerprint } from "../secure/fingerprint.ts";
import { permission } from "../wire/root.ts";
import { openStore, type Store } from "./database.ts";
import { loadIdentity, renameDevice } from "./identity.ts";
import { Peers, usualPermissions } from "./peers.ts";
import { listSessions, recordSession } from "./stats.ts";

let folder: string;
let store: Store;
let peers: Peers;

function good<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "patchbay-peers-"));
  store = good(openStore({ folder }));
  peers = new Peers(store);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const keyOf = (n: number) => new Uint8Array(32).fill(n & 255, 0, 31).fill(n >> 8, 31);
const meet = (n: number, name = `device ${n}`, nowMs = n) =>
  good(peers.noteContact({ key: keyOf(n), name, address: `192.0.2.${n}:1`, nowMs }, `words ${n}`));

describe("identity", () => {
  test("is made once and read again", () => {
    const first = good(loadIdentity(store, "kitchen\n\u202e"));
    expect(first.name).toBe("kitchen");
    expect(good(loadIdentity(store, "other"))).toEqual(first);
  });

  test("can be renamed, within the rules", () => {
    const first = good(loadIdentity(store, "kitchen"));
    expect(renameDevice(store, "a\nb")).toMatchObject({ ok: false, code: "usage" });
    good(renameDevice(store, "cellar"));
    expect(good(loadIdentity(store))).toEqual({ ...first, name: "cellar" });
  });
});

describe("peers", () => {
  test("an unknown device waits without permissions, with its words", () => {
    expect(meet(1)).toEqual({
      key: keyOf(1),
      fingerprint: fingerprint(keyOf(1)),
      name: "device 1",
      state: "waiting",
      permissions: 0,
      firstSeenMs: 1,
      lastSeenMs: 1,
      address: "192.0.2.1:1",
      words: "words 1",
    });
    expect(good(peers.find(keyOf(2)))).toBeUndefined();
  });

  test("approval stands before the first contact and stays after it", () => {
    const approved = good(peers.approve(keyOf(1).toBase64()));
    expect(approved).toMatchObject({ state: "approved", permissions: usualPermissions, name: "", firstSeenMs: null });
    expect(approved.permissions & permission.view & permission.input).toBe(permission.view & permission.input);
    expect(meet(1, "tv", 50)).toMatchObject({
      state: "approved",
      name: "tv",
      firstSeenMs: 50,
      lastSeenMs: 50,
      words: null,
    });
    expect(meet(1, "tv 2", 60)).toMatchObject({ state: "approved", name: "tv 2", firstSeenMs: 50, lastSeenMs: 60 });
  });

  test("selectors: key, pairing code, fingerprint, name, beginning of a name", () => {
    meet(1, "alpha");
    meet(2, "Beta");
    meet(3, "beta two");
    for (const selector of [
      keyOf(1).toBase64(),
      `${keyOf(1).toBase64()}@h:1`,
      fingerprint(keyOf(1)).toUpperCase(),
      "ALP",
    ]) {
      expect(good(peers.match(selector)).name).toBe("alpha");
    }
    expect(good(peers.match("Beta")).key).toEqual(keyOf(2));
    const ambiguous = peers.match("bet");
    expect(ambiguous).toMatchObject({ ok: false, code: "usage" });
    if (!ambiguous.ok) expect(ambiguous.message).toContain(fingerprint(keyOf(3)));
    for (const unknown of ["gamma", "", "0000-0000-0000-0000", keyOf(9).toBase64()]) {
      expect(peers.match(unknown)).toMatchObject({ ok: false, code: "usage" });
    }
    expect(peers.approve("gamma")).toMatchObject({ ok: false, code: "usage" });
    expect(good(peers.approve("alp")).state).toBe("approved");
  });

  test("a name that imitates a fingerprint does not take its place", () => {
    meet(1);
    meet(2, fingerprint(keyOf(1)));
    expect(good(peers.match(fingerprint(keyOf(1)))).key).toEqual(keyOf(1));
  });

  test("a revoked device stays revoked when it calls again, until it is approved", () => {
    meet(1);
    good(peers.approve(keyOf(1).toBase64(), permission.view));
    expect(good(peers.revoke(fingerprint(keyOf(1))))).toMatchObject({ state: "revoked", permissions: 0 });
    expect(meet(1, "again", 9)).toMatchObject({ state: "revoked", lastSeenMs: 9, words: null });
    expect(good(peers.approve("again", permission.view))).toMatchObject({
      state: "approved",
      permissions: permission.view,
    });
    expect(good(peers.revoke(keyOf(7).toBase64()))).toMatchObject({ state: "revoked" });
  });

  test("permissions that do not exist throw", () => {
    expect(() => peers.approve(keyOf(1).toBase64(), 32)).toThrow(RangeError);
    expect(() => peers.approve(keyOf(1).toBase64(), 0)).toThrow(RangeError);
  });

  test("waiting devices are bounded, the oldest goes; decided ones are not touched", () => {
    good(peers.approve(keyOf(500).toBase64()));
    good(peers.revoke(keyOf(501).toBase64()));
    for (let n = 1; n <= limits.waitingPeers + 10; n++) meet(n);
    const waiting = good(peers.list()).filter((peer) => peer.state === "waiting");
    expect(waiting.length).toBe(limits.waitingPeers);
    expect(waiting[0]?.name).toBe(`device ${limits.waitingPeers + 10}`);
    expect(waiting.at(-1)?.name).toBe("device 11");
    meet(11, "device 11", 9999);
    meet(777, "new", 0);
    expect(good(peers.find(keyOf(11)))).toBeDefined();
    expect(good(peers.find(keyOf(777)))).toBeDefined();
    expect(good(peers.find(keyOf(12)))).toBeUndefined();
    expect(good(peers.find(keyOf(500)))?.state).toBe("approved");
    expect(good(peers.find(keyOf(501)))?.state).toBe("revoked");
  });

  test("another connection's approval is noticed once, one's own is not", () => {
    meet(1);
    expect(peers.changed()).toBe(false);
    const other = good(openStore({ folder }));
    peers.changed();
    good(new Peers(other).approve(keyOf(1).toBase64()));
    expect(peers.changed()).toBe(true);
    expect(peers.changed()).toBe(false);
    expect(good(peers.find(keyOf(1)))?.state).toBe("approved");
    other.close();
  });
});

describe("hosts", () => {
  test("a host's key is pinned to its address, and replaced only on request", () => {
    expect(good(peers.hostKeyFor("pc:9876"))).toBeUndefined();
    good(peers.rememberHost("pc:9876", keyOf(1)));
    good(peers.rememberHost("pc:9876", keyOf(1)));
    expect(good(peers.hostKeyFor("pc:9876"))).toEqual(keyOf(1));
    expect(peers.rememberHost("pc:9876", keyOf(2))).toMatchObject({ ok: false, code: "refused" });
    expect(good(peers.hostKeyFor("pc:9876"))).toEqual(keyOf(1));
    good(peers.rememberHost("pc:9876", keyOf(2), true));
    expect(good(peers.hostKeyFor("pc:9876"))).toEqual(keyOf(2));
    expect(good(peers.hostKeyFor("pc:1"))).toBeUndefined();
  });
});

describe("sessions", () => {
  test("are listed newest first and bounded", () => {
    for (let n = 0; n < limits.storedSessions + 5; n++) {
      good(
        recordSession(store, { peer: keyOf(1), role: "host", startedMs: n, endedMs: n + 1, counters: { packets: n } }),
      );
    }
    const all = good(listSessions(store));
    expect(all.length).toBe(limits.storedSessions);
    expect(all[0]).toEqual({
      peer: keyOf(1),
      role: "host",
      startedMs: limits.storedSessions + 4,
      endedMs: limits.storedSessions + 5,
      counters: { packets: limits.storedSessions + 4 },
    });
    expect(all.at(-1)?.startedMs).toBe(5);
    expect(good(listSessions(store, 3)).length).toBe(3);
  });
});
