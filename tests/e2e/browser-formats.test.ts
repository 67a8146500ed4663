/**
 * Streams that no publisher's page makes, sent frame by frame as other programs would: every still format of the spec's section 19,
 * whole keyframes with deltas on them, a codec that the browser lacks with the stills in its place, and frames of other programs.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { Prng } from "../../src/base/prng.ts";
import {
  buildApplication,
  buildCompressedPixels,
  buildDeltaPixels,
  buildKeyframe,
  buildPackedPixels,
  buildStreamEnd,
} from "../../src/wire/ds.ts";
import { packDelta, rleBound, rleEncode } from "../../src/wire/rle.ts";
import { BrowserWorld, hasChromium, isLive, pixels, until, waitBody } from "./browser-world.ts";
import { cleanUp } from "./processes.ts";
import { Client } from "./relay-clients.ts";

const slow = 60_000;
let world: BrowserWorld;
beforeAll(async () => {
  if (hasChromium) world = await BrowserWorld.open();
}, slow);
afterEach(() => world?.closePages(), slow);
afterAll(() => world?.close(), slow);
afterAll(cleanUp);

const [width, height] = [64, 36];
/** Opaque noise over a flat ground, another for each seed. */
function picture(seed: number): Uint8Array {
  const random = new Prng(seed);
  return Uint8Array.from({ length: 4 * width * height }, (_, i) => {
    if (i % 4 === 3) return 255;
    return i < 2 * width * height ? (seed * 37) & 255 : random.below(256);
  });
}

const raw = { raw: { width, height, channels: 4 } } as const;
const png = async (rgba: Uint8Array) => new Uint8Array(await sharp(rgba, raw).png().toBuffer());
const webp = async (rgba: Uint8Array) => new Uint8Array(await sharp(rgba, raw).webp({ lossless: true }).toBuffer());

/** Each pixel whole: the plainest QOI picture there can be. */
function qoi(rgba: Uint8Array): Uint8Array {
  const head = [0x71, 0x6f, 0x69, 0x66, 0, 0, 0, width, 0, 0, 0, height, 4, 0];
  const body = Array.from({ length: width * height }, (_, i) => [0xff, ...rgba.subarray(4 * i, 4 * i + 4)]).flat();
  return new Uint8Array([...head, ...body, 0, 0, 0, 0, 0, 0, 0, 1]);
}

function packed(rgba: Uint8Array): Uint8Array {
  const out = new Uint8Array(rleBound(rgba.length));
  return out.subarray(0, rleEncode(rgba, out));
}

function delta(before: Uint8Array, now: Uint8Array): Uint8Array {
  const out = new Uint8Array(rleBound(now.length));
  return out.subarray(0, packDelta(before, now, out));
}

const shows = (player: Page, rgba: Uint8Array) =>
  until("the picture", async () => {
    const seen = await pixels(player, "#picture");
    return seen.width === width && Buffer.from(seen.rgba).equals(Buffer.from(rgba));
  });

