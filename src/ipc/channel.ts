/**
 * A channel to other programs of this user through shared memory (xShm): one client, or many in numbered slots. Messages come to
 * a handler, or to whoever iterates over the channel; for the lowest latency `receive` spins. No timer runs while nothing happens:
 * a native thread sleeps on the rings and wakes the event loop. A full ring never blocks: the newest message evicts the oldest,
 * unless the sender says otherwise.
 */
import type { ChannelStats, NativeChannels, NativeEvent } from "../../ffi/interfaces-ipc.ts";
import { Batch, type Outgoing } from "./batch.ts";
import { ChannelError, channelCode } from "./codes.ts";

export type { ChannelStats };

export interface ChannelHandlers {
  /** A client came to `slot`, or we were given it; 0 without slots. */
  connect?(slot: number): void;
  /** The other side left or died; everything it sent before has been delivered. */
  disconnect?(slot: number): void;
  /** Messages of one slot; the batch is used again after the call. Without it, iterate over the channel or call receive. */
  messages?(batch: Batch): void;
  error?(error: ChannelError, slot: number | undefined): void;
}

export const noSlot = 0xffffffff;
/** Rounds of delivery before the event loop has its turn. */
const rounds = 32;

interface Waiter {
  done: () => boolean;
  resolve: () => void;
}

export class ShmChannel implements AsyncIterable<Uint8Array> {
  readonly #handlers: ChannelHandlers;
  readonly #batch = new Batch();
  readonly #connected = new Set<number>();
  readonly #waiters = new Set<Waiter>();
  #native: NativeChannels;
  #lastStats: ChannelStats | undefined;
  #lastError: ChannelError | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Keeps the program running, as an open socket does, and never fires. */
  readonly #alive = setInterval(() => undefined, 2 ** 31 - 1);
  readonly #once: boolean;
  #busy = false;
  #closed = false;
  #nextSlot = 0;

