/**
 * What `--relay URL[/CHANNEL]` means to host and client: where the relay is, which channel, and how this device shows that it may.
 * A key is read from the environment only. Opens nothing.
 */
import { fail, ok, type Result } from "../base/result.ts";
import type { RelayTarget } from "../host/relaying.ts";
import type { Credential } from "../net/websocket.ts";
import { isChannelName } from "../relay/paths.ts";
import type { DeviceIdentity } from "../secure/identity.ts";
import { signInHeader } from "../secure/sign-in.ts";

/** `fallback` is the channel of an address that names none; without it there must be one. */
export function parseRelayTarget(text: string, fallback?: string): Result<RelayTarget> {
  const wrong = (why: string) =>
    fail("usage", `--relay takes ws://HOST[:PORT][/CHANNEL] or wss://..., not "${text}": ${why}.`);
  const url = URL.parse(text);
  if (!url) return wrong("it is no address");
  if (url.protocol !== "ws:" && url.protocol !== "wss:") return wrong("it begins with neither ws:// nor wss://");
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    return fail("usage", "A key does not belong into the address of --relay; it is read from PATCHBAY_RELAY_KEY.");
  const named = url.pathname.replace(/^\/+|\/+$/g, "");
  const channel = named === "" ? fallback : named;
  if (channel === undefined) return wrong("it names no channel");
  if (!isChannelName(channel)) return wrong("a channel's name is letters, digits, . _ ~ - and single slashes");
  return ok({ origin: `${url.protocol}//${url.host}`, channel });
}

/** A channel named after a device: what is not for a name becomes a hyphen. */
export function channelNameFrom(deviceName: string): string {
  const name = deviceName
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9_~.]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "");
  return name === "" ? "host" : name;
}

/** A given key is the only one. Else nothing at first, which does on an open relay, and then this device's own signature. */
export function relayCredentials(
  identity: DeviceIdentity,
  env: Readonly<Record<string, string | undefined>>,
): readonly Credential[] {
  const key = env.PATCHBAY_RELAY_KEY?.trim();
  if (key) return [() => `Bearer ${key}`];
  return [() => undefined, (place) => signInHeader(identity, place, Date.now())];
}
