import { expect, test } from "bun:test";
import {
  buildAudioPcm,
  buildCompressedPixels,
  buildOpus,
  buildPing,
  buildPixels,
  frameFlag,
  frameType,
} from "../wire/ds.ts";
import { ChannelContent } from "./content.ts";

function noting(...messages: Uint8Array[]): ChannelContent {
  const content = new ChannelContent();
  for (const bytes of messages) content.note(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return content;
}

const pixels = buildPixels(0, 0, 2, 1, new Uint8Array(8));
const head = (type: number, ...payload: number[]): Uint8Array => {
  const bytes = new Uint8Array(16 + payload.length);
  bytes.set([type, frameFlag.keyframe]);
  bytes.set(payload, 16);
  return bytes;
};

test("nothing is known before the first picture and sound", () => {
  const content = noting(buildPing(0, 0));
  expect([content.pictures, content.picture, content.sound]).toEqual([0, null, null]);
});

test("pictures and sound are told by their heads", () => {
  const content = noting(
    buildCompressedPixels(0, 0, 1280, 720, "h264", new Uint8Array(9), true),
    buildOpus(1, 0, 48_000, 2, 960, new Uint8Array(9)),
  );
  expect(content.pictures).toBe(1);
  expect(content.picture).toEqual({ form: "h264", width: 1280, height: 720 });
  expect(content.sound).toEqual({ form: "opus", channels: 2, sampleRate: 48_000 });
  expect(noting(pixels).picture).toEqual({ form: "pixels", width: 2, height: 1 });
  expect(noting(buildAudioPcm(0, 0, 44_100, 1, "s16le", new Uint8Array(4))).sound).toEqual({
    form: "pcm",
    channels: 1,
    sampleRate: 44_100,
  });
});

test("a keyframe now and then does not end a stream of deltas; only whole pictures in a row do", () => {
  const delta = head(frameType.deltaPixels);
  expect(noting(pixels, delta, pixels).picture?.form).toBe("delta");
  expect(noting(delta, pixels, pixels, pixels).picture?.form).toBe("pixels");
});

test("heads that are cut off or lie are no fault", () => {
  expect(noting(head(frameType.compressedPixels)).picture?.form).toBe("unknown");
  expect(noting(head(frameType.keyframe, 250)).picture?.form).toBe("unknown");
  expect(noting(head(frameType.audioCompressed, 1, 2)).sound).toBeNull();
});
