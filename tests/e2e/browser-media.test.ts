/**
 * What a publisher's machine has, as it comes out at a player: a microphone that plays a known tone, the browser's test camera, and the
 * real screen of a private X server, changed while it is watched. The publisher of the screen is a browser with a window.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { keepSound } from "./browser-hooks.ts";
import {
  agree,
  BrowserWorld,
  counts,
  hasChromium,
  isLive,
  openBrowser,
  pixels,
  publish,
  until,
  waitBody,
} from "./browser-world.ts";
import { type Display, onDisplay, openDisplay, temporaryFolder } from "./harness.ts";
import { cleanUp } from "./processes.ts";

const slow = 60_000;
const toneHz = 1000;
const rate = 48_000;
let world: BrowserWorld;

/** One second of a tone, which Chromium plays to the microphone again and again. */
async function toneFile(): Promise<string> {
  const samples = Int16Array.from({ length: rate }, (_, i) => 12_000 * Math.sin((2 * Math.PI * toneHz * i) / rate));
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + samples.byteLength, 4);
  head.write("WAVEfmt ", 8);
  // 16 bytes follow: PCM, one channel, samples and bytes a second, bytes and bits a sample.
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(2 * rate, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(samples.byteLength, 40);
  const path = join(temporaryFolder(), "tone.wav");
  await Bun.write(path, Buffer.concat([head, Buffer.from(samples.buffer)]));
  return path;
}

beforeAll(async () => {
  if (hasChromium) world = await BrowserWorld.open(`--use-file-for-fake-audio-capture=${await toneFile()}`);
}, slow);
afterEach(() => world?.closePages(), slow);
afterAll(() => world?.close(), slow);
afterAll(cleanUp);

const loudest = (player: Page): Promise<{ hz: number; db: number }> => player.evaluate("loudest()");

// Without Chromium: install the Debian package chromium.
describe.skipIf(!hasChromium)("media", () => {
  test(
    "a tone in the microphone is heard at the player",
    async () => {
      const source = await world.page("/publish/voice");
      await publish(source, { content: "signal", sound: "microphone", codec: "opus" });
      const player = await world.page("/player/voice", {}, keepSound);
      await isLive(player);
      await player.click("#sound");
      await until("the tone", async () => {
        const { hz, db } = await loudest(player);
        return db > -60 && Math.abs(hz - toneHz) < 20;
      });
      // The page tells its figures once a second.
      await until("played samples", async () => (await counts(player)).samples > 0);
      await player.click("#sound");
      expect(await player.textContent("#sound")).toBe("Sound off");
      for (const page of [source, player]) await page.context().close();
      expect(world.errors).toEqual([]);
    },
    slow,
  );

  test(
    "the camera is seen, exactly as delta and closely as H.264; a pause holds the picture, for late players too",
    async () => {
      const source = await world.page("/publish/camera");
      const player = await world.page("/player/camera");
      for (const [mode, db] of [
        ["delta", Number.POSITIVE_INFINITY],
        ["h264", 28],
      ] as const) {
        await publish(source, { content: "camera", mode });
        await isLive(player);
        expect(await agree(source, player, db)).toBeGreaterThanOrEqual(db);
        const late = await world.page("/player/camera?transport=websocket");
        await isLive(late);
        expect(await agree(source, late, db)).toBeGreaterThanOrEqual(db);
        const { rgba } = await pixels(late, "#picture");
        expect(new Set(rgba).size).toBeGreaterThan(3);
        await late.context().close();
        await source.click("#start");
        await waitBody(player, "state", "ended");
      }
      for (const page of [source, player]) await page.context().close();
      expect(world.errors).toEqual([]);
    },
    slow,
  );

  describe("the screen", () => {
    let display: Display;
    let headed: Browser;
    beforeAll(async () => {
      if (!hasChromium) return;
      display = await openDisplay(1280, 720);
      await onDisplay(display, "xsetroot", "-solid", "#20a040");
      // Beside the screen, so that the publisher's own figures do not move on it.
      headed = await openBrowser(["--window-size=500,400", "--window-position=1400,800"], display.name);
    }, slow);
    afterAll(() => headed?.close(), slow);

    /** The colour at the lower right, where neither the pointer nor the browser's own bar is. */
    const shows = (player: Page, red: number, green: number, blue: number) =>
      until("the colour", async () => {
        const { width, height, rgba } = await pixels(player, "#picture");
        if (width !== 640) return false;
        const at = 4 * (Math.round(height * 0.95) * width + Math.round(width * 0.95));
        return [red, green, blue].every((value, k) => Math.abs(value - (rgba[at + k] as number)) < 12);
      });

    test(
      "is seen, and what changes on it; who comes while it stands still gets it whole, with a decoder or without",
      async () => {
        const source = await (await headed.newContext({ viewport: null })).newPage();
        await source.goto(world.url("/publish/screen"));
        await publish(source, { content: "screen", mode: "h264", size: "640x360" });
        const player = await world.page("/player/screen");
        await shows(player, 0x20, 0xa0, 0x40);
        await onDisplay(display, "xsetroot", "-solid", "#3050d0");
        await shows(player, 0x30, 0x50, 0xd0);
        const late = await world.page("/player/screen?transport=websocket");
        await shows(late, 0x30, 0x50, 0xd0);
        const plain = await world.page("/player/screen", {}, "delete globalThis.VideoDecoder;");
        await waitBody(plain, "state", "no-decoder");
        await shows(plain, 0x30, 0x50, 0xd0);
        await source.click("#start");
        await waitBody(player, "state", "ended");
        expect(world.errors).toEqual([]);
      },
      slow,
    );
  });
});
