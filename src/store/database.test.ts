import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Prng } from "../base/prng.ts";
import { dataFolder, openStore, type Store } from "./database.ts";
import { loadIdentity } from "./identity.ts";
import { migrations } from "./migrations.ts";
import { recordSession } from "./stats.ts";

let folder: string;
let path: string;
let lines: string[];
const open = () => openStore({ folder, log: { debug() {}, info() {}, warn: (text) => lines.push(text), error() {} } });

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "patchbay-store-")), "patchbay");
  path = join(folder, "patchbay.db");
  lines = [];
});
afterEach(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

function opened(): Store {
  const store = open();
  if (!store.ok) throw new Error(store.message);
  return store.value;
}

function mode(name: string): string {
  return (statSync(name).mode & 0o777).toString(8);
}

/** Makes a good database with an identity and a finished log, and returns its bytes. */
function goodFile(): Buffer {
  const store = opened();
  loadIdentity(store, "good");
  store.close();
  return readFileSync(path);
}

/** Opening fails with one sentence that names the file, and leaves every byte as it was. */
function refused(code: string, saying: RegExp): void {
  const before = statSync(path).isFile() ? readFileSync(path) : undefined;
  const store = open();
  if (store.ok) throw new Error("it was opened");
  expect(store).toMatchObject({ code });
  expect(store.message).toMatch(saying);
  expect(store.message).toContain(folder);
  expect(store.message).toMatch(/^[^\n]+\.$/);
  if (before) expect(readFileSync(path).equals(before)).toBe(true);
}

describe("where it lies", () => {
  test("XDG_DATA_HOME, or its default, or the default instead of a relative one", () => {
    expect(dataFolder({ XDG_DATA_HOME: "/data", HOME: "/home/u" })).toBe("/data/patchbay");
    expect(dataFolder({ HOME: "/home/u" })).toBe("/home/u/.local/share/patchbay");
    expect(dataFolder({ XDG_DATA_HOME: "data", HOME: "/home/u" })).toBe("/home/u/.local/share/patchbay");
  });
});

describe("modes", () => {
  test("folder 0700, files 0600, whatever the umask", () => {
    const umask = process.umask(0);
    try {
      const store = opened();
      loadIdentity(store);
      expect(mode(folder)).toBe("700");
      for (const suffix of ["", "-wal", "-shm"]) expect(mode(path + suffix)).toBe("600");
      store.close();
    } finally {
      process.umask(umask);
    }
    expect(lines).toEqual([]);
  });

  test("too wide ones are tightened, and it is said", () => {
    const first = opened();
    loadIdentity(first);
    chmodSync(folder, 0o755);
    for (const suffix of ["", "-wal", "-shm"]) chmodSync(path + suffix, 0o644);
    const second = opened();
    expect(mode(folder)).toBe("700");
    for (const suffix of ["", "-wal", "-shm"]) expect(mode(path + suffix)).toBe("600");
    expect(lines.length).toBe(4);
    expect(lines[0]).toContain("mode 0755");
    second.close();
    first.close();
  });
});

describe("closing", () => {
  test("leaves one file with everything in it, and may happen twice", () => {
    const store = opened();
    loadIdentity(store, "here");
    store.close();
    store.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    const again = opened();
    expect(again.sql.query("SELECT name FROM identity").get()).toEqual({ name: "here" });
    again.close();
  });
});

describe("schema", () => {
  test("a version 0 file of ours is brought up, an up-to-date one keeps its rows", () => {
    goodFile();
    const store = opened();
    expect(store.sql.query("PRAGMA user_version").get()).toEqual({ user_version: migrations.length });
    expect(store.sql.query("SELECT count(*) AS n FROM identity").get()).toEqual({ n: 1 });
    store.close();
  });

  test("an empty file, as a crash at the very start leaves it, becomes a database", () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, "", { mode: 0o600 });
    opened().close();
    expect(statSync(path).size).toBeGreaterThan(4096);
  });

  test("a newer version is refused", () => {
    goodFile();
    const sql = new Database(path);
    sql.run(`PRAGMA user_version = ${migrations.length + 1}`);
    sql.query("PRAGMA wal_checkpoint(TRUNCATE)").all();
    sql.close();
    refused("database-broken", /newer Patchbay/);
  });

  test("another program's database is refused", () => {
    mkdirSync(folder, { recursive: true });
    const sql = new Database(path);
    sql.run("CREATE TABLE bookmarks (url TEXT)");
    sql.close();
    refused("database-broken", /another program's/);
  });
});

