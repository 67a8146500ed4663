/**
 * The host's part in a channel's signalling room (web/lib/room.ts has the notes): it answers what time the stream has, so that a
 * player knows how old its picture is, and hears that a player needs a keyframe. It offers no direct path. Pure.
 */
import { limits } from "../base/limits.ts";

const textBytes = 64 * 1024;

export interface RoomEvents {
  /** Not more often than clients may ask. */
  needsKeyframe(): void;
  /** JSON for everybody in the room; the player it is for knows. */
  answer(text: string): void;
}

export class HostRoom {
  readonly #id = crypto.getRandomValues(new Uint8Array(12)).toHex();
  readonly #events: RoomEvents;
  #askedUs = Number.NEGATIVE_INFINITY;

  constructor(events: RoomEvents) {
    this.#events = events;
  }

  /** A text of the room. `nowUs` is of the clock that capture times are of. */
  receive(text: string, nowUs: number): void {
    const note = readNote(text);
    if (note?.type === "keyframe") this.#keyframe(nowUs);
    else if (note?.type === "clock" && typeof note.at === "number" && typeof note.from === "string") {
      const stream = Math.floor(nowUs / 1000) >>> 0;
      const { from: to, at } = note;
      this.#events.answer(JSON.stringify({ patchbay: 1, type: "clock", from: this.#id, to, at, stream }));
    }
  }

  #keyframe(nowUs: number): void {
    if (nowUs - this.#askedUs < limits.keyframeRequestIntervalUs) return;
    this.#askedUs = nowUs;
    this.#events.needsKeyframe();
  }
}

/** Undefined for what is no note of ours: other programs may talk on the same channel. */
function readNote(text: string): { type?: unknown; at?: unknown; from?: unknown; patchbay?: unknown } | undefined {
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
