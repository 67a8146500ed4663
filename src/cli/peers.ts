/**
 * `patchbay peers`: who is known to this device, and the decisions that only a person makes. A running host sees a decision at
 * once, because it watches the same database.
 */
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { openStore } from "../store/database.ts";
import { type Peer, Peers } from "../store/peers.ts";
import { permission } from "../wire/root.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type Permission, type Positionals, permissions as permissionNames } from "./options.ts";
import { printJson, printLine } from "./output.ts";
import type { Parsed } from "./parse.ts";

export async function run(parsed: Parsed<"peers">, lifecycle: Lifecycle): Promise<Result<void>> {
  const { positionals, flags } = parsed;
  const problem = checkKey(positionals) ?? checkPermit(positionals, flags.permit);
  if (problem) return problem;
  const store = openStore();
  if (!store.ok) return store;
  lifecycle.defer("the database", () => store.value.close());
  const peers = new Peers(store.value);
  const { key } = positionals;
  if (key === undefined) return list(peers, flags.json);
  return positionals.action === "approve" ? approve(peers, key, parsed) : revoke(peers, key, flags.json);
}

function checkKey({ action = "list", key }: Positionals<"peers">): Failure | undefined {
  if (action === "list")
    return key === undefined ? undefined : fail("usage", `patchbay peers list takes no KEY ("${key}").`);
  return key === undefined
    ? fail("usage", `patchbay peers ${action} needs KEY: patchbay peers list shows them.`)
    : undefined;
}

function checkPermit({ action = "list" }: Positionals<"peers">, permit: unknown): Failure | undefined {
  if (action === "approve" || permit === undefined) return undefined;
  return fail("usage", `--permit goes with patchbay peers approve KEY; ${action} changes no permission.`);
}

/** What a device that its owner approves without a word may do. */
const usualPermissions: readonly Permission[] = ["view", "sound", "input"];

function approve(peers: Peers, key: string, { flags }: Parsed<"peers">): Result<void> {
  // The decision clears the words; they are shown once more, so that a slip can still be noticed and revoked.
  const before = peers.match(key);
  const bits = (flags.permit ?? usualPermissions).reduce((sum, name) => sum | permission[name], 0);
  const approved = peers.approve(key, bits);
  if (!approved.ok) return approved;
  const words = before.ok ? before.value.words : null;
  if (flags.json) printJson(asJson(approved.value));
  else {
    printLine(`${titleOf(approved.value)} is approved: ${permissionsOf(approved.value).join(", ")}.`);
    if (words !== null) printLine(`Its six words were: ${words}. If it shows others, revoke it.`);
  }
  return ok(undefined);
}

function revoke(peers: Peers, key: string, json: boolean): Result<void> {
  const revoked = peers.revoke(key);
  if (!revoked.ok) return revoked;
  if (json) printJson(asJson(revoked.value));
  else printLine(`${titleOf(revoked.value)} is revoked and will be refused.`);
  return ok(undefined);
}

function list(peers: Peers, json: boolean): Result<void> {
  const all = peers.list();
  if (!all.ok) return all;
  if (json) printJson(all.value.map(asJson));
  else if (all.value.length === 0) printLine("No device is known yet. One that connects waits here to be approved.");
  else for (const line of peerTable(all.value, Date.now())) printLine(line);
  return ok(undefined);
}

/** What a program reads: times in ISO 8601, permissions and words as lists. */
function asJson(peer: Peer) {
  return {
    state: peer.state,
    name: peer.name,
    fingerprint: peer.fingerprint,
    publicKey: peer.key.toBase64(),
    permissions: permissionsOf(peer),
    words: peer.words?.split(" ") ?? null,
    address: peer.address,
    firstSeen: isoTime(peer.firstSeenMs),
    lastSeen: isoTime(peer.lastSeenMs),
  };
}

function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function permissionsOf({ permissions }: Peer): readonly string[] {
  return permissionNames.filter((name) => (permissions & permission[name]) !== 0);
}

function titleOf({ name, fingerprint }: Peer): string {
  return name === "" ? fingerprint : `${name} (${fingerprint})`;
}

/** Aligned text; the words of a waiting device stand below it, with the command that approves it. */
export function peerTable(peers: readonly Peer[], nowMs: number): readonly string[] {
  const head = ["STATE", "NAME", "FINGERPRINT", "MAY", "LAST SEEN", "ADDRESS"];
  const rows = peers.map((peer) => [
    peer.state,
    peer.name || "-",
    peer.fingerprint,
    permissionsOf(peer).join(",") || "-",
    peer.lastSeenMs === null ? "never" : ago(nowMs - peer.lastSeenMs),
    peer.address ?? "-",
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((cells) => Bun.stringWidth(cells[i] as string))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell + " ".repeat((widths[i] as number) - Bun.stringWidth(cell)))
      .join("  ")
      .trimEnd();
  return [
    line(head),
    ...peers.flatMap((peer, i) => {
      const text = line(rows[i] as string[]);
      if (peer.state !== "waiting") return [text];
      return [text, `  words    ${peer.words ?? "-"}`, `  approve  patchbay peers approve ${peer.fingerprint}`];
    }),
  ];
}

function ago(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 120) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`;
}
