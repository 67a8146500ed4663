/** `patchbay host`: opens the store, the host and the status page in this order, runs until the end, and reports. */
import { exitStatus } from "../base/errors.ts";
import { createLog } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import type { Dashboard } from "../dashboard/server.ts";
import type { ScreenHost } from "../dashboard/viewer.ts";
import { Directory } from "../host/directory.ts";
import { Host, type HostOptions } from "../host/host.ts";
import type { RelayingOptions } from "../host/relaying.ts";
import { hostStats } from "../host/status.ts";
import { fingerprint } from "../secure/fingerprint.ts";
import type { DeviceIdentity } from "../secure/identity.ts";
import { openStore } from "../store/database.ts";
import { keepHostPage } from "../store/host-page.ts";
import { loadIdentity } from "../store/identity.ts";
import { deviceName } from "../wire/root.ts";
import { cameraFigures, watchCamera } from "./camera-watch.ts";
import type { Drawing } from "./drawing.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { writeReport } from "./output.ts";
import type { Parsed } from "./parse.ts";
import { channelNameFrom, parseRelayTarget, relayCredentials } from "./relay-target.ts";
import { resolveListen } from "./resolve.ts";
import { cpuMeter } from "./usage.ts";
import { formatEndpoint } from "./values.ts";

const log = createLog("host");

export async function run(parsed: Parsed<"host">, lifecycle: Lifecycle): Promise<Result<void>> {
  const { positionals } = parsed;
  if (parsed.flags.shm !== undefined && (parsed.flags.capture !== "auto" || parsed.flags.display !== undefined))
    return fail("usage", "--shm says where pictures come from, so --capture and --display have nothing to add.");
  if (parsed.flags.camera !== undefined && parsed.flags.capture !== "camera")
    return fail("usage", "--camera names the camera of --capture camera.");
  if (parsed.flags.codec === "hevc" && parsed.flags.relay !== undefined)
    return fail("usage", "A relay's viewers play H.264, so --codec hevc and --relay do not go together.");
  const listen = await resolveListen("--listen", parsed.flags.listen);
  if (!listen.ok) return listen;
  const flags = { ...parsed.flags, listen: listen.value };
  const store = openStore();
  if (!store.ok) return store;
  lifecycle.defer("the database", () => store.value.close());
  const loaded = loadIdentity(store.value, flags.name);
  if (!loaded.ok) return loaded;
  const identity: DeviceIdentity = flags.name ? { ...loaded.value, name: deviceName(flags.name) } : loaded.value;
  const directory = new Directory(store.value);
  const relay = relayFrom(flags, identity);
  if (!relay.ok) return relay;
  const drawing = await drawingFrom(flags, positionals.program, lifecycle);
  if (!drawing.ok) return drawing;
  const source = drawing.value && { capture: "shm", target: drawing.value.frames };
  const opened = Host.open({ ...optionsFrom(flags), ...source, relay: relay.value }, identity, directory);
  if (!opened.ok) return opened;
  const host = opened.value;
  lifecycle.defer("the host", () => host.close());
  if (flags.capture === "camera") watchCamera(lifecycle);
  const stats = () => hostStats(host, identity, directory);
  const page = await openPage(flags.dashboard, stats, screenOf(host), lifecycle);
  if (!page.ok) return page;
  greet(host, identity, flags.listen.host, page.value);
  let written: Result<void> = ok(undefined);
  const cpu = cpuMeter();
  const { json } = flags;
  if (json) {
    lifecycle.defer("the report", () => {
      written = writeReport(json, { ...stats(), cpu: cpu(), ...cameraFigures() });
      if (written.ok) return;
      log.error(written.message);
      lifecycle.exitStatus = exitStatus(written.code);
    });
  }
  const ends = drawing.value ? Promise.race([host.ended, drawing.value.ended]) : host.ended;
  const ended = await untilEnd(ends, lifecycle, flags.seconds);
  await lifecycle.close();
  return ended.ok ? written : ended;
}

/** Loaded only when wanted: it has a library of its own to unpack. */
async function drawingFrom(
  flags: Parsed<"host">["flags"],
  command: readonly string[],
  lifecycle: Lifecycle,
): Promise<Result<Drawing | undefined>> {
  const [program] = command;
  if (flags.capture !== "gl")
    return program === undefined
      ? ok(undefined)
      : fail("usage", `patchbay host starts "${program}" only with --capture gl.`);
  if (program === undefined)
    return fail("usage", "--capture gl needs a program: patchbay host --capture gl -- PROGRAM.");
  const { startDrawing } = await import("./drawing.ts");
  return startDrawing(command, flags.fps, lifecycle);
}

