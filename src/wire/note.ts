/**
 * The notes of a channel's signalling room: JSON texts that the relay hands to all other peers. Peers name themselves by random
 * ids; a note with `to` is for that peer alone and the others pass it over. What comes in is checked and never trusted to be from
 * who it says. Pure.
 *
 *   here      a source is there (sent to all when it connects)     hello      a player wants to be reached
 *   offer, answer, candidate, bye   of one peer connection         keyframe   a player cannot show what comes
 *   stills    a player cannot decode; keep /…{channel}.stills up   clock      { at } asked, { at, stream } answered
 */
const types = ["here", "hello", "offer", "answer", "candidate", "bye", "keyframe", "stills", "clock"] as const;

export interface Note {
  readonly patchbay: 1;
  readonly type: (typeof types)[number];
  readonly from: string;
  readonly to?: string;
  readonly sdp?: string;
  /** A browser's RTCIceCandidateInit. */
  readonly candidate?: object | null;
  /** Milliseconds of the asker's clock, handed back as it came. */
  readonly at?: number;
  /** Milliseconds of the stream. */
  readonly stream?: number;
}

export type NoteContent = Omit<Note, "patchbay" | "from">;

const textBytes = 64 * 1024;

export const newNoteId = (): string =>
  crypto.getRandomValues(new Uint32Array(4)).reduce((id, n) => id + n.toString(36), "");

export const writeNote = (from: string, content: NoteContent): string =>
  JSON.stringify({ patchbay: 1, from, ...content } satisfies Note);

/** Undefined for what is no note of ours: other programs may talk on the same channel. */
export function readNote(text: string): Note | undefined {
  if (text.length > textBytes) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // Another program's words.
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { patchbay, type, from, to, sdp, candidate, at, stream } = value as Record<string, unknown>;
  const isId = (id: unknown) => typeof id === "string" && /^[0-9a-z]{8,40}$/.test(id);
  const isNumber = (n: unknown) => n === undefined || (typeof n === "number" && Number.isFinite(n));
  const isGood =
    patchbay === 1 &&
    types.some((known) => known === type) &&
    isId(from) &&
    (to === undefined || isId(to)) &&
    (sdp === undefined || typeof sdp === "string") &&
    (candidate === undefined || typeof candidate === "object") &&
    isNumber(at) &&
    isNumber(stream);
  return isGood ? (value as Note) : undefined;
}
