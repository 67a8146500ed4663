import { expect, test } from "bun:test";
import {
  buildAudioPcm,
  buildCompressedPixels,
  buildDeltaPixels,
  buildKeyframe,
  buildOpus,
  buildPing,
  buildSignalSync,
  buildStreamEnd,
} from "../wire/ds.ts";
import { ChannelReceiver } from "./channel.ts";

function setUp() {
  const events: string[] = [];
  const decoder = { hasRoom: true };
  const receiver = new ChannelReceiver({
    picture: ({ data, keyframe, captureUs }) => {
      if (decoder.hasRoom) events.push(`${keyframe ? "key" : "delta"} ${data[0]} at ${captureUs}`);
      return decoder.hasRoom;
    },
    sound: (data, captureUs) => events.push(`sound ${data[0]} at ${captureUs}`) < 3,
    unplayable: (format) => events.push(`not ${format}`),
    streamEnd: () => events.push("end"),
  });
  const video = (id: number, isKeyframe: boolean) =>
    receiver.receive(buildCompressedPixels(id, id, 2, 2, "h264", Uint8Array.of(id), isKeyframe));
  return { receiver, events, decoder, video };
}

test("video goes to the decoder from a keyframe on, of either kind", () => {
  const { receiver, events, video } = setUp();
  expect(receiver.isStuck).toBe(false);
  video(1, false);
  expect(receiver.isStuck).toBe(true);
  receiver.receive(buildKeyframe(2, 2, 2, 2, "h264", Uint8Array.of(2)));
  video(3, false);
  expect(receiver.isStuck).toBe(false);
  expect(events).toEqual(["key 2 at 2000", "delta 3 at 3000"]);
  expect(receiver.stats).toMatchObject({ delivered: 2, keyframes: 1, bytes: 2, waitingForKeyframe: 1 });
});

test("Opus goes to the speakers, whatever becomes of the pictures, and other sound is counted", () => {
  const { receiver, events } = setUp();
  receiver.receive(buildOpus(1, 40, 48_000, 2, 960, Uint8Array.of(7, 8)));
  receiver.receive(buildAudioPcm(2, 60, 48_000, 1, "s16le", new Uint8Array(4)));
  receiver.receive(buildOpus(3, 60, 48_000, 2, 960, Uint8Array.of(9)));
  expect(events).toEqual(["sound 7 at 40000", "sound 9 at 60000"]);
  expect(receiver.drops.toJSON()).toEqual({ "not-opus": 1 });
  receiver.receive(buildOpus(4, 80, 48_000, 2, 960, Uint8Array.of(9)));
  expect(receiver.drops.toJSON()).toEqual({ "not-opus": 1, "sound-not-asked": 1 });
});

test("after a full decoder, an error or a stream's end the next picture is a keyframe", () => {
  const { receiver, events, decoder, video } = setUp();
  video(1, true);
  decoder.hasRoom = false;
  video(2, false);
  decoder.hasRoom = true;
  video(3, false);
  video(4, true);
  receiver.broken();
  video(5, false);
  video(6, true);
  receiver.receive(buildStreamEnd(7, 7));
  video(8, false);
  expect(events).toEqual(["key 1 at 1000", "key 4 at 4000", "key 6 at 6000", "end"]);
  expect(receiver.stats).toMatchObject({ decoderFull: 1, waitingForKeyframe: 3 });
});

test("pictures of other forms are named, the rest is passed over and counted", () => {
  const { receiver, events } = setUp();
  receiver.receive(buildDeltaPixels(0, 0, 2, 2, Uint8Array.of(0, 16, 0)));
  receiver.receive(buildCompressedPixels(0, 0, 2, 2, "webp", Uint8Array.of(1), true));
  receiver.receive(buildPing(0, 0));
  receiver.receive(buildSignalSync(0, 0, new TextEncoder().encode("{}")));
  receiver.receive(Uint8Array.of(1, 2));
  expect(events).toEqual(["not raw pixels", "not WEBP"]);
  expect(receiver.drops.toJSON()).toEqual({ "not-a-picture": 1, malformed: 1 });
});
