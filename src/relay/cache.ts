/**
 * What a channel keeps for late joiners (ds-stream section 9): the last schema, the last signal sync and the diffs since,
 * the last keyframe and the deltas since. It holds messages by reference and copies none. Unlike the source's cache (section 18,
 * items 7 to 9) it keeps deltas, merges old diffs into the sync instead of forgetting them, and when it cannot keep a picture
 * whole it hands out none rather than a broken one. It never sends and never decodes a picture.
 */
import { limits } from "../base/limits.ts";
import { buildSignalSync, type FrameClass, frame, frameBytes } from "../wire/ds.ts";
import { SignalState } from "../wire/merge.ts";
import type { MessageRef, RelayTransport } from "./transport.ts";

/** The part of a transport that holds messages. */
export type MessageHolder = Pick<RelayTransport, "store" | "retain" | "release" | "bytesOf">;

export interface CacheLimits {
  /** Deltas since the keyframe, by number and bytes; past either the picture is dropped and newcomers wait for a keyframe. */
  readonly deltas: number;
  readonly deltaBytes: number;
  /** Diffs since the sync; past the number the oldest half is merged into the sync, past the bytes all are. */
  readonly diffs: number;
  readonly diffBytes: number;
}

const defaults: CacheLimits = {
  deltas: limits.cachedDeltas,
  deltaBytes: limits.cachedDeltaBytes,
  diffs: limits.cachedDiffs,
  diffBytes: limits.cachedDiffBytes,
};

/** Messages in order, each retained, with their bytes in all. */
class Held {
  readonly #holder: MessageHolder;
  #messages: MessageRef[] = [];
  #sizes: number[] = [];
  bytes = 0;

  constructor(holder: MessageHolder) {
    this.#holder = holder;
  }

  get messages(): readonly MessageRef[] {
    return this.#messages;
  }

  push(message: MessageRef, size: number): void {
    this.#holder.retain(message);
    this.adopt(message, size);
  }

  /** Takes over a message that is retained already. */
  adopt(message: MessageRef, size: number): void {
    this.#messages.push(message);
    this.#sizes.push(size);
    this.bytes += size;
  }

  /** The new message is retained before the old ones go: they may be the same. */
  replace(message: MessageRef, size: number): void {
    this.#holder.retain(message);
    this.drop();
    this.adopt(message, size);
  }

