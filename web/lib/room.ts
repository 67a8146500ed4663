/** This page's place in a channel's signalling room, over /signal (src/wire/note.ts has the notes). */
import { type Note, type NoteContent, newNoteId, readNote, writeNote } from "../../src/wire/note.ts";
import { type Address, socketUrl } from "./address.ts";
import { ReturningSocket } from "./socket.ts";

export class Room {
  readonly id = newNoteId();
  readonly #socket: ReturningSocket;

  /** `joined` is called at each connection. */
  constructor(address: Address, joined: () => void, note: (note: Note) => void) {
    this.#socket = new ReturningSocket(() => socketUrl(address, "signal"), {
      state: (state) => {
        if (state === "open") joined();
      },
      text: (text) => {
        const parsed = readNote(text);
        if (parsed && parsed.from !== this.id && (parsed.to === undefined || parsed.to === this.id)) note(parsed);
      },
    });
  }

  send(content: NoteContent): void {
    this.#socket.send(writeNote(this.id, content));
  }

  close(): void {
    this.#socket.close();
  }
}
