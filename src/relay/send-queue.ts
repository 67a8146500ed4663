/**
 * What waits for one connection, by reference, and which of it may be left out (transport.ts, `delivery`). Messages to a group are
 * held to the group's limits; single ones (the catch-up of a newcomer, texts, input) to wide limits of their own, because
 * they are never left out. Pure: it writes nothing.
 */
import { limits } from "../base/limits.ts";
import type { Message, Messages } from "./messages.ts";
import { type Delivery, delivery, type QueueLimits } from "./transport.ts";

export interface Waiting {
  /** Undefined for a text. */
  readonly message: Message | undefined;
  readonly text: string;
  readonly size: number;
  readonly how: Delivery;
  readonly isCast: boolean;
}

/** What becomes of a message: it waits, it is left out, or its receiver has no room for what it must not miss. */
export type Outcome = "waits" | "left-out" | "too-slow";

const { queue_messages: ownMessages, queue_bytes: ownBytes, copied_bytes: ownTextBytes } = limits.websocket;

export class SendQueue {
  readonly #messages: Messages;
  #items: Waiting[] = [];
  #first = 0;
  #casts = 0;
  #castBytes = 0;
  #textBytes = 0;
  #bytes = 0;
  /** Messages that waited and then had to make room. */
  discarded = 0;
  /** Frames were left out since the last keyframe, so further droppable ones are of no use. */
  isSkipping = false;

  constructor(messages: Messages) {
    this.#messages = messages;
  }

  get isEmpty(): boolean {
    return this.#first === this.#items.length;
  }

  get length(): number {
    return this.#items.length - this.#first;
  }

  /** When the oldest message to the group came; undefined when none waits. */
  get oldestUs(): number | undefined {
    for (let i = this.#first; i < this.#items.length; i++) {
      const { isCast, message } = this.#items[i] as Waiting;
      if (isCast) return message?.cameUs;
    }
    return undefined;
  }

  /** Of all that waits. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A message to a group. */
  cast(message: Message, how: Delivery, limits: QueueLimits): Outcome {
    const size = message.bytes.length;
    if (how === delivery.droppable && this.isSkipping) return "left-out";
    if (!this.#fits(size, limits) && how !== delivery.droppable && how !== delivery.loose) this.#makeRoom(how);
    if (!this.#fits(size, limits)) {
      if (how === delivery.state) return "too-slow";
      if (how !== delivery.loose) this.isSkipping = true;
      return "left-out";
    }
    if (how === delivery.keyframe) this.isSkipping = false;
    this.#push({ message, text: "", size, how, isCast: true });
    return "waits";
  }

  /** A message to this connection alone. */
  send(message: Message): Outcome {
    const size = message.bytes.length;
    if (this.length - this.#casts >= ownMessages || this.#bytes - this.#castBytes + size > ownBytes) return "too-slow";
    this.#push({ message, text: "", size, how: delivery.state, isCast: false });
    return "waits";
  }

  sendText(text: string): Outcome {
    if (this.#textBytes + text.length > ownTextBytes) return "too-slow";
    this.#push({ message: undefined, text, size: text.length, how: delivery.state, isCast: false });
    this.#textBytes += text.length;
    return "waits";
  }

  /** A message larger than the limit may wait alone. */
  #fits(size: number, limits: QueueLimits): boolean {
    if (this.#casts === 0) return true;
    return this.#casts < limits.messages && this.#castBytes + size <= limits.bytes;
  }

  /** A new picture makes what is left of the old one useless; state goes before pictures, whose rest is then no use either. */
  #makeRoom(how: Delivery): void {
    const stays = ({ isCast, how: its }: Waiting) => !isCast || its === delivery.state;
    const items = this.#items.slice(this.#first);
    const going = items.filter((item) => !stays(item));
    if (going.length === 0) return;
    this.discarded += going.length;
    if (how === delivery.state && going.some((item) => item.how !== delivery.loose)) this.isSkipping = true;
    this.#items = items.filter(stays);
    this.#first = 0;
    for (const item of going) this.#forget(item);
  }

  #push(item: Waiting): void {
    if (item.message) item.message.holders++;
    this.#items.push(item);
    this.#bytes += item.size;
    if (!item.isCast) return;
    this.#casts++;
    this.#castBytes += item.size;
  }

  #forget(item: Waiting): void {
    this.#bytes -= item.size;
    if (item.isCast) {
      this.#casts--;
      this.#castBytes -= item.size;
    }
    if (item.message) this.#messages.release(item.message);
    else this.#textBytes -= item.size;
  }

  /** Hands the oldest to `write`, which must not keep its bytes. */
  next(write: (item: Waiting) => void): void {
    const item = this.#items[this.#first];
    if (!item) return;
    this.#first++;
    if (this.#first > 64 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    write(item);
    this.#forget(item);
  }

  clear(): void {
    for (const item of this.#items.slice(this.#first)) this.#forget(item);
    this.#items = [];
    this.#first = 0;
  }
}
