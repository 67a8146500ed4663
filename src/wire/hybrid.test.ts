/** The hybrid codec with a scripted, lossy video codec: what stands still is exact, what moves comes as video, and nothing lasts wrong. */
import { describe, expect, test } from "bun:test";
import { hybridCases } from "../../tests/vectors/hybrid.ts";
import { Prng } from "../base/prng.ts";
import { pictureFormat } from "./ds-layouts.ts";
import { HybridDecoder, type HybridVideo, type Rectangle } from "./hybrid.ts";
import { HybridEncoder, type VideoEncoder } from "./hybrid-encoder.ts";

const [width, height, tileSize] = [150, 90, 16];
/** A region inside tiles 4 to 6 by 1 to 2 that a player would fill. */
const player: Rectangle = { x: 68, y: 20, width: 40, height: 26 };
const inside = (r: Rectangle, x: number, y: number) => x >= r.x && y >= r.y && x < r.x + r.width && y < r.y + r.height;

/** Noise as a still background; the player shows another picture for each `film`; one pixel of a caret for each `caret`. */
function scene(film: number, caret = 0): Uint8Array {
  const random = new Prng(7);
  const moving = new Prng(1000 + film);
  const out = new Uint8Array(width * height * 4);
  for (let at = 0; at < out.length; at += 4) {
    const [x, y] = [(at / 4) % width, Math.floor(at / 4 / width)];
    const still = [random.below(256), random.below(256), random.below(256)];
    out.set(inside(player, x, y) ? [moving.below(256), moving.below(256), 9] : still, at);
    out[at + 3] = 255;
  }
  out.set([caret, 0, 0, 255], (5 * width + 3) * 4);
  return out;
}

const lossy = (rgba: Uint8Array): Uint8Array => rgba.map((byte) => byte & 0xf0);

/** Remembers what it was asked; its stream is the quantised picture. */
class ScriptedVideo {
  readonly asked: { rectangle: Rectangle; isNew: boolean }[] = [];
  readonly encode: VideoEncoder = (rectangle, rgba, isNew) => {
    this.asked.push({ rectangle, isNew });
    return { format: "vp8", isKeyframe: isNew, data: lossy(rgba) };
  };
}

class Both {
  readonly video = new ScriptedVideo();
  readonly encoder = new HybridEncoder(width, height, { tileSize, enterFrames: 3, leaveFrames: 4 });
  readonly decoder = new HybridDecoder(width, height);
  bytes = 0;

  send(rgba: Uint8Array, isKeyframe = false): readonly HybridVideo[] {
    const frame = this.encoder.encode(rgba, isKeyframe, this.video.encode);
    this.bytes = frame.data.length;
    const videos = this.decoder.decode(frame.data, frame.isKeyframe);
    if (!videos.ok) throw new Error(videos.error);
    for (const one of videos.value) expect(this.decoder.show(one, one.data)).toBe(true);
    return videos.value;
  }

  /** Pixels outside `r` are those of `wanted`; those inside are what the video codec makes of them. */
  expectShown(wanted: Uint8Array, r?: Rectangle): void {
    const coarse = lossy(wanted);
    let wrong = 0;
    for (let at = 0; at < wanted.length; at++) {
      const [x, y] = [(at >> 2) % width, Math.floor((at >> 2) / width)];
      const right = r && inside(r, x, y) ? coarse[at] : wanted[at];
      if (this.decoder.picture[at] !== right) wrong++;
    }
    expect(wrong).toBe(0);
  }
}

