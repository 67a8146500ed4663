/**
 * The pages in a real browser, over a real relay: publisher to players in every mode, early, late and stalled ones, with and
 * without a decoder, across a relay's restart. Pictures are compared by reading the canvases.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import {
  agree,
  BrowserWorld,
  counts,
  hasChromium,
  isLive,
  pixels,
  psnr,
  publish,
  until,
  waitBody,
} from "./browser-world.ts";
import { cleanUp } from "./processes.ts";

const slow = 60_000;
const exact = Number.POSITIVE_INFINITY;

let world: BrowserWorld;
beforeAll(async () => {
  if (hasChromium) world = await BrowserWorld.open();
}, slow);
afterEach(() => world?.closePages(), slow);
afterAll(() => world?.close(), slow);
afterAll(cleanUp);

const stop = async (source: Page) => {
  await source.click("#start");
  await source.waitForSelector("body[data-state=idle]");
};

/** A canvas at 320 x 180. */
const scaled = async (page: Page, selector: string): Promise<Uint8Array> =>
  new Uint8Array(
    await page.evaluate((wanted) => {
      const context = new OffscreenCanvas(320, 180).getContext("2d") as OffscreenCanvasRenderingContext2D;
      context.imageSmoothingQuality = "high";
      context.drawImage(document.querySelector(wanted) as HTMLCanvasElement, 0, 0, 320, 180);
      return [...context.getImageData(0, 0, 320, 180).data];
    }, selector),
  );