  /** Lets the oldest go; all of them by default. */
  drop(count = this.#messages.length): void {
    for (const message of this.#messages.splice(0, count)) this.#holder.release(message);
    for (const size of this.#sizes.splice(0, count)) this.bytes -= size;
  }
}

export interface CacheStats {
  readonly deltas: number;
  readonly diffs: number;
  /** Of all that is held. */
  readonly bytes: number;
  /** Diffs that went into a sync. */
  readonly mergedDiffs: number;
  /** Times that the picture, or the state, grew over its limit and was dropped. */
  readonly droppedPictures: number;
  readonly droppedStates: number;
}

export class ChannelCache {
  readonly #holder: MessageHolder;
  readonly #limits: CacheLimits;
  readonly #schema: Held;
  readonly #sync: Held;
  readonly #diffs: Held;
  readonly #keyframe: Held;
  readonly #deltas: Held;
  #needsKeyframe = false;
  #needsSync = false;
  #mergedDiffs = 0;
  #droppedPictures = 0;
  #droppedStates = 0;

  constructor(holder: MessageHolder, its: Partial<CacheLimits> = {}) {
    this.#holder = holder;
    this.#limits = { ...defaults, ...its };
    this.#schema = new Held(holder);
    this.#sync = new Held(holder);
    this.#diffs = new Held(holder);
    this.#keyframe = new Held(holder);
    this.#deltas = new Held(holder);
  }

  /** A whole message of the source and what classify() says of it. What a late joiner does not need is not kept. */
  add(kind: FrameClass, message: MessageRef, bytes: Uint8Array): void {
    const size = bytes.length;
    if (size < frameBytes) return;
    switch (kind) {
      case "keyframe":
        this.#keyframe.replace(message, size);
        this.#deltas.drop();
        this.#needsKeyframe = false;
        return;
      case "delta":
        this.#addDelta(message, size);
        return;
      case "state-sync":
        this.#sync.replace(message, size);
        this.#diffs.drop();
        this.#needsSync = false;
        return;
      case "state-diff":
        this.#addDiff(message, size);
        return;
      case "schema":
        this.#schema.replace(message, size);
        return;
      default:
        return;
    }
  }

  /** A delta without the keyframe before it is of use to nobody. */
  #addDelta(message: MessageRef, size: number): void {
    if (this.#keyframe.messages.length === 0) {
      this.#needsKeyframe = true;
      return;
    }
    const { messages, bytes } = this.#deltas;
    if (messages.length < this.#limits.deltas && bytes + size <= this.#limits.deltaBytes) {
      this.#deltas.push(message, size);
      return;
    }
    this.dropPicture();
    this.#needsKeyframe = true;
    this.#droppedPictures++;
  }

  #addDiff(message: MessageRef, size: number): void {
    if (this.#needsSync) return;
    this.#diffs.push(message, size);
    const { messages, bytes } = this.#diffs;
    if (bytes > this.#limits.diffBytes) this.#merge(messages.length);
    else if (messages.length > this.#limits.diffs) this.#merge(Math.ceil(this.#limits.diffs / 2));
  }

  /**
   * Makes one sync of the sync and its oldest diffs. Those that are no JSON are passed over, as every receiver does. A state over
   * `limits.signalBytes` fits in no sync: it is given up, and newcomers wait for the source's next one.
   */
  #merge(count: number): void {
    const state = new SignalState();
    const payloadOf = (message: MessageRef) => this.#holder.bytesOf(message).subarray(frameBytes);
    const [sync] = this.#sync.messages;
    let isTooLarge = sync !== undefined && state.sync(payloadOf(sync)) === "length";
    const merged = this.#diffs.messages.slice(0, count);
    for (const diff of merged) isTooLarge = isTooLarge || state.diff(payloadOf(diff)) === "length";
    const payload = state.toBytes();
    const newest = this.#holder.bytesOf(merged.at(-1) as MessageRef);
    const head = new DataView(newest.buffer, newest.byteOffset, frameBytes);
    const [sequence, timestampMs] = [frame.sequence(head, 0), frame.timestampMs(head, 0)];
    this.#diffs.drop(count);
    this.#mergedDiffs += count;
    if (isTooLarge || (payload?.length ?? 0) > limits.signalBytes) this.#dropState();
    else if (payload) this.#adoptSync(buildSignalSync(sequence, timestampMs, payload));
  }

  #adoptSync(made: Uint8Array): void {
    const message = this.#holder.store(made);
    if (message === undefined) {
      this.#dropState();
      return;
    }
    this.#sync.drop();
    this.#sync.adopt(message, made.length);
  }

  #dropState(): void {
    this.#sync.drop();
    this.#diffs.drop();
    this.#needsSync = true;
    this.#droppedStates++;
  }

  /** State first (schema, sync, diffs oldest first), then the picture. Valid until the next call that changes the cache. */
  catchUp(): MessageRef[] {
    return [...this.#schema.messages, ...this.#sync.messages, ...this.#diffs.messages, ...this.picture()];
  }

  /** The keyframe and its deltas, oldest first; empty when there is none or it is not whole. */
  picture(): MessageRef[] {
    return [...this.#keyframe.messages, ...this.#deltas.messages];
  }

  get hasPicture(): boolean {
    return this.#keyframe.messages.length > 0;
  }

  /** Deltas come whose keyframe is not here: a newcomer sees nothing until the next one. */
  get needsKeyframe(): boolean {
    return this.#needsKeyframe;
  }

  /** Diffs come whose sync is not here. */
  get needsSync(): boolean {
    return this.#needsSync;
  }

  /** Whether a newcomer gets anything. */
  get hasState(): boolean {
    return this.hasPicture || [this.#schema, this.#sync, this.#diffs].some((held) => held.messages.length > 0);
  }

  get stats(): CacheStats {
    const all = [this.#schema, this.#sync, this.#diffs, this.#keyframe, this.#deltas];
    return {
      deltas: this.#deltas.messages.length,
      diffs: this.#diffs.messages.length,
      bytes: all.reduce((sum, held) => sum + held.bytes, 0),
      mergedDiffs: this.#mergedDiffs,
      droppedPictures: this.#droppedPictures,
      droppedStates: this.#droppedStates,
    };
  }

  /** Forgets the picture, as when a new source with pictures of its own takes over. */
  dropPicture(): void {
    this.#keyframe.drop();
    this.#deltas.drop();
    this.#needsKeyframe = false;
  }

  clear(): void {
    this.dropPicture();
    for (const held of [this.#schema, this.#sync, this.#diffs]) held.drop();
    this.#needsSync = false;
  }
}
