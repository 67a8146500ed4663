/**
 * What the host needs to know and tell about devices: the owner's decisions, kept in the store. A database that fails in the
 * middle never lets anybody in: the device then waits, and the log says why.
 */
import { createLog } from "../base/log.ts";
import type { Result } from "../base/result.ts";
import { fingerprint, sixWords } from "../secure/fingerprint.ts";
import type { Established } from "../secure/handshake.ts";
import type { Store } from "../store/database.ts";
import { type Peer, Peers } from "../store/peers.ts";
import { recordSession } from "../store/stats.ts";
import type { LeaveReason, Verdict } from "./core.ts";
import type { Remote, Viewer, ViewerIdentity } from "./viewer.ts";

const log = createLog("peers");

export class Directory {
  readonly #store: Store;
  readonly #peers: Peers;

  constructor(store: Store) {
    this.#store = store;
    this.#peers = new Peers(store);
  }

  /** A device has proven its key at `address`; an unknown one is noted as waiting, with the words that its owner sees. */
  meet(established: Established, address: string): { readonly identity: ViewerIdentity; readonly verdict: Verdict } {
    const { remoteKey, remoteName, handshakeHash } = established;
    const words = sixWords(handshakeHash);
    const contact = { key: remoteKey, name: remoteName, address, nowMs: Date.now() };
    const peer = this.#peers.noteContact(contact, words.join(" "));
    return {
      identity: { key: remoteKey, name: remoteName, fingerprint: fingerprint(remoteKey), words },
      verdict: verdictOf(peer),
    };
  }

  /** The owner's present decision. */
  verdict(key: Uint8Array): Verdict {
    return verdictOf(this.#peers.find(key));
  }

  /** True when another process (`patchbay peers`) may have changed a decision since the last call. Cheap. */
  changed(): boolean {
    return this.#peers.changed();
  }

  /** Known devices, for the status page; none when the database fails. */
  list(): readonly Peer[] {
    const peers = this.#peers.list();
    return peers.ok ? peers.value : [];
  }

  /** Keeps a row of a session that ended. */
  left(viewer: Viewer<Remote>, seconds: number, why: LeaveReason): void {
    const endedMs = Date.now();
    const { link } = viewer;
    const recorded = recordSession(this.#store, {
      peer: viewer.identity.key,
      role: "host",
      startedMs: Math.round(endedMs - seconds * 1000),
      endedMs,
      counters: {
        [`ended-${why}`]: 1,
        sent: link.sent,
        sentBytes: link.sentBytes,
        received: link.received,
        receivedBytes: link.receivedBytes,
        frames: viewer.framesDelivered,
        inputEvents: viewer.inputEvents,
        ...prefixed("drop-", viewer.drops.toJSON()),
        ...prefixed("drop-", link.drops.toJSON()),
      },
    });
    if (!recorded.ok) log.warn(`the session's statistics are lost: ${recorded.message}`);
  }
}

function prefixed(prefix: string, counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [prefix + name, count]));
}

function verdictOf(peer: Result<Peer | undefined>): Verdict {
  if (!peer.ok) {
    log.error(peer.message);
    return { state: "waiting", permissions: 0 };
  }
  const { state, permissions } = peer.value ?? { state: "waiting" as const, permissions: 0 };
  return { state, permissions: state === "approved" ? permissions : 0 };
}
