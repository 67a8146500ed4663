/**
 * Many messages in one buffer that is used again and again: what is received in one native call, and what is to be sent in one.
 * Views into it hold until the next call that fills it.
 */
import { channelLimit } from "../wire/layouts.ts";

const align = (size: number): number => (size + 7) & ~7;
/** Room for two of the largest messages and for a full ring of small ones. */
const bufferBytes = 2 * align(channelLimit.messageMax);

/** Received messages, in order. Offsets are multiples of 8, so numbers can be read through typed arrays. */
export class Batch {
  readonly bytes = new Uint8Array(bufferBytes);
  readonly view = new DataView(this.bytes.buffer);
  /** Pairs of offset and size. */
  readonly entries = new Uint32Array(2 * channelLimit.ringMessages);
  count = 0;
  /** Where they came from; 0 without slots. */
  slot = 0;

  /** Offset of message `index` in `bytes`. */
  at(index: number): number {
    return this.entries[2 * index] as number;
  }

  size(index: number): number {
    return this.entries[2 * index + 1] as number;
  }

  /** A view, which allocates; at() and size() do not. */
  message(index: number): Uint8Array {
    const at = this.at(index);
    return this.bytes.subarray(at, at + this.size(index));
  }
}

/** Messages to be sent in one call. */
export class Outgoing {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly entries: Uint32Array;
  count = 0;
  #used = 0;

  /** At most `messages` of together `bytes` bytes, each rounded up to 8. */
  constructor(messages: number, bytes: number) {
    this.bytes = new Uint8Array(bytes);
    this.view = new DataView(this.bytes.buffer);
    this.entries = new Uint32Array(2 * messages);
  }

  /** Makes room for a message of `size` bytes and returns its offset in `bytes`, or -1 when there is none left. */
  reserve(size: number): number {
    if (2 * this.count >= this.entries.length || this.#used + size > this.bytes.length) return -1;
    const at = this.#used;
    this.entries[2 * this.count] = at;
    this.entries[2 * this.count + 1] = size;
    this.count++;
    this.#used = at + align(size);
    return at;
  }

  /** Copies a message. False when there is no room left. */
  add(message: Uint8Array): boolean {
    const at = this.reserve(message.length);
    if (at >= 0) this.bytes.set(message, at);
    return at >= 0;
  }

  clear(): void {
    this.count = 0;
    this.#used = 0;
  }
}
