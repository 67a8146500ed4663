/**
 * What a relay keeps: the keys that let publishers and viewers in, and a history of one row a minute. Tables `relay_keys` and
 * `relay_history`. A key's text is shown once, at its creation; kept is its SHA-256 alone. A slow hash with a salt is for what
 * people think up: a key here is 192 random bits, which no list and no number of guesses covers, however fast each guess.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { limits } from "../base/limits.ts";
import { fail, ok, type Result } from "../base/result.ts";
import type { Store } from "./database.ts";

/** A key to publish lets its holder view as well. */
export type RelayPermit = "publish" | "view";

export interface RelayKey {
  readonly id: number;
  readonly permits: RelayPermit;
  /** SHA-256 of the key's text. */
  readonly hash: Uint8Array;
  /** Wall clock in milliseconds. */
  readonly createdMs: number;
}

export function hashRelayKey(key: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(key).digest());
}

/** The entry that `key` is the text of. Takes the same time wherever the difference lies, and looks at every entry. */
export function findRelayKey<K extends Pick<RelayKey, "hash">>(keys: readonly K[], key: string): K | undefined {
  const hash = hashRelayKey(key);
  let found: K | undefined;
  for (const one of keys) if (timingSafeEqual(one.hash, hash)) found = one;
  return found;
}

/** Makes a key and returns its text, which is nowhere afterwards. Code refused at limits.relayKeys. */
export function createRelayKey(
  store: Store,
  permits: RelayPermit,
): Result<{ readonly id: number; readonly key: string }> {
  const key = randomBytes(24).toString("base64url");
  const made = store.transaction((sql) => {
    const count = sql.query<{ n: number }, []>("SELECT count(*) AS n FROM relay_keys").get()?.n ?? 0;
    if (count >= limits.relayKeys) return undefined;
    const { lastInsertRowid } = sql
      .query("INSERT INTO relay_keys (permits, hash, created_ms) VALUES (?, ?, ?)")
      .run(permits, hashRelayKey(key), Date.now());
    return Number(lastInsertRowid);
  });
  if (!made.ok) return made;
  if (made.value !== undefined) return ok({ id: made.value, key });
  return fail("refused", `There are ${limits.relayKeys} keys already; revoke one with patchbay relay keys revoke ID.`);
}

/** Oldest first. */
export function listRelayKeys(store: Store): Result<RelayKey[]> {
  return store.attempt((sql) =>
    sql.query<RelayKey, []>("SELECT id, permits, hash, created_ms AS createdMs FROM relay_keys ORDER BY id").all(),
  );
}

/** Code usage for a number that no key has. */
export function revokeRelayKey(store: Store, id: number): Result<void> {
  const done = store.attempt((sql) => sql.query("DELETE FROM relay_keys WHERE id = ?").run(id).changes);
  if (!done.ok) return done;
  return done.value > 0 ? ok(undefined) : fail("usage", `No key has the number ${id}; see patchbay relay keys list.`);
}

export interface RelayMinute {
  /** Wall clock at the row's end, in milliseconds. */
  readonly atMs: number;
  /** Empty for the whole relay. */
  readonly channel: string;
  /** How long the row's counts were collected. */
  readonly seconds: number;
  readonly frames: number;
  readonly bytes: number;
  readonly inputs: number;
  readonly leftOut: number;
  /** Connected at the row's end. */
  readonly receivers: number;
  readonly sources: number;
}

export function recordRelayMinutes(store: Store, minutes: readonly RelayMinute[]): Result<void> {
  const done = store.transaction((sql) => {
    const insert = sql.query(`INSERT INTO relay_history
      (at_ms, channel, seconds, frames, bytes, inputs, left_out, receivers, sources)
      VALUES ($atMs, $channel, $seconds, $frames, $bytes, $inputs, $leftOut, $receivers, $sources)`);
    for (const minute of minutes) insert.run({ ...minute });
    sql
      .query("DELETE FROM relay_history WHERE id <= (SELECT max(id) FROM relay_history) - ?")
      .run(limits.storedRelayMinutes);
  });
  return done.ok ? ok(undefined) : done;
}

/** Rows of one channel ("" for the whole) since a time, oldest first; the newest `count` of them. */
export function listRelayMinutes(store: Store, channel: string, sinceMs: number, count: number): Result<RelayMinute[]> {
  return store.attempt((sql) =>
    sql
      .query<RelayMinute, [string, number, number]>(
        `SELECT at_ms AS atMs, channel, seconds, frames, bytes, inputs, left_out AS leftOut, receivers, sources
          FROM relay_history WHERE channel = ? AND at_ms >= ? ORDER BY at_ms DESC, id DESC LIMIT ?`,
      )
      .all(channel, sinceMs, count)
      .reverse(),
  );
}