/** The first of: a signal, the time given, or the work's own end. */
export async function untilEnd(
  ended: Promise<Result<void>>,
  lifecycle: Lifecycle,
  seconds: number | undefined,
): Promise<Result<void>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const time = new Promise<Result<void>>((resolve) => {
    if (seconds !== undefined) timer = setTimeout(() => resolve(ok(undefined)), seconds * 1000);
  });
  const result = await Promise.race([ended, time, lifecycle.stopped.then(() => ok(undefined))]);
  clearTimeout(timer);
  return result;
}

const frameUs = { "20": 20_000, "10": 10_000, "5": 5000, "2.5": 2500 } as const;

function optionsFrom(flags: Parsed<"host">["flags"]): HostOptions {
  return {
    capture: flags.shm === undefined ? flags.capture : "shm",
    target: flags.shm ?? (flags.capture === "camera" ? flags.camera : flags.display) ?? "",
    encoder: flags.encoder,
    codec: flags.codec === "hevc" ? "hevc" : "h264",
    width: flags.size?.width ?? 0,
    height: flags.size?.height ?? 0,
    fps: flags.fps,
    bitrateBps: flags.bitrate,
    keyframeIntervalSeconds: flags.keyframeInterval,
    listen: flags.listen,
    input: flags.input,
    inputTarget: flags.inputTarget ?? "",
    sound: {
      backend: flags.sound,
      device: flags.soundDevice ?? "",
      frameUs: frameUs[flags.soundFrame],
      bitrateBps: flags.soundBitrate,
      microphone: flags.microphone === "on",
    },
  };
}

/** Loaded only when wanted: the web server costs start-up time and memory. */
async function openPage(
  dashboard: Parsed<"host">["flags"]["dashboard"],
  stats: () => ReturnType<typeof hostStats>,
  screen: ScreenHost,
  lifecycle: Lifecycle,
): Promise<Result<Dashboard | undefined>> {
  if (dashboard === "off") return ok(undefined);
  const { startDashboard } = await import("../dashboard/server.ts");
  const { host: address, port } = dashboard;
  const page = startDashboard({ address, port, stats, screen, log: createLog("dashboard") });
  if (!page.ok) return page;
  lifecycle.defer("the status page", () => page.value.close());
  const { viewerUrl } = page.value;
  if (viewerUrl !== undefined) {
    const kept = keepHostPage({ pid: process.pid, viewerUrl });
    if (kept.ok) lifecycle.defer("the viewer's address", kept.value);
    else log.warn(kept.message);
  }
  return page;
}

function screenOf(host: Host): ScreenHost {
  return {
    screen: (pipe) => host.openBrowsers(pipe),
    stills: (pipe) => host.openStills(pipe),
    requestKeyframe: () => host.requestKeyframe(),
  };
}

function relayFrom(flags: Parsed<"host">["flags"], identity: DeviceIdentity): Result<RelayingOptions | undefined> {
  if (flags.relay === undefined) return ok(undefined);
  const target = parseRelayTarget(flags.relay, channelNameFrom(identity.name));
  if (!target.ok) return target;
  return ok({
    target: target.value,
    credentials: relayCredentials(identity, process.env),
    mayControl: flags.relayPermit === "input",
  });
}

function greet(host: Host, identity: DeviceIdentity, address: string, page: Dashboard | undefined): void {
  const { capture, encoder, codec, width, height, detail } = host.describe();
  log.info(`${identity.name} (${fingerprint(identity.signing.publicKey)}) is ready`);
  log.info(
    `capture ${capture} ${width}x${height}${detail ? ` (${detail})` : ""}, encoder ${encoder}${codec === "hevc" ? " (HEVC)" : ""}, input ${host.inputBackend}, ` +
      `sound ${host.sound.describe()}`,
  );
  log.info(
    `clients connect to UDP ${formatEndpoint({ host: address, port: host.port })}; patchbay key show prints the code`,
  );
  if (!page) return;
  // A service's journal keeps what is printed, and others may read it.
  const isSeen = process.stderr.isTTY;
  log.info(`status page ${isSeen ? page.url : page.url.replace(/\?.*/, "")}`);
  if (codec === "hevc") {
    log.warn("browsers play H.264 only: the page shows no picture while this host sends HEVC");
    return;
  }
  if (isSeen) log.info(`watch and control this screen in a browser at ${page.viewerUrl}`);
  else log.info("patchbay key show --viewer prints where to watch and control this screen in a browser");
}
