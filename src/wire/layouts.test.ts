/** Sizes and offsets as the specifications print them, and hashes as the authors of FNV print them. */
import { expect, test } from "bun:test";
import { contentHash } from "./content-hash.ts";
import {
  channelOffset,
  controlLayout,
  frameBufferBytes,
  frameBufferLayout,
  memoryLayouts,
  ringLayout,
} from "./layouts.ts";

test("frame buffers have the sizes of itk section 2.1", () => {
  expect(frameBufferBytes(1280, 720)).toBe(64 + 11_059_200);
  expect(frameBufferBytes(1920, 1080)).toBe(64 + 24_883_200);
  expect(frameBufferBytes(3840, 2160)).toBe(64 + 99_532_800);
  expect(frameBufferBytes(8192, 8192)).toBe(64 + 3 * 8192 * 8192 * 4);
  for (const [width, height] of [
    [0, 1],
    [1, 0],
    [8193, 1],
    [1, 8193],
    [-1, 5],
    [1.5, 2],
    [Number.NaN, 2],
    [2 ** 32 + 1, 1],
  ] as const)
    expect(() => frameBufferBytes(width, height)).toThrow(RangeError);
});

test("the fields of a frame buffer's header stand where itk section 2.1 puts them", () => {
  const at = Object.fromEntries(Object.entries(frameBufferLayout.fields).map(([name, field]) => [name, field.at]));
  expect(at).toMatchObject({ seq: 0, readIndex: 4, ptsMs: 8, width: 16, height: 20, isPlaying: 24, contentHash: 32 });
  expect(at).toMatchObject({ durationMs: 40, writerCount: 48 });
  // What the spec leaves free.
  expect(at).toMatchObject({ mark: 28, sleepers: 52, owner: 56 });
});

test("the parts of a channel stand where xshm section 3 puts them", () => {
  expect(channelOffset).toEqual({ ringA: 64, dataA: 128, ringB: 2_097_280, dataB: 2_097_344, end: 4_194_496 });
  expect(memoryLayouts.map(({ bytes }) => bytes)).toEqual([64, 64, 64, 4]);
  expect(controlLayout.fields.clientState.at).toBe(16);
  expect(ringLayout.fields.handshakeState.at).toBe(24);
});

test("content names are hashed by FNV-1a", () => {
  expect(contentHash("")).toBe(0xcbf29ce484222325n);
  expect(contentHash("a")).toBe(0xaf63dc4c8601ec8cn);
  expect(contentHash("foobar")).toBe(0x85944171f73967e8n);
});
