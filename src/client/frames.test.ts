import { expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import { chunkCount, packetRoom, writeChunkPacket } from "../wire/fragment.ts";
import { copyByLoop } from "../wire/reassembly.ts";
import { chunkFlag, codec, codecShift, headerBytes } from "../wire/root.ts";
import { FrameReceiver } from "./frames.ts";

const key = chunkFlag.keyframe;
const intervalUs = limits.keyframeRequestIntervalUs;

/** A receiver with what it delivered and when it asked for keyframes. */
function setUp() {
  const delivered: number[] = [];
  const asked: number[] = [];
  let hasRoom = true;
  const frames = new FrameReceiver(
    copyByLoop,
    (frame) => {
      if (hasRoom) delivered.push(frame.frameId);
      return hasRoom;
    },
    (nowUs) => asked.push(nowUs),
  );
  const packet = new Uint8Array(packetRoom);
  const view = new DataView(packet.buffer);
  /** Chunks of frame `frameId` arrive at `nowUs`: all of them, or those in `only`. */
  const arrive = (frameId: number, nowUs: number, options: { flags?: number; size?: number; only?: number[] } = {}) => {
    const { flags = 0, size = 700, only } = options;
    const bytes = new Uint8Array(size).fill(frameId);
    for (let i = 0; i < chunkCount(size); i++) {
      if (only && !only.includes(i)) continue;
      const length = writeChunkPacket(bytes, i, { frameId, flags, captureUs: 1 }, 0, packet, view, 0);
      frames.chunk(packet, view, headerBytes, length - headerBytes, nowUs);
    }
  };
  const setRoom = (room: boolean) => {
    hasRoom = room;
  };
  return { frames, delivered, asked, arrive, setRoom };
}

test("nothing goes on before the first keyframe, which is asked for when other frames come", () => {
  const { frames, delivered, asked, arrive } = setUp();
  frames.tick(0);
  expect(asked).toEqual([]);
  arrive(5, 1000);
  arrive(6, 2000);
  expect(delivered).toEqual([]);
  expect(asked).toEqual([1000]);
  arrive(7, 3000, { flags: key });
  arrive(8, 4000);
  expect(delivered).toEqual([7, 8]);
  expect(frames.stats).toEqual({
    delivered: 2,
    keyframes: 1,
    bytes: 1400,
    lost: 0,
    waitingForKeyframe: 2,
    decoderFull: 0,
    codec: 0,
    keyframesAsked: 1,
  });
});

test("after a hole nothing goes on before a keyframe, asked for at most every interval", () => {
  const { frames, delivered, asked, arrive } = setUp();
  arrive(1, 0, { flags: key });
  for (let id = 3; id < 103; id++) {
    arrive(id, id * 5000);
    frames.tick(id * 5000 + 1000);
  }
  expect(delivered).toEqual([1]);
  expect(asked[0]).toBe(15_000);
  for (const [i, at] of asked.entries())
    if (i > 0) expect(at - (asked[i - 1] as number)).toBeGreaterThanOrEqual(intervalUs);
  expect(asked.length).toBe(5);
  arrive(103, 520_000, { flags: key });
  frames.tick(900_000);
  expect(asked.length).toBe(5);
  expect(delivered).toEqual([1, 103]);
  expect(frames.stats.lost).toBe(1);
});

test("a keyframe behind a hole goes on at once", () => {
  const { delivered, asked, arrive } = setUp();
  arrive(1, 0, { flags: key });
  arrive(4, 1000, { flags: key });
  arrive(5, 2000);
  expect(delivered).toEqual([1, 4, 5]);
  expect(asked).toEqual([]);
});

test("a frame whose pieces stop coming is given up, and a keyframe asked for", () => {
  const { frames, asked, arrive } = setUp();
  arrive(1, 0, { flags: key });
  arrive(2, 1000, { size: 3000, only: [0, 2] });
  frames.tick(limits.partialFrameTimeoutUs);
  expect(asked).toEqual([]);
  frames.tick(limits.partialFrameTimeoutUs + 1000);
  expect(asked.length).toBe(1);
});

test("the very first keyframe is asked for again when a piece of it never came", () => {
  const { frames, asked, arrive } = setUp();
  arrive(1, 0, { flags: key, size: 3000, only: [1] });
  frames.tick(limits.partialFrameTimeoutUs);
  expect(asked).toEqual([limits.partialFrameTimeoutUs]);
});

test("what the host says it sent and never came is asked for, but not what its word overtook", () => {
  const { frames, delivered, asked, arrive } = setUp();
  frames.hostSent(0, 0);
  frames.tick(10 * intervalUs);
  expect(asked).toEqual([]);
  arrive(1, 0, { flags: key });
  frames.hostSent(2, 1000);
  frames.tick(2000);
  arrive(2, 30_000);
  frames.tick(31_000);
  frames.tick(10 * intervalUs);
  expect(asked).toEqual([]);
  expect(delivered).toEqual([1, 2]);

  frames.hostSent(3, 2_000_000);
  frames.hostSent(3, 2_050_000);
  frames.tick(2_000_000 + intervalUs - 1);
  expect(asked).toEqual([]);
  frames.tick(2_000_000 + intervalUs);
  expect(asked).toEqual([2_000_000 + intervalUs]);
  arrive(4, 2_200_000, { flags: key });
  frames.tick(3_000_000);
  expect(asked.length).toBe(1);
});

test("the host's word is enough when nothing at all has come", () => {
  const { frames, asked } = setUp();
  frames.hostSent(1, 0);
  frames.tick(intervalUs);
  expect(asked).toEqual([intervalUs]);
});

test("a full decoder and a decoder's error make it wait for a keyframe", () => {
  const { frames, delivered, asked, arrive, setRoom } = setUp();
  arrive(1, 0, { flags: key });
  setRoom(false);
  arrive(2, 1000);
  setRoom(true);
  arrive(3, 2000);
  expect(delivered).toEqual([1]);
  expect(asked).toEqual([1000]);
  arrive(4, 3000, { flags: key });
  frames.broken(500_000);
  arrive(5, 501_000);
  expect(delivered).toEqual([1, 4]);
  expect(asked).toEqual([1000, 500_000]);
  expect(frames.stats).toMatchObject({ decoderFull: 1, waitingForKeyframe: 2 });
});

test("a frame of another codec is left out, and does not hide that one before it was lost", () => {
  const { frames, delivered, arrive } = setUp();
  arrive(1, 0, { flags: key });
  arrive(3, 1000, { flags: key | (codec.hevc << codecShift) });
  arrive(4, 2000);
  expect(delivered).toEqual([1]);
  expect(frames.stats.codec).toBe(1);
});

test("frames in a codec that can be decoded go on; others are counted, and told once", () => {
  const told: number[] = [];
  const delivered: number[] = [];
  const deliver = (frame: { codec: number }) => delivered.push(frame.codec) > 0;
  const codecs = [codec.h264, codec.hevc];
  const frames = new FrameReceiver(
    copyByLoop,
    deliver,
    () => undefined,
    codecs,
    (number) => told.push(number),
  );
  const packet = new Uint8Array(packetRoom);
  const view = new DataView(packet.buffer);
  [codec.hevc, codec.h264, codec.av1, codec.av1, codec.hevc].forEach((coded, index) => {
    const flags = key | (coded << codecShift);
    const length = writeChunkPacket(
      new Uint8Array(9),
      0,
      { frameId: index + 1, flags, captureUs: 1 },
      0,
      packet,
      view,
      0,
    );
    frames.chunk(packet, view, headerBytes, length - headerBytes, index);
  });
  expect(delivered).toEqual([codec.hevc, codec.h264, codec.hevc]);
  expect(told).toEqual([codec.av1]);
  expect(frames.stats).toMatchObject({ codec: 2, delivered: 3 });
});
