/** The cache for late joiners: the source's tests 3 to 7 (ds-stream section 17) and the defects 7 to 9 of section 18. */
import { beforeEach, describe, expect, test } from "bun:test";
import { utf8 } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import {
  buildAudioPcm,
  buildCompressedPixels,
  buildDeltaPixels,
  buildKeyframe,
  buildPing,
  buildPixels,
  buildPointer,
  buildSchemaAnnounce,
  buildSignalDiff,
  buildSignalSync,
  classify,
  decodeFrame,
  encodeFrame,
} from "../wire/ds.ts";
import { type Json, SignalState } from "../wire/merge.ts";
import { ChannelCache, type MessageHolder } from "./cache.ts";
import type { MessageRef } from "./transport.ts";

/** Holds messages and counts holders; a message nobody holds is gone, and touching it fails the test. */
class Messages implements MessageHolder {
  readonly alive = new Map<MessageRef, { bytes: Uint8Array; holders: number }>();
  #next = 1;

  store(bytes: Uint8Array): MessageRef {
    this.alive.set(this.#next, { bytes: bytes.slice(), holders: 1 });
    return this.#next++;
  }
  #of(message: MessageRef) {
    const one = this.alive.get(message);
    if (!one) throw new Error(`message ${message} is gone`);
    return one;
  }
  retain(message: MessageRef): void {
    this.#of(message).holders++;
  }
  release(message: MessageRef): void {
    if (--this.#of(message).holders === 0) this.alive.delete(message);
  }
  bytesOf(message: MessageRef): Uint8Array {
    return this.#of(message).bytes;
  }
}

let messages: Messages;
let cache: ChannelCache;
beforeEach(() => {
  messages = new Messages();
  cache = new ChannelCache(messages);
});

/** What a channel does with a message that comes in: the transport holds it during the call. */
function push(bytes: Uint8Array, into = cache): MessageRef {
  const message = messages.store(bytes);
  into.add(classify(bytes[0] as number, bytes[1] as number, bytes), message, bytes);
  messages.release(message);
  return message;
}

const sync = (value: Json, sequence = 0) => buildSignalSync(sequence, sequence, utf8(JSON.stringify(value)));
const diff = (value: Json, sequence = 0) => buildSignalDiff(sequence, sequence, utf8(JSON.stringify(value)));
const picture = () => buildPixels(1, 0, 10, 10, new Uint8Array(400));
const delta = (packed = new Uint8Array([0, 144, 1])) => buildDeltaPixels(2, 16, 10, 10, packed);
const types = (of = cache) => of.catchUp().map((message) => (messages.bytesOf(message) as Uint8Array)[0]);

/** The state of a receiver that gets the catch-up. */
function stateOf(of = cache): Json | undefined {
  const state = new SignalState();
  for (const message of of.catchUp()) {
    const frame = decodeFrame(messages.bytesOf(message));
    if (frame.ok && frame.value.name === "signalSync") state.sync(frame.value.tail);
    if (frame.ok && frame.value.name === "signalDiff") state.diff(frame.value.tail);
  }
  return state.value;
}

describe("signals", () => {
  test("sync then diff: both are kept", () => {
    push(sync({ a: 1 }));
    push(diff({ b: 2 }));
    expect(cache.stats.diffs).toBe(1);
    expect(cache.hasState).toBe(true);
    expect(cache.catchUp().length).toBe(2);
    expect(stateOf()).toEqual({ a: 1, b: 2 });
  });

  test("a sync replaces what was collected", () => {
    for (let i = 0; i < 5; i++) push(diff({ n: i }));
    expect(cache.stats.diffs).toBe(5);
    const last = push(sync({ n: 9 }));
    expect(cache.stats.diffs).toBe(0);
    expect(cache.catchUp()).toEqual([last]);
    expect(messages.alive.size).toBe(1);
  });

  test("1100 diffs leave at most 600, and no state is lost", () => {
    push(sync({ start: true, gone: 1 }));
    const live = new SignalState();
    live.sync(utf8('{"start":true,"gone":1}'));
    for (let i = 0; i < 1100; i++) {
      const patch: Json = i === 3 ? { gone: null } : { [`key${i}`]: i, nested: { [`n${i % 7}`]: i } };
      push(diff(patch, i));
      live.diff(utf8(JSON.stringify(patch)));
      expect(cache.stats.diffs).toBeLessThanOrEqual(1000);
    }
    expect(cache.stats).toMatchObject({ diffs: 600, mergedDiffs: 500, droppedStates: 0 });
    expect(stateOf()).toEqual(live.value as Json);
    expect(messages.alive.size).toBe(601);
  });

  test("the 1001st diff merges the oldest 500 into a sync that is a good frame with their newest time", () => {
    for (let i = 0; i <= 1000; i++) push(diff({ [`k${i}`]: i }, i));
    expect(cache.stats.diffs).toBe(501);
    const made = decodeFrame(messages.bytesOf(cache.catchUp()[0] as MessageRef));
    expect(made).toMatchObject({ ok: true, value: { name: "signalSync", sequence: 499, timestampMs: 499 } });
    expect(Object.keys(stateOf() as object).length).toBe(1001);
  });

  test("diffs that are no JSON are passed over when merged, and harm nothing", () => {
    const small = new ChannelCache(messages, { diffs: 4 });
    push(sync({ a: 1 }), small);
    push(buildSignalDiff(0, 0, utf8("{broken")), small);
    for (let i = 0; i < 4; i++) push(diff({ [`k${i}`]: i }), small);
    expect(small.stats.diffs).toBe(3);
    expect(stateOf(small)).toEqual({ a: 1, k0: 0, k1: 1, k2: 2, k3: 3 });
  });

  test("many bytes of diffs are merged before there are many", () => {
    const small = new ChannelCache(messages, { diffBytes: 10_000 });
    for (let i = 0; i < 100; i++) push(diff({ text: "x".repeat(1000), i }), small);
    expect(small.stats.bytes).toBeLessThan(12_000);
    expect(stateOf(small)).toEqual({ text: "x".repeat(1000), i: 99 });
  });

  test("a state that fits in no sync is given up until the next one, not handed out in part", () => {
    const small = new ChannelCache(messages, { diffBytes: 100_000 });
    for (let i = 0; i < 40; i++) push(diff({ [`k${i}`]: "x".repeat(limits.signalBytes / 32) }), small);
    expect(small.needsSync).toBe(true);
    expect(small.hasState).toBe(false);
    expect(small.stats.droppedStates).toBe(1);
    expect(messages.alive.size).toBe(0);
    push(sync({ fresh: 1 }), small);
    push(diff({ more: 2 }), small);
    expect(small.needsSync).toBe(false);
    expect(stateOf(small)).toEqual({ fresh: 1, more: 2 });
  });
});

describe("pictures", () => {
  test("a 10 x 10 pixel frame is a keyframe", () => {
    push(picture());
    expect(cache.catchUp().length).toBe(1);
    expect(cache.hasPicture).toBe(true);
  });

  test("deltas follow their keyframe in order; a new one sweeps them out", () => {
    const sent = [push(picture()), push(delta()), push(delta(new Uint8Array([7]))), push(delta())];
    expect(cache.catchUp()).toEqual(sent);
    const next = push(buildKeyframe(9, 9, 10, 10, "png", new Uint8Array(5)));
    expect(cache.catchUp()).toEqual([next]);
    expect(messages.alive.size).toBe(1);
  });

  test("H.264 begins with its keyframe", () => {
    const unit = (isKeyframe: boolean) => buildCompressedPixels(0, 0, 64, 64, "h264", new Uint8Array([1]), isKeyframe);
    push(unit(false));
    expect(cache.needsKeyframe).toBe(true);
    expect(cache.catchUp()).toEqual([]);
    const sent = [push(unit(true)), push(unit(false))];
    expect(cache.needsKeyframe).toBe(false);
    expect(cache.catchUp()).toEqual(sent);
  });

  test("each still replaces the one before", () => {
    const still = () => buildCompressedPixels(0, 0, 64, 64, "webp", new Uint8Array([1]), false);
    push(still());
    const last = push(still());
    expect(cache.catchUp()).toEqual([last]);
  });

  for (const [name, its] of [
    ["number", { deltas: 3 }],
    ["bytes", { deltaBytes: 3 * (16 + 3) }],
  ] as const)
    test(`past the ${name} of deltas no picture is handed out until the next keyframe`, () => {
      const small = new ChannelCache(messages, its);
      push(picture(), small);
      for (let i = 0; i < 3; i++) push(delta(), small);
      expect(small.catchUp().length).toBe(4);
      push(delta(), small);
      expect(small.catchUp()).toEqual([]);
      expect(small.needsKeyframe).toBe(true);
      expect(messages.alive.size).toBe(0);
      push(delta(), small);
      expect(small.catchUp()).toEqual([]);
      expect(small.stats.droppedPictures).toBe(1);
      push(picture(), small);
      expect(small.catchUp().length).toBe(1);
      expect(small.needsKeyframe).toBe(false);
    });
});

describe("all together", () => {
  test("schema, sync, diffs, keyframe, deltas, whatever the order they came in", () => {
    push(picture());
    push(delta());
    push(sync({}));
    push(delta());
    push(diff({ a: 1 }));
    push(buildSchemaAnnounce(0, 0, utf8("{}")));
    push(diff({ a: 2 }));
    expect(types()).toEqual([0x32, 0x30, 0x31, 0x31, 0x01, 0x03, 0x03]);
    expect(cache.picture().length).toBe(3);
  });

  test("what a late joiner does not need is not kept", () => {
    push(buildPing(0, 0));
    push(buildPointer("pointer", 0, 0, 1, 2, 0));
    push(buildAudioPcm(0, 0, 48_000, 2, "s16le", new Uint8Array(4)));
    push(encodeFrame("streamEnd", { sequence: 0, timestampMs: 0 }, {}));
    push(new Uint8Array([0x77, 0, ...new Uint8Array(20)]));
    push(new Uint8Array([0x30, 0, 1]));
    expect(cache.hasState).toBe(false);
    expect(messages.alive.size).toBe(0);
  });

  test("clear releases everything", () => {
    for (const one of [picture(), delta(), sync({}), diff({}), buildSchemaAnnounce(0, 0, utf8("{}"))]) push(one);
    expect(messages.alive.size).toBe(5);
    cache.clear();
    expect(messages.alive.size).toBe(0);
    expect(cache.hasState).toBe(false);
    expect(cache.stats.bytes).toBe(0);
  });

  test("a message that replaces itself stays alive", () => {
    const bytes = sync({ a: 1 });
    const message = messages.store(bytes);
    cache.add("state-sync", message, bytes);
    cache.add("state-sync", message, bytes);
    messages.release(message);
    expect(stateOf()).toEqual({ a: 1 });
  });
});