  /** Made by serve and connect functions (open.ts). `open` gets the function that the native side wakes. With `once`, an error is
   * the end of it. */
  constructor(handlers: ChannelHandlers, open: (wake: () => void) => NativeChannels, once: boolean) {
    this.#handlers = handlers;
    this.#once = once;
    try {
      this.#native = open(() => this.#pump());
    } catch (cause) {
      clearInterval(this.#alive);
      throw cause;
    }
    queueMicrotask(() => this.#pump());
  }

  /** Slots with a connected peer. */
  get clients(): number[] {
    return [...this.#connected].sort((a, b) => a - b);
  }

  isConnected(slot = 0): boolean {
    return this.#connected.has(slot);
  }

  /** An anonymous server's descriptor, for a client's `section` in another process; -1 when it has a name. */
  get section(): number {
    return this.#closed ? -1 : this.#native.section;
  }

  /** After close(): the numbers at the end. */
  stats(): ChannelStats {
    return this.#lastStats ?? this.#native.stats();
  }

  /** Copies the message into the ring: 0, or a code of channelCode. With `overwrite` false a full ring is `full` (-10). */
  send(message: Uint8Array, slot = 0, overwrite = true): number {
    if (this.#closed) return channelCode["not-found"];
    return this.#native.send(slot, message, message.length, overwrite);
  }

  /** Sends a batch from its message `first` on in one native call. Returns how many messages went, fewer only when the ring is
   * full and `overwrite` false, or a negative code. */
  sendMany(batch: Outgoing, slot = 0, overwrite = true, first = 0): number {
    if (this.#closed) return channelCode["not-found"];
    return this.#native.sendMany(slot, batch.bytes, batch.entries, first, batch.count - first, overwrite);
  }

  /** To every connected slot. Returns how many it reached. */
  broadcast(message: Uint8Array): number {
    let reached = 0;
    for (const slot of this.#connected) if (this.send(message, slot) === 0) reached++;
    return reached;
  }

  /** Sends without overwriting: waits, asleep, while the ring is full. Rejects with a ChannelError when the peer goes. */
  async sendWhenRoom(message: Uint8Array, slot = 0): Promise<void> {
    for (;;) {
      const code = this.send(message, slot, false);
      if (code === 0) return;
      if (code !== channelCode.full) throw new ChannelError(code);
      await this.room(slot);
    }
  }

  /** Resolves when the slot's ring has room for any message, or its peer is gone. */
  async room(slot = 0): Promise<void> {
    if (this.#closed || !this.#connected.has(slot)) return;
    this.#native.wantSpace(slot);
    let there = false;
    const listener = () => {
      there = true;
    };
    const listeners = this.#space.get(slot) ?? [];
    this.#space.set(slot, [...listeners, listener]);
    this.#soon();
    await this.#until(() => there || !this.#connected.has(slot));
  }
  readonly #space = new Map<number, (() => void)[]>();

  /**
   * What waits in `slot`, at once: a batch, used again by the next call, or undefined. Spins up to `spinUs` microseconds for the
   * first message, with the event loop standing still meanwhile.
   */
  receive(spinUs = 0, slot = 0): Batch | undefined {
    if (this.#closed) return undefined;
    const batch = this.#batch;
    const taken = this.#native.take(slot, batch.bytes, batch.entries, batch.entries.length / 2, spinUs);
    if (taken > 0) {
      batch.count = taken;
      batch.slot = slot;
      return batch;
    }
    if (taken === channelCode.protocol) this.#fault(taken, slot);
    // Everything has been taken from a peer that is gone: now its end can be told.
    else if (taken === channelCode["not-found"] && this.#connected.has(slot)) this.#soon();
    return undefined;
  }

  /** Resolves with the lowest connected slot. Rejects with `timeout`, or with why connecting failed for good. */
  async connected(timeoutMs = Number.POSITIVE_INFINITY): Promise<number> {
    const timer = Number.isFinite(timeoutMs) ? setTimeout(() => this.#settle(), timeoutMs) : undefined;
    const until = performance.now() + timeoutMs;
    const failed = () => this.#once && this.#lastError !== undefined;
    await this.#until(() => this.#connected.size > 0 || failed() || performance.now() >= until);
    clearTimeout(timer);
    const slot = this.clients[0];
    if (slot !== undefined) return slot;
    throw this.#lastError ?? new ChannelError(this.#closed ? channelCode["not-found"] : channelCode.timeout);
  }

  /** Batches from all slots in turn, until the channel is closed. Each is used again by the next. */
  async *batches(): AsyncGenerator<Batch, void> {
    while (!this.#closed) {
      const batch = this.#nextBatch();
      if (batch) yield batch;
      else await this.#until(() => this.#native.pending() !== 0);
    }
  }

  /** Single messages, each a copy of its own. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for await (const batch of this.batches()) {
      const messages = Array.from({ length: batch.count }, (_, index) => batch.message(index).slice());
      yield* messages;
    }
  }

  /** Ends a slot's connection; the slot takes a new client. */
  disconnect(slot = 0): void {
    if (this.#closed) return;
    this.#native.drop(slot);
    this.#soon();
  }

  /** Idempotent; also from inside a handler. Waiting promises and iterators end. */
  close(): void {
    if (this.#closed) return;
    this.#lastStats = this.#native.stats();
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#alive);
    this.#connected.clear();
    if (!this.#busy) this.#native.close();
    this.#settle();
  }

  /** Slots have their turn one after the other, so that a busy one keeps nobody waiting. */
  #nextBatch(): Batch | undefined {
    const pending = this.#native.pending();
    for (let i = 0; pending && i < 32; i++) {
      const slot = (this.#nextSlot + i) & 31;
      if (!(pending & (1 << slot))) continue;
      this.#nextSlot = slot + 1;
      const batch = this.receive(0, slot);
      if (batch) return batch;
    }
    return undefined;
  }

  #soon(): void {
    queueMicrotask(() => this.#pump());
  }

  /** Everything that there is to do now; called when the native side wakes us, and when its deadline has come. */
  #pump(): void {
    if (this.#closed || this.#busy) return;
    this.#busy = true;
    let again = true;
    try {
      for (let round = 0; again && !this.#closed && round < rounds; round++) {
        this.#native.service((event) => this.#hear(event));
        if (this.#handlers.messages) this.#deliver(this.#handlers.messages);
        if (this.#closed) return;
        const ready = this.#native.rearm();
        // Without a handler, what waits is for whoever receives.
        again = ready && (this.#handlers.messages !== undefined || this.#native.pending() === 0);
      }
    } finally {
      this.#busy = false;
      if (this.#closed) this.#native.close();
    }
    if (again) setImmediate(() => this.#pump());
    clearTimeout(this.#timer);
    const deadline = this.#native.deadlineMs();
    if (deadline >= 0) this.#timer = setTimeout(() => this.#pump(), Math.ceil(deadline));
    this.#settle();
  }

  #deliver(handle: (batch: Batch) => void): void {
    for (let i = 0; i < rounds && !this.#closed; i++) {
      const batch = this.#nextBatch();
      if (!batch) return;
      handle.call(this.#handlers, batch);
    }
  }

  #hear({ kind, slot, code }: NativeEvent): void {
    if (this.#closed) return;
    if (kind === "connected") {
      this.#connected.add(slot);
      this.#lastError = undefined;
      this.#handlers.connect?.(slot);
    } else if (kind === "disconnected") {
      this.#connected.delete(slot);
      this.#handlers.disconnect?.(slot);
    } else if (kind === "space") {
      for (const listener of this.#space.get(slot) ?? []) listener();
      this.#space.delete(slot);
    } else {
      this.#lastError = new ChannelError(code);
      this.#handlers.error?.(this.#lastError, slot === noSlot ? undefined : slot);
    }
  }

  /** The peer wrote nonsense: out with it. */
  #fault(code: number, slot: number): void {
    this.#native.drop(slot);
    this.#handlers.error?.(new ChannelError(code), slot);
    this.#soon();
  }

  #until(done: () => boolean): Promise<void> {
    if (this.#closed || done()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.add({ done, resolve });
      // What came between the last arming and now has not woken us for this waiter.
      this.#soon();
    });
  }

  #settle(): void {
    for (const waiter of this.#waiters)
      if (this.#closed || waiter.done()) {
        this.#waiters.delete(waiter);
        waiter.resolve();
      }
  }
}
