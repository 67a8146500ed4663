/** What a person does before the player arrives at the publisher's page: pointer, keys, wheel, touch; everything is let go on blur. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { BrowserWorld, hasChromium, isLive, publish, seesInput } from "./browser-world.ts";
import { cleanUp } from "./processes.ts";

const slow = 60_000;
let world: BrowserWorld;
beforeAll(async () => {
  if (hasChromium) world = await BrowserWorld.open();
}, slow);
afterAll(() => world?.close(), slow);
afterAll(cleanUp);

// Without Chromium: install the Debian package chromium.
describe.skipIf(!hasChromium)("input from a player", () => {
  let source: Page;
  let player: Page;
  beforeAll(async () => {
    if (!hasChromium) return;
    source = await world.page("/publish/hands");
    await publish(source, { mode: "delta" });
    player = await world.page("/player/hands", { hasTouch: true });
    await isLive(player);
  }, slow);

  const middle = async () => {
    const box = await player.locator("#stage").boundingBox();
    if (!box) throw new Error("no stage");
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };

  test(
    "pointer and buttons, in parts of the picture",
    async () => {
      const { x, y } = await middle();
      await player.mouse.move(x, y);
      await player.mouse.down({ button: "right" });
      await seesInput(source, "pointerDown at 50.0 %, 50.0 % buttons 2");
      await player.mouse.move(x + 40, y);
      await player.mouse.up({ button: "right" });
      await seesInput(source, "buttons 2");
      await player.mouse.wheel(0, 100);
      await seesInput(source, "scroll dx 0 dy 120");
    },
    slow,
  );

  test(
    "keys by their place, with modifiers; the player's own chord stays here",
    async () => {
      await player.focus("#stage");
      await player.keyboard.down("Shift");
      await player.keyboard.press("KeyA");
      await player.keyboard.up("Shift");
      await seesInput(source, "keyDown KeyA (30) modifiers 1");
      await seesInput(source, "keyUp ShiftLeft (42)");
      await player.keyboard.press("Tab");
      await seesInput(source, "keyDown Tab (15)");
      expect(await player.evaluate(() => document.activeElement?.id)).toBe("stage");
      await player.keyboard.press("Control+Alt+Shift+KeyQ");
      expect(await player.evaluate(() => document.activeElement?.id)).toBe("control");
      const lines = await source.locator("#inputs li").allTextContents();
      expect(lines.filter((line) => line.includes("KeyQ"))).toEqual([]);
    },
    slow,
  );

  test(
    "what is held is let go when the picture loses the focus",
    async () => {
      await player.focus("#stage");
      await player.keyboard.down("KeyW");
      await seesInput(source, "keyDown KeyW");
      await player.focus("#bus-toggle");
      await seesInput(source, "keyUp KeyW");
      await player.keyboard.up("KeyW");
    },
    slow,
  );

  test(
    "fingers",
    async () => {
      const { x, y } = await middle();
      await player.touchscreen.tap(x, y);
      await seesInput(source, "touch 0 at 50.0 %, 50.0 %");
      await seesInput(source, "touchEnd id 0 ending 0");
    },
    slow,
  );

  test(
    "nothing is sent while control is off",
    async () => {
      await player.click("#control");
      const before = await source.locator("#inputs li").count();
      await player.focus("#stage");
      await player.keyboard.press("KeyZ");
      await player.click("#control");
      await player.focus("#stage");
      await player.keyboard.press("KeyX");
      await seesInput(source, "keyUp KeyX");
      expect(await source.locator("#inputs li").count()).toBeGreaterThan(before);
      expect((await source.locator("#inputs li").allTextContents()).filter((line) => line.includes("KeyZ"))).toEqual(
        [],
      );
      expect(world.errors).toEqual([]);
    },
    slow,
  );
});
