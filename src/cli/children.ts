/** Other processes that a command starts and ends: what they say is kept, and nothing outlives the command. */
import { createLog } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";

const log = createLog("demo");
/** How long a child may take to say that it is ready, and to end. */
const patienceMs = 15_000;
const keptText = 8000;

/** The command line of this same executable; in development it is Bun with the entry file. */
export function ownCommand(...args: string[]): string[] {
  const isCompiled = import.meta.path.startsWith("/$bunfs/") || import.meta.path.includes("~BUN");
  return isCompiled ? [process.execPath, ...args] : [process.execPath, Bun.main, ...args];
}

interface Waiting {
  readonly pattern: RegExp;
  readonly resolve: (match: RegExpExecArray | null) => void;
}

export class Child {
  readonly name: string;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #waiting: Waiting[] = [];
  /** The newest of what it wrote to standard error. */
  errors = "";
  output = "";

  constructor(name: string, command: readonly string[], env: Record<string, string | undefined> = {}) {
    this.name = name;
    log.debug(`starts ${command.join(" ")}`);
    this.#process = Bun.spawn([...command], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, ...env },
    });
    void collect(this.#process.stdout, (text) => {
      this.output = (this.output + text).slice(-keptText);
    });
    const errorsRead = collect(this.#process.stderr, (text) => {
      this.errors = (this.errors + text).slice(-keptText);
      this.#look();
    });
    void errorsRead.then(() => {
      for (const { resolve } of this.#waiting.splice(0)) resolve(null);
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  get exited(): Promise<number> {
    return this.#process.exited;
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Waits until standard error says something; a Failure when the child ends or stays silent. */
  async says(pattern: RegExp): Promise<Result<RegExpExecArray>> {
    const { promise, resolve } = Promise.withResolvers<RegExpExecArray | null>();
    this.#waiting.push({ pattern, resolve });
    const timer = setTimeout(() => resolve(null), patienceMs);
    this.#look();
    const match = await promise;
    clearTimeout(timer);
    return match
      ? ok(match)
      : fail("unavailable", `${this.name} did not start: ${lastLine(this.errors) || "it said nothing"}`);
  }

  /** Runs it to its end; a Failure with its own words when the status is not 0. */
  async succeeds(): Promise<Result<string>> {
    const status = await this.exited;
    if (status === 0) return ok(this.output);
    return fail("unavailable", `${this.name} ended with status ${status}: ${lastLine(this.errors)}`);
  }

  /** Asks it to end, and ends it when it does not. */
  async stop(): Promise<number> {
    if (!this.hasEnded) this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), patienceMs / 5);
    const status = await this.exited;
    clearTimeout(timer);
    return status;
  }

  #look(): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const { pattern, resolve } = this.#waiting[i] as Waiting;
      const match = pattern.exec(this.errors);
      if (!match) continue;
      this.#waiting.splice(i, 1);
      resolve(match);
    }
  }
}

async function collect(stream: ReadableStream<Uint8Array>, into: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const part of stream) into(decoder.decode(part, { stream: true }));
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
