/**
 * The player's part in a channel's signalling room (web/lib/room.ts has the notes): asks the source what time the stream has, so that
 * the age of a picture is known, and for a keyframe when what comes cannot be shown. It offers no direct path. Pure.
 */
import { limits } from "../base/limits.ts";

const textBytes = 64 * 1024;
/** An answer that took longer says too little about the offset. */
const longestUs = 2_000_000;

export class PlayerRoom {
  readonly #id = crypto.getRandomValues(new Uint8Array(12)).toHex();
  readonly #send: (text: string) => void;
  #keyframeUs = Number.NEGATIVE_INFINITY;
  #roundTripUs = Number.POSITIVE_INFINITY;
  /** Added to our time gives the stream's, in microseconds; undefined until the source has answered. */
  offsetUs: number | undefined;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  askClock(nowUs: number): void {
    this.#say({ type: "clock", at: nowUs });
  }

  askKeyframe(nowUs: number): void {
    if (nowUs - this.#keyframeUs < limits.keyframeRequestIntervalUs) return;
    this.#keyframeUs = nowUs;
    this.#say({ type: "keyframe" });
  }

  #say(note: Readonly<Record<string, unknown>>): void {
    this.#send(JSON.stringify({ patchbay: 1, from: this.#id, ...note }));
  }

  /** A text of the room; the answer that took the shortest time is the best. */
  receive(text: string, nowUs: number): void {
    const note = readNote(text);
    if (note?.type !== "clock" || note.to !== this.#id) return;
    const { at, stream } = note;
    if (typeof at !== "number" || typeof stream !== "number") return;
    const roundTripUs = nowUs - at;
    if (!(roundTripUs >= 0 && roundTripUs < longestUs) || roundTripUs > this.#roundTripUs) return;
    this.#roundTripUs = roundTripUs;
    this.offsetUs = stream * 1000 + roundTripUs / 2 - nowUs;
  }

  get roundTripUs(): number | undefined {
    return this.offsetUs === undefined ? undefined : this.#roundTripUs;
  }

  /** Another source may have another clock. */
  forget(): void {
    this.offsetUs = undefined;
    this.#roundTripUs = Number.POSITIVE_INFINITY;
  }
}

interface Note {
  readonly patchbay?: unknown;
  readonly type?: unknown;
  readonly to?: unknown;
  readonly at?: unknown;
  readonly stream?: unknown;
}

/** Undefined for what is no note of ours: other programs may talk on the same channel. */
function readNote(text: string): Note | undefined {
  if (text.length > textBytes) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "patchbay" in value && value.patchbay === 1
      ? value
      : undefined;
  } catch {
    return undefined; // Another program's words.
  }
}
