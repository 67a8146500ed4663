/**
 * Whether an HTTP request is a WebSocket upgrade as RFC 6455 section 4.2.1 has it, for transports whose server does not say so. Pure.
 */

/** What is wrong with a request that wants to be an upgrade. */
export interface UpgradeRefusal {
  readonly status: 400 | 426;
  readonly message: string;
}

/** False for a plain request. */
export function checkUpgrade(method: string, headers: ReadonlyMap<string, string>): boolean | UpgradeRefusal {
  if (!hasToken(headers.get("upgrade"), "websocket")) return false;
  const bad = (message: string): UpgradeRefusal => ({ status: 400, message });
  if (method !== "GET") return bad("A WebSocket is opened by GET.");
  if (!hasToken(headers.get("connection"), "upgrade")) return bad('The header "Connection: Upgrade" is missing.');
  if (headers.get("sec-websocket-version") !== "13")
    return { status: 426, message: "Only version 13 of the WebSocket protocol is spoken here." };
  const key = headers.get("sec-websocket-key")?.trim() ?? "";
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key)) return bad("The header Sec-WebSocket-Key holds no 16 bytes.");
  return true;
}

function hasToken(header: string | undefined, token: string): boolean {
  return (header ?? "").split(",").some((part) => part.trim().toLowerCase() === token);
}
