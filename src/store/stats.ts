/** One row a finished session, for looking back: the newest limits.storedSessions are kept. Table `sessions`. */
import { limits } from "../base/limits.ts";
import { ok, type Result } from "../base/result.ts";
import type { Store } from "./database.ts";

export interface SessionStats {
  /** Ed25519 key of the peer, 32 bytes. */
  readonly peer: Uint8Array;
  /** What this device was in it. */
  readonly role: "host" | "client";
  /** Wall clock in milliseconds. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** Counts by name, whatever the session counted. */
  readonly counters: Readonly<Record<string, number>>;
}

type Row = Omit<SessionStats, "counters"> & { counters: string };

export function recordSession(store: Store, stats: SessionStats): Result<void> {
  const { peer, role, startedMs, endedMs, counters } = stats;
  const done = store.transaction((sql) => {
    sql
      .query("INSERT INTO sessions (peer, role, started_ms, ended_ms, counters) VALUES (?, ?, ?, ?, ?)")
      .run(peer, role, startedMs, endedMs, JSON.stringify(counters));
    sql
      .query("DELETE FROM sessions WHERE id NOT IN (SELECT id FROM sessions ORDER BY id DESC LIMIT ?)")
      .run(limits.storedSessions);
  });
  return done.ok ? ok(undefined) : done;
}

/** Newest first. */
export function listSessions(store: Store, count: number = limits.storedSessions): Result<SessionStats[]> {
  return store.attempt((sql) => {
    const rows = sql
      .query<Row, [number]>(
        `SELECT peer, role, started_ms AS startedMs, ended_ms AS endedMs, counters FROM sessions ORDER BY id DESC LIMIT ?`,
      )
      .all(count);
    return rows.map((row) => ({ ...row, counters: JSON.parse(row.counters) as Record<string, number> }));
  });
}
