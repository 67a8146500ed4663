/**
 * Cuts a stream of bytes into ITKP messages by their headers, however the bytes come: one at a time, or many messages at once. It keeps
 * at most one unfinished message, and only as much memory as twice what has come of it, whatever the header promises. It looks
 * at magic, version and size; unknown types pass, so that a later version's messages do not end a connection.
 */
import { messageBytes } from "./itkp-codec.ts";
import type { ItkpError } from "./itkp-error.ts";
import { headerBytes } from "./itkp-layouts.ts";

const firstRoom = 4096;

export class MessageCutter {
  #head = new Uint8Array(headerBytes);
  #message: Uint8Array<ArrayBuffer> | undefined;
  /** Bytes of the unfinished message, header included; 0 while the header is incomplete. */
  #need = 0;
  #have = 0;
  #error: ItkpError | undefined;

  /** Hands each message that is now complete to `take`, in bytes of its own. After an error the stream cannot be cut any more. */
  push(chunk: Uint8Array, take: (message: Uint8Array<ArrayBuffer>) => void): ItkpError | undefined {
    let at = 0;
    while (!this.#error && at < chunk.length) {
      const size = Math.min((this.#need || headerBytes) - this.#have, chunk.length - at);
      this.#add(chunk.subarray(at, at + size));
      at += size;
      if (this.#need === 0 && this.#have === headerBytes) this.#begin();
      if (this.#need === 0 || this.#have < this.#need) continue;
      const message = this.#message as Uint8Array<ArrayBuffer>;
      this.#message = undefined;
      const whole = message.length === this.#need ? message : message.slice(0, this.#need);
      this.#need = this.#have = 0;
      take(whole);
    }
    return this.#error;
  }

  /** What is wrong when the stream ends now: nothing between two messages, else that one is cut short. */
  end(): ItkpError | undefined {
    if (this.#error || this.#have === 0) return this.#error;
    return this.#need === 0
      ? { name: "IncompleteHeader", need: headerBytes, have: this.#have }
      : { name: "IncompletePayload", need: this.#need, have: this.#have };
  }

  #begin(): void {
    const size = messageBytes(this.#head);
    if (!size.ok) {
      this.#error = size.error;
      return;
    }
    this.#need = size.value;
    this.#message = new Uint8Array(Math.min(this.#need, firstRoom));
    this.#message.set(this.#head);
  }

  #add(bytes: Uint8Array): void {
    const have = this.#have + bytes.length;
    if (this.#message && have > this.#message.length) {
      const larger = new Uint8Array(Math.min(this.#need, 2 * have));
      larger.set(this.#message.subarray(0, this.#have));
      this.#message = larger;
    }
    (this.#message ?? this.#head).set(bytes, this.#have);
    this.#have = have;
  }
}
