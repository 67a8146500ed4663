/** Which device a person means: by public key, pairing code, fingerprint or a beginning of one, or a name that only one has. */
import { fail, ok, type Result } from "../base/result.ts";
import { fingerprint, parsePeerKey } from "../secure/fingerprint.ts";
import { didYouMean } from "./values.ts";

export interface Findable {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly name: string;
}

/** Too short a beginning would be met by chance. */
const shortestBeginning = 4;

/** A known device, or the bare key of one that has not been seen. */
export type Found<P> = { readonly known: P } | { readonly known: undefined; readonly publicKey: Uint8Array };

export function findPeer<P extends Findable>(text: string, peers: readonly P[]): Result<Found<P>> {
  const key = parsePeerKey(text);
  if (key.ok) {
    const known = peers.find((peer) => peer.publicKey.toBase64() === key.value.toBase64());
    return ok(known ? { known } : { known: undefined, publicKey: key.value });
  }
  if (text.includes("@")) return key;
  // A device chooses its own name, even one that looks like another's fingerprint: the fingerprint wins.
  const exact = peers.filter((peer) => fingerprint(peer.publicKey) === text.toLowerCase());
  const isNamed = (peer: P) => peer.name.toLowerCase() === text.toLowerCase();
  const matches = exact.length > 0 ? exact : peers.filter((peer) => isNamed(peer) || begins(peer, text));
  const [only, second] = matches;
  if (only && !second) return ok({ known: only });
  if (only) {
    const prints = matches.map((peer) => fingerprint(peer.publicKey)).join(", ");
    return fail("usage", `"${text}" may be any of ${matches.length} devices: ${prints}. Name one by its fingerprint.`);
  }
  const hint = didYouMean(
    text,
    peers.map((peer) => peer.name),
  );
  return fail("no-input", `No device is known as "${text}".${hint || " patchbay peers list shows them."}`);
}

function begins(peer: Findable, text: string): boolean {
  const digits = text.toLowerCase().replaceAll("-", "");
  const long = digits.length >= shortestBeginning && /^[0-9a-f]+$/.test(digits);
  return long && fingerprint(peer.publicKey).replaceAll("-", "").startsWith(digits);
}
