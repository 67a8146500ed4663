/** Names to addresses, for where to connect and what to listen on. Literal addresses stay as they are. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { fail, ok, type Result } from "../base/result.ts";
import type { Endpoint } from "./spec.ts";

/** Undefined, with the system's reason, when nothing is called so. IPv4 goes first: a host listens on it unless told otherwise. */
async function addressOf(name: string): Promise<{ address: string } | { reason: string }> {
  if (isIP(name)) return { address: name };
  try {
    return { address: (await lookup(name, { order: "ipv4first" })).address };
  } catch (cause) {
    return { reason: cause instanceof Error && "code" in cause ? ` (${cause.code})` : "" };
  }
}

/** Code no-host when there is no such name. */
export async function resolveTarget(host: string): Promise<Result<string>> {
  const found = await addressOf(host);
  if ("address" in found) return ok(found.address);
  return fail("no-host", `The name ${host} cannot be found${found.reason}; give an address if it has no name.`);
}

/** An address of this machine to listen on; code unavailable when the name leads nowhere. */
export async function resolveListen(option: string, { host, port }: Endpoint): Promise<Result<Endpoint>> {
  const found = await addressOf(host);
  if ("address" in found) return ok({ host: found.address, port });
  return fail(
    "unavailable",
    `${option} names ${host}, which cannot be found${found.reason}; give an address of this machine such as 0.0.0.0, 127.0.0.1 or [::1].`,
  );
}
