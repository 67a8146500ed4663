/**
 * The player's part in a channel's signalling room (src/wire/note.ts): asks the source what time the stream has, so that
 * the age of a picture is known, and for a keyframe when what comes cannot be shown. It offers no direct path. Pure.
 */
import { limits } from "../base/limits.ts";
import { type NoteContent, newNoteId, readNote, writeNote } from "../wire/note.ts";

/** An answer that took longer says too little about the offset. */
const longestUs = 2_000_000;

export class PlayerRoom {
  readonly #id = newNoteId();
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

  #say(note: NoteContent): void {
    this.#send(writeNote(this.#id, note));
  }

  /** A text of the room; the answer that took the shortest time is the best. */
  receive(text: string, nowUs: number): void {
    const note = readNote(text);
    if (note?.type !== "clock" || note.to !== this.#id) return;
    const { at, stream } = note;
    if (at === undefined || stream === undefined) return;
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
