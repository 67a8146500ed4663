/**
 * The signalling room of a channel: JSON texts over /signal that the relay hands to all other peers. Peers name themselves by
 * random ids; a message with `to` is for that peer alone and the others pass it over. What comes in is checked and never trusted
 * to be from who it says.
 *
 *   here      a source is there (sent to all when it connects)     hello      a player wants to be reached
 *   offer, answer, candidate, bye   of one peer connection         keyframe   a player cannot show what comes
 *   stills    a player cannot decode; keep /…{channel}.stills up   clock      { at } asked, { at, stream } answered
 */
import { type Address, socketUrl } from "./address.ts";
import { ReturningSocket } from "./socket.ts";

export interface Note {
  readonly patchbay: 1;
  readonly type: "here" | "hello" | "offer" | "answer" | "candidate" | "bye" | "keyframe" | "stills" | "clock";
  readonly from: string;
  readonly to?: string;
  readonly sdp?: string;
  readonly candidate?: RTCIceCandidateInit | null;
  /** Milliseconds of the asker's clock, handed back as it came. */
  readonly at?: number;
  /** Milliseconds of the stream. */
  readonly stream?: number;
}

export type NoteContent = Omit<Note, "patchbay" | "from">;

const types = new Set(["here", "hello", "offer", "answer", "candidate", "bye", "keyframe", "stills", "clock"]);
const textBytes = 64 * 1024;

export class Room {
  readonly id = crypto.getRandomValues(new Uint32Array(4)).reduce((id, n) => id + n.toString(36), "");
  readonly #socket: ReturningSocket;

  /** `joined` is called at each connection. */
  constructor(address: Address, joined: () => void, note: (note: Note) => void) {
    this.#socket = new ReturningSocket(() => socketUrl(address, "signal"), {
      state: (state) => {
        if (state === "open") joined();
      },
      text: (text) => {
        const parsed = parseNote(text);
        if (parsed && parsed.from !== this.id && (parsed.to === undefined || parsed.to === this.id)) note(parsed);
      },
    });
  }

  send(content: NoteContent): void {
    this.#socket.send(JSON.stringify({ patchbay: 1, from: this.id, ...content } satisfies Note));
  }

  close(): void {
    this.#socket.close();
  }
}

/** Undefined for what is no note of ours: other programs may talk on the same channel. */
export function parseNote(text: string): Note | undefined {
  if (text.length > textBytes) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { patchbay, type, from, to, sdp, candidate, at, stream } = value as Record<string, unknown>;
  const isId = (id: unknown) => typeof id === "string" && /^[0-9a-z]{8,40}$/.test(id);
  const isNumber = (n: unknown) => n === undefined || (typeof n === "number" && Number.isFinite(n));
  const isGood =
    patchbay === 1 &&
    types.has(type as string) &&
    isId(from) &&
    (to === undefined || isId(to)) &&
    (sdp === undefined || typeof sdp === "string") &&
    (candidate === undefined || typeof candidate === "object") &&
    isNumber(at) &&
    isNumber(stream);
  return isGood ? (value as Note) : undefined;
}
