/**
 * `patchbay demo`: host and client as two processes of this executable, paired and encrypted over loopback, a scene with a timecode
 * in front of the host, and a report of what the client showed. It measures and starts things; the streaming is theirs.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openScene } from "../../ffi/scene.ts";
import { createLog } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import type { ClientReport } from "../client/report.ts";
import type { HostStats } from "../host/stats.ts";
import { Child, ownCommand } from "./children.ts";
import { type DemoReport, demoReport, reportText } from "./demo-report.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { printLine, writeReport } from "./output.ts";
import type { Parsed } from "./parse.ts";
import type { Size } from "./spec.ts";
import type { Usage } from "./usage.ts";
import { hasXvfb, openXvfb } from "./xvfb.ts";

const log = createLog("demo");

type DemoFlags = Parsed<"demo">["flags"];

/** Where pictures come from and go to, as arguments of host and client. */
interface Setting {
  readonly source: "display" | "xvfb" | "pattern";
  readonly host: readonly string[];
  readonly client: readonly string[];
  /** Display on which the scene is painted; undefined when the source carries its own timecode. */
  readonly scene: string | undefined;
  readonly note: string;
}

export async function run({ flags }: Parsed<"demo">, lifecycle: Lifecycle): Promise<Result<void>> {
  const setting = await choose(flags, lifecycle);
  if (!setting.ok) return setting;
  tell(setting.value.note);
  const measured = await measure(setting.value, flags, lifecycle);
  if (!measured.ok) return measured;
  const report = measured.value;
  const written = flags.json ? writeReport(flags.json, report) : ok(undefined);
  if (!written.ok) return written;
  if (flags.json !== "-") printLine(reportText(report));
  if (report.ok) return ok(undefined);
  const what = report.glassToGlassMs ? "a process of the demo did not end in order" : "no timecode could be read";
  return fail("lost-peer", `The demo failed: ${what}; --verbose shows what happened.`);
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function choose(flags: DemoFlags, lifecycle: Lifecycle): Promise<Result<Setting>> {
  const { source, size, fps } = flags;
  const display = process.env.DISPLAY;
  if (source === "display" || (source === "auto" && display && canShow(display)))
    return display
      ? currentDisplay(display, lifecycle)
      : fail("unavailable", "There is no X display: DISPLAY is not set.");
  if (source === "xvfb" || (source === "auto" && hasXvfb())) {
    if (!hasXvfb()) return fail("unavailable", "Xvfb is not installed; on Debian: apt-get install xvfb.");
    const from = await openXvfb(size.width, size.height, lifecycle);
    const to = from.ok ? await openXvfb(size.width, size.height, lifecycle) : from;
    if (!from.ok || !to.ok) return from.ok ? (to as Result<never>) : from;
    return ok({
      source: "xvfb",
      host: ["--capture", "x11", "--display", from.value],
      client: ["--output", "x11", "--display", to.value, "--fullscreen"],
      scene: from.value,
      note: `No display here: a moving scene on a private one (${from.value}) is streamed to a window on another (${to.value}).`,
    });
  }
  return ok({
    source: "pattern",
    host: ["--capture", "pattern", "--size", `${size.width}x${size.height}`, "--fps", String(fps)],
    client: ["--output", "headless"],
    scene: undefined,
    note: "No display and no Xvfb here: the moving test pattern is streamed, and decoded without a window.",
  });
}

/** True when a window can be opened there. */
function canShow(display: string): boolean {
  const scene = openScene({ target: display, ...smallScene, fps: 1, mode: "demo" });
  if (scene.ok) scene.value.close();
  return scene.ok;
}

/** What is captured here would be played here, and captured again. */
const quiet = ["--sound", "off"];
const smallScene: Size = { width: 960, height: 540 };

/** The client's window would cover what is captured, so it goes to a display of its own. */
async function currentDisplay(display: string, lifecycle: Lifecycle): Promise<Result<Setting>> {
  const own = hasXvfb() ? await openXvfb(1920, 1080, lifecycle) : undefined;
  if (own && !own.ok) return own;
  return ok({
    source: "display",
    host: ["--capture", "x11", "--display", display],
    client: own ? ["--output", "x11", "--display", own.value, "--fullscreen"] : ["--output", "headless"],
    scene: display,
    note: `Display ${display} is streamed; the small scene at its top left carries the timecode.`,
  });
}

async function measure(setting: Setting, flags: DemoFlags, lifecycle: Lifecycle): Promise<Result<DemoReport>> {
  lifecycle.signal.throwIfAborted();
  const made = temporaryFolder();
  if (!made.ok) return made;
  const folder = made.value;
  lifecycle.defer("the demo's files", () => rmSync(folder, { recursive: true, force: true }));
  const homes = { host: join(folder, "host"), client: join(folder, "client") };
  const paired = await pair(homes, lifecycle);
  if (!paired.ok) return paired;
  if (setting.scene !== undefined) {
    const size = setting.source === "display" ? smallScene : { width: 0, height: 0 };
    const scene = openScene({ target: setting.scene, ...size, fps: flags.fps, mode: "demo" });
    if (!scene.ok) return scene;
    lifecycle.defer("the scene", () => scene.value.close());
  }
  const files = { host: join(folder, "host.json"), client: join(folder, "client.json") };
  const ports = ["--listen", "127.0.0.1:0", "--dashboard", "127.0.0.1:0", "--input", "log"];
  const rate = setting.source === "pattern" ? [] : ["--fps", String(flags.fps)];
  const host = start(
    "the host",
    homes.host,
    ["host", ...setting.host, ...rate, ...ports, ...quiet, "--json", files.host],
    lifecycle,
  );
  const udp = await host.says(/UDP 127\.0\.0\.1:(\d+)/);
  if (!udp.ok) return udp;
  const page = await host.says(/status page (http:\/\/\S+)/);
  if (!page.ok) return page;
  tell(`Live figures: ${page.value[1]}`);
  const watched = ["--measure", "--no-input", "--json", files.client, "--png", flags.png];
  const target = `${paired.value}@127.0.0.1:${udp.value[1]}`;
  const client = start(
    "the client",
    homes.client,
    ["client", target, ...setting.client, ...quiet, ...watched],
    lifecycle,
  );
  const joined = await client.says(/approved/);
  if (!joined.ok) return joined;
  await watch(flags.seconds, page.value[1] as string, [host, client], lifecycle.signal);
  const statuses = [await client.stop(), await host.stop()];
  const [hostReport, clientReport] = [readReport<HostReport>(files.host), readReport<FinishedClient>(files.client)];
  if (!hostReport || !clientReport)
    return fail(
      "lost-peer",
      `Host and client ended early (status ${statuses.join(" and ")}): ${client.errors || host.errors}`,
    );
  const clean = statuses.every((status) => status === 0);
  if (!clean) log.warn(`status ${statuses.join(" and ")}: ${client.errors}${host.errors}`);
  return ok(demoReport(setting.source, clean, flags.png, hostReport, clientReport));
}

function temporaryFolder(): Result<string> {
  try {
    return ok(mkdtempSync(join(tmpdir(), "patchbay-demo-")));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause;
    return fail("cannot-create", `No folder can be made in ${tmpdir()}: ${reason}. TMPDIR names another.`);
  }
}

export type HostReport = HostStats & { readonly cpu: Usage };
export type FinishedClient = ClientReport & { readonly cpu: Usage };

function start(name: string, home: string, args: readonly string[], lifecycle: Lifecycle): Child {
  lifecycle.signal.throwIfAborted();
  const child = new Child(name, ownCommand(...args), environment(home));
  lifecycle.defer(name, async () => void (await child.stop()));
  return child;
}

/** Nothing of the caller's own settings reaches the demo's two devices. */
function environment(home: string): Record<string, string | undefined> {
  const cleared = Object.keys(process.env).filter((name) => name.startsWith("PATCHBAY_"));
  return { ...Object.fromEntries(cleared.map((name) => [name, undefined])), XDG_DATA_HOME: home };
}

/** The client's key is approved by the host before they meet; returns the host's key, which the client expects. */
async function pair(homes: { host: string; client: string }, lifecycle: Lifecycle): Promise<Result<string>> {
  const keys: Record<string, string> = {};
  for (const [who, home] of Object.entries(homes)) {
    const shown = await start("patchbay key", home, ["key", "show", "--json"], lifecycle).succeeds();
    lifecycle.signal.throwIfAborted();
    if (!shown.ok) return shown;
    keys[who] = (JSON.parse(shown.value) as { publicKey: string }).publicKey;
  }
  const approve = ["peers", "approve", keys.client as string];
  const approved = await start("patchbay peers", homes.host, approve, lifecycle).succeeds();
  return approved.ok ? ok(keys.host as string) : approved;
}

/** Shows what is going on until the time is over or one of the two ends. */
async function watch(seconds: number, page: string, children: readonly Child[], stop: AbortSignal): Promise<void> {
  const isLive = process.stderr.isTTY;
  for (let second = 1; second <= Math.ceil(seconds); second++) {
    const left = Math.min(1000, (seconds - second + 1) * 1000);
    await Promise.race([Bun.sleep(left), ...children.map((child) => child.exited), aborted(stop)]);
    if (stop.aborted || children.some((child) => child.hasEnded)) break;
    const line = await liveLine(page, second, seconds);
    if (isLive) process.stderr.write(`\r${line.padEnd(76)}`);
    else if (second % 5 === 0) tell(line);
  }
  if (isLive) process.stderr.write("\n");
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

async function liveLine(page: string, second: number, seconds: number): Promise<string> {
  const head = `${String(second).padStart(3)} / ${seconds} s`;
  try {
    const stats = (await (await fetch(new URL("api/stats", page))).json()) as HostStats;
    const { stream, source, stagesMs } = stats;
    const encode = stagesMs.encode ? `, encode ${stagesMs.encode.p50.toFixed(1)} ms` : "";
    return `${head}  ${source.width}x${source.height}, ${stream.fps.toFixed(0)} fps, ${(stream.bitrateBps / 1e6).toFixed(1)} Mbit/s${encode}`;
  } catch {
    // The page is a convenience; the measurement goes on without it.
    return head;
  }
}

function readReport<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch {
    // A process that ended early wrote none; the caller says so.
    return undefined;
  }
}
