/**
 * Devices that this one knows: who waits, who may do what, who was turned away, and which key each host had. Trust is decided by
 * a person through approve() and revoke(); nothing here grants any by itself. Tables `peers` and `hosts`.
 */
import { limits } from "../base/limits.ts";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { fingerprint, parsePeerKey } from "../secure/fingerprint.ts";
import { permission } from "../wire/root.ts";
import type { Store } from "./database.ts";

export type PeerState = "waiting" | "approved" | "revoked";

export interface Peer {
  /** Ed25519, 32 bytes. */
  readonly key: Uint8Array;
  readonly fingerprint: string;
  /** What the device calls itself; empty before the first contact. */
  readonly name: string;
  readonly state: PeerState;
  /** Bits of wire/root.ts's permission; 0 unless approved. */
  readonly permissions: number;
  /** Wall clock in milliseconds; null before the first contact. */
  readonly firstSeenMs: number | null;
  readonly lastSeenMs: number | null;
  /** Where it last came from. */
  readonly address: string | null;
  /** The six words of the handshake that waits for approval. */
  readonly words: string | null;
}

/** A device as it came through a handshake. */
export interface Contact {
  readonly key: Uint8Array;
  readonly name: string;
  readonly address: string;
  readonly nowMs: number;
}

/** What approve() permits unless told otherwise. */
export const usualPermissions = permission.view | permission.sound | permission.input;
const allPermissions = usualPermissions | permission.clipboard | permission.microphone;

const columns = `key, fingerprint, name, state, permissions, first_seen_ms AS firstSeenMs, last_seen_ms AS lastSeenMs,
  address, words`;

export class Peers {
  readonly #store: Store;
  #seenVersion = -1;

  constructor(store: Store) {
    this.#store = store;
    this.changed();
  }

  /** Waiting ones first, then by when they were last seen. */
  list(): Result<Peer[]> {
    const order = "state <> 'waiting', last_seen_ms IS NULL, last_seen_ms DESC, key";
    return this.#store.attempt((sql) => sql.query<Peer, []>(`SELECT ${columns} FROM peers ORDER BY ${order}`).all());
  }

