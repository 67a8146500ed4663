/** What the player tells about itself: the figures over the picture, the bus of its channel, the whole screen, and how it waits for a relay. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { keepAttempts } from "./browser-hooks.ts";
import { BrowserWorld, hasChromium, isLive, publish, until, waitBody } from "./browser-world.ts";
import { cleanUp } from "./processes.ts";

const slow = 60_000;
let world: BrowserWorld;
beforeAll(async () => {
  if (hasChromium) world = await BrowserWorld.open();
}, slow);
afterEach(() => world?.closePages(), slow);
afterAll(() => world?.close(), slow);
afterAll(cleanUp);

/** The figures as they are shown, by name. */
const figures = (player: Page): Promise<Record<string, string>> =>
  player.evaluate(() => {
    const texts = (tag: string) =>
      [...document.querySelectorAll(`#figures ${tag}`)].map((node) => node.textContent ?? "");
    const values = texts("dd");
    return Object.fromEntries(texts("dt").map((name, i) => [name, values[i] ?? ""]));
  });

const bitsOf = (text = ""): number => {
  const [, amount, unit] = /^([\d.]+) ([kM]?)bit\/s$/.exec(text) ?? [];
  return Number(amount) * ({ k: 1e3, M: 1e6 }[unit ?? ""] ?? 1);
};

/** Kinds of frames whose colours are on the bus's strip. */
const onBus = (player: Page): Promise<string[]> =>
  player.evaluate(() => {
    const strip = document.querySelector("#bus-strip") as HTMLCanvasElement;
    const { data } = (strip.getContext("2d") as CanvasRenderingContext2D).getImageData(0, 0, strip.width, strip.height);
    const words = new Set(new Uint32Array(data.buffer));
    return [...document.querySelectorAll("#bus-legend li")].flatMap((line) => {
      const swatch = line.querySelector("i") as HTMLElement;
      const [r = 0, g = 0, b = 0] = (getComputedStyle(swatch).backgroundColor.match(/\d+/g) ?? []).map(Number);
      return words.has(((255 << 24) | (b << 16) | (g << 8) | r) >>> 0) ? [line.textContent ?? ""] : [];
    });
  });

// Without Chromium: install the Debian package chromium.
describe.skipIf(!hasChromium)("the player's own words", () => {
  test(
    "figures agree with what is sent, each channel's bus has its own frames, the stage fills the screen and back",
    async () => {
      const [source, other] = [await world.page("/publish/told"), await world.page("/publish/other")];
      await publish(source, { mode: "delta", fps: 10, sound: "spring", codec: "pcm" });
      await publish(other, { content: "signal" });
      const player = await world.page("/player/told");
      const signals = await world.page("/player/other");
      await isLive(player);
      await isLive(signals);
      await player.hover("#stage");
      await player.click("#figures-toggle");
      let told: Record<string, string> = {};
      await until("figures of two seconds, with the source's answer about the time", async () => {
        told = await figures(player);
        return /±/.test(told.Age ?? "") && Number.parseFloat(told.Frames ?? "") >= 5;
      });
      expect(told).toMatchObject({ Mode: "Delta", Picture: "320 × 180", Reconnects: "0" });
      // The source sends at most ten a second, and as many bits as it says.
      expect(Number.parseFloat(told.Frames ?? "")).toBeLessThan(15);
      const [, age = "", error = ""] = /^(-?\d+) ± (\d+) ms$/.exec(told.Age ?? "") ?? [];
      expect(Number(age)).toBeGreaterThanOrEqual(-Number(error) - 1);
      expect(Number(age)).toBeLessThan(10_000);
      await until("the bit rate that the source sends", async () => {
        const sent = /Bit rate([\d.]+ [kM]?bit\/s)/.exec((await source.textContent("#figures")) ?? "")?.[1];
        const ratio = bitsOf((await figures(player))["Bit rate"]) / bitsOf(sent);
        return ratio > 0.5 && ratio < 2;
      });
      // Bars lie between pixels now and then; as they move, each is seen whole at some time.
      const wanted = ["Delta", "Input", "Keyframe", "Sound"];
      const [here, there] = [new Set<string>(), new Set<string>()];
      await until("all that is on the two buses", async () => {
        for (const kind of await onBus(player)) here.add(kind);
        for (const kind of await onBus(signals)) there.add(kind);
        return wanted.every((kind) => here.has(kind)) && there.has("Signal");
      }).catch((cause) => {
        throw new Error(`seen: ${[...here]} and ${[...there]}`, { cause });
      });
      expect([...here].filter((kind) => kind !== "Other").sort()).toEqual(wanted);
      expect([...there].filter((kind) => kind !== "Input")).toEqual(["Signal"]);
      await player.click("#bus-toggle");
      expect(await player.isVisible("#bus")).toBe(false);

      await player.click("#fullscreen");
      await player.waitForFunction(() => document.fullscreenElement?.id === "stage");
      expect(await player.evaluate(() => document.activeElement?.id)).toBe("stage");
      const box = await player.locator("#stage").boundingBox();
      const inner = await player.evaluate(() => [innerWidth, innerHeight]);
      expect([box?.width, box?.height]).toEqual(inner);
      await player.keyboard.press("Control+Alt+Shift+KeyF");
      await player.waitForFunction(() => document.fullscreenElement === null);
      for (const page of [source, other, player, signals]) await page.context().close();
      expect(world.errors).toEqual([]);
    },
    slow,
  );

  test(
    "without a relay it tries again after 1, 2, 4, 8, 10 and 10 s, and from 1 s after a good connection",
    async () => {
      const player = await world.page("/player/patient?transport=websocket", {}, keepAttempts);
      // Time stands still from here, and moves only as told.
      await player.clock.install({ time: 0 });
      await player.reload();
      await waitBody(player, "state", "waiting");
      await player.clock.pauseAt(60_000);
      const count = (): Promise<{ begun: number; gone: number }> => player.evaluate("({ begun, gone })");
      const loses = async (seconds: number) => {
        await until("the loss", async () => {
          const { begun, gone } = await count();
          return begun === gone;
        });
        expect(await player.textContent("#card-text")).toBe(`Trying again in ${seconds} s.`);
      };
      const waits = async (seconds: number) => {
        await loses(seconds);
        const { begun } = await count();
        await player.clock.runFor(seconds * 1000 - 1);
        expect((await count()).begun).toBe(begun);
        await player.clock.runFor(1);
        expect((await count()).begun).toBe(begun + 1);
      };
      const { again } = await world.relay.stop();
      for (const seconds of [1, 2, 4, 8, 10, 10]) await waits(seconds);
      await loses(10);
      world.relay = await again();
      await player.clock.runFor(10_000);
      await waitBody(player, "state", "waiting");
      await player.click("#figures-toggle");
      await player.clock.runFor(4000);
      expect(await figures(player)).toMatchObject({ Reconnects: "1" });
      const stopped = await world.relay.stop();
      await waits(1);
      world.relay = await stopped.again();
    },
    slow,
  );
});
