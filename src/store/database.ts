/**
 * The one database of a user: ${XDG_DATA_HOME:-~/.local/share}/patchbay/patchbay.db, SQLite in WAL mode, readable by its owner
 * only (folder 0700, files 0600). It is opened, checked, brought to the present schema and closed here; the tables have a file
 * each beside this one. A file that cannot be used as it is gives one sentence, and is never overwritten, moved or repaired.
 */
import { Database, SQLiteError } from "bun:sqlite";
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, type Stats, statSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { createLog, type Log } from "../base/log.ts";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { migrations } from "./migrations.ts";

/** "PBAY": tells our file from another program's database. */
const applicationId = 0x5042_4159;
/** How long to wait for another process that is writing. */
const busyTimeoutMs = 5000;
/** Bytes of the smallest page that SQLite knows. */
const smallestDatabase = 512;

export interface OpenOptions {
  /** The folder of the database; the user's own when left out. */
  readonly folder?: string;
  readonly log?: Log;
}

/** The folder of the user's data. A relative XDG_DATA_HOME is ignored, as the XDG base directory specification demands. */
export function dataFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const base = env.XDG_DATA_HOME;
  return join(base && isAbsolute(base) ? base : join(env.HOME || homedir(), ".local", "share"), "patchbay");
}

export class Store {
  readonly path: string;
  /** For the files of this folder. */
  readonly sql: Database;
  #isClosed = false;

  constructor(path: string, sql: Database) {
    this.path = path;
    this.sql = sql;
  }

  /** Runs `work`; what the disk or the database refuses becomes a Failure. Other errors are ours and go through. */
  attempt<T>(work: (sql: Database) => T): Result<T> {
    try {
      return ok(work(this.sql));
    } catch (error) {
      return explain(error, this.path);
    }
  }

  /** The same in one transaction that holds the writing lock from its start. */
  transaction<T>(work: (sql: Database) => T): Result<T> {
    return this.attempt((sql) => sql.transaction(work).immediate(sql));
  }

  /** Writes the log back into the file and closes. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // Another process may be reading; then the log stays, and whoever closes last writes it back.
    this.attempt((sql) => sql.query("PRAGMA wal_checkpoint(TRUNCATE)").all());
    this.sql.close();
  }
}

/**
 * Opens the database, making folder and file when there are none.
 * Codes: database-broken (corrupt, read-only, newer, another program's, not a database), cannot-create, input-output (disk full).
 */
export function openStore(options: OpenOptions = {}): Result<Store> {
  const folder = options.folder ?? dataFolder();
  const log = options.log ?? createLog("store");
  const path = join(folder, "patchbay.db");
  const prepared = prepareFolder(folder, log);
  if (!prepared.ok) return prepared;
  const file = prepareFile(path, log);
  if (!file.ok) return file;
  let sql: Database | undefined;
  try {
    sql = new Database(path, { readwrite: true, create: false, strict: true });
    sql.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    const refusal = prepareSchema(sql, path);
    if (!refusal) return ok(new Store(path, sql));
    sql.close();
    return refusal;
  } catch (error) {
    sql?.close();
    return explain(error, path);
  }
}

function prepareFolder(folder: string, log: Log): Result<void> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    tighten(folder, 0o700, statSync(folder), log);
    return ok(undefined);
  } catch (error) {
    return fail("cannot-create", `The data folder ${folder} cannot be made or used: ${reasonOf(error)}.`);
  }
}

function prepareFile(path: string, log: Log): Result<void> {
  try {
    // Made here and not by SQLite, so that there is no moment in which others may read it. SQLite gives -wal and -shm its mode.
    closeSync(openSync(path, "wx", 0o600));
    return ok(undefined);
  } catch (error) {
    if (!isErrno(error, "EEXIST"))
      return fail("cannot-create", `The database ${path} cannot be made: ${reasonOf(error)}.`);
  }
  try {
    for (const name of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) {
      const stats = statSync(name, { throwIfNoEntry: false });
      if (!stats) continue;
      if (!stats.isFile())
        return fail("database-broken", `${name} is not a file, so it cannot be Patchbay's database.`);
      if (!(stats.mode & 0o200)) return readOnly(name);
      // SQLite takes a file too small for a header as an empty one and would write over it.
      if (name === path && stats.size > 0 && stats.size < smallestDatabase && !existsSync(`${path}-journal`)) {
        return notDatabase(path);
      }
      tighten(name, 0o600, stats, log);
    }
    return ok(undefined);
  } catch (error) {
    return fail("database-broken", `The database ${path} cannot be used: ${reasonOf(error)}.`);
  }
}