describe("by hand", () => {
  test("an exact tile and a video rectangle", () => {
    const [one] = hybridCases;
    if (!one) throw new Error("no vector");
    const decoder = new HybridDecoder(one.width, one.height);
    const videos = decoder.decode(one.bytes, true);
    expect(videos).toEqual({
      ok: true,
      value: [
        {
          x: 16,
          y: 0,
          width: 16,
          height: 16,
          format: pictureFormat.h264,
          isKeyframe: true,
          data: new Uint8Array([0xab, 0xcd]),
        },
      ],
    });
    expect([...decoder.picture.subarray(0, 12)]).toEqual([0, 0, 0, 0, 0x11, 0x22, 0x33, 0, 0, 0, 0, 0]);
    expect(decoder.show({ x: 16, y: 0, width: 16, height: 16 }, new Uint8Array(16 * 16 * 4).fill(5))).toBe(true);
    expect(decoder.picture[16 * 4]).toBe(5);
    expect(decoder.picture[15 * 4]).toBe(0);
  });

  test("tiles cut at the edges", () => {
    const one = hybridCases[1] as (typeof hybridCases)[0];
    expect(new HybridDecoder(one.width, one.height).decode(one.bytes, false)).toEqual({ ok: true, value: [] });
  });
});

describe("still and moving", () => {
  test("a still picture is exact, and costs next to nothing", () => {
    const both = new Both();
    for (let i = 0; i < 5; i++) {
      expect(both.send(scene(0))).toEqual([]);
      both.expectShown(scene(0));
    }
    expect(both.bytes).toBeLessThan((width * height * 4) / 333);
    expect(both.video.asked).toEqual([]);
  });

  test("typing stays exact", () => {
    const both = new Both();
    for (let i = 0; i < 20; i++) {
      both.send(scene(0, i));
      both.expectShown(scene(0, i));
    }
    expect(both.video.asked).toEqual([]);
  });

  test("what keeps moving becomes video in one rectangle, all else stays exact", () => {
    const both = new Both();
    for (let i = 0; i < 12; i++) {
      const videos = both.send(scene(i, i));
      if (i < 3) {
        expect(videos).toEqual([]);
        both.expectShown(scene(i, i));
        continue;
      }
      expect(videos.length).toBe(1);
      const [{ x, y, width: w, height: h }] = videos as [HybridVideo];
      expect({ x, y, width: w, height: h }).toEqual({ x: 64, y: 16, width: 48, height: 32 });
      both.expectShown(scene(i, i), videos[0]);
    }
    // A steady rectangle keeps its encoder: only the first frame of it is new.
    expect(both.video.asked.map((one) => one.isNew)).toEqual([true, ...Array(8).fill(false)]);
  });

  test("what stops moving comes back exact", () => {
    const both = new Both();
    for (let i = 0; i < 8; i++) both.send(scene(i));
    for (let i = 0; i < 4; i++) both.send(scene(7));
    both.expectShown(scene(7));
    expect(both.send(scene(7))).toEqual([]);
    const asked = both.video.asked.length;
    for (let i = 8; i < 14; i++) both.send(scene(i));
    expect(both.video.asked.length).toBeGreaterThan(asked);
    expect(both.video.asked[asked]?.isNew).toBe(true);
    for (let i = 0; i < 5; i++) both.send(scene(3));
    both.expectShown(scene(3));
  });

  test("two places far apart are two rectangles", () => {
    const both = new Both();
    const two = (film: number) => {
      const out = scene(film);
      const random = new Prng(film);
      for (let y = 60; y < 90; y++)
        for (let x = 0; x < 32; x++) out.set([random.below(256), 1, 2, 255], (y * width + x) * 4);
      return out;
    };
    let videos: readonly HybridVideo[] = [];
    for (let i = 0; i < 6; i++) videos = both.send(two(i));
    expect(videos.map(({ x, y, width: w, height: h }) => [x, y, w, h])).toEqual([
      [64, 16, 48, 32],
      [0, 48, 32, 42],
    ]);
  });
});

