/**
 * One run of pictures out of two: the relay's WebSocket brings all of them in order, a data channel brings copies sooner, some
 * lost, in any order. Each picture is handed on once, in order, by the path that has it first; so losing the direct path loses
 * nothing. State, sound and input stay on the WebSocket and never come here. Pure.
 *
 * What it relies on: after the relay leaves pictures out for a slow receiver, the next one it sends can be begun with (spec
 * section 12). So a picture on the WebSocket that is newer than the last one handed on always fits onto it.
 */
import type { DirectFrame } from "./chunks.ts";
import { since } from "./clock.ts";

export interface RelayedPicture {
  readonly bytes: Uint8Array;
  readonly sequence: number;
  readonly timestampMs: number;
  readonly startsAnew: boolean;
}

export type Path = "websocket" | "webrtc";

const remembered = 1024;
/** How far behind the newest the relay may bring a picture and still be of the same run. */
const lateMs = 10_000;
const lateFrames = 256;
const heldFrames = 64;
const heldBytes = 16 * 1024 * 1024;

export class TwoPaths {
  readonly #deliver: (bytes: Uint8Array, path: Path) => void;
  readonly #restarted: () => void;
  /** Sequence to timestamp of pictures handed on, the newest last. */
  readonly #recent = new Map<number, number>();
  /** Direct pictures that wait for the one before, by that one's sequence. */
  readonly #held = new Map<number, DirectFrame>();
  #heldBytes = 0;
  #last: number | undefined;
  #isDirect = false;
  /** The last picture came directly; until the relay is as far, what it brings is known, even when the direct path is gone. */
  #isAhead = false;
  readonly counts = { websocket: 0, webrtc: 0, duplicates: 0, held: 0 };

  /** `restarted`: the relay's pictures are of a new source, so the direct path is an old one's and must be closed. */
  constructor(deliver: (bytes: Uint8Array, path: Path) => void, restarted: () => void) {
    this.#deliver = deliver;
    this.#restarted = restarted;
  }

  /** The direct path opened or is gone. */
  set direct(isOpen: boolean) {
    this.#isDirect = isOpen;
    this.#held.clear();
    this.#heldBytes = 0;
  }

  get direct(): boolean {
    return this.#isDirect;
  }

  relayed(picture: RelayedPicture): void {
    const { sequence, timestampMs } = picture;
    if ((this.#isDirect || this.#isAhead) && this.#last !== undefined && ahead(sequence, this.#last) <= 0) {
      if (this.#recent.get(sequence) === timestampMs || this.#isLate(sequence, timestampMs)) {
        this.counts.duplicates++;
        if (sequence === this.#last) this.#isAhead = false;
        return;
      }
      // Not of this run of pictures: another source, or one that began again.
      this.direct = false;
      this.#recent.clear();
      this.#restarted();
    }
    this.#hand(picture.bytes, sequence, timestampMs, "websocket");
    this.#drain();
  }

  /** Overtaken by a direct picture that needed none before it. */
  #isLate(sequence: number, timestampMs: number): boolean {
    const last = this.#last as number;
    const behindMs = since(this.#recent.get(last) ?? 0, timestampMs);
    return ahead(sequence, last) > -lateFrames && behindMs >= 0 && behindMs < lateMs;
  }

  came(frame: DirectFrame): void {
    if (!this.#isDirect) return;
    if (this.#last !== undefined && ahead(frame.sequence, this.#last) <= 0) {
      this.counts.duplicates++;
      return;
    }
    if (frame.startsAnew || frame.after === this.#last) {
      this.#hand(frame.bytes, frame.sequence, timeOf(frame.bytes), "webrtc");
      this.#drain();
      return;
    }
    this.#hold(frame);
  }

  #hold(frame: DirectFrame): void {
    if (this.#held.has(frame.after)) return;
    this.#held.set(frame.after, frame);
    this.#heldBytes += frame.bytes.length;
    this.counts.held++;
    for (const [after, { bytes }] of this.#held) {
      if (this.#held.size <= heldFrames && this.#heldBytes <= heldBytes) break;
      this.#held.delete(after);
      this.#heldBytes -= bytes.length;
    }
  }

  #hand(bytes: Uint8Array, sequence: number, timestampMs: number, path: Path): void {
    this.#last = sequence;
    this.#isAhead = path === "webrtc";
    this.#recent.delete(sequence);
    this.#recent.set(sequence, timestampMs);
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size <= remembered) break;
      this.#recent.delete(oldest);
    }
    this.counts[path]++;
    this.#deliver(bytes, path);
  }

  /** What was waiting for the picture just handed on follows it; what is older is of no use. */
  #drain(): void {
    for (let next = this.#take(this.#last); next; next = this.#take(this.#last))
      this.#hand(next.bytes, next.sequence, timeOf(next.bytes), "webrtc");
    for (const [after, { sequence }] of this.#held) if (ahead(sequence, this.#last as number) <= 0) this.#take(after);
  }

  #take(after: number | undefined): DirectFrame | undefined {
    const frame = after === undefined ? undefined : this.#held.get(after);
    if (!frame) return undefined;
    this.#held.delete(after as number);
    this.#heldBytes -= frame.bytes.length;
    return frame;
  }
}

/** How far a u16 sequence lies ahead of another, from -32768 to 32767. */
function ahead(sequence: number, of: number): number {
  return ((sequence - of) << 16) >> 16;
}

const timeOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
