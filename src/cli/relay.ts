/**
 * `patchbay relay`: opens the store and the relay, says how to reach it, and drains at the end. `patchbay relay keys` makes, lists and
 * revokes the keys that a relay on another address than loopback wants. A key's text is never taken from the command line,
 * where every process of the machine could read it.
 */
import { readFileSync } from "node:fs";
import { createLog } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { type AccessRules, isLoopback } from "../relay/access.ts";
import { parseBusUrl } from "../relay/bus-nats.ts";
import type { RelaySettings } from "../relay/limits.ts";
import { relayDefaults } from "../relay/limits.ts";
import { Relay } from "../relay/relay.ts";
import { openStore, type Store } from "../store/database.ts";
import { Peers } from "../store/peers.ts";
import { createRelayKey, findRelayKey, hashRelayKey, listRelayKeys, type RelayPermit } from "../store/relay.ts";
import { permission } from "../wire/root.ts";
import { untilEnd } from "./host.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { writeReport } from "./output.ts";
import type { Parsed } from "./parse.ts";
import { runKeys } from "./relay-keys.ts";
import { resolveListen } from "./resolve.ts";
import { formatEndpoint } from "./values.ts";

const log = createLog("relay");
type Flags = Parsed<"relay">["flags"];

export async function run(parsed: Parsed<"relay">, lifecycle: Lifecycle): Promise<Result<void>> {
  const { positionals } = parsed;
  const listen = await resolveListen("--listen", parsed.flags.listen);
  if (!listen.ok) return listen;
  const flags = { ...parsed.flags, listen: listen.value };
  const store = openStore();
  if (!store.ok) return store;
  lifecycle.defer("the database", () => store.value.close());
  if (positionals.topic === "keys") return runKeys(store.value, parsed);
  const tls = readTls(flags);
  if (!tls.ok) return tls;
  const access = accessFrom(flags, store.value);
  if (!access.ok) return access;
  const settings = settingsFrom(flags);
  if (settings.keepaliveTimeoutSeconds <= settings.keepaliveSeconds)
    return fail("usage", "--keepalive-timeout must be longer than --keepalive, or nobody could answer a ping in time.");
  const server = flags.server === "auto" ? undefined : flags.server;
  const bus = flags.bus === undefined ? ok(undefined) : parseBusUrl(flags.bus);
  if (!bus.ok) return bus;
  const opened = Relay.open({
    listen: listen.value,
    settings,
    server,
    tls: tls.value,
    access: access.value,
    store: store.value,
    bus: bus.value,
  });
  if (!opened.ok) return opened;
  const relay = opened.value;
  lifecycle.defer("the relay", () => relay.close());
  const greeted = greet(relay, flags, store.value, access.value);
  if (!greeted.ok) return greeted;
  let written: Result<void> = ok(undefined);
  const { json } = flags;
  if (json)
    lifecycle.defer("the report", () => {
      written = writeReport(json, relay.report());
      if (!written.ok) log.error(written.message);
    });
  const never = new Promise<Result<void>>(() => undefined);
  const ended = await untilEnd(never, lifecycle, flags.seconds);
  await lifecycle.close();
  return ended.ok ? written : ended;
}

function settingsFrom(flags: Flags): RelaySettings {
  return {
    maxReceivers: flags.maxReceivers,
    maxChannels: flags.maxChannels,
    queueMessages: flags.queue,
    queueBytes: relayDefaults.queueBytes,
    keepaliveSeconds: flags.keepalive,
    keepaliveTimeoutSeconds: flags.keepaliveTimeout,
    collectSeconds: flags.collect,
    graceSeconds: flags.grace,
    maxMessageBytes: flags.maxMessage * 1024 * 1024,
  };
}

function readTls({ tlsCert, tlsKey, server }: Flags): Result<{ cert: string; key: string } | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return ok(undefined);
  if (tlsCert === undefined || tlsKey === undefined) return fail("usage", "--tls-cert and --tls-key go together.");
  if (server === "native") return fail("usage", "The native server has no TLS; leave --server out.");
  const cert = readText(tlsCert);
  if (!cert.ok) return cert;
  const key = readText(tlsKey);
  return key.ok ? ok({ cert: cert.value, key: key.value }) : key;
}

