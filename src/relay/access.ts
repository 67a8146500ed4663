/**
 * Who may do what at a relay. Pure: a request and the present keys and devices in, a denial or nothing out.
 * - On loopback everybody of this machine may do everything; on another address (or when told to) publishing wants a key or a
 *   paired device, and viewing does when there is a key to view.
 * - The Host header on loopback must be an address of loopback, or a foreign name could be pointed at this machine.
 * - A browser says which page asks (Origin): the relay's own, or one that was listed. Programs send no Origin.
 */
import { isIP } from "node:net";
import { readSignIn, signInWindowMs, verifySignIn } from "../secure/sign-in.ts";
import type { RelayPermit } from "../store/relay.ts";
import type { Denial } from "./core.ts";
import type { Role, Route } from "./paths.ts";
import { RecentSet } from "./recent-set.ts";
import type { ConnectionId, RelayRequest } from "./transport.ts";

export interface DeviceVerdict {
  readonly state: "waiting" | "approved" | "revoked";
  readonly mayView: boolean;
}

export interface AccessRules {
  /** The address listened on, as given. */
  readonly address: string;
  readonly wantsKeys: boolean;
  /** `https://site.example`, or `*` for any page. */
  readonly origins: readonly string[];
  /** Whether there is any key of this kind. */
  hasKey(permits: RelayPermit): boolean;
  /** What the key with this text permits. */
  permitOf(key: string): RelayPermit | undefined;
  device(key: Uint8Array): DeviceVerdict;
  /** True when another process may have revoked something since the last call. */
  changed(): boolean;
  /** Wall clock in milliseconds. */
  nowMs(): number;
}

/** Sign-ins of the last minute, which must not be used twice; when there are more, further ones have to wait. */
const rememberedSignIns = 4096;

interface Grant {
  readonly mayPublish: boolean;
  readonly mayView: boolean;
  /** Whether what it stands on holds still; absent when it stands on nothing that can end. */
  readonly holds?: () => boolean;
  /** Why a presented credential was of no use. */
  readonly denial?: Denial;
}

const everything: Grant = { mayPublish: true, mayView: true };
const nothing: Grant = { mayPublish: false, mayView: false };

export function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || /^(::ffff:)?127\./.test(address);
}

export class RelayAccess {
  readonly #rules: AccessRules;
  readonly #seen = new RecentSet(rememberedSignIns, 2 * signInWindowMs);
  /** A request may be judged for two roles, but its sign-in counts once. */
  readonly #judged = new WeakMap<RelayRequest, Grant>();
  readonly #entered = new Map<ConnectionId, () => boolean>();

  constructor(rules: AccessRules) {
    this.#rules = rules;
  }

  /** For an upgrade. */
  upgrade(request: RelayRequest, route: Route, role: Role): Denial | undefined {
    return this.#foreign(request) ?? this.#permitted(request, route.key, role === "source" ? "publish" : "view");
  }

  /** The request became a connection, which is to end when its key or device is revoked. */
  entered(request: RelayRequest): void {
    const holds = this.#judged.get(request)?.holds;
    if (holds) this.#entered.set(request.connection, holds);
  }

  left(connection: ConnectionId): void {
    this.#entered.delete(connection);
  }

  /** Connections whose key or device was revoked since they came. */
  get revoked(): ConnectionId[] {
    return [...this.#entered].filter(([, holds]) => !holds()).map(([connection]) => connection);
  }

  /** For a page that tells nothing about channels. */
  page(request: RelayRequest): Denial | undefined {
    return this.#foreign(request);
  }

  /** For statistics, which name channels and so are for viewers. */
  read(request: RelayRequest): Denial | undefined {
    return this.#foreign(request) ?? this.#permitted(request, keyOf(request), "view");
  }

  /** Whether the asker may know from where others connect: who may publish, because viewing may be open to all the world. */
  knowsPeers(request: RelayRequest): boolean {
    return this.#permitted(request, keyOf(request), "publish") === undefined;
  }

  /** Whose pages may embed the player. */
  get embedders(): readonly string[] {
    return this.#rules.origins;
  }

  #foreign({ headers }: RelayRequest): Denial | undefined {
    const host = (headers.get("host") ?? "").toLowerCase();
    const { address, origins } = this.#rules;
    const isListed = (page: string) => origins.includes("*") || origins.includes(page);
    const isKnown = isLoopbackHost(host) || host === address || origins.some((one) => hostOf(one) === host);
    if (isLoopback(address) && !isKnown)
      return { status: 421, message: "Use the address that the relay printed; other names need --origin." };
    const origin = headers.get("origin")?.toLowerCase();
    if (origin === undefined || hostOf(origin) === host || isListed(origin)) return undefined;
    return { status: 403, message: "Pages of this origin may not connect here; --origin lets them." };
  }

