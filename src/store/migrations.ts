/**
 * The schema as a list of steps: entry n brings version n to n + 1. A step that has been published is never edited; a change is a
 * new step at the end. Times are milliseconds of the wall clock since 1970, keys are raw bytes.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seed BLOB NOT NULL CHECK (length(seed) = 32),
    noise BLOB NOT NULL CHECK (length(noise) = 32),
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE peers (
    key BLOB PRIMARY KEY CHECK (length(key) = 32),
    fingerprint TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'revoked')),
    permissions INTEGER NOT NULL,
    first_seen_ms INTEGER,
    last_seen_ms INTEGER,
    address TEXT,
    words TEXT
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE hosts (
    address TEXT PRIMARY KEY,
    key BLOB NOT NULL CHECK (length(key) = 32),
    pinned_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    peer BLOB NOT NULL CHECK (length(peer) = 32),
    role TEXT NOT NULL CHECK (role IN ('host', 'client')),
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    counters TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE relay_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    permits TEXT NOT NULL CHECK (permits IN ('publish', 'view')),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE relay_history (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    channel TEXT NOT NULL,
    seconds REAL NOT NULL,
    frames INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    inputs INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    receivers INTEGER NOT NULL,
    sources INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX relay_history_by_channel ON relay_history (channel, at_ms);
  `,
];
