/**
 * Messages of the transports whose memory is JavaScript's: numbered, counted by who holds them, gone with the last holder. Pure.
 */
import type { MessageRef } from "./transport.ts";

export interface Message {
  readonly ref: MessageRef;
  readonly bytes: Uint8Array;
  /** When its last byte came, or it was made. */
  readonly cameUs: number;
  holders: number;
}

export class Messages {
  readonly #alive = new Map<MessageRef, Message>();
  #next = 1;
  /** Of all messages that are held. */
  bytes = 0;

  get size(): number {
    return this.#alive.size;
  }

  /** Holds `bytes` as they are, without a copy; the caller is the first holder. */
  add(bytes: Uint8Array, cameUs: number): Message {
    const message = { ref: this.#next++, bytes, cameUs, holders: 1 };
    this.#alive.set(message.ref, message);
    this.bytes += bytes.length;
    return message;
  }

  /** Throws for a message that is gone: whoever names it has let go of it too early. */
  get(ref: MessageRef): Message {
    const message = this.#alive.get(ref);
    if (!message) throw new Error(`message ${ref} is gone`);
    return message;
  }

  release(message: Message): void {
    if (--message.holders > 0) return;
    this.#alive.delete(message.ref);
    this.bytes -= message.bytes.length;
  }
}