  #permitted(request: RelayRequest, key: string | undefined, wanted: RelayPermit): Denial | undefined {
    const { wantsKeys } = this.#rules;
    const known = this.#judged.get(request);
    const grant = known ?? this.#identify(request, key);
    this.#judged.set(request, grant);
    if (grant.denial) return grant.denial;
    if (!wantsKeys || (wanted === "view" && !this.#rules.hasKey("view"))) return undefined;
    if (wanted === "publish" ? grant.mayPublish : grant.mayView) return undefined;
    if (grant === nothing)
      return { status: 401, message: `This relay wants a key to ${wanted}: ?key=KEY or Authorization: Bearer KEY.` };
    return { status: 403, message: `This is not enough to ${wanted} here.` };
  }

  #identify(request: RelayRequest, key: string | undefined): Grant {
    const header = request.headers.get("authorization");
    if (header !== undefined && /^patchbay\b/i.test(header)) return this.#device(request, header);
    if (!this.#rules.wantsKeys) return everything;
    const bearer = /^Bearer (\S+)$/i.exec(header ?? "")?.[1];
    const given = bearer ?? key;
    if (given === undefined) return nothing;
    const permit = this.#rules.permitOf(given);
    const holds = () => this.#rules.permitOf(given) === permit;
    if (permit) return { mayPublish: permit === "publish", mayView: true, holds };
    return { ...nothing, denial: { status: 401, message: "This key is not known here." } };
  }

  #device({ headers, target }: RelayRequest, header: string): Grant {
    const refused = (status: 401 | 403, message: string): Grant => ({ ...nothing, denial: { status, message } });
    const signIn = readSignIn(header);
    if (!signIn) return refused(401, "The sign-in cannot be read.");
    const nowMs = this.#rules.nowMs();
    if (!verifySignIn(signIn, { host: headers.get("host") ?? "", target }, nowMs))
      return refused(401, "The sign-in is not good: it is for another address, too old, or this clock is wrong.");
    const { state, mayView } = this.#rules.device(signIn.key);
    if (state === "revoked") return refused(403, "This device was turned away here.");
    if (state === "waiting") return refused(401, "This device is not approved here; patchbay peers approve does it.");
    // Only approved devices get this far, so strangers cannot fill the table.
    if (!this.#seen.add(signIn.signature.toBase64(), nowMs)) return refused(401, "This sign-in was used already.");
    const holds = () => this.#rules.device(signIn.key).state === "approved";
    return { mayPublish: true, mayView, holds };
  }
}

/** `localhost:9100`, `127.0.0.1`, `[::1]:80` */
function isLoopbackHost(host: string): boolean {
  const [, name = ""] = /^(\[[0-9a-f:.]+\]|[^:]+)(?::\d{1,5})?$/.exec(host) ?? [];
  const plain = name.replace(/^\[|\]$/g, "");
  return plain === "localhost" || (isIP(plain) > 0 && isLoopback(plain));
}

function keyOf({ target }: RelayRequest): string | undefined {
  return new URLSearchParams(target.split("?", 2)[1] ?? "").get("key") ?? undefined;
}

/** The host and port of an origin, as the Host header has them; undefined for `null` and other things. */
function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/?#@\s]+)$/.exec(origin)?.[1];
}
