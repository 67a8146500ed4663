/**
 * Processes of an end-to-end test: started with their output collected, waited for by what they print, and ended by their id
 * whatever becomes of the test. Each file of tests calls afterAll(cleanUp). Knows nothing of Patchbay.
 */
import { readFileSync } from "node:fs";

/** For waiting on what ought to come at once, on a machine that may be busy with other things. */
export const patienceMs = 30_000;

const living = new Set<Child>();
const works: (() => void)[] = [];

/** Registers what is to be undone when the file's tests are over, newest first, after all processes have ended. */
export function atEnd(work: () => void): void {
  works.push(work);
}

export async function cleanUp(): Promise<void> {
  for (const child of [...living].reverse()) await child.kill();
  for (const work of works.splice(0).reverse()) work();
}

// A run that ends without its afterAll leaves nothing behind either.
process.on("exit", () => {
  for (const child of living) child.signal("SIGKILL");
  for (const work of works.splice(0).reverse()) work();
});

export class Child {
  /** Standard error and standard output up to now. */
  err = "";
  out = "";
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #name: string;
  readonly #listeners = new Set<() => void>();
  readonly #ended: Promise<unknown>;
  #hasEnded = false;

  constructor(command: readonly string[], env: Readonly<Record<string, string | undefined>> = process.env) {
    this.#name = command.join(" ");
    this.#process = Bun.spawn([...command], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    living.add(this);
    const drained = [
      this.#collect(this.#process.stdout, (text) => (this.out += text)),
      this.#collect(this.#process.stderr, (text) => (this.err += text)),
    ];
    this.#ended = this.#process.exited.then(async () => {
      living.delete(this);
      await Promise.all(drained);
      this.#hasEnded = true;
      this.#tell();
    });
  }

  async #collect(stream: ReadableStream<Uint8Array>, keep: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const part of stream) {
      keep(decoder.decode(part, { stream: true }));
      this.#tell();
    }
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  get pid(): number {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Resolves with the first match in standard error or standard output at or behind `from` characters. */
  async until(pattern: RegExp, from = 0, timeoutMs = patienceMs): Promise<RegExpExecArray> {
    const look = () => pattern.exec(this.err.slice(from)) ?? pattern.exec(this.out.slice(from));
    const found = await new Promise<RegExpExecArray | null>((resolve) => {
      const check = () => {
        const match = look();
        if (!match && !this.#hasEnded) return;
        done(match);
      };
      const timer = setTimeout(() => done(null), timeoutMs);
      const done = (match: RegExpExecArray | null) => {
        clearTimeout(timer);
        this.#listeners.delete(check);
        resolve(match);
      };
      this.#listeners.add(check);
      check();
    });
    if (!found) throw new Error(`${pattern} was not printed by\n${this.told()}`);
    return found;
  }

  /** Exit status; a signal's end counts as 128. Throws when it does not end in time. */
  async ended(timeoutMs = patienceMs): Promise<number> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), timeoutMs);
    });
    const first = await Promise.race([this.#ended, late]);
    clearTimeout(timer);
    if (first === "late") throw new Error(`it did not end:\n${this.told()}`);
    return this.#process.exitCode ?? 128;
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended();
  }

  /** Asks it to end, as a person with Ctrl-C does; resolves to its exit status. */
  interrupt(): Promise<number> {
    this.signal("SIGINT");
    return this.ended();
  }

  told(): string {
    return `$ ${this.#name}\n${this.out}${this.err}`;
  }
}

/** Resolves when the condition holds; for what no process prints. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = patienceMs,
): Promise<T> {
  for (const end = performance.now() + timeoutMs; ; await Bun.sleep(20)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
  }
}

/** What a process has used up to now, in seconds. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
