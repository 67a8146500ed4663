/** Where a client connects: HOST, HOST:PORT, or a pairing code that also names the host's key. Looks nothing up. */
import { limits } from "../base/limits.ts";
import { ok, type Result } from "../base/result.ts";
import { parsePairingCode } from "../secure/fingerprint.ts";
import { parseAddress } from "./values.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
  /** The Ed25519 key that the host must have, 32 bytes; undefined when only the address was given. */
  readonly key: Uint8Array | undefined;
}

export function parseTarget(text: string): Result<Target> {
  if (text.includes("@")) return parsePairingCode(text);
  const place = parseAddress("TARGET", { value: "HOST[:PORT]", defaultPort: limits.port }, text);
  return place.ok ? ok({ ...place.value, key: undefined }) : place;
}
