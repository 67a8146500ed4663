/**
 * What a path asks for (ds-stream section 6, names checked as section 18 demands): a role and a channel. Pure. Names are one
 * or more segments of letters, digits, dot, underscore, tilde and hyphen, so that they mean the same in a URL, a log and a metric.
 */
export type Role = "source" | "receiver" | "signal";

export interface Route {
  readonly role: Role;
  readonly channel: string;
  /** The path `/`: becomes the source of `default` when that has none. */
  readonly isLegacy: boolean;
  /** `?takeover=1`: replaces a connected source. */
  readonly takesOver: boolean;
  /** `?audience=1`: this source is told how many receivers it has. */
  readonly wantsAudience: boolean;
  /** `?key=`, for clients that cannot set headers. */
  readonly key: string | undefined;
}

export type RouteRefusal = "unknown-path" | "bad-name";

export const defaultChannel = "default";
const longestName = 128;
const segment = /^[A-Za-z0-9._~-]+$/;
const roles: Readonly<Record<string, Role>> = { source: "source", stream: "receiver", signal: "signal" };

/** The paths that a WebSocket may open, for the answer to one that may not. */
export const webSocketPaths = [
  "/source",
  "/source/{name}",
  "/stream",
  "/stream/{name}",
  "/signal",
  "/signal/{name}",
  "/",
];

export function isChannelName(name: string): boolean {
  if (name.length > longestName) return false;
  return name.split("/").every((part) => segment.test(part) && part !== "." && part !== "..");
}

/** `target` is a request's path and query. */
export function parseRoute(target: string): Route | RouteRefusal {
  const [path = "", query = ""] = target.split("?", 2);
  const parameters = new URLSearchParams(query);
  const options = {
    takesOver: parameters.get("takeover") === "1",
    wantsAudience: parameters.get("audience") === "1",
    key: parameters.get("key") ?? undefined,
  };
  const stripped = path.replace(/^\/+/, "");
  if (stripped === "") return { role: "receiver", channel: defaultChannel, isLegacy: true, ...options };
  const slash = stripped.indexOf("/");
  const role = roles[slash < 0 ? stripped : stripped.slice(0, slash)];
  if (!role) return "unknown-path";
  const channel = slash < 0 ? defaultChannel : stripped.slice(slash + 1);
  return isChannelName(channel) ? { role, channel, isLegacy: false, ...options } : "bad-name";
}
