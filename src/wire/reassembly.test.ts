/** The reassembler against single cases and against seeded loss, reordering and duplication, and how frames are cut. */
import { describe, expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import { Prng } from "../base/prng.ts";
import { chunkCount, packetRoom, sealedFrameBytes, writeChunkPacket } from "./fragment.ts";
import { Reassembler, type WholeFrame } from "./reassembly.ts";
import { checkPacket, chunk, chunkBytes, chunkDataLimit, codec, codecShift, header, headerBytes } from "./root.ts";

interface Sent {
  readonly frameId: number;
  readonly payload: Uint8Array;
}

/** The VIDEO payloads of a frame, as the sender cuts it. */
function cut(frame: Uint8Array, frameId: number, flags = 0, captureUs = frameId * 10): Sent[] {
  return Array.from({ length: chunkCount(frame.length) }, (_, index) => {
    const room = new Uint8Array(packetRoom);
    const size = writeChunkPacket(frame, index, { frameId, flags, captureUs }, 1, room, new DataView(room.buffer), 0);
    return { frameId, payload: room.slice(headerBytes, size) };
  });
}

/** The payloads of a frame in chunks of `unit` bytes. */
function cutSmall(frame: Uint8Array, frameId: number, unit: number): Sent[] {
  const out: Sent[] = [];
  for (let offset = 0; offset < frame.length; offset += unit) {
    const data = frame.subarray(offset, offset + unit);
    const payload = new Uint8Array(chunkBytes + data.length);
    const view = new DataView(payload.buffer);
    chunk.set.frameId(view, 0, frameId);
    chunk.set.totalSize(view, 0, frame.length);
    chunk.set.offset(view, 0, offset);
    chunk.set.chunkSize(view, 0, data.length);
    chunk.set.flags(view, 0, offset + data.length === frame.length ? 2 : 0);
    payload.set(data, chunkBytes);
    out.push({ frameId, payload });
  }
  return out;
}

/** Pushes from the middle of a larger buffer, as from the datagram ring. */
const ring = new Uint8Array(4096);
const ringView = new DataView(ring.buffer);
function push(to: Reassembler, sent: Sent | undefined, nowUs = 0): WholeFrame | undefined {
  if (!sent) throw new Error("no such chunk");
  ring.set(sent.payload, 100);
  return to.push(ring, ringView, 100, sent.payload.length, nowUs);
}

const prng = new Prng(7);
const bytes = (size: number) => prng.bytes(size);
const dataOf = (whole: WholeFrame | undefined): Uint8Array | undefined => whole?.buffer.slice(0, whole.size);

describe("cutting", () => {
  const sizes: [size: number, chunks: number][] = [
    [1, 1],
    [1342, 1],
    [1343, 2],
    [2684, 2],
    [2685, 3],
  ];
  for (const [size, chunks] of sizes) {
    test(`${size} bytes make ${chunks} packets`, () => {
      expect(chunkCount(size)).toBe(chunks);
      const frame = bytes(size);
      const room = new Uint8Array(packetRoom + 7);
      const view = new DataView(room.buffer);
      let wire = 0;
      for (let index = 0; index < chunks; index++) {
        const head = { frameId: 9, flags: 1 | (codec.av1 << codecShift), captureUs: 5 };
        const packet = writeChunkPacket(frame, index, head, 40 + index, room, view, 7);
        expect(checkPacket(view, 7, packet + 16)).toBeUndefined();
        expect(header.counter(view, 7)).toBe(40 + index);
        expect(chunk.flags(view, 7 + headerBytes)).toBe(index === chunks - 1 ? 0x23 : 0x21);
        const data = room.subarray(7 + headerBytes + chunkBytes, 7 + packet);
        expect(data).toEqual(frame.subarray(index * chunkDataLimit, (index + 1) * chunkDataLimit));
        wire += packet + 16;
      }
      expect(wire).toBe(sealedFrameBytes(size));
    });
  }

  test("a chunk outside the frame is a programmer's error", () => {
    const room = new Uint8Array(packetRoom);
    const head = { frameId: 1, flags: 0, captureUs: 0 };
    const write = (frame: Uint8Array, index: number) => () =>
      writeChunkPacket(frame, index, head, 1, room, new DataView(room.buffer), 0);
    expect(write(bytes(10), 1)).toThrow(RangeError);
    expect(write(bytes(10), -1)).toThrow(RangeError);
    expect(write(new Uint8Array(0), 0)).toThrow(RangeError);
  });
});

describe("reassembly", () => {
  test("a frame in any order, with all that is told of it", () => {
    const to = new Reassembler();
    const frame = bytes(5000);
    const flags = 1 | (codec.mjpeg << codecShift);
    const chunks = cut(frame, 77, flags, 123_456);
    expect(push(to, chunks[3], 5)).toBeUndefined();
    expect(push(to, chunks[1], 6)).toBeUndefined();
    expect(push(to, chunks[0], 7)).toBeUndefined();
    const whole = push(to, chunks[2], 8);
    expect(dataOf(whole)).toEqual(frame);
    expect(whole).toMatchObject({
      size: 5000,
      frameId: 77,
      keyframe: true,
      codec: 3,
      captureUs: 123_456,
      lostBefore: 0,
      firstUs: 5,
    });
    expect(to.inProgress).toBe(0);
  });

  test("a duplicate is counted once: twice the same half is no frame", () => {
    const to = new Reassembler();
    const frame = bytes(2 * chunkDataLimit);
    const [first, last] = cut(frame, 1);
    expect(push(to, first)).toBeUndefined();
    expect(push(to, first)).toBeUndefined();
    expect(push(to, first)).toBeUndefined();
    expect(to.stats.duplicates).toBe(2);
    expect(dataOf(push(to, last))).toEqual(frame);
    expect(push(to, last)).toBeUndefined();
    expect(to.stats.late).toBe(1);
    const again = new Reassembler();
    push(again, last);
    push(again, last);
    expect(again.stats.duplicates).toBe(1);
  });

  test("late chunks of an old frame leave the newer one alone", () => {
    const to = new Reassembler();
    const old = cut(bytes(3000), 1);
    const frame = bytes(4000);
    const next = cut(frame, 2);
    push(to, old[0]);
    push(to, next[0]);
    push(to, old[1]);
    push(to, next[1]);
    expect(dataOf(push(to, next[2]))).toEqual(frame);
    expect(push(to, old[2])).toBeUndefined();
    expect(to.stats).toMatchObject({ completed: 1, lost: 1, late: 1 });
  });

  test("frames passed over are reported with the next whole one, once", () => {
    const to = new Reassembler();
    expect(push(to, cut(bytes(10), 1)[0])?.lostBefore).toBe(0);
    push(to, cut(bytes(2000), 3)[0]);
    expect(push(to, cut(bytes(10), 5)[0])?.lostBefore).toBe(3);
    expect(push(to, cut(bytes(10), 6)[0])?.lostBefore).toBe(0);
    expect(to.stats).toMatchObject({ completed: 3, lost: 3 });
  });

  test("frame numbers wrap", () => {
    const to = new Reassembler();
    for (const id of [0xffff_fffe, 0xffff_ffff, 0, 1]) expect(push(to, cut(bytes(10), id)[0])?.lostBefore).toBe(0);
    expect(push(to, cut(bytes(10), 0xffff_ffff)[0])).toBeUndefined();
    expect(to.stats).toMatchObject({ completed: 4, lost: 0, late: 1 });
  });

  test("the first frames may come in disorder", () => {
    const to = new Reassembler();
    const one = cut(bytes(2000), 0);
    const two = cut(bytes(2000), 1);
    push(to, two[0]);
    push(to, one[0]);
    expect(push(to, one[1])?.frameId).toBe(0);
    expect(push(to, two[1])).toMatchObject({ frameId: 1, lostBefore: 0 });
  });

  const spoil: [string, (view: DataView) => void][] = [
    ["total size", (view) => chunk.set.totalSize(view, 0, 4001)],
    ["keyframe flag", (view) => chunk.set.flags(view, 0, 1)],
    ["codec", (view) => chunk.set.flags(view, 0, codec.hevc << codecShift)],
    ["capture time", (view) => chunk.set.timestampUs(view, 0, 999)],
    ["offset off the grid", (view) => chunk.set.offset(view, 0, 1341)],
  ];
  for (const [what, change] of spoil) {
    test(`a chunk with another ${what} is refused and the frame goes on`, () => {
      const to = new Reassembler();
      const frame = bytes(4000);
      const chunks = cut(frame, 3);
      push(to, chunks[0]);
      const payload = (chunks[1] as Sent).payload.slice();
      change(new DataView(payload.buffer));
      expect(push(to, { frameId: 3, payload })).toBeUndefined();
      expect(to.stats.inconsistent).toBe(1);
      push(to, chunks[1]);
      expect(dataOf(push(to, chunks[2]))).toEqual(frame);
    });
  }

  test("chunks that break the layout are refused before anything is kept", () => {
    const to = new Reassembler();
    const { payload } = cut(bytes(4000), 3)[0] as Sent;
    push(to, { frameId: 3, payload: payload.subarray(0, 23) });
    push(to, { frameId: 3, payload: payload.subarray(0, payload.length - 1) });
    chunk.set.totalSize(new DataView(payload.buffer), 0, limits.frameBytes + 1);
    push(to, { frameId: 3, payload });
    expect(to.stats.refused).toBe(3);
    expect(to.inProgress).toBe(0);
    expect(to.bufferBytes).toBe(0);
  });

  test("smaller chunks are taken, the last one first or last", () => {
    for (const reverse of [false, true]) {
      const to = new Reassembler();
      const frame = bytes(10_000);
      const chunks = cutSmall(frame, 1, 600);
      if (reverse) chunks.reverse();
      const results = chunks.map((sent) => dataOf(push(to, sent)));
      expect(results.pop()).toEqual(frame);
      expect(results.every((result) => result === undefined)).toBe(true);
    }
  });

  test("chunks too small or of mixed sizes are refused", () => {
    const to = new Reassembler();
    const frame = bytes(3000);
    push(to, cutSmall(frame, 1, 511)[0]);
    expect(to.stats.inconsistent).toBe(1);
    push(to, cutSmall(frame, 2, 600)[0]);
    push(to, cutSmall(frame, 2, 700)[1]);
    expect(to.stats.inconsistent).toBe(2);
    push(to, cutSmall(frame, 3, 700)[4]);
    push(to, cutSmall(frame, 3, 600)[1]);
    expect(to.stats.inconsistent).toBe(3);
    push(to, cutSmall(frame, 4, 2000)[1]);
    push(to, cutSmall(frame, 4, 600)[0]);
    expect(to.stats.refused + to.stats.inconsistent).toBe(4);
  });

  test("at most so many frames are in progress; the oldest gives way", () => {
    const to = new Reassembler();
    for (let id = 1; id <= limits.partialFrames + 2; id++) push(to, cut(bytes(2000), id)[0]);
    expect(to.inProgress).toBe(limits.partialFrames);
    expect(to.stats.lost).toBe(2);
    push(to, cut(bytes(2000), 2)[1]);
    expect(to.stats.late).toBe(1);
    expect(push(to, cut(bytes(10), 99)[0])?.lostBefore).toBe(98);
    expect(to.inProgress).toBe(0);
  });

  test("a frame older than all in progress finds no place when it is full", () => {
    const to = new Reassembler();
    push(to, cut(bytes(10), 1)[0]);
    for (let id = 0; id < limits.partialFrames; id++) push(to, cut(bytes(2000), 10 + id)[0]);
    push(to, cut(bytes(2000), 5)[0]);
    expect(to.stats).toMatchObject({ late: 1, lost: 0 });
    expect(push(to, cut(bytes(2000), 10)[1])).toMatchObject({ frameId: 10, lostBefore: 8 });
  });

  test("a frame whose chunks stop coming ends by time, with all older ones", () => {
    const to = new Reassembler();
    push(to, cut(bytes(10), 1)[0], 0);
    push(to, cut(bytes(3000), 3)[0], 1000);
    push(to, cut(bytes(3000), 4)[0], 2000);
    push(to, cut(bytes(3000), 3)[1], 400_000);
    expect(to.expire(limits.partialFrameTimeoutUs + 1999)).toBe(0);
    expect(to.expire(limits.partialFrameTimeoutUs + 2000)).toBe(3);
    expect(to.stats).toMatchObject({ lost: 3, timedOut: 1 });
    expect(to.expire(limits.partialFrameTimeoutUs * 9)).toBe(0);
    expect(push(to, cut(bytes(10), 5)[0])?.lostBefore).toBe(3);
  });

  test("reset forgets the old session's numbers", () => {
    const to = new Reassembler();
    push(to, cut(bytes(10), 1000)[0]);
    push(to, cut(bytes(3000), 1002)[0]);
    to.reset();
    expect(to.inProgress).toBe(0);
    expect(push(to, cut(bytes(10), 1)[0])?.lostBefore).toBe(0);
  });

  test("the injected copy moves every byte, and buffers are reused", () => {
    let copied = 0;
    const to = new Reassembler((target, targetStart, from, fromStart, size) => {
      copied += size;
      target.set(from.subarray(fromStart, fromStart + size), targetStart);
    });
    const seen = new Set<Uint8Array>();
    for (let id = 1; id <= 50; id++) {
      const frame = bytes(4000 + (id % 7));
      let whole: WholeFrame | undefined;
      for (const sent of cut(frame, id)) whole = push(to, sent);
      expect(dataOf(whole)).toEqual(frame);
      if (whole) seen.add(whole.buffer);
    }
    expect(copied).toBeGreaterThan(200_000);
    expect(seen.size).toBeLessThanOrEqual(limits.partialFrames);
    expect(to.bufferBytes).toBeLessThan(limits.partialFrames * 8000);
  });

  test("the largest frame", () => {
    const to = new Reassembler((target, targetStart, from, fromStart, size) =>
      target.set(from.subarray(fromStart, fromStart + size), targetStart),
    );
    const frame = new Uint8Array(limits.frameBytes).fill(3);
    frame[frame.length - 1] = 9;
    let whole: WholeFrame | undefined;
    for (const sent of cut(frame, 1).reverse()) whole = push(to, sent) ?? whole;
    expect(whole?.size).toBe(limits.frameBytes);
    expect(Bun.hash(dataOf(whole) as Uint8Array)).toBe(Bun.hash(frame));
    expect(to.bufferBytes).toBe(limits.frameBytes);
  });
});

/** A stream over a network that loses, repeats and delays chunks; what comes out is held against what went in. */
function simulate(seed: number, loss: number, repeat: number, delay: number) {
  const random = new Prng(seed);
  const frames = Array.from({ length: 300 }, () => random.bytes(1 + random.below(9000)));
  const base = 0xffff_ff00 + random.below(256);
  const queue: { sent: Sent; at: number }[] = [];
  let clock = 0;
  frames.forEach((frame, i) => {
    for (const sent of cut(frame, (base + i) >>> 0, i % 10 === 0 ? 1 : 0)) {
      clock++;
      if (random.unit() < loss) continue;
      queue.push({ sent, at: clock + random.below(delay + 1) });
      if (random.unit() < repeat) queue.push({ sent, at: clock + random.below(delay + 1) });
    }
  });
  queue.sort((a, b) => a.at - b.at);
  const to = new Reassembler();
  const delivered: number[] = [];
  let lostBefore = 0;
  for (const { sent, at } of queue) {
    const whole = push(to, sent, at * 100);
    if (!whole) continue;
    const index = (whole.frameId - base) >>> 0;
    expect(dataOf(whole)).toEqual(frames[index]);
    expect(whole.keyframe).toBe(index % 10 === 0);
    delivered.push(index);
    lostBefore += whole.lostBefore;
  }
  return { to, frames, delivered, lostBefore, queued: queue.length };
}

describe("over a bad network", () => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    test(`loss, repetition and disorder, seed ${seed}`, () => {
      const { to, delivered, lostBefore } = simulate(seed, 0.03, 0.1, 6);
      for (let i = 1; i < delivered.length; i++)
        expect(delivered[i] as number).toBeGreaterThan(delivered[i - 1] as number);
      const span = (delivered.at(-1) as number) - (delivered[0] as number) + 1;
      const lostAtStart = lostBefore - (span - delivered.length);
      expect(lostAtStart).toBeGreaterThanOrEqual(0);
      expect(lostAtStart).toBeLessThanOrEqual(delivered[0] as number);
      expect(delivered.length).toBeGreaterThan(150);
      expect(to.stats).toMatchObject({ completed: delivered.length, refused: 0, inconsistent: 0 });
      expect(to.inProgress).toBeLessThanOrEqual(limits.partialFrames);
    });
  }

  test("repetition and disorder inside a frame lose nothing", () => {
    const { delivered, frames, to } = simulate(11, 0, 0.3, 0);
    expect(delivered.length).toBe(frames.length);
    expect(to.stats.lost).toBe(0);
    expect(to.stats.duplicates + to.stats.late).toBeGreaterThan(100);
  });
});
