/**
 * The host's part in a channel's signalling room (src/wire/note.ts): it answers what time the stream has, so that a
 * player knows how old its picture is, and hears that a player needs a keyframe. It offers no direct path. Pure.
 */
import { limits } from "../base/limits.ts";
import { newNoteId, readNote, writeNote } from "../wire/note.ts";

export interface RoomEvents {
  /** Not more often than clients may ask. */
  needsKeyframe(): void;
  /** JSON for everybody in the room; the player it is for knows. */
  answer(text: string): void;
}

export class HostRoom {
  readonly #id = newNoteId();
  readonly #events: RoomEvents;
  #askedUs = Number.NEGATIVE_INFINITY;

  constructor(events: RoomEvents) {
    this.#events = events;
  }

  /** A text of the room. `nowUs` is of the clock that capture times are of. */
  receive(text: string, nowUs: number): void {
    const note = readNote(text);
    if (note?.type === "keyframe") this.#keyframe(nowUs);
    else if (note?.type === "clock" && note.at !== undefined) {
      const stream = Math.floor(nowUs / 1000) >>> 0;
      this.#events.answer(writeNote(this.#id, { type: "clock", to: note.from, at: note.at, stream }));
    }
  }

  #keyframe(nowUs: number): void {
    if (nowUs - this.#askedUs < limits.keyframeRequestIntervalUs) return;
    this.#askedUs = nowUs;
    this.#events.needsKeyframe();
  }
}
