/**
 * Running programs and telling about it: one line a step with its time. Everything a build prints goes through here, to
 * standard error, so that standard output stays free for what a command was asked for. Knows nothing of what is built.
 */
import { homedir } from "node:os";
import { join } from "node:path";

/** The user's, for what takes long to get or to make and is the same for every clone. */
export const cacheFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "patchbay");

/** A step that did not work out; the message is for a person, no stack is shown. */
export class StepFailed extends Error {}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Runs `work` under a name. Its returned text, if any, stands in the line after the time. */
// biome-ignore lint/suspicious/noConfusingVoidType: most steps have nothing to tell.
export async function step(name: string, work: () => Promise<string | void> | string | void): Promise<void> {
  const begin = performance.now();
  try {
    const told = await work();
    say(`  ok    ${name}  ${seconds(begin)}${told ? `  ${told}` : ""}`);
  } catch (fault) {
    say(`  FAIL  ${name}  ${seconds(begin)}`);
    throw fault;
  }
}

export interface Outcome {
  status: number;
  /** Set when a signal ended it. */
  signal: string | null;
  out: string;
  err: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  /** Ended after this many milliseconds; the outcome then has a signal. */
  timeoutMs?: number;
  /** Hears standard error as it comes. */
  onErr?: (text: string) => void;
}

/** A program that has ended may leave others behind that hold its pipes open; they are not waited for longer than this. */
const drainMs = 1000;

/** Runs a program to its end with its output captured. Throws only when there is no such program. */
export async function capture(command: string[], options: RunOptions = {}): Promise<Outcome> {
  if (!Bun.which(command[0] ?? "")) throw new StepFailed(`there is no program ${command[0]}: run \`npm run deps\``);
  const child = Bun.spawn(command, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeoutMs,
    killSignal: "SIGKILL",
  });
  const texts = { out: "", err: "" };
  const drained = Promise.all([
    collect(child.stdout, (text) => {
      texts.out += text;
    }),
    collect(child.stderr, (text) => {
      texts.err += text;
      options.onErr?.(text);
    }),
  ]);
  await child.exited;
  await Promise.race([drained, Bun.sleep(drainMs)]);
  const { exitCode, signalCode } = child;
  return { status: exitCode ?? 1, signal: signalCode === null ? null : String(signalCode), ...texts };
}

async function collect(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
}

/** Like capture, but a failure throws StepFailed with what the program said. */
export async function must(command: string[], options: RunOptions = {}): Promise<Outcome> {
  const outcome = await capture(command, options);
  if (outcome.status !== 0)
    throw new StepFailed(`${outcome.err}${outcome.out}`.trim() || `${command[0]} failed (status ${outcome.status})`);
  return outcome;
}

/** Runs a program that talks to the person directly. Returns its exit status. */
export async function show(command: string[], options: RunOptions = {}): Promise<number> {
  const child = Bun.spawn(command, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  // An interrupt goes to the whole group; the program ends in its own time, and this one after it.
  const wait = () => undefined;
  process.on("SIGINT", wait);
  await child.exited;
  process.off("SIGINT", wait);
  return child.exitCode ?? 1;
}

/** Maps with at most `width` at a time, results in order. */
export async function mapParallel<T, R>(items: T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const mine = next++;
      results[mine] = await work(items[mine] as T);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}
