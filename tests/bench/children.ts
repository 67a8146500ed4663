/**
 * Everything a bench starts or creates, so that nothing is left behind: processes are ended by their id and temporary folders
 * removed, when a bench is through, when it throws, and on SIGINT and SIGTERM. It measures nothing.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const graceMs = 1500;
const living = new Set<Child>();
const folders = new Set<string>();

let ending = false;

/** True once a signal asked to end: what fails now fails because everything is being ended. */
export function isEnding(): boolean {
  return ending;
}

export class BenchFailed extends Error {}

/** What is not installed or not built; the bench is skipped with this sentence. */
export class Missing extends Error {}

export interface Child {
  readonly name: string;
  readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** The end of what it printed, both streams, for a person who asks why it failed. */
  told(): string;
  /** Standard output up to now. */
  output(): string;
}

async function collect(stream: ReadableStream<Uint8Array>, into: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const part of stream) into(decoder.decode(part, { stream: true }));
}

export function start(command: string[], env: Record<string, string | undefined> = {}): Child {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith("PATCHBAY_")));
  const started = Bun.spawn(command, {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...inherited, ...env },
  });
  let output = "";
  let both = "";
  const child: Child = {
    name: command[0] ?? "",
    process: started,
    told: () => both.trim().slice(-600),
    output: () => output,
  };
  living.add(child);
  const keep = (text: string) => {
    both = (both + text).slice(-4000);
  };
  void collect(started.stdout, (text) => {
    output = (output + text).slice(-100_000);
    keep(text);
  });
  void collect(started.stderr, keep);
  void started.exited.then(() => living.delete(child));
  return child;
}

/** Ends a child: SIGTERM, and SIGKILL for one that does not listen. */
export async function stop(child: Child): Promise<void> {
  if (child.process.exitCode !== null || child.process.signalCode !== null) return;
  child.process.kill("SIGTERM");
  await Promise.race([child.process.exited, Bun.sleep(graceMs)]);
  child.process.kill("SIGKILL");
  await child.process.exited;
}

/** Runs to the end and returns standard output; throws BenchFailed with what it said when the status is not 0. */
export async function finish(command: string[], env: Record<string, string | undefined> = {}): Promise<string> {
  const child = start(command, env);
  const status = await child.process.exited;
  await Bun.sleep(0);
  if (status !== 0) throw new BenchFailed(`${command.join(" ")}: ${child.told() || `status ${status}`}`);
  return child.output();
}

/** Waits until `condition` holds; BenchFailed after `limitMs`, or at once when one of `needed` ended. */
export async function until(
  what: string,
  limitMs: number,
  needed: Child[],
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    const gone = needed.find((child) => child.process.exitCode !== null || child.process.signalCode !== null);
    if (gone) throw new BenchFailed(`${gone.name} ended while waiting for ${what}: ${gone.told()}`);
    if (performance.now() > end) {
      const said = needed.map((child) => `${child.name}: ${child.told()}`).join("\n");
      throw new BenchFailed(`${what}: not within ${limitMs / 1000} s\n${said}`);
    }
    await Bun.sleep(20);
  }
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-bench-"));
  folders.add(folder);
  return folder;
}

/** Processor time of a process and all its threads so far, in ms. 0 once it is gone. */
export function cpuMs(child: Child): number {
  try {
    const stat = readFileSync(`/proc/${child.process.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    // The process has ended, and its entry with it.
    return 0;
  }
}

/** Ends all that is still there. */
export async function cleanUp(): Promise<void> {
  await Promise.all([...living].map(stop));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)
  process.on(signal, () => {
    ending = true;
    void cleanUp().then(() => process.exit(status));
  });

process.on("exit", () => {
  for (const child of living) child.process.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
