/** Keys and history of a relay in a real database. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../base/limits.ts";
import type { Result } from "../base/result.ts";
import { openStore, type Store } from "./database.ts";
import {
  createRelayKey,
  findRelayKey,
  listRelayKeys,
  listRelayMinutes,
  type RelayMinute,
  recordRelayMinutes,
  revokeRelayKey,
} from "./relay.ts";

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "patchbay-relay-store-"));
  store = value(openStore({ folder }));
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

describe("keys", () => {
  test("are found by their text, are not in the file, and end when revoked", () => {
    const publish = value(createRelayKey(store, "publish"));
    const view = value(createRelayKey(store, "view"));
    expect(publish.key).toMatch(/^[\w-]{32}$/);
    expect(publish.key).not.toBe(view.key);
    const keys = value(listRelayKeys(store));
    expect(findRelayKey(keys, publish.key)).toMatchObject({ id: publish.id, permits: "publish" });
    expect(findRelayKey(keys, view.key)).toMatchObject({ id: view.id, permits: "view" });
    for (const wrong of ["", view.key.slice(1), `${view.key} `, view.key.toUpperCase()])
      expect(findRelayKey(keys, wrong)).toBeUndefined();
    value(revokeRelayKey(store, view.id));
    expect(findRelayKey(value(listRelayKeys(store)), view.key)).toBeUndefined();
    store.close();
    expect(readFileSync(join(folder, "patchbay.db")).includes(publish.key)).toBe(false);
  });

  test("have numbers that never mean another key later", () => {
    const first = value(createRelayKey(store, "view"));
    value(revokeRelayKey(store, first.id));
    expect(value(createRelayKey(store, "view")).id).toBe(first.id + 1);
    expect(revokeRelayKey(store, first.id)).toMatchObject({ ok: false, code: "usage" });
  });

  test("are limited in number", () => {
    for (let n = 0; n < limits.relayKeys; n++) value(createRelayKey(store, "view"));
    expect(createRelayKey(store, "view")).toMatchObject({ ok: false, code: "refused" });
  });
});

describe("history", () => {
  const minute = (atMs: number, channel: string): RelayMinute => {
    return { atMs, channel, seconds: 60, frames: 1, bytes: 2, inputs: 3, leftOut: 4, receivers: 5, sources: 1 };
  };

  test("is told by channel and time, oldest first", () => {
    const rows = [1, 2, 3].flatMap((at) => [minute(at, ""), minute(at, "a")]);
    value(recordRelayMinutes(store, rows));
    expect(value(listRelayMinutes(store, "a", 2, 10))).toEqual([minute(2, "a"), minute(3, "a")]);
    expect(value(listRelayMinutes(store, "", 0, 2))).toEqual([minute(2, ""), minute(3, "")]);
    expect(value(listRelayMinutes(store, "b", 0, 10))).toEqual([]);
  });

  test("keeps the newest rows only", () => {
    const rows = Array.from({ length: limits.storedRelayMinutes / 4 }, (_, at) => minute(at, "a"));
    for (let n = 0; n < 5; n++) value(recordRelayMinutes(store, rows));
    const { n } = store.sql.query("SELECT count(*) AS n FROM relay_history").get() as { n: number };
    expect(n).toBe(limits.storedRelayMinutes);
  });
});
