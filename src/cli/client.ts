/** `patchbay client`: finds the host, opens window and session, tells the person what to compare, and reports at the end. */
import { writeFileSync } from "node:fs";
import { exitStatus } from "../base/errors.ts";
import { createLog } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { Client, type ClientOptions } from "../client/client.ts";
import type { HostIdentity } from "../client/core.ts";
import type { MicrophoneOptions } from "../client/microphone.ts";
import { RelayClient } from "../client/relay-client.ts";
import { clientReport, type Reporting } from "../client/report.ts";
import type { SoundOptions } from "../client/sound.ts";
import type { WindowOptions } from "../client/window.ts";
import { fingerprint, sixWords } from "../secure/fingerprint.ts";
import type { DeviceIdentity } from "../secure/identity.ts";
import { openStore, type Store } from "../store/database.ts";
import { loadIdentity } from "../store/identity.ts";
import { Peers } from "../store/peers.ts";
import { recordSession } from "../store/stats.ts";
import { deviceName } from "../wire/root.ts";
import { untilEnd } from "./host.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { writeReport } from "./output.ts";
import type { Parsed } from "./parse.ts";
import { parseRelayTarget, relayCredentials } from "./relay-target.ts";
import { resolveTarget } from "./resolve.ts";
import { parseTarget, type Target } from "./target.ts";
import { cpuMeter } from "./usage.ts";
import { formatEndpoint } from "./values.ts";

const log = createLog("client");

type Flags = Parsed<"client">["flags"];

export async function run({ flags, positionals }: Parsed<"client">, lifecycle: Lifecycle): Promise<Result<void>> {
  const text = positionals.target;
  if ((text === undefined) === (flags.relay === undefined))
    return fail(
      "usage",
      "patchbay client needs either TARGET, a host's address or pairing code, or --relay URL/CHANNEL.",
    );
  if (flags.shm !== undefined && (flags.output !== "auto" || flags.display !== undefined))
    return fail("usage", "--shm says where pictures go, so --output and --display have nothing to add.");
  const store = openStore();
  if (!store.ok) return store;
  lifecycle.defer("the database", () => store.value.close());
  const loaded = loadIdentity(store.value, flags.name);
  if (!loaded.ok) return loaded;
  const identity = flags.name ? { ...loaded.value, name: deviceName(flags.name) } : loaded.value;
  return text === undefined
    ? playChannel(flags, flags.relay ?? "", identity, lifecycle)
    : playHost(flags, text, store.value, identity, lifecycle);
}

async function playChannel(
  flags: Flags,
  text: string,
  identity: DeviceIdentity,
  lifecycle: Lifecycle,
): Promise<Result<void>> {
  const target = parseRelayTarget(text);
  if (!target.ok) return target;
  const credentials = relayCredentials(identity, process.env);
  const title = `${target.value.channel} - Patchbay`;
  if (flags.microphone) return fail("usage", "--microphone speaks to a host, and a relay's channel takes no sound.");
  const sound = soundFrom(flags);
  const opened = RelayClient.open({ ...windowFrom(flags, title), ...target.value, credentials, sound });
  if (!opened.ok) return opened;
  lifecycle.defer("the session", () => opened.value.close());
  return untilReported(opened.value, flags, lifecycle);
}

async function playHost(
  flags: Flags,
  text: string,
  store: Store,
  identity: DeviceIdentity,
  lifecycle: Lifecycle,
): Promise<Result<void>> {
  const target = parseTarget(text);
  if (!target.ok) return target;
  const peers = new Peers(store);
  const place = formatEndpoint(target.value);
  const pinned = target.value.key ? ok(target.value.key) : peers.hostKeyFor(place);
  if (!pinned.ok) return pinned;
  const address = await resolveTarget(target.value.host);
  if (!address.ok) return address;

  let host: HostIdentity | undefined;
  const opened = Client.open(optionsFrom(flags, target.value, address.value, pinned.value), identity, {
    connected: (met) => {
      host = met;
      greet(met, place, pinned.value !== undefined);
    },
    admitted: (permissions) => {
      if (permissions === 0) log.info("waiting for the host's owner to approve this device");
      else if (host) pin(peers, place, host, target.value.key !== undefined);
    },
  });
  if (!opened.ok) return opened;
  const client = opened.value;
  const startedMs = Date.now();
  lifecycle.defer("the session", () => {
    if (host) record(store, host, startedMs, client);
    client.close();
  });
  const played = await untilReported(client, flags, lifecycle);
  const isTimeOver = flags.seconds !== undefined && Date.now() - startedMs >= flags.seconds * 1000;
  if (!played.ok || !isTimeOver || client.core.permissions !== 0) return played;
  return host
    ? fail("refused", `${place} did not approve this device within ${flags.seconds} s.`)
    : fail("no-host", `${place} did not answer within ${flags.seconds} s: is patchbay host running there?`);
}

