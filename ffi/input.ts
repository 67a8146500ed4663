/**
 * Input injection (c/input) as an `Injector`. This file marshals and decides nothing: who may inject what, and when keys are
 * released, is the host's business. Calls are short and never wait for the display server.
 */
import { fail, ok, type Result } from "../src/base/result.ts";
import type { Injector } from "./interfaces.ts";
import { cString, native, type Pointer, ptr, textOf } from "./library.ts";

/**
 * Opens a backend by name, or the first that works for "auto". `target` is an X display (xtest) or a file to append to (log);
 * "" is the default. A failure says in one sentence what cannot be used and why.
 */
export function openInjector(backend: string, target: string): Result<Injector & { describe(): string }> {
  const error = new Uint8Array(1024);
  const names = [cString(backend), cString(target)] as const;
  const handle = native().pb_input_open(ptr(names[0]), ptr(names[1]), ptr(error), error.length) as Pointer | null;
  if (!handle) return fail("unavailable", textOf(error) || "nothing can be injected here");
  return ok(new NativeInjector(handle));
}

class NativeInjector implements Injector {
  readonly #native = native();
  readonly #detail: string;
  #handle: Pointer | null;
  readonly backend: string;

  constructor(handle: Pointer) {
    this.#handle = handle;
    const out = new Uint8Array(512);
    const size = this.#native.pb_input_describe(handle, ptr(out), out.length) as number;
    const [backend = "", detail = ""] = textOf(out, size).split("\t");
    this.backend = backend;
    this.#detail = detail;
  }

  #open(): Pointer {
    if (this.#handle === null) throw new Error("the injector is closed");
    return this.#handle;
  }

  /** Where events go, in a few words. */
  describe(): string {
    return this.#detail;
  }

  send(type: number, code: number, value: number): boolean {
    return this.#native.pb_input_send(this.#open(), type, code, value) === 0;
  }

  flush(): void {
    this.#native.pb_input_flush(this.#open());
  }

  releaseAll(): number {
    return this.#native.pb_input_release_all(this.#open()) as number;
  }

  close(): void {
    if (this.#handle === null) return;
    this.#native.pb_input_close(this.#handle);
    this.#handle = null;
  }
}