describe("files that cannot be used", () => {
  test("not a database", () => {
    mkdirSync(folder, { recursive: true });
    for (const bytes of ["x", "hello\n".repeat(2000), "\0".repeat(4096)]) {
      writeFileSync(path, bytes);
      refused("database-broken", /not a database/);
    }
  });

  test("a folder in its place", () => {
    mkdirSync(path, { recursive: true });
    refused("database-broken", /not a file/);
  });

  test("cut off", () => {
    const good = goodFile();
    writeFileSync(path, good.subarray(0, 4096));
    refused("database-broken", /damaged/);
    writeFileSync(path, good.subarray(0, good.length - 4096));
    refused("database-broken", /damaged/);
  });

  test("a page overwritten", () => {
    const good = goodFile();
    for (let page = 1; page < good.length / 4096; page++) {
      writeFileSync(path, Buffer.from(good).fill(0x55, page * 4096, page * 4096 + 200));
      refused("database-broken", /damaged/);
    }
  });

  test("random bytes anywhere never crash and never lose the file", () => {
    const good = goodFile();
    const random = new Prng(7);
    for (let round = 0; round < 150; round++) {
      const bytes = Buffer.from(good);
      const at = random.below(bytes.length - 64);
      bytes.set(random.bytes(1 + random.below(64)), at);
      for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
      writeFileSync(path, bytes);
      const store = open();
      if (store.ok) store.value.close();
      else expect(readFileSync(path).equals(bytes)).toBe(true);
    }
  });

  // Neither a mode nor a mount stops root, under which tests may run: the write version in byte 18 of the file's header does.
  // Above 2 it tells SQLite that this file may be read but not written (file format, section 1.3.3).
  test("read-only for SQLite", () => {
    const bytes = goodFile();
    bytes[18] = 3;
    writeFileSync(path, bytes);
    refused("database-broken", /read-only/);
  });

  test("read-only by its mode, for root as well", () => {
    goodFile();
    chmodSync(path, 0o400);
    refused("database-broken", /read-only/);
    expect(mode(path)).toBe("400");
  });

  test("a folder that cannot be made", () => {
    writeFileSync(join(folder, "..", "file"), "");
    const store = openStore({ folder: join(folder, "..", "file", "patchbay") });
    expect(store).toMatchObject({ ok: false, code: "cannot-create" });
  });
});