  find(key: Uint8Array): Result<Peer | undefined> {
    return this.#store.attempt((sql) => {
      return sql.query<Peer, [Uint8Array]>(`SELECT ${columns} FROM peers WHERE key = ?`).get(key) ?? undefined;
    });
  }

  /**
   * The one peer that `selector` means: a key in base64, a pairing code, a fingerprint, or the beginning of a name that only one
   * has. Code usage when none or several are meant.
   */
  match(selector: string): Result<Peer> {
    const wanted = selector.trim();
    const key = parsePeerKey(wanted);
    if (key.ok) {
      const peer = this.find(key.value);
      return peer.ok ? found(peer.value, wanted) : peer;
    }
    const all = this.list();
    if (!all.ok) return all;
    const lower = wanted.toLowerCase();
    if (lower === "") return fail("usage", "Name a device by its key, its fingerprint or the beginning of its name.");
    const byFingerprint = all.value.filter((peer) => peer.fingerprint === lower);
    const exact = byFingerprint.length > 0 ? byFingerprint : all.value.filter((peer) => peer.name === wanted);
    const near = exact.length > 0 ? exact : all.value.filter((peer) => peer.name.toLowerCase().startsWith(lower));
    if (near.length > 1) return several(near, wanted);
    return found(near[0], wanted);
  }

  /** Lets a device in. A key or pairing code may be one that never called; anything else must be known. */
  approve(selector: string, permissions: number = usualPermissions): Result<Peer> {
    if ((permissions & ~allPermissions) !== 0 || permissions === 0)
      throw new RangeError(`${permissions} are no permissions`);
    const key = this.#keyOf(selector);
    return key.ok ? this.#decide(key.value, "approved", permissions) : key;
  }

  /** Turns a device away for good, until it is approved again. A key that never called can be turned away in advance. */
  revoke(selector: string): Result<Peer> {
    const key = this.#keyOf(selector);
    return key.ok ? this.#decide(key.value, "revoked", 0) : key;
  }

  /**
   * Notes a device that completed a handshake. An unknown one waits from now on, with the words its owner sees; the oldest waiting
   * one is forgotten beyond limits.waitingPeers. A decision already made stays. Returns what is now known.
   */
  noteContact(contact: Contact, words: string): Result<Peer> {
    return this.#store.transaction((sql) => {
      const { key, name, address, nowMs } = contact;
      sql
        .query(`INSERT INTO peers (key, fingerprint, name, state, permissions, first_seen_ms, last_seen_ms, address, words)
          VALUES ($key, $fingerprint, $name, 'waiting', 0, $now, $now, $address, $words)
          ON CONFLICT (key) DO UPDATE SET name = $name, address = $address, last_seen_ms = $now,
            first_seen_ms = coalesce(first_seen_ms, $now), words = iif(state = 'waiting', $words, NULL)`)
        .run({ key, fingerprint: fingerprint(key), name, now: nowMs, address, words });
      sql
        .query(`DELETE FROM peers WHERE state = 'waiting' AND key <> $key AND key NOT IN (
          SELECT key FROM peers WHERE state = 'waiting' AND key <> $key ORDER BY last_seen_ms DESC, key LIMIT $others)`)
        .run({ key, others: limits.waitingPeers - 1 });
      return sql.query<Peer, [Uint8Array]>(`SELECT ${columns} FROM peers WHERE key = ?`).get(key) as Peer;
    });
  }

  /** True when another process changed the database since the last call: someone may have been approved or revoked. */
  changed(): boolean {
    const read = this.#store.attempt((sql) => {
      return sql.query<{ data_version: number }, []>("PRAGMA data_version").get()?.data_version;
    });
    // A database that cannot be read now says so at the next question; here it only counts as a change.
    const version = read.ok ? (read.value ?? -1) : -1;
    const isChanged = version !== this.#seenVersion;
    this.#seenVersion = version;
    return isChanged;
  }

  /**
   * Pins the key of the host at `address` (host:port as the user gave it). Code refused when another key is pinned there, unless
   * `replace` says that a person wants the new one. Pins are never forgotten by themselves: each was made by a person's command.
   */
  rememberHost(address: string, key: Uint8Array, replace = false): Result<void> {
    const kept = this.#store.transaction((sql) => {
      const old = sql.query<{ key: Uint8Array }, [string]>("SELECT key FROM hosts WHERE address = ?").get(address)?.key;
      if (old && !replace && old.toHex() !== key.toHex()) return old;
      sql
        .query("INSERT OR REPLACE INTO hosts (address, key, pinned_ms) VALUES (?, ?, ?)")
        .run(address, key, Date.now());
      return undefined;
    });
    if (!kept.ok) return kept;
    if (!kept.value) return ok(undefined);
    return fail(
      "refused",
      `${address} had the key ${fingerprint(kept.value)} until now and shows ${fingerprint(key)}.`,
    );
  }

  hostKeyFor(address: string): Result<Uint8Array | undefined> {
    return this.#store.attempt((sql) => {
      return sql.query<{ key: Uint8Array }, [string]>("SELECT key FROM hosts WHERE address = ?").get(address)?.key;
    });
  }

  /** A key may be of a device that never called; every other selector must be known. */
  #keyOf(selector: string): Result<Uint8Array> {
    const key = parsePeerKey(selector);
    if (key.ok) return key;
    const peer = this.match(selector);
    return peer.ok ? ok(peer.value.key) : peer;
  }

  #decide(key: Uint8Array, state: PeerState, permissions: number): Result<Peer> {
    return this.#store.transaction((sql) => {
      sql
        .query(`INSERT INTO peers (key, fingerprint, name, state, permissions) VALUES ($key, $fingerprint, '', $state, $permissions)
          ON CONFLICT (key) DO UPDATE SET state = $state, permissions = $permissions, words = NULL`)
        .run({ key, fingerprint: fingerprint(key), state, permissions });
      return sql.query<Peer, [Uint8Array]>(`SELECT ${columns} FROM peers WHERE key = ?`).get(key) as Peer;
    });
  }
}

function found(peer: Peer | undefined, wanted: string): Result<Peer> {
  return peer
    ? ok(peer)
    : fail("usage", `No known device is called ${JSON.stringify(wanted)}; see patchbay peers list.`);
}

function several(peers: readonly Peer[], wanted: string): Failure {
  const names = peers.map((peer) => `${peer.name || "unnamed"} (${peer.fingerprint})`).join(", ");
  return fail("usage", `${JSON.stringify(wanted)} may be ${names}; give the fingerprint.`);
}
