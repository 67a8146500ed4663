/**
 * Who may talk to a local web surface. Pure: headers in, a refusal or nothing out.
 * - The Host header must be the address listened on, or a foreign name could be pointed at this machine (DNS rebinding).
 * - A request that a foreign web page makes is refused by its Origin, or by Sec-Fetch-Site where browsers send no Origin.
 * - Beyond loopback the token is wanted. On loopback the page is readable without one: it can change nothing and tells no
 *   secret, and scripts on the same machine read /api/stats plainly. The viewer asks for the token everywhere.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { hostname } from "node:os";

export interface Listening {
  /** The address given on the command line. */
  readonly address: string;
  /** The port that is really open. */
  readonly port: number;
  readonly token: string;
}

export interface Refusal {
  readonly status: 401 | 403 | 421;
  readonly message: string;
}

export function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || /^127\./.test(address);
}

export function refusal(headers: Headers, listening: Listening): Refusal | undefined {
  const host = headers.get("host") ?? "";
  if (!isOurHost(host, listening)) {
    return {
      status: 421,
      message: `This is not ${host || "a server without a name"}: use the address that Patchbay printed.`,
    };
  }
  const origin = headers.get("origin");
  if (origin !== null && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    return { status: 403, message: "Other web pages may not read this one." };
  }
  const site = headers.get("sec-fetch-site");
  const navigates = headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
  if ((site === "cross-site" || site === "same-site") && !navigates) {
    return { status: 403, message: "Other web pages may not read this one." };
  }
  return isLoopback(listening.address) ? undefined : stranger(headers, listening);
}

/** For what shows the screen or takes input: nobody without the token, wherever they are. */
export function stranger(headers: Headers, listening: Listening): Refusal | undefined {
  if (hasToken(headers, listening)) return undefined;
  return { status: 401, message: "Open the address with the token: patchbay key show --viewer prints it." };
}

function isOurHost(header: string, { address, port }: Listening): boolean {
  const [, name, written] = /^(\[[0-9a-f:.]+\]|[^:\s]+)(?::(\d{1,5}))?$/i.exec(header) ?? [];
  if (name === undefined || Number(written ?? 80) !== port) return false;
  const plain = name.replace(/^\[|\]$/g, "").toLowerCase();
  if (plain === "localhost" || plain === address.toLowerCase()) return true;
  // A rebinding attack needs a name; a literal address can only be this machine's.
  if (isIP(plain) > 0) return isLoopback(plain) || !isLoopback(address);
  const own = hostname().toLowerCase();
  return !isLoopback(address) && (plain === own || plain === `${own}.local`);
}

/** One cookie a port: browsers do not separate cookies by port. */
export function cookieName(port: number): string {
  return `patchbay_${port}`;
}

function hasToken(headers: Headers, { port, token }: Listening): boolean {
  const bearer = /^Bearer (\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  const cookies = (headers.get("cookie") ?? "").split(";").map((pair) => pair.trim().split("="));
  const cookie = cookies.find(([name]) => name === cookieName(port))?.[1];
  return [bearer, cookie].some((given) => given !== undefined && sameToken(given, token));
}

/** Hashed first, so that neither length nor content shows in the time it takes. */
export function sameToken(given: string, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