/** A client of either kind, to its end. */
interface Playing extends Reporting {
  readonly ended: Promise<Result<void>>;
  snapshot(): ReturnType<Client["snapshot"]>;
}

async function untilReported(client: Playing, flags: Flags, lifecycle: Lifecycle): Promise<Result<void>> {
  let written: Result<void> = ok(undefined);
  const cpu = cpuMeter();
  if (flags.json || flags.png) {
    lifecycle.defer("the report", async () => {
      written = await report(client, flags, cpu);
      if (written.ok) return;
      log.error(written.message);
      lifecycle.exitStatus = exitStatus(written.code);
    });
  }
  const ended = await untilEnd(client.ended, lifecycle, flags.seconds);
  await lifecycle.close();
  return ended.ok ? written : ended;
}

function windowFrom(flags: Flags, title: string): WindowOptions {
  return {
    output: flags.shm === undefined ? flags.output : "shm",
    display: flags.shm ?? flags.display ?? "",
    decoder: flags.decoder,
    title,
    width: flags.size?.width ?? 0,
    height: flags.size?.height ?? 0,
    fullscreen: flags.fullscreen,
    sendInput: flags.input,
    relative: flags.relative,
    readTimecode: flags.measure,
    lipSync: flags.lipSync === "on",
  };
}

function soundFrom(flags: Flags): SoundOptions {
  const { sound, soundDevice, soundDelay, volume, mute, output, shm } = flags;
  // Who only takes pictures wants to hear none unless told.
  const isQuiet = sound === "auto" && (output === "headless" || shm !== undefined);
  const backend = isQuiet ? "off" : sound;
  return { backend, device: soundDevice ?? "", volume, muted: mute, minDelayUs: soundDelay * 1e6 };
}

function microphoneFrom({ microphone, microphoneDevice, sound }: Flags): MicrophoneOptions | undefined {
  if (!microphone) return undefined;
  const backend = sound === "pulse" || sound === "alsa" ? sound : "auto";
  return { backend, device: microphoneDevice ?? "" };
}

function optionsFrom(
  flags: Flags,
  target: Target,
  address: string,
  expectedKey: Uint8Array | undefined,
): ClientOptions {
  return {
    address,
    port: target.port,
    expectedKey,
    ...windowFrom(flags, `${target.host} - Patchbay`),
    bitrateBps: flags.bitrate,
    fps: flags.fps,
    quality: flags.quality,
    sound: soundFrom(flags),
    microphone: microphoneFrom(flags),
  };
}

function greet(host: HostIdentity, place: string, isKnown: boolean): void {
  log.info(`${host.name} at ${place} has the key ${fingerprint(host.key)}${isKnown ? ", as expected" : ""}`);
  if (isKnown) return;
  log.warn(
    "this host is new to this device. Compare the six words with those that it shows:\n" +
      `  six words    ${sixWords(host.handshakeHash).join(" ")}`,
  );
}

/** From now on this place must have this key. */
function pin(peers: Peers, place: string, host: HostIdentity, byCode: boolean): void {
  log.info("approved");
  const remembered = peers.rememberHost(place, host.key, byCode);
  if (!remembered.ok) log.warn(`the host's key is not remembered: ${remembered.message}`);
}

/** Keeps a row of the session, for looking back. */
function record(store: Store, host: HostIdentity, startedMs: number, client: Client): void {
  const { framesShown, frames, lossPercent, drops } = clientReport(client);
  const dropped = Object.fromEntries(Object.entries(drops).map(([reason, count]) => [`drop-${reason}`, count]));
  const counters = { framesShown, ...frames, lossPercent, ...dropped };
  const done = recordSession(store, { peer: host.key, role: "client", startedMs, endedMs: Date.now(), counters });
  if (!done.ok) log.warn(`the session's statistics are lost: ${done.message}`);
}

async function report(client: Playing, flags: Flags, cpu: () => object): Promise<Result<void>> {
  let png: Result<void> = ok(undefined);
  if (flags.png) png = await writePicture(client, flags.png);
  const json = flags.json ? writeReport(flags.json, { ...clientReport(client), cpu: cpu() }) : ok(undefined);
  return png.ok ? json : png;
}

async function writePicture(client: Playing, file: string): Promise<Result<void>> {
  const picture = client.snapshot();
  if (!picture) return fail("cannot-create", `There is no picture for ${file}: none was shown.`);
  const { encodePng } = await import("./png.ts");
  const bytes = await encodePng(picture);
  try {
    writeFileSync(file, bytes);
    return ok(undefined);
  } catch (cause) {
    return fail(
      "cannot-create",
      `The picture cannot be written to ${file}: ${cause instanceof Error ? cause.message : cause}.`,
    );
  }
}