/** Secrets that others could read are closed off and it is said, because they may have been read already. */
function tighten(path: string, mode: number, stats: Stats, log: Log): void {
  if (!(stats.mode & 0o077)) return;
  chmodSync(path, mode);
  log.warn(`${path} could be read by others (mode ${octal(stats.mode)}); it is now ${octal(mode)}`);
}

/** Looks before anything is changed, and once more under the writing lock, because another process may just have started too. */
function prepareSchema(sql: Database, path: string): Failure | undefined {
  const refusal = sql.transaction(() => inspect(sql, path) ?? checkPages(sql, path)).deferred();
  if (refusal) return refusal;
  enterWal(sql);
  sql.run("PRAGMA synchronous = NORMAL");
  sql.run("PRAGMA foreign_keys = ON");
  return sql.transaction(() => inspect(sql, path) ?? migrate(sql)).immediate();
}

/** Whose file this is. Runs in a transaction: another process that is just making the tables must not be seen half-way. */
function inspect(sql: Database, path: string): Failure | undefined {
  const version = pragma(sql, "user_version");
  const owner = pragma(sql, "application_id");
  const tables = sql.query<{ n: number }, []>("SELECT count(*) AS n FROM sqlite_schema").get()?.n ?? 0;
  if (owner !== applicationId && (owner !== 0 || version !== 0 || tables !== 0)) {
    return fail(
      "database-broken",
      `${path} is another program's database; move it away or choose another XDG_DATA_HOME.`,
    );
  }
  if (version <= migrations.length) return undefined;
  return fail(
    "database-broken",
    `The database ${path} is from a newer Patchbay (schema ${version}, this one knows ${migrations.length}); update Patchbay.`,
  );
}

function checkPages(sql: Database, path: string): Failure | undefined {
  const check = sql.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get()?.quick_check;
  return check === "ok" ? undefined : corrupt(path);
}

/** The change to WAL needs the file alone for a moment, and SQLite does not always wait for it by itself. */
function enterWal(sql: Database): void {
  const deadline = Date.now() + busyTimeoutMs;
  for (;;) {
    try {
      sql.query("PRAGMA journal_mode = WAL").get();
      return;
    } catch (error) {
      if (!(error instanceof SQLiteError && error.code?.startsWith("SQLITE_BUSY")) || Date.now() > deadline)
        throw error;
      Bun.sleepSync(5);
    }
  }
}

/** All missing steps. It always writes, because only a write shows that the file can be written. */
function migrate(sql: Database): undefined {
  for (const step of migrations.slice(pragma(sql, "user_version"))) sql.run(step);
  sql.run(`PRAGMA application_id = ${applicationId}`);
  sql.run(`PRAGMA user_version = ${migrations.length}`);
}

function pragma(sql: Database, name: "user_version" | "application_id"): number {
  const row = sql.query<Record<string, number>, []>(`PRAGMA ${name}`).get();
  return row?.[name] ?? 0;
}

function corrupt(path: string): Failure {
  return fail(
    "database-broken",
    `The database ${path} is damaged; restore a copy, or move it away to start anew (devices pair again).`,
  );
}

function notDatabase(path: string): Failure {
  return fail("database-broken", `${path} is not a database; move it away to start anew.`);
}

function readOnly(path: string): Failure {
  return fail("database-broken", `The database ${path} is read-only; Patchbay must be able to write it.`);
}

/** One sentence for what SQLite refused; an error that is not SQLite's is thrown on. */
function explain(error: unknown, path: string): Failure {
  if (!(error instanceof SQLiteError)) throw error;
  const code = error.code ?? "";
  if (code.startsWith("SQLITE_CORRUPT")) return corrupt(path);
  if (code.startsWith("SQLITE_NOTADB")) return notDatabase(path);
  if (code.startsWith("SQLITE_READONLY")) return readOnly(path);
  if (code.startsWith("SQLITE_FULL")) return fail("input-output", `The disk is full: ${path} cannot be written.`);
  if (code.startsWith("SQLITE_BUSY"))
    return fail("database-broken", `Another program keeps ${path} locked; end it and try again.`);
  if (code.startsWith("SQLITE_CANTOPEN")) return fail("database-broken", `The database ${path} cannot be opened.`);
  if (code.startsWith("SQLITE_IOERR"))
    return fail("input-output", `Reading or writing ${path} failed (${error.message}).`);
  throw error;
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function octal(mode: number): string {
  return `0${(mode & 0o777).toString(8)}`;
}
