/**
 * Input injection (c/input) as an `Injector`. This file marshals and decides nothing: who may inject what, and when keys are
 * released, is the host's business. Calls are short and never wait for the display server.
 */
import { fail, ok, type Result } from "../src/base/result.ts";
import { enums } from "./abi.ts";
import type { Injector, InputFeedback } from "./interfaces.ts";
import { cString, native, type Pointer, ptr, textOf, type Wake, wakeCallback } from "./library.ts";
import { NativeRecord } from "./record.ts";

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
  readonly #record = new NativeRecord("pb_input_feedback");
  readonly #feedback: InputFeedback = { kind: "rumble", device: 0, strong: 0, weak: 0, durationMs: 0, leds: 0 };
  #wake: Wake | undefined;
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

  plug(device: number, name: string): Result<void> {
    const error = new Uint8Array(1024);
    const text = cString(name);
    const status = this.#native.pb_input_plug(this.#open(), device, ptr(text), ptr(error), error.length) as number;
    return status === 0 ? ok(undefined) : fail("unavailable", textOf(error) || "there is no such device here");
  }

  unplug(device: number): void {
    this.#native.pb_input_unplug(this.#open(), device);
  }

  sendTo(device: number, type: number, code: number, value: number): boolean {
    return this.#native.pb_input_send_to(this.#open(), device, type, code, value) === 0;
  }

  listen(onWake: () => void): void {
    this.#wake = wakeCallback(onWake);
    this.#native.pb_input_listen(this.#open(), this.#wake.ptr);
  }

  rearm(): void {
    this.#native.pb_input_rearm(this.#open());
  }

  feedback(): InputFeedback | undefined {
    if (!this.#native.pb_input_next(this.#open(), this.#record.pointer)) return undefined;
    const [feedback, record] = [this.#feedback, this.#record];
    feedback.kind = record.u32("kind") === enums.feedback.leds ? "leds" : "rumble";
    feedback.device = record.u32("device");
    feedback.strong = record.u32("strong");
    feedback.weak = record.u32("weak");
    feedback.durationMs = record.u32("duration_ms");
    feedback.leds = record.u32("leds");
    return feedback;
  }

  close(): void {
    if (this.#handle === null) return;
    this.#native.pb_input_close(this.#handle);
    this.#handle = null;
    this.#wake?.close();
  }
}
