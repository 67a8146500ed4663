/**
 * The bus over a NATS broker (npm's client, core NATS only: no persistence, nothing to set up on the broker). Each connection is made
 * afresh, with back-off, and the subscriptions are made again on it: what the client would keep and send later is stale by then.
 * What was given to the broker and not confirmed is counted by round trips, so that a broker that stands still fills no memory.
 */
import { connect, type NatsConnection, type Subscription } from "nats";
import { fail, ok, type Result } from "../base/result.ts";
import type { Bus, BusEvents } from "./bus.ts";
import { busLimits } from "./bus-limits.ts";

export interface NatsAddress {
  /** host:port, as the client wants it. */
  readonly server: string;
  readonly isSecure: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  /** The cluster's name: the path, or patchbay. */
  readonly cluster: string;
}

/** `nats://[user:password@|token@]host[:port][/cluster]`, tls:// for TLS. Code usage when it is none. */
export function parseBusUrl(text: string): Result<NatsAddress> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const [user, password, path] = [url?.username, url?.password, url?.pathname.slice(1)].map(unescaped);
  const cluster = path === "" ? "patchbay" : (path ?? "");
  if (
    !url?.hostname ||
    !["nats:", "tls:"].includes(url.protocol) ||
    [user, password].includes(undefined) ||
    !/^[A-Za-z0-9_-]{1,64}$/.test(cluster)
  )
    return fail("usage", `--bus takes nats://HOST[:PORT][/CLUSTER] or tls://..., not "${withoutSecrets(text)}".`);
  return ok({
    server: `${url.hostname}:${url.port || "4222"}`,
    isSecure: url.protocol === "tls:",
    user: password ? user : undefined,
    password: password || undefined,
    token: password ? undefined : user || undefined,
    cluster,
  });
}

/** Undefined when it is not escaped as URLs have it. */
function unescaped(part = ""): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

const withoutSecrets = (text: string): string => text.replace(/\/\/.*@/, "//...@");

/** A lost broker is noticed after two of these without an answer. */
const pingMs = 5000;
const connectTimeoutMs = 3000;
/** Unconfirmed bytes after which a round trip is asked for. */
const confirmBytes = 256 * 1024;
const closeMs = 500;

export class NatsBus implements Bus {
  readonly #address: NatsAddress;
  readonly #events: BusEvents;
  readonly #subjects = new Map<string, Subscription | undefined>();
  #connection: NatsConnection | undefined;
  #maxPayloadBytes = 0;
  /** Published and not known to have reached the broker. */
  #unconfirmedBytes = 0;
  #sinceConfirm = 0;
  #waitMs: number = busLimits.reconnectMs.first;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /** Connects now and whenever it is lost, until closed; events come from the event loop, after the caller's turn. */
  constructor(address: NatsAddress, events: BusEvents) {
    this.#address = address;
    this.#events = events;
    this.#retry = setTimeout(() => void this.#connect(), 0);
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  get maxPayloadBytes(): number {
    return this.#maxPayloadBytes;
  }

  async #connect(): Promise<void> {
    const { server, isSecure, user, password, token } = this.#address;
    try {
      const connection = await connect({
        servers: [server],
        name: "patchbay relay",
        ...(isSecure && { tls: {} }),
        ...(user !== undefined && { user }),
        ...(password !== undefined && { pass: password }),
        ...(token !== undefined && { token }),
        reconnect: false,
        noEcho: true,
        noRandomize: true,
        ignoreClusterUpdates: true,
        timeout: connectTimeoutMs,
        pingInterval: pingMs,
        maxPingOut: 2,
      });
      if (this.#isClosed) await connection.close();
      else this.#begin(connection);
    } catch (cause) {
      this.#again(cause instanceof Error ? cause.message : String(cause));
    }
  }

  #begin(connection: NatsConnection): void {
    this.#connection = connection;
    this.#maxPayloadBytes = connection.info?.max_payload ?? 1024 * 1024;
    this.#unconfirmedBytes = 0;
    this.#sinceConfirm = 0;
    for (const subject of this.#subjects.keys()) this.#listen(connection, subject);
    void connection.closed().then((cause) => this.#ended(connection, cause ? cause.message : "the broker closed it"));
    this.#waitMs = busLimits.reconnectMs.first;
    this.#events.connected();
  }

  #listen(connection: NatsConnection, subject: string): void {
    const callback = (error: Error | null, message: { readonly data: Uint8Array }) => {
      if (!error && this.#connection === connection) this.#events.message(message.data);
    };
    this.#subjects.set(subject, connection.subscribe(subject, { callback }));
  }

  #ended(connection: NatsConnection, why: string): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#again(why);
  }

  #again(why: string): void {
    if (this.#isClosed) return;
    // Relays that lost the same broker do not come back in the same instant.
    this.#retry = setTimeout(() => void this.#connect(), this.#waitMs * (0.75 + Math.random() / 2));
    this.#waitMs = Math.min(2 * this.#waitMs, busLimits.reconnectMs.most);
    this.#events.lost(why);
  }

  hasRoom(sizeBytes: number): boolean {
    return this.#unconfirmedBytes === 0 || this.#unconfirmedBytes + sizeBytes <= busLimits.backlogBytes;
  }

  publish(subject: string, bytes: Uint8Array<ArrayBuffer>): boolean {
    const connection = this.#connection;
    if (!connection || connection.isClosed() || bytes.length > this.#maxPayloadBytes) return false;
    connection.publish(subject, bytes);
    this.#unconfirmedBytes += bytes.length;
    this.#sinceConfirm += bytes.length;
    if (this.#sinceConfirm >= confirmBytes || this.#unconfirmedBytes === this.#sinceConfirm) this.#confirm(connection);
    return true;
  }

  /** One round trip says that all before it has arrived. Messages in between two are confirmed by the second. */
  #confirm(connection: NatsConnection): void {
    const size = this.#sinceConfirm;
    this.#sinceConfirm = 0;
    connection.flush().then(
      () => {
        if (this.#connection !== connection) return;
        this.#unconfirmedBytes -= size;
        if (this.#sinceConfirm > 0 && this.#unconfirmedBytes === this.#sinceConfirm) this.#confirm(connection);
      },
      (cause: unknown) => {
        this.#ended(connection, cause instanceof Error ? cause.message : String(cause));
        void connection.close();
      },
    );
  }

  subscribe(subject: string): void {
    if (this.#subjects.has(subject)) return;
    this.#subjects.set(subject, undefined);
    if (this.#connection) this.#listen(this.#connection, subject);
  }

  unsubscribe(subject: string): void {
    this.#subjects.get(subject)?.unsubscribe();
    this.#subjects.delete(subject);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const connection = this.#connection;
    this.#connection = undefined;
    if (!connection) return;
    // A broker that stands still is not waited for.
    await Promise.race([connection.flush(), Bun.sleep(closeMs)]);
    await Promise.race([connection.close(), Bun.sleep(closeMs)]);
  }
}
