import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Counters } from "../base/counters.ts";
import { fingerprint, sixWords } from "../secure/fingerprint.ts";
import type { Established } from "../secure/handshake.ts";
import { openStore, type Store } from "../store/database.ts";
import { Peers } from "../store/peers.ts";
import { listSessions } from "../store/stats.ts";
import { permission } from "../wire/root.ts";
import { Directory } from "./directory.ts";
import type { Remote, Viewer } from "./viewer.ts";

let folder: string;
let store: Store;
let directory: Directory;

function opened(): Store {
  const result = openStore({ folder });
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "patchbay-directory-"));
  store = opened();
  directory = new Directory(store);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const established: Established = {
  sendKey: new Uint8Array(32),
  receiveKey: new Uint8Array(32),
  remoteKey: new Uint8Array(32).fill(7),
  remoteName: "laptop",
  remoteFeatures: 0,
  handshakeHash: new Uint8Array(32).fill(9),
};
const key = established.remoteKey;
const waiting = { state: "waiting", permissions: 0 } as const;

test("an unknown device waits, with the words that its owner sees", () => {
  const { identity, verdict } = directory.meet(established, "192.0.2.1:5");
  const words = sixWords(established.handshakeHash);
  expect(verdict).toEqual(waiting);
  expect(identity).toEqual({ key, name: "laptop", fingerprint: fingerprint(key), words });
  expect(directory.list()).toMatchObject([{ name: "laptop", state: "waiting", words: words.join(" ") }]);
  expect(directory.verdict(key)).toEqual(waiting);
});

test("a device nobody heard of has the verdict of one that waits", () => {
  expect(directory.verdict(new Uint8Array(32))).toEqual(waiting);
});

test("decisions of another process are noticed once and hold at the next meeting", () => {
  directory.meet(established, "192.0.2.1:5");
  directory.changed();
  expect(directory.changed()).toBe(false);
  const other = opened();
  try {
    const peers = new Peers(other);
    peers.approve(fingerprint(key), permission.view | permission.input);
    expect(directory.changed()).toBe(true);
    expect(directory.changed()).toBe(false);
    expect(directory.meet(established, "192.0.2.1:6").verdict).toEqual({ state: "approved", permissions: 5 });
    peers.revoke(fingerprint(key));
    expect(directory.verdict(key)).toEqual({ state: "revoked", permissions: 0 });
  } finally {
    other.close();
  }
});

test("a session that ended leaves a row with its counts", () => {
  const viewer = {
    identity: { key },
    link: { sent: 3, sentBytes: 300, received: 2, receivedBytes: 200, drops: new Counters() },
    drops: new Counters(),
    framesDelivered: 5,
    inputEvents: 6,
  };
  viewer.link.drops.add("replayed", 4);
  viewer.drops.add("input-rate", 2);
  directory.left(viewer as unknown as Viewer<Remote>, 1.5, "silent");
  const sessions = listSessions(store);
  if (!sessions.ok) throw new Error(sessions.message);
  const [row] = sessions.value;
  expect(row).toMatchObject({ peer: key, role: "host" });
  expect((row?.endedMs ?? 0) - (row?.startedMs ?? 0)).toBe(1500);
  expect(row?.counters).toEqual({
    "ended-silent": 1,
    sent: 3,
    sentBytes: 300,
    received: 2,
    receivedBytes: 200,
    frames: 5,
    inputEvents: 6,
    "drop-replayed": 4,
    "drop-input-rate": 2,
  });
});

test("a database that fails in the middle lets nobody in, and hurts nothing else", () => {
  new Peers(store).approve(Buffer.from(key).toString("base64"));
  expect(directory.verdict(key).state).toBe("approved");
  store.close();
  store = opened();
  directory = new Directory(store);
  // Everything behind the first page, which holds the schema, becomes nonsense under the open database.
  const path = join(folder, "patchbay.db");
  const bytes = readFileSync(path).fill(0xa5, 4096);
  const file = openSync(path, "r+");
  writeSync(file, bytes, 4096, bytes.length - 4096, 4096);
  closeSync(file);
  store.sql.run("PRAGMA shrink_memory");
  expect(directory.verdict(key)).toEqual(waiting);
  expect(directory.meet(established, "192.0.2.1:5").verdict).toEqual(waiting);
  expect(directory.list()).toEqual([]);
});
