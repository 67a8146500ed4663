/**
 * The built executable as people run it: hosts, clients and their homes, each on a private X server where it needs one. Ports
 * and display numbers are whatever is free.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClientReport } from "../../src/client/report.ts";
import type { HostStats } from "../../src/host/stats.ts";
import { atEnd, Child, eventually } from "./processes.ts";
import { Screen } from "./screen.ts";

export const executable = join(import.meta.dir, "../../dist/patchbay");

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-e2e-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What our own shell sets must not reach the programs under test. */
function environment(more: Record<string, string>): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(([key]) => !key.startsWith("PATCHBAY_") && key !== "DISPLAY");
  return { ...Object.fromEntries(kept), ...more };
}

/** A person's home: one identity, one database. */
export class Home {
  readonly folder = temporaryFolder();
  readonly #env: Readonly<Record<string, string>>;
  readonly #by: readonly string[];

  /** `env` is what all that is started here gets besides; `by` is a command that starts another one, such as nice. */
  constructor(env: Readonly<Record<string, string>> = {}, by: readonly string[] = []) {
    this.#env = env;
    this.#by = by;
  }

  start(args: readonly string[], env: Record<string, string> = {}): Child {
    return new Child(
      [...this.#by, executable, ...args],
      environment({ XDG_DATA_HOME: this.folder, ...this.#env, ...env }),
    );
  }

  /** Runs a command that ends by itself, and must end well. Resolves to what it printed. */
  async tell(...args: string[]): Promise<string> {
    const child = this.start(args);
    const status = await child.ended();
    if (status !== 0) throw new Error(`status ${status}:\n${child.told()}`);
    return child.out;
  }

  async key(): Promise<{ fingerprint: string; publicKey: string; code: string }> {
    return JSON.parse(await this.tell("key", "show", "--json"));
  }

  async approve(other: Home, ...more: string[]): Promise<void> {
    await this.tell("peers", "approve", (await other.key()).publicKey, ...more);
  }
}

export interface Display {
  /** ":N" */
  readonly name: string;
  readonly server: Child;
  readonly screen: Screen;
}

export async function openDisplay(width: number, height: number): Promise<Display> {
  const folder = temporaryFolder();
  const size = `${width}x${height}x24`;
  const server = new Child([
    "Xvfb",
    "-displayfd",
    "1",
    "-screen",
    "0",
    size,
    "-fbdir",
    folder,
    "-noreset",
    "-nolisten",
    "tcp",
  ]);
  const [, number] = await server.until(/^(\d+)\n/);
  return { name: `:${number}`, server, screen: new Screen(join(folder, "Xvfb_screen0"), width, height) };
}

/** Runs a program of the X server's to its end. */
export async function onDisplay(display: Display, ...command: string[]): Promise<string> {
  const child = new Child(command, environment({ DISPLAY: display.name }));
  const status = await child.ended();
  if (status !== 0) throw new Error(`status ${status}:\n${child.told()}`);
  return child.out;
}

export function watchOn(display: Display, ...command: string[]): Child {
  return new Child(command, environment({ DISPLAY: display.name }));
}

export interface RunningHost {
  readonly child: Child;
  readonly home: Home;
  readonly port: number;
  /** HOST:PORT for clients. */
  readonly place: string;
  stats(): Promise<HostStats>;
  /** Resolves with the first statistics that satisfy the condition. */
  until(what: string, holds: (stats: HostStats) => boolean): Promise<HostStats>;
}

/** Starts a host on a free port and waits until it is ready. */
export async function startHost(home: Home, ...args: string[]): Promise<RunningHost> {
  const listen = args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
  const child = home.start(["host", ...listen, "--dashboard", "127.0.0.1:0", ...args]);
  const [, place = "", port] = await child.until(/clients connect to UDP (\S+?:(\d+));/);
  const [, page] = await child.until(/status page (\S+)/);
  const stats = async (): Promise<HostStats> => (await fetch(`${page}api/stats`)).json() as Promise<HostStats>;
  const until: RunningHost["until"] = async (what, holds) => {
    let last: HostStats | undefined;
    try {
      return await eventually(what, async () => {
        last = await stats();
        return holds(last) && last;
      });
    } catch (cause) {
      throw new Error(`${what}; last seen: ${JSON.stringify(last)}\n${child.told()}`, { cause });
    }
  };
  return { child, home, port: Number(port), place, stats, until };
}

/** A host that sends the moving test picture and needs no display. */
export const startPatternHost = (home: Home, ...args: string[]): Promise<RunningHost> =>
  startHost(home, "--capture", "pattern", "--size", "320x192", "--fps", "20", ...args);

/** A client without a window. */
export const startHeadless = (home: Home, target: string, ...args: string[]): Child =>
  home.start(["client", target, "--output", "headless", ...args]);

/** A client whose window fills the display. */
export const startFullscreen = (home: Home, target: string, display: Display, ...args: string[]): Child =>
  home.start(["client", target, "--fullscreen", "--display", display.name, ...args]);

/** Ends a client that was started with --json -, and what it reports. */
export async function reportOf(client: Child): Promise<ClientReport> {
  const status = await client.interrupt();
  if (status !== 0) throw new Error(`status ${status}\n${client.told()}`);
  return JSON.parse(client.out);
}
