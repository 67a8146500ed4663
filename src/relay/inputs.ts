/**
 * Input on its way from a channel's receivers to its source: handed on at once while the source keeps up; while it does not, motion
 * waits only in its newest form, and presses wait in order, up to a limit. With no source there is nobody to tell, and old
 * input would surprise the next one. Pure.
 */
import type { Counters } from "../base/counters.ts";
import { checkFrame, frame, frameBytes, frameFlag } from "../wire/ds.ts";
import { motionOf } from "./classify.ts";
import { relayLimits } from "./limits.ts";

export interface InputSink {
  /** Whether more can be sent without piling up. */
  ready(): boolean;
  send(event: Uint8Array): void;
}

/** Why a message of a receiver is no input event, or undefined. */
export function inputProblem(message: Uint8Array, view: DataView): "not-input" | "input-malformed" | undefined {
  const isInput = message.length >= frameBytes && (frame.flags(view, 0) & frameFlag.input) !== 0;
  if (!isInput || message.length > relayLimits.inputBytes) return "not-input";
  return checkFrame(view, 0, message.length) === undefined ? undefined : "input-malformed";
}

interface Waiting {
  readonly event: Uint8Array;
  /** Sender and type of a motion; later ones of the same replace it. */
  readonly motion: string | undefined;
}

export class InputQueue {
  readonly #drops: Counters;
  #waiting: Waiting[] = [];
  relayed = 0;

  constructor(drops: Counters) {
    this.#drops = drops;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** `event` is a checked input message, valid during the call only, and `view` lies over it. */
  push(sink: InputSink | undefined, from: number, event: Uint8Array, view: DataView): void {
    if (!sink) {
      this.#drops.add("input-without-source");
      return;
    }
    this.flush(sink);
    if (this.#waiting.length === 0 && sink.ready()) {
      sink.send(event);
      this.relayed++;
      return;
    }
    const kind = motionOf(event, view);
    const motion = kind === undefined ? undefined : `${from} ${kind}`;
    const at = motion === undefined ? -1 : this.#waiting.findLastIndex((w) => w.motion === motion);
    // Replacing a motion must not carry it over a press of the same sender that came in between.
    if (at >= 0 && at === this.#waiting.length - 1) {
      this.#waiting[at] = { event: event.slice(), motion };
      this.#drops.add("input-coalesced");
    } else if (this.#waiting.length < relayLimits.inputsQueued) this.#waiting.push({ event: event.slice(), motion });
    else if (motion !== undefined) this.#drops.add("input-motion-full");
    else this.#makeRoom(event);
  }

  /** A press is kept before any motion; only a queue full of presses refuses one. */
  #makeRoom(event: Uint8Array): void {
    const at = this.#waiting.findIndex((w) => w.motion !== undefined);
    if (at < 0) {
      this.#drops.add("input-full");
      return;
    }
    this.#waiting.splice(at, 1);
    this.#drops.add("input-motion-full");
    this.#waiting.push({ event: event.slice(), motion: undefined });
  }

  flush(sink: InputSink): void {
    let count = 0;
    while (count < this.#waiting.length && sink.ready()) sink.send((this.#waiting[count++] as Waiting).event);
    if (count === 0) return;
    this.#waiting = this.#waiting.slice(count);
    this.relayed += count;
  }

  clear(): void {
    if (this.#waiting.length > 0) this.#drops.add("input-without-source", this.#waiting.length);
    this.#waiting = [];
  }
}
