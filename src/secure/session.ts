/**
 * A session's packets after the handshake: sealed and opened in place, one key a direction, each counter once (spec sections 3
 * and 13). Keys replace themselves: key number = floor(counter / packetsPerKey) and key n + 1 = REKEY(key n) of the Noise
 * specification (4.2, 11.3), so both ends follow from the counter alone and no packet asks for it. It reads no clock, sends
 * nothing, and looks into no payload. With a cipher that allocates nothing, neither seal() nor open() does.
 */
import { limits } from "../base/limits.ts";
import { checkPacket, header, packetType, putHeader, type WireError, wireErrors } from "../wire/root.ts";
import { headerBytes, keyBytes, type PacketCipher, tagBytes } from "./cipher.ts";
import { rekey } from "./noise.ts";
import { ReplayWindow } from "./replay.ts";

/**
 * Why a packet was not opened. A wire error is a malformed packet; "handshake" belongs to the handshake and not to a session;
 * "stale" came too late for the replay window or its key; "key-ahead" claims a key that no sender can have reached yet.
 */
export type OpenFailure = WireError | "handshake" | "replayed" | "stale" | "key-ahead" | "forged" | "closed";

const failures: readonly OpenFailure[] = [
  ...wireErrors,
  "handshake",
  "replayed",
  "stale",
  "key-ahead",
  "forged",
  "closed",
];
const codes = Object.fromEntries(failures.map((name, i) => [name, -1 - i])) as Record<OpenFailure, number>;

/** The name of a negative result of open(). */
export function openFailures(code: number): OpenFailure {
  const name = failures[-1 - code];
  if (!name) throw new RangeError(`${code} is no failure of open()`);
  return name;
}

/** Counters for a native sender. Both fields change at the next reserve() or seal(): hand them on at once. */
export interface Reservation {
  key: Uint8Array;
  /** The first of the counters; the others follow it. */
  counter: number;
}

/** A receiving key with its own replay window: when a sender leaps to the next key, what is under way under the old one still counts. */
interface ReceiveKey {
  readonly key: Uint8Array;
  readonly replay: ReplayWindow;
  /** Number of the key; -1 when this place is empty. */
  number: number;
}

function receiveKey(): ReceiveKey {
  return { key: new Uint8Array(keyBytes), replay: new ReplayWindow(), number: -1 };
}

export class Session {
  readonly #cipher: PacketCipher;
  readonly #sendKey: Uint8Array;
  readonly #reservation: Reservation;
  #sendCounter = 0;
  #sendNumber = 0;
  #keySinceUs = -1;
  #previous = receiveKey();
  #current = receiveKey();
  /** Derived in advance, and taken as current only when a packet authenticates under it. */
  #next = receiveKey();
  #isClosed = false;
  /** Views of the buffers last used, because rings and packet buffers come again and again. */
  #sealBuffer: Uint8Array | undefined;
  #sealView: DataView = new DataView(new ArrayBuffer(0));
  #openBuffer: Uint8Array | undefined;
  #openView: DataView = new DataView(new ArrayBuffer(0));

  /** Copies the keys of 32 bytes each; the caller wipes its own. */
  constructor(cipher: PacketCipher, sendKey: Uint8Array, receivingKey: Uint8Array) {
    if (sendKey.length !== keyBytes || receivingKey.length !== keyBytes) throw new RangeError("a key has 32 bytes");
    this.#cipher = cipher;
    this.#sendKey = sendKey.slice();
    this.#reservation = { key: this.#sendKey, counter: 0 };
    this.#current.key.set(receivingKey);
    this.#current.number = 0;
    this.#deriveNext();
  }

  get cipherName(): string {
    return this.#cipher.name;
  }

