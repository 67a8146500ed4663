/**
 * How many receivers a channel has, here and on other relays, and the word of it to a source that asked: at once, at each change, and
 * once its socket has room. A source that knows need not make what nobody sees. Pure. Spec ds-stream.md sections 6 and 11; the message
 * is Patchbay's own (ds-layouts.ts).
 */
import { buildAudience } from "../wire/ds.ts";
import type { InputSink } from "./inputs.ts";

export class Audience {
  #here = 0;
  #elsewhere = 0;
  /** The way to the source that asked, if one did, and what it was told last. */
  #source: InputSink | undefined;
  #told: number | undefined;

  get count(): number {
    return this.#here + this.#elsewhere;
  }

  get here(): number {
    return this.#here;
  }

  set here(count: number) {
    this.#here = count;
    this.tell();
  }

  get elsewhere(): number {
    return this.#elsewhere;
  }

  set elsewhere(count: number) {
    this.#elsewhere = count;
    this.tell();
  }

  /** Who is told from now on; undefined when there is nobody, or nobody who asked. */
  set source(source: InputSink | undefined) {
    this.#source = source;
    this.#told = undefined;
    this.tell();
  }

  /** Word for the source waits for room. */
  get isOwed(): boolean {
    return this.#source !== undefined && this.#told !== this.count;
  }

  tell(): void {
    if (!this.isOwed || !this.#source?.ready()) return;
    this.#told = this.count;
    this.#source.send(buildAudience(0, 0, this.count));
  }
}