describe("joining and loss", () => {
  test("a keyframe is enough for a decoder that saw nothing before", () => {
    const both = new Both();
    for (let i = 0; i < 7; i++) both.send(scene(i));
    const late = new HybridDecoder(width, height);
    for (let i = 7; i < 20; i++) {
      const film = Math.min(i, 10);
      const frame = both.encoder.encode(scene(film), i === 7, both.video.encode);
      const videos = late.decode(frame.data, frame.isKeyframe);
      if (!videos.ok) throw new Error(videos.error);
      for (const one of videos.value) late.show(one, one.data);
      if (i === 7) expect(videos.value[0]?.isKeyframe).toBe(true);
    }
    expect(Buffer.compare(late.picture, scene(10))).toBe(0);
  });

  test("video that comes late does not paint over what is exact by now", () => {
    const both = new Both();
    let held: readonly HybridVideo[] = [];
    for (let i = 0; i < 6; i++) held = both.send(scene(i));
    for (let i = 0; i < 5; i++) both.send(scene(5));
    for (const one of held) both.decoder.show(one, one.data);
    both.expectShown(scene(5));
  });

  test("a rectangle that the encoder leaves out keeps what is shown, and is new when it comes", () => {
    const encoder = new HybridEncoder(width, height, { tileSize });
    const news: boolean[] = [];
    for (let i = 0; i < 8; i++)
      encoder.encode(scene(i), false, (_, rgba, isNew) => {
        news.push(isNew);
        return i < 5 ? undefined : { format: "h264", isKeyframe: isNew, data: lossy(rgba).subarray(0, 9) };
      });
    expect(news).toEqual([true, true, true, false, false]);
  });
});

describe("refusals", () => {
  const good = (hybridCases[0] as (typeof hybridCases)[0]).bytes;
  const spoilt = (at: number, ...bytes: number[]) => {
    const out = good.slice();
    out.set(bytes, at);
    return out;
  };
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ["a tile of 15 pixels", spoilt(0, 15), "range"],
    ["a bit for a tile that is not there", spoilt(8, 0x06), "reserved"],
    ["an exact part of more bytes than there are", spoilt(4, 200), "short"],
    ["an exact part for another picture", spoilt(15, 0x00, 0xf8), "short"],
    ["a rectangle in an exact tile", spoilt(8, 0x01), "range"],
    ["a rectangle off the tiles", spoilt(18, 15), "range"],
    ["a rectangle past the edge", spoilt(22, 32), "range"],
    ["a rectangle of no width", spoilt(22, 0), "range"],
    ["a hybrid inside a hybrid", spoilt(30, 11), "range"],
    ["more video than there is", spoilt(26, 3), "short"],
    ["fewer rectangles than there are", spoilt(2, 0), "length"],
    ["more rectangles than there are", spoilt(2, 2), "short"],
    ["bytes behind the last", new Uint8Array([...good, 0]), "length"],
    ["the same rectangle twice", new Uint8Array([...spoilt(2, 2), ...good.subarray(18)]), "range"],
  ];
  for (const [name, bytes, error] of cases)
    test(name, () => {
      const decoder = new HybridDecoder(32, 16);
      decoder.picture.fill(3);
      expect(decoder.decode(bytes, true)).toEqual({ ok: false, error } as never);
      expect(decoder.picture.every((byte) => byte === 3)).toBe(true);
    });

  test("cut anywhere", () => {
    for (let size = 0; size < good.length; size++)
      expect(new HybridDecoder(32, 16).decode(good.subarray(0, size), false).ok).toBe(false);
  });

  test("more tiles in a row than the limit", () => {
    const wide = new HybridDecoder(8192, 1);
    expect(wide.decode(good, false)).toEqual({ ok: false, error: "range" });
    expect(() => new HybridEncoder(8192, 16, { tileSize: 16 })).toThrow(RangeError);
  });

  test("what cannot be shown is not", () => {
    const both = new Both();
    for (let i = 0; i < 6; i++) both.send(scene(i));
    expect(both.decoder.show({ x: 64, y: 16, width: 48, height: 32 }, new Uint8Array(5))).toBe(false);
    expect(both.decoder.show({ x: 65, y: 16, width: 48, height: 32 }, new Uint8Array(48 * 32 * 4))).toBe(false);
    expect(new HybridDecoder(8, 8).show({ x: 0, y: 0, width: 8, height: 8 }, new Uint8Array(256))).toBe(false);
  });
});
