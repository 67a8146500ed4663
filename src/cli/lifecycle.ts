/**
 * The orderly end of a command. What is opened registers how it is closed; everything is closed once, newest first, whether the
 * command returns, fails or gets SIGINT, SIGTERM or SIGHUP. A signal ends with status 0, because that is how a person stops a
 * program that runs until it is stopped; a second signal ends it at once with 128 + its number. A command that opened
 * nothing leaves signals to the system. A command that was still starting goes no further than its next opening.
 */
import { constants } from "node:os";
import { limits } from "../base/limits.ts";
import { createLog } from "../base/log.ts";

const log = createLog("end");
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Signal = (typeof signals)[number];

type Close = () => void | Promise<void>;

export class Lifecycle {
  readonly #closers: { name: string; close: Close }[] = [];
  readonly #exit: (status: number) => void;
  readonly #stop = Promise.withResolvers<Signal>();
  readonly #abort = new AbortController();
  readonly #onSignal = (signal: Signal) => this.#signalled(signal);
  /** Status of an end by a signal. A closer that could not do what was asked for, and said so, sets it. */
  exitStatus = 0;
  #listening = false;
  #closing: Promise<boolean> | undefined;

  constructor(exit: (status: number) => void = (status) => process.exit(status)) {
    this.#exit = exit;
  }

  /** Settles when a signal asks the command to end. The closers run by themselves; nobody needs to await this. */
  get stopped(): Promise<Signal> {
    return this.#stop.promise;
  }

  /** The same for what takes an AbortSignal. `throwIfAborted()` stands before what should not be opened after a signal. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * Registers how something is closed; `name` stands in a log line when that fails. Returns a function that takes the
   * registration back, for what was closed earlier. After a signal it closes what was just opened and throws the signal's reason.
   */
  defer(name: string, close: Close): () => void {
    const { aborted, reason } = this.#abort.signal;
    if (this.#closing && !aborted) throw new Error(`${name} was opened after the end began`);
    if (aborted) {
      // The end that is under way takes the newest first, hence this one next.
      this.#closers.push({ name, close });
      throw reason;
    }
    this.#listen();
    const closer = { name, close };
    this.#closers.push(closer);
    return () => {
      const at = this.#closers.indexOf(closer);
      if (at >= 0) this.#closers.splice(at, 1);
    };
  }

  /** Runs all closers, newest first. Idempotent. False when one of them failed or hung. */
  close(): Promise<boolean> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<boolean> {
    let clean = true;
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      try {
        await withinLimit(closer.close());
      } catch (cause) {
        clean = false;
        log.warn(`${closer.name} did not close cleanly: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
    }
    // Only now: a signal during the closing must still force the exit instead of being lost.
    for (const signal of signals) process.off(signal, this.#onSignal);
    return clean;
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    for (const signal of signals) process.on(signal, this.#onSignal);
  }

  #signalled(signal: Signal): void {
    if (this.#abort.signal.aborted) {
      this.#exit(128 + constants.signals[signal]);
      return;
    }
    this.#abort.abort();
    this.#stop.resolve(signal);
    void this.close().then((clean) => this.#exit(clean ? this.exitStatus : 1));
  }
}

/** Rejects when a closer takes longer than the limit, so that the ones behind it still run. */
async function withinLimit(closing: void | Promise<void>): Promise<void> {
  if (!(closing instanceof Promise)) return;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("it took too long")), limits.closeTimeoutMs);
  try {
    await Promise.race([closing, promise]);
  } finally {
    clearTimeout(timer);
  }
}
