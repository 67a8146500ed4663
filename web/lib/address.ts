/**
 * Where a page finds its channel: the name from its path, the relay from its own origin or `?relay=`, the key from `#key=` (never
 * sent to a server by the browser) or `?key=`. Pure. Paths as in ds-stream section 6.
 */
export interface Address {
  readonly channel: string;
  /** Origin with ws: or wss:, no slash at the end. */
  readonly relay: string;
  readonly key: string | undefined;
  /** ICE servers, from `?ice=stun:host:port` (may be repeated); none by default, which serves one network. */
  readonly ice: readonly string[];
  /** `?transport=websocket` leaves WebRTC out. */
  readonly useRtc: boolean;
}

export type SocketRole = "source" | "stream" | "signal";

/** `href` is the page's address; its path begins with /player or /publish. */
export function readAddress(href: string): Address {
  const url = new URL(href);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const [, , ...rest] = url.pathname.split("/");
  const own = `${url.protocol === "https:" ? "wss:" : "ws:"}//${url.host}`;
  return {
    channel: rest.join("/") || url.searchParams.get("channel") || "default",
    relay: (url.searchParams.get("relay") ?? own).replace(/^http/, "ws").replace(/\/+$/, ""),
    key: fragment.get("key") ?? url.searchParams.get("key") ?? undefined,
    ice: url.searchParams.getAll("ice"),
    useRtc: url.searchParams.get("transport") !== "websocket",
  };
}

/** `channel` differs from the address's own for the stills beside a channel. */
export function socketUrl(address: Address, role: SocketRole, channel = address.channel, takesOver = false): string {
  const query = new URLSearchParams();
  if (address.key !== undefined) query.set("key", address.key);
  if (takesOver) query.set("takeover", "1");
  const tail = query.size > 0 ? `?${query}` : "";
  return `${address.relay}/${role}/${channel}${tail}`;
}

/** Where still pictures for players without a decoder go, while any of them asks. */
export const stillsChannel = (channel: string): string => `${channel}.stills`;