  /** How often the sending and the receiving key were replaced. */
  get keyNumbers(): { readonly send: number; readonly receive: number } {
    return { send: this.#sendNumber, receive: this.#current.number };
  }

  /**
   * Writes the header at `start`, seals the `plainSize` bytes behind it and puts the tag behind those. Returns the whole size.
   * Throws when the packet would exceed limits.packetBytes or the buffer, and after close().
   */
  seal(type: number, buffer: Uint8Array, start: number, plainSize: number, nowUs: number): number {
    const size = headerBytes + plainSize + tagBytes;
    if (plainSize < 0 || size > limits.packetBytes || start + size > buffer.length)
      throw new RangeError(`a packet of ${size} bytes does not fit`);
    this.#advance(1, nowUs);
    const counter = this.#sendCounter++;
    if (buffer !== this.#sealBuffer) {
      this.#sealBuffer = buffer;
      this.#sealView = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    }
    putHeader(this.#sealView, start, type, counter, plainSize);
    this.#cipher.seal(this.#sendKey, counter, buffer, start, plainSize);
    return size;
  }

  /**
   * Sets `count` counters of one key aside for packets that are sealed elsewhere; they are never given out again, used or not.
   * The same object is returned each time. Throws for a count that no key has room for, and after close().
   */
  reserve(count: number, nowUs: number): Reservation {
    if (!Number.isInteger(count) || count < 1 || count > limits.packetsPerKey)
      throw new RangeError(`${count} counters cannot be reserved`);
    this.#advance(count, nowUs);
    this.#reservation.counter = this.#sendCounter;
    this.#sendCounter += count;
    return this.#reservation;
  }

  /**
   * Opens the packet of `size` bytes at `start` in place. Returns the plaintext's size (it lies behind the header), or a negative
   * number whose name openFailures() gives; the bytes are then undefined.
   */
  open(buffer: Uint8Array, start: number, size: number): number {
    if (this.#isClosed) return codes.closed;
    if (start + size > buffer.length) return codes.short;
    if (buffer !== this.#openBuffer) {
      this.#openBuffer = buffer;
      this.#openView = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    }
    const error = checkPacket(this.#openView, start, size);
    if (error) return codes[error];
    if (header.type(this.#openView, start) === packetType.handshake) return codes.handshake;
    const counter = header.counter(this.#openView, start);
    const place = this.#placeOf(Math.floor(counter / limits.packetsPerKey));
    if (!place) return counter < this.#current.number * limits.packetsPerKey ? codes.stale : codes["key-ahead"];
    const freshness = place.replay.check(counter);
    if (freshness !== "fresh") return freshness === "seen" ? codes.replayed : codes.stale;
    const plainSize = this.#cipher.open(place.key, counter, buffer, start, size - headerBytes);
    if (plainSize < 0) return codes.forged;
    place.replay.accept(counter);
    if (place === this.#next) this.#rotate();
    return plainSize;
  }

  /** Forgets the keys. Idempotent; afterwards open() refuses and seal() throws. */
  close(): void {
    this.#isClosed = true;
    this.#sendKey.fill(0);
    for (const place of [this.#previous, this.#current, this.#next]) {
      place.key.fill(0);
      place.number = -1;
    }
    this.#sealBuffer = undefined;
    this.#openBuffer = undefined;
  }

  /** Leaps to the next key when this one's time is over or it has no room for `count` counters in a row. */
  #advance(count: number, nowUs: number): void {
    if (this.#isClosed) throw new Error("the session is closed");
    if (this.#keySinceUs < 0) this.#keySinceUs = nowUs;
    const end = (this.#sendNumber + 1) * limits.packetsPerKey;
    if (nowUs - this.#keySinceUs < limits.keyLifetimeUs && this.#sendCounter + count <= end) return;
    if (end + limits.packetsPerKey > Number.MAX_SAFE_INTEGER)
      throw new RangeError("the session's counters are used up");
    replaceKey(this.#sendKey, this.#sendKey);
    this.#sendNumber++;
    this.#sendCounter = end;
    this.#keySinceUs = nowUs;
  }

  #placeOf(number: number): ReceiveKey | undefined {
    if (number === this.#current.number) return this.#current;
    if (number === this.#next.number) return this.#next;
    return number === this.#previous.number ? this.#previous : undefined;
  }

  #rotate(): void {
    const spare = this.#previous;
    this.#previous = this.#current;
    this.#current = this.#next;
    this.#next = spare;
    this.#deriveNext();
  }

  #deriveNext(): void {
    replaceKey(this.#current.key, this.#next.key);
    this.#next.number = this.#current.number + 1;
    this.#next.replay.reset();
  }
}

/** Allocates; runs once a key. */
function replaceKey(from: Uint8Array, to: Uint8Array): void {
  const key = rekey(from);
  to.set(key);
  key.fill(0);
}