describe("while it runs", () => {
  test("a full disk is a failure, the rows before it stay", () => {
    const store = opened();
    loadIdentity(store, "kept");
    const pages = store.sql.query<{ page_count: number }, []>("PRAGMA page_count").get()?.page_count;
    store.sql.run(`PRAGMA max_page_count = ${pages}`);
    const counters = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`counter${i}`, i]));
    const full = recordSession(store, { peer: new Uint8Array(32), role: "host", startedMs: 0, endedMs: 1, counters });
    expect(full).toMatchObject({ ok: false, code: "input-output" });
    expect(store.sql.query("SELECT name FROM identity").get()).toEqual({ name: "kept" });
    store.close();
  });

  test("a disk that takes nothing at the start is a failure", () => {
    const { exitCode, stdout } = child(
      `const s = openStore({folder: ${JSON.stringify(folder)}}); console.log(s.ok ? "opened" : s.code);`,
      // No file of this process may grow, which SQLite meets as a failing write.
      ["sh", "-c", `trap "" XFSZ; ulimit -f 0; exec "$@" | cat`, "sh"],
    );
    expect(stdout).toBe("input-output\n");
    expect(exitCode).toBe(0);
  });

  test("a lock that another holds is waited for", async () => {
    const [one, two] = [opened(), opened()];
    one.sql.run("BEGIN IMMEDIATE");
    two.sql.run("PRAGMA busy_timeout = 1");
    expect(two.transaction(() => 1)).toMatchObject({ ok: false, code: "database-broken" });
    one.sql.run("COMMIT");
    expect(two.transaction(() => 1)).toEqual({ ok: true, value: 1 });
    one.close();
    two.close();
  });

  test("a programmer's error is not mistaken for one of the disk", () => {
    const store = opened();
    expect(() => store.attempt(() => new Uint8Array(-1))).toThrow(RangeError);
    expect(() => store.attempt((sql) => sql.run("SELEKT"))).toThrow("SELEKT");
    store.close();
  });
});

const prelude = `
  import { openStore } from ${JSON.stringify(join(import.meta.dir, "database.ts"))};
  import { loadIdentity } from ${JSON.stringify(join(import.meta.dir, "identity.ts"))};
  import { recordSession } from ${JSON.stringify(join(import.meta.dir, "stats.ts"))};
`;

function child(code: string, wrapper: string[] = []) {
  const { exitCode, stdout } = Bun.spawnSync([...wrapper, process.execPath, "-e", prelude + code], {
    stderr: "inherit",
  });
  return { exitCode, stdout: stdout.toString() };
}

describe("several processes", () => {
  test("that start together make one database and one identity", async () => {
    for (let round = 0; round < 6; round++) {
      rmSync(folder, { recursive: true, force: true });
      const code = `
        const s = openStore({folder: ${JSON.stringify(folder)}});
        const i = s.ok ? loadIdentity(s.value) : s;
        console.log(i.ok ? i.value.signing.publicKey.toHex() : i.message);
        if (s.ok) s.value.close();`;
      const children = Array.from({ length: 6 }, () => Bun.spawn([process.execPath, "-e", prelude + code]));
      const keys = await Promise.all(children.map((c) => new Response(c.stdout).text()));
      for (const key of keys) expect(key).toMatch(/^[0-9a-f]{64}\n$/);
      expect(new Set(keys).size).toBe(1);
    }
  }, 60_000);

  test("a writer that is killed at any moment leaves a good file with all it had confirmed", async () => {
    opened().close();
    const random = new Prng(3);
    let confirmed = 0;
    for (let round = 0; round < 30; round++) {
      const code = `
        const s = openStore({folder: ${JSON.stringify(folder)}});
        if (!s.ok) throw new Error(s.message);
        for (let i = 0; ; i++) {
          const r = recordSession(s.value, {peer: new Uint8Array(32), role: "host", startedMs: ${round}, endedMs: i, counters: {i}});
          if (!r.ok) throw new Error(r.message);
          await Bun.write(Bun.stdout, i + "\\n");
        }`;
      const writer = Bun.spawn([process.execPath, "-e", prelude + code], { stderr: "inherit" });
      const wanted = 1 + random.below(40);
      let last = -1;
      let text = "";
      for await (const chunk of writer.stdout) {
        text += new TextDecoder().decode(chunk);
        last = text.split("\n").length - 2;
        if (last >= wanted) writer.kill("SIGKILL");
      }
      await writer.exited;
      expect(writer.signalCode).toBe("SIGKILL");
      const store = opened();
      expect(store.sql.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
      const row = store.sql.query("SELECT max(ended_ms) AS newest FROM sessions WHERE started_ms = ?").get(round);
      expect((row as { newest: number }).newest).toBeGreaterThanOrEqual(last);
      confirmed += last + 1;
      store.close();
    }
    expect(confirmed).toBeGreaterThan(30);
  }, 120_000);
});