function readText(file: string): Result<string> {
  try {
    return ok(readFileSync(file, "utf8"));
  } catch (cause) {
    return fail("no-input", `${file} cannot be read: ${cause instanceof Error ? cause.message : cause}.`);
  }
}

const shortestKey = 16;

/** `FILE` or `env:NAME`. */
function readKey(from: string | undefined, permits: RelayPermit): Result<string | undefined> {
  if (from === undefined) return ok(undefined);
  const name = /^env:(.+)$/.exec(from)?.[1];
  const text = name === undefined ? readText(from) : ok(process.env[name] ?? "");
  if (!text.ok) return text;
  const key = text.value.trim();
  if (key.length >= shortestKey && /^[\x21-\x7e]+$/.test(key)) return ok(key);
  return fail(
    "usage",
    `The ${permits} key in ${from} is no key: ${shortestKey} or more printable characters without blanks are needed.`,
  );
}

/** Keys and devices are looked up at each request, so that what another process decides holds at once. */
function accessFrom(flags: Flags, store: Store): Result<AccessRules> {
  const publish = readKey(flags.publishKey, "publish");
  if (!publish.ok) return publish;
  const view = readKey(flags.viewKey, "view");
  if (!view.ok) return view;
  const given = [
    { permits: "publish" as const, key: publish.value },
    { permits: "view" as const, key: view.value },
  ].flatMap(({ permits, key }) => (key === undefined ? [] : [{ permits, hash: hashRelayKey(key) }]));
  const origins = (flags.origin ?? "").split(",").filter((text) => text !== "");
  for (const one of origins)
    if (one !== "*" && !/^https?:\/\/[^/?#@\s]+$/.test(one))
      return fail("usage", `--origin takes origins such as https://site.example or *, not "${one}".`);
  const keys = () => {
    const stored = listRelayKeys(store);
    if (!stored.ok) log.error(stored.message);
    return [...given, ...(stored.ok ? stored.value : [])];
  };
  const peers = new Peers(store);
  return ok({
    address: flags.listen.host.toLowerCase(),
    wantsKeys: flags.requireKeys || !isLoopback(flags.listen.host),
    origins: origins.map((one) => one.toLowerCase()),
    hasKey: (permits) => keys().some((one) => one.permits === permits),
    permitOf: (key) => findRelayKey(keys(), key)?.permits,
    device: (key) => {
      const peer = peers.find(key);
      if (!peer.ok) log.error(peer.message);
      const { state, permissions } = (peer.ok && peer.value) || { state: "waiting" as const, permissions: 0 };
      return { state, mayView: (permissions & permission.view) !== 0 };
    },
    changed: () => peers.changed(),
    nowMs: Date.now,
  });
}

/** The first relay that wants a key and has none makes one, and shows it this once. */
function greet(relay: Relay, flags: Flags, store: Store, access: AccessRules): Result<void> {
  if (access.wantsKeys && !access.hasKey("publish")) {
    const made = createRelayKey(store, "publish");
    if (!made.ok) return made;
    log.info(`this key lets others publish; it is shown only now: ${made.value.key}`);
  }
  const { host } = flags.listen;
  const isAny = host === "0.0.0.0" || host === "::";
  const scheme = flags.tlsCert === undefined ? "" : "s";
  const place = formatEndpoint({ host: isAny ? "HOST" : host, port: relay.port });
  log.info(`publish to  ws${scheme}://${place}/source/NAME`);
  log.info(`watch at    ws${scheme}://${place}/stream/NAME`);
  log.info(`signal over ws${scheme}://${place}/signal/NAME`);
  log.info(
    `at most ${flags.maxReceivers} receivers a channel and ${flags.maxChannels} channels; ` +
      `a source may be away for ${flags.grace} s; ${relay.transportName} server`,
  );
  const who = access.wantsKeys
    ? `publishing wants a key, ${access.hasKey("view") ? "and so does viewing" : "viewing is open"}`
    : "open to everybody on this machine";
  log.info(`http${scheme}://${place}/ shows what is on; ${who}`);
  return ok(undefined);
}