// Without Chromium: install the Debian package chromium.
describe.skipIf(!hasChromium)("browser pages", () => {
  test(
    "every picture mode is seen as it was drawn, by an early and a late player",
    async () => {
      const source = await world.page("/publish/modes?transport=websocket");
      const early = await world.page("/player/modes?transport=websocket");
      await waitBody(early, "state", "waiting");
      expect(await early.textContent("#card-title")).toBe("Waiting for a source");
      const modes: [mode: string, db: number, shown: string][] = [
        ["pixel", exact, "Pixels"],
        ["packed", exact, "Packed pixels"],
        ["delta", exact, "Delta"],
        ["png", exact, "Stills (PNG)"],
        ["webp", 28, "Stills (WebP)"],
        ["jpeg", 28, "Stills (JPEG)"],
        ["h264", 28, "H.264"],
        ["vp8", 28, "VP8"],
        ["vp9", 28, "VP9"],
        ["av1", 28, "AV1"],
        ["hybrid", exact, "Hybrid"],
      ];
      for (const [mode, db, shown] of modes) {
        await publish(source, { mode });
        await isLive(early);
        await early.waitForFunction((start) => document.body.dataset.mode?.startsWith(start), shown);
        const late = await world.page("/player/modes?transport=websocket");
        await isLive(late);
        expect([mode, await agree(source, early, db)]).toEqual([mode, expect.any(Number)]);
        expect(await agree(source, early, db)).toBeGreaterThanOrEqual(db);
        expect(await agree(source, late, db)).toBeGreaterThanOrEqual(db);
        await late.context().close();
        await stop(source);
        await waitBody(early, "state", "ended");
      }
      expect(world.errors).toEqual([]);
    },
    3 * slow,
  );

  test(
    "a stalled player holds up nobody and catches up",
    async () => {
      const source = await world.page("/publish/stall?transport=websocket");
      const [good, bad] = [
        await world.page("/player/stall?transport=websocket"),
        await world.page("/player/stall?transport=websocket"),
      ];
      await publish(source, { mode: "delta", size: "640x360" });
      await isLive(good);
      await isLive(bad);
      const before = await counts(good);
      const stalled = bad.evaluate(() => {
        for (const end = performance.now() + 4000; performance.now() < end; );
      });
      await until("ten more pictures", async () => (await counts(good)).websocket >= before.websocket + 10);
      await stalled;
      expect(await agree(source, good)).toBe(exact);
      expect(await agree(source, bad)).toBe(exact);
    },
    slow,
  );

  test(
    "both ends come back after the relay's restart",
    async () => {
      const source = await world.page("/publish/again?transport=websocket");
      const player = await world.page("/player/again?transport=websocket");
      await publish(source, { mode: "delta" });
      await isLive(player);
      // It may be over in a second.
      const retrying = waitBody(player, "state", "retrying");
      const closing = world.restartRelay();
      await retrying;
      expect(await player.isVisible("#banner")).toBe(true);
      await closing;
      await isLive(player);
      await isLive(source);
      expect(await agree(source, player)).toBe(exact);
    },
    slow,
  );

  test(
    "without a decoder the player says so and shows stills",
    async () => {
      const source = await world.page("/publish/plain");
      await publish(source, { mode: "h264" });
      const player = await world.page("/player/plain", {}, "delete globalThis.VideoDecoder;");
      await waitBody(player, "state", "no-decoder");
      expect(await player.textContent("#card-title")).toContain("H.264 cannot be decoded here");
      await waitBody(player, "picture", "shown");
      await waitBody(player, "mode", "Stills (JPEG), in place of video");
      expect(await player.textContent("#banner")).toContain("Still pictures are shown instead");
      const { rgba } = await pixels(player, "#picture");
      expect(new Set(rgba).size).toBeGreaterThan(20);
    },
    slow,
  );

  test(
    "signals are drawn and listed, shapes are computed",
    async () => {
      const source = await world.page("/publish/state");
      await publish(source, { content: "signal" });
      const player = await world.page("/player/state");
      await isLive(player);
      await waitBody(player, "mode", "Signals");
      await player.click("#signals-toggle");
      await player.waitForFunction(() =>
        /cello[\s\S]*radius|cello[\s\S]*hue/.test(document.querySelector("#signal-tree")?.textContent ?? ""),
      );
      await source.click("#pause");
      await until("the same scene, drawn at another size", async () => {
        const [sent, seen] = [await scaled(source, "#preview"), await scaled(player, "#picture")];
        return new Set(sent).size > 20 && psnr(sent, seen) > 28;
      });
      await stop(source);
      await waitBody(player, "state", "ended");
      await publish(source, { content: "neural" });
      await player.waitForFunction(() => document.body.dataset.mode?.startsWith("Neural"), undefined, {
        timeout: 20_000,
      });
      expect(await agree(source, player)).toBe(exact);
    },
    slow,
  );

  test(
    "sound is played when asked for",
    async () => {
      const source = await world.page("/publish/sound");
      await publish(source, { content: "signal", sound: "spring", codec: "pcm" });
      const player = await world.page("/player/sound");
      await isLive(player);
      expect((await counts(player)).samples ?? 0).toBe(0);
      await player.click("#sound");
      await until("half a second of sound", async () => (await counts(player)).samples > 24_000);
    },
    slow,
  );

  for (const colorScheme of ["light", "dark"] as const)
    test(
      `both pages fit a phone and can be read, ${colorScheme}`,
      async () => {
        const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, colorScheme };
        for (const path of ["/publish/phone", "/player/phone"]) {
          const page = await world.page(path, phone);
          await page.waitForFunction(() => document.querySelector("#channel")?.textContent === "phone");
          const found = await page.evaluate(() => {
            const channelsOf = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number).slice(0, 3);
            const light = (colour: string) => {
              const [r = 0, g = 0, b = 0] = channelsOf(colour).map((c) => (c / 255) ** 2.2);
              return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const { color, backgroundColor } = getComputedStyle(document.body);
            const [a, b] = [light(color), light(backgroundColor)].sort((x, y) => y - x) as [number, number];
            const unnamed = [...document.querySelectorAll("button, select, input, [role=img], #stage")].filter(
              (node) => !node.textContent?.trim() && !node.ariaLabel && !node.closest("label"),
            );
            const { scrollWidth } = document.documentElement;
            return {
              contrast: (a + 0.05) / (b + 0.05),
              wide: scrollWidth > innerWidth,
              unnamed: unnamed.map((one) => one.id),
            };
          });
          expect(found.contrast).toBeGreaterThan(7);
          expect(found).toMatchObject({ wide: false, unnamed: [] });
        }
      },
      slow,
    );

  test(
    "embedding pages hear of pictures and the end",
    async () => {
      const source = await world.page("/publish/embed");
      await publish(source, { mode: "webp" });
      const outside = await world.page("/publish/other");
      await outside.route("**/around", (route) =>
        route.fulfill({ contentType: "text/html", body: '<!doctype html><iframe src="/player/embed"></iframe>' }),
      );
      await outside.goto(world.url("/around"));
      const heard = (type: string) =>
        outside.evaluate(
          (wanted) =>
            new Promise((done) => {
              addEventListener("message", ({ data }) => {
                if (data.type === wanted) done(data.detail);
              });
            }),
          type,
        );
      expect(await heard("stream_frame")).toMatchObject({ type: "compressedPixels", width: 320, height: 180 });
      const end = heard("stream_end");
      await stop(source);
      expect(await end).toHaveProperty("sequence");
    },
    slow,
  );
});
