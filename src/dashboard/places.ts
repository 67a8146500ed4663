/** Under which names and addresses this machine and its pages are reached. */
import { hostname, networkInterfaces } from "node:os";
import { isHostName } from "../secure/fingerprint.ts";
import { isLoopback } from "./guard.ts";

/** Written as in a URL: IPv6 in brackets. This machine's own addresses stand for "any"; none for loopback. */
export function networkPlaces(address: string): string[] {
  if (isLoopback(address)) return [];
  if (address !== "0.0.0.0" && address !== "::") return [address.includes(":") ? `[${address}]` : address];
  return Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4")
    .map(({ address: own }) => own);
}

/** The same address for each place where it is reached; an "any" address is none that a browser can open. */
export function reachable(url: string): string[] {
  const given = new URL(url);
  const name = given.hostname.replace(/^\[|\]$/g, "");
  const places = name === "0.0.0.0" || name === "::" ? networkPlaces(name) : [given.hostname];
  return places.map((place) => url.replace(given.host, `${place}:${given.port}`));
}

/** What a pairing code calls this machine: its name, or an address where it was given none ("(none)", as Linux says). */
export const ownPlace = (name = hostname(), addresses = networkPlaces("0.0.0.0")): string =>
  isHostName(name) ? name : (addresses[0] ?? "localhost");
