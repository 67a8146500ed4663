/**
 * The native modules in memory, for tests of the loops above them, with the real ones' queues, limits and wake-ups; they pass the
 * same suites (tests/conformance). The injector is here, the others have a file each.
 */
import { fail, ok, type Result } from "../src/base/result.ts";
import type { Injector, InputFeedback } from "./interfaces.ts";

export { FakeAudioSink, FakeAudioSource } from "./fake-audio.ts";
export { FakeGrabber } from "./fake-grabber.ts";
export { lend, lentBytes } from "./fake-memory.ts";
export { FakePlayer } from "./fake-player.ts";
export { fakeUdp } from "./fake-udp.ts";
export { fakeAccessUnit, readFakeAccessUnit } from "./fake-unit.ts";

const keyMax = 0x2ff;
const eventTypeMax = 0x1f;
const knownDevices: ReadonlySet<number> = new Set([1, 2, 3, 4, 16, 17]);

export class FakeInjector implements Injector {
  readonly backend = "fake";
  /** Everything injected, in order; releaseAll() adds what it released and a closing EV_SYN. */
  readonly events: { type: number; code: number; value: number }[] = [];
  readonly #down = new Set<number>();
  readonly plugged = new Map<number, string>();
  readonly deviceEvents: { device: number; type: number; code: number; value: number }[] = [];
  /** What the next calls of feedback() give. */
  readonly wanted: InputFeedback[] = [];
  #onWake: () => void = () => undefined;
  #closed = false;

  #mustBeOpen(): void {
    if (this.#closed) throw new Error("the injector is closed");
  }

  send(type: number, code: number, value: number): boolean {
    this.#mustBeOpen();
    if (type > eventTypeMax || code > keyMax) return false;
    this.events.push({ type, code, value });
    if (type === 1 && value !== 0) this.#down.add(code);
    if (type === 1 && value === 0) this.#down.delete(code);
    return true;
  }

  flush(): void {
    this.#mustBeOpen();
  }

  releaseAll(): number {
    this.#mustBeOpen();
    const keys = [...this.#down].sort((a, b) => a - b);
    for (const code of keys) this.events.push({ type: 1, code, value: 0 });
    if (keys.length) this.events.push({ type: 0, code: 0, value: 0 });
    this.#down.clear();
    return keys.length;
  }

  plug(device: number, name: string): Result<void> {
    this.#mustBeOpen();
    if (!knownDevices.has(device)) return fail("unavailable", `there is no device ${device}`);
    if (!this.plugged.has(device)) this.plugged.set(device, name);
    return ok(undefined);
  }

  unplug(device: number): void {
    this.#mustBeOpen();
    this.plugged.delete(device);
  }

  sendTo(device: number, type: number, code: number, value: number): boolean {
    this.#mustBeOpen();
    if (!this.plugged.has(device) || type > eventTypeMax || code > keyMax) return false;
    this.deviceEvents.push({ device, type, code, value });
    return true;
  }

  listen(onWake: () => void): void {
    this.#onWake = onWake;
  }

  /** As if the machine wanted something. */
  want(feedback: InputFeedback): void {
    this.wanted.push(feedback);
    this.#onWake();
  }

  rearm(): void {
    this.#mustBeOpen();
  }

  feedback(): InputFeedback | undefined {
    return this.wanted.shift();
  }

  close(): void {
    if (this.#closed) return;
    this.releaseAll();
    this.plugged.clear();
    this.#closed = true;
  }
}
