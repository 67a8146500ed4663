/**
 * Presses and commands over a lossy transport: each message has a sequence number, is kept until acknowledged, sent again
 * while it is not, and delivered once and in order (go-back-N: what arrives ahead of its turn is dropped and comes again).
 * Rare and small messages only; video and pointer motion never pass here. Pure: no clock, no socket.
 */
import { limits } from "../base/limits.ts";

interface Pending {
  readonly sequence: number;
  readonly type: number;
  readonly payload: Uint8Array;
  sentUs: number;
}

/** Puts one message on the wire. */
export type Emit = (sequence: number, type: number, payload: Uint8Array) => void;

const shortestRetryUs = 20_000;
const longestRetryUs = 500_000;
/** Messages repeated at one time. */
const burst = 32;

export class ReliableSender {
  readonly #pending: Pending[] = [];
  #next = 0;
  /** Repetitions so far. */
  repeated = 0;

  get unacknowledged(): number {
    return this.#pending.length;
  }

  /** Sends now and keeps the message. False when the window is full: the peer has stopped listening, close the session. */
  push(type: number, payload: Uint8Array, nowUs: number, emit: Emit): boolean {
    if (this.#pending.length >= limits.reliableWindow) return false;
    const message = { sequence: this.#next, type, payload: payload.slice(), sentUs: nowUs };
    this.#next = (this.#next + 1) >>> 0;
    this.#pending.push(message);
    emit(message.sequence, type, message.payload);
    return true;
  }

  /** The peer has everything before `nextExpected`. A number that was never sent changes nothing. */
  acknowledge(nextExpected: number): void {
    const first = this.#pending[0];
    if (!first) return;
    const count = (nextExpected - first.sequence) >>> 0;
    if (count <= this.#pending.length) this.#pending.splice(0, count);
  }

  /** Sends again what has waited for longer than the round trip explains. */
  tick(nowUs: number, roundTripUs: number, emit: Emit): void {
    const first = this.#pending[0];
    const patience = Math.min(longestRetryUs, Math.max(shortestRetryUs, roundTripUs * 2));
    if (!first || nowUs - first.sentUs < patience) return;
    for (const message of this.#pending.slice(0, burst)) {
      message.sentUs = nowUs;
      this.repeated++;
      emit(message.sequence, message.type, message.payload);
    }
  }
}

export class ReliableReceiver {
  /** What to acknowledge: everything before this has been delivered. */
  nextExpected = 0;

  /** True when the message is to be delivered now; a repetition or one ahead of its turn is not. */
  accept(sequence: number): boolean {
    if (sequence !== this.nextExpected) return false;
    this.nextExpected = (this.nextExpected + 1) >>> 0;
    return true;
  }
}