// Without Chromium: install the Debian package chromium.
describe.skipIf(!hasChromium)("frames of other programs", () => {
  test(
    "every exact format is shown to the last bit, and deltas go on from it",
    async () => {
      const source = await Client.open(world.url("/source/formats").replace("http", "ws"), {});
      const player = await world.page("/player/formats?transport=websocket");
      const [one, two] = [picture(1), picture(2)];
      let sequence = 0;
      const head = () => [sequence++, sequence * 20, width, height] as const;
      const wholes: [mode: string, frame: (rgba: Uint8Array) => Promise<Uint8Array> | Uint8Array][] = [
        ["Packed pixels", (rgba) => buildPackedPixels(...head(), packed(rgba))],
        ["Stills (PNG)", async (rgba) => buildCompressedPixels(...head(), "png", await png(rgba), true)],
        ["Stills (WebP)", async (rgba) => buildCompressedPixels(...head(), "webp", await webp(rgba), true)],
        ["QOI", (rgba) => buildCompressedPixels(...head(), "qoi", qoi(rgba), true)],
        ["Zstandard", (rgba) => buildCompressedPixels(...head(), "zstd", Bun.zstdCompressSync(rgba), true)],
        ["Pixels", (rgba) => buildKeyframe(...head(), "rgba", rgba)],
        ["QOI", (rgba) => buildKeyframe(...head(), "qoi", qoi(rgba))],
        ["Zstandard", (rgba) => buildKeyframe(...head(), "zstd", Bun.zstdCompressSync(rgba))],
        ["Stills (PNG)", async (rgba) => buildKeyframe(...head(), "png", await png(rgba))],
      ];
      for (const [mode, build] of wholes) {
        source.send(await build(one));
        await shows(player, one);
        expect(await player.getAttribute("body", "data-mode")).toBe(mode);
        source.send(await build(two));
        await shows(player, two);
      }
      // On the keyframe sent last.
      source.send(buildDeltaPixels(...head(), delta(two, one)));
      await shows(player, one);
      await waitBody(player, "mode", "Delta");
      const late = await world.page("/player/formats?transport=websocket");
      await shows(late, one);
      source.close();
      expect(world.errors).toEqual([]);
    },
    slow,
  );

  test(
    "frames that lie change nothing, and a keyframe is asked for",
    async () => {
      const room = await Client.open(world.url("/signal/lies").replace("http", "ws"), {});
      const source = await Client.open(world.url("/source/lies").replace("http", "ws"), {});
      const player = await world.page("/player/lies?transport=websocket");
      const one = picture(3);
      source.send(buildKeyframe(0, 0, width, height, "rgba", one));
      await shows(player, one);
      const noise = picture(4).subarray(0, 500);
      source.send(buildCompressedPixels(1, 20, width, height, "zstd", noise, true));
      source.send(buildCompressedPixels(2, 40, width, height, "qoi", noise, true));
      source.send(buildCompressedPixels(3, 60, width, height, "png", noise, true));
      source.send(buildCompressedPixels(4, 80, width, height, "hybrid", noise, true));
      // A player that was late to the others' conversation wishes again when it meets the next one.
      let sequence = 5;
      const lie = () => source.send(buildDeltaPixels(sequence, 20 * sequence++, width, height, noise));
      lie();
      const again = setInterval(lie, 1000);
      await room
        .until("a wish for a keyframe", ({ received }) =>
          received.some((note) => typeof note === "string" && JSON.parse(note).type === "keyframe"),
        )
        .finally(() => clearInterval(again));
      await shows(player, one);
      source.send(buildKeyframe(sequence, 20 * sequence, width, height, "rgba", picture(5)));
      await shows(player, picture(5));
      for (const each of [room, source]) each.close();
      expect(world.errors).toEqual([]);
    },
    slow,
  );

  test(
    "HEVC, which this browser lacks: it says so, asks for stills, and shows them until it can decode again",
    async () => {
      const source = await Client.open(world.url("/source/hevc").replace("http", "ws"), {});
      const room = await Client.open(world.url("/signal/hevc").replace("http", "ws"), {});
      const player = await world.page("/player/hevc?transport=websocket");
      // A sequence parameter set of Main profile, level 3.1, and a slice of nothing.
      const sps = [0, 0, 1, 0x42, 1, 1, 1, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 93, 0xa0, 2, 0x80];
      const unit = new Uint8Array([...sps, 0, 0, 1, 0x26, 1, 0x80]);
      source.send(buildCompressedPixels(0, 0, width, height, "hevc", unit, true));
      await waitBody(player, "state", "no-decoder");
      expect(await player.textContent("#card-title")).toBe("This browser cannot decode HEVC");
      expect(await player.textContent("#card-text")).toContain("The channel carries HEVC (hev1.1.6.L93.90)");
      await room.until("a wish for stills", ({ received }) =>
        received.some((note) => typeof note === "string" && JSON.parse(note).type === "stills"),
      );
      const stills = await Client.open(world.url("/source/hevc.stills").replace("http", "ws"), {});
      const colours = [
        { r: 200, g: 40, b: 40 },
        { r: 30, g: 60, b: 220 },
      ];
      for (const [i, background] of colours.entries()) {
        const jpeg = await sharp({ create: { width, height, channels: 3, background } })
          .jpeg()
          .toBuffer();
        stills.send(buildCompressedPixels(i, 20 * i, width, height, "jpeg", new Uint8Array(jpeg), true));
        await until("the still", async () => {
          const { rgba } = await pixels(player, "#picture");
          const near = [background.r, background.g, background.b].map((value, k) =>
            Math.abs((rgba[k] as number) - value),
          );
          return Math.max(...near) < 8;
        });
      }
      await waitBody(player, "mode", "Stills (JPEG), in place of video");
      expect(await player.textContent("#banner")).toContain("Still pictures are shown instead");
      source.send(buildKeyframe(1, 40, width, height, "rgba", picture(6)));
      await isLive(player);
      await shows(player, picture(6));
      for (const each of [source, room, stills]) each.close();
      expect(world.errors).toEqual([]);
    },
    slow,
  );

  test(
    "neural frames of another program are said to be so; the end is heard by the page itself",
    async () => {
      const source = await Client.open(world.url("/source/other").replace("http", "ws"), {});
      const hear = `document.addEventListener("stream_end", ({ detail }) => { globalThis.ended = detail; });`;
      const player = await world.page("/player/other?transport=websocket", {}, hear);
      source.send(buildApplication("neuralFrame", 0, 0, new Uint8Array([9, 9, 9]), true));
      await waitBody(player, "state", "no-decoder");
      expect(await player.textContent("#card-title")).toBe("No painter for these frames");
      source.send(buildStreamEnd(41, 1000));
      await waitBody(player, "state", "ended");
      expect(await player.evaluate("globalThis.ended")).toEqual({ sequence: 41, timestampMs: 1000 });
      source.close();
      expect(world.errors).toEqual([]);
    },
    slow,
  );
});
