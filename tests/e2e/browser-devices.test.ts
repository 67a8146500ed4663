/**
 * Devices that a person may hold before the player, byte by byte as they come to the publisher's page: gamepad and MIDI by stand-ins,
 * a real pointer lock, real fingers. What is held is let go when the person turns away.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { decodeFrame, type InputMessage } from "../../src/wire/ds.ts";
import { gamepadStandIn, keepInputs, midiStandIn } from "./browser-hooks.ts";
import { BrowserWorld, hasChromium, isLive, publish, until } from "./browser-world.ts";
import { cleanUp } from "./processes.ts";

const slow = 60_000;
let world: BrowserWorld;
let source: Page;
let player: Page;
beforeAll(async () => {
  if (!hasChromium) return;
  world = await BrowserWorld.open();
  source = await world.page("/publish/devices", {}, keepInputs);
  await publish(source, { mode: "delta" });
  player = await world.page("/player/devices", {}, gamepadStandIn + midiStandIn);
  await isLive(player);
}, slow);
afterAll(() => world?.close(), slow);
afterAll(cleanUp);

type Named = { name: InputMessage["name"] } & Record<string, unknown>;

/** What came since the last call of clear(), as names and fields. */
async function came(): Promise<Named[]> {
  const all = await source.evaluate(() => (globalThis as unknown as { cameIn: number[][] }).cameIn);
  return all.map((bytes) => {
    const event = decodeFrame(new Uint8Array(bytes));
    if (!event.ok || event.value.kind !== "input") throw new Error("no input event");
    return { name: event.value.name, ...event.value.fields };
  });
}
const clear = () => source.evaluate(() => (globalThis as unknown as { cameIn: number[][] }).cameIn.splice(0));

/** Forgets what was done before, also what is still on its way: a key pressed last comes last. */
async function settle(): Promise<void> {
  await clear();
  await player.keyboard.press("KeyY");
  await next(1, "keyUp");
  await clear();
}

/** Waits until so many events of some kinds came, and returns those. */
async function next(count: number, ...names: string[]): Promise<Named[]> {
  let got: Named[] = [];
  await until(`${count} of ${names}`, async () => {
    got = (await came()).filter(({ name }) => names.includes(name));
    return got.length >= count;
  });
  return got;
}

const middle = async () => {
  const box = await player.locator("#stage").boundingBox();
  if (!box) throw new Error("no stage");
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
};
const signed = (value: unknown) => ((value as number) << 16) >> 16;
const run = (script: string) => player.evaluate(script);

// Without Chromium: install the Debian package chromium.
describe.skipIf(!hasChromium)("devices", () => {
  test(
    "a gamepad's sticks and buttons, and all of it let go on blur and when it is unplugged",
    async () => {
      await clear();
      await run("plugPad(); padStandIn.axes = [0, -0.5, 1, 0.001]; padStandIn.buttons[7].value = 0.25");
      expect(await next(3, "gamepadAxis", "gamepadButton")).toEqual([
        { name: "gamepadAxis", pad: 1, axis: 1, value: Math.round(-0.5 * 32_767) },
        { name: "gamepadAxis", pad: 1, axis: 2, value: 32_767 },
        { name: "gamepadButton", pad: 1, button: 7, value: 16_384 },
      ]);
      await clear();
      // The pad itself still holds; without the focus nobody asks it.
      await run("document.hasFocus = () => false; dispatchEvent(new Event('blur'))");
      expect(await next(3, "gamepadAxis", "gamepadButton")).toEqual([
        { name: "gamepadAxis", pad: 1, axis: 1, value: 0 },
        { name: "gamepadAxis", pad: 1, axis: 2, value: 0 },
        { name: "gamepadButton", pad: 1, button: 7, value: 0 },
      ]);
      await clear();
      await run("delete document.hasFocus; padStandIn.axes = [0, 0, 0, 0]");
      expect(await next(1, "gamepadButton")).toMatchObject([{ button: 7, value: 16_384 }]);
      await clear();
      await run("unplugPad()");
      expect(await next(1, "gamepadButton")).toMatchObject([{ button: 7, value: 0 }]);
    },
    slow,
  );

  test(
    "MIDI messages as they are, and what sounds is ended when it is turned off",
    async () => {
      await player.click("#midi");
      await player.waitForSelector("#midi[aria-pressed=true]");
      await clear();
      await run("midiStandIn(0x91, 60, 100); midiStandIn(0x91, 64, 90); midiStandIn(0x81, 64, 0)");
      await run(
        "midiStandIn(0xe1, 0, 127); midiStandIn(0xf8); midiStandIn(0xf0, 1, 2, 0xf7); midiStandIn(0xb1, 64, 127)",
      );
      const played = (await next(6, "midi")).map(({ status, data1, data2 }) => [status, data1, data2]);
      expect(played).toEqual([
        [0x91, 60, 100],
        [0x91, 64, 90],
        [0x81, 64, 0],
        [0xe1, 0, 127],
        [0xf8, 0, 0],
        [0xb1, 64, 127],
      ]);
      await clear();
      await player.click("#midi");
      const ended = (await next(2, "midi")).map(({ status, data1, data2 }) => [status, data1, data2]);
      expect(ended).toEqual([
        [0x81, 60, 0],
        [0xb1, 64, 0],
      ]);
      await clear();
      await run("midiStandIn(0x90, 1, 1)");
      await player.focus("#stage");
      await player.keyboard.press("KeyX");
      await next(1, "keyUp");
      expect((await came()).filter(({ name }) => name === "midi")).toEqual([]);
    },
    slow,
  );

  test(
    "a locked pointer sends how far it moved, all of it, and buttons without a place",
    async () => {
      const { x, y } = await middle();
      await player.mouse.move(x, y);
      await player.click("#lock");
      await player.waitForFunction(() => document.pointerLockElement?.id === "stage");
      await player.mouse.move(x, y);
      await settle();
      for (let i = 1; i <= 30; i++) await player.mouse.move(x + 3 * i, y - i);
      await player.mouse.down();
      await player.mouse.up();
      await next(1, "pointerUp");
      const events = await came();
      expect(events.every(({ mode }) => mode === 1)).toBe(true);
      const moves = events.filter(({ name }) => name === "pointer");
      expect(moves.reduce((sum, move) => sum + signed(move.x), 0)).toBe(90);
      expect(moves.reduce((sum, move) => sum + signed(move.y), 0)).toBe(-30);
      expect(events.filter(({ name }) => name !== "pointer")).toMatchObject([
        { name: "pointerDown", x: 0, y: 0, buttons: 1 },
        { name: "pointerUp", x: 0, y: 0, buttons: 1 },
      ]);
      await player.keyboard.press("Control+Alt+Shift+KeyM");
      await player.waitForFunction(() => document.pointerLockElement === null);
      await settle();
      await player.mouse.move(x + 10, y);
      expect(await next(1, "pointer")).toMatchObject([{ mode: 0 }]);
    },
    slow,
  );

  test(
    "two fingers drag, each with its number; one that the system takes away is cancelled",
    async () => {
      const touched = await world.page("/player/devices", { hasTouch: true });
      await isLive(touched);
      const { x, y } = await middle();
      const cdp = await touched.context().newCDPSession(touched);
      const touch = (
        type: "touchStart" | "touchMove" | "touchEnd" | "touchCancel",
        points: [number, number, number][],
      ) =>
        cdp.send("Input.dispatchTouchEvent", {
          type,
          touchPoints: points.map(([px, py, id]) => ({ x: px, y: py, id })),
        });
      await clear();
      await touch("touchStart", [[x, y, 5]]);
      await touch("touchStart", [
        [x, y, 5],
        [x - 60, y, 6],
      ]);
      await touch("touchMove", [
        [x + 40, y + 20, 5],
        [x - 60, y, 6],
      ]);
      await touch("touchEnd", [[x + 40, y + 20, 5]]);
      await next(1, "touchEnd");
      const events = (await came()).filter(({ name }) => name !== "resize");
      expect(events.map(({ name, id }) => `${name} ${id}`)).toEqual(["touch 0", "touch 1", "touch 0", "touchEnd 0"]);
      const [start, , moved] = events;
      expect(Math.abs((start?.x as number) - 32_768)).toBeLessThan(200);
      expect(moved?.x as number).toBeGreaterThan((start?.x as number) + 1000);
      expect(moved?.y as number).toBeGreaterThan((start?.y as number) + 500);
      await touch("touchCancel", []);
      expect((await next(2, "touchEnd"))[1]).toMatchObject({ id: 1, ending: 1 });
    },
    slow,
  );

  test(
    "the wheel both ways, in notches of 120, parts kept",
    async () => {
      const { x, y } = await middle();
      await player.mouse.move(x, y);
      await clear();
      for (let i = 0; i < 8; i++) await player.mouse.wheel(-25, 12.5);
      await until("two notches and one", async () => {
        const turned = (await came()).filter(({ name }) => name === "scroll");
        const sum = (key: string) => turned.reduce((all, one) => all + (one[key] as number), 0);
        return sum("dx") === -240 && sum("dy") === 120;
      });
    },
    slow,
  );

  test(
    "keys held are let go when the window loses the focus, and once only",
    async () => {
      await player.focus("#stage");
      await clear();
      for (const key of ["ShiftLeft", "KeyW", "KeyD"]) await player.keyboard.down(key);
      await next(3, "keyDown");
      await run("dispatchEvent(new Event('blur'))");
      await next(3, "keyUp");
      for (const key of ["KeyD", "KeyW", "ShiftLeft"]) await player.keyboard.up(key);
      await player.keyboard.press("KeyQ");
      const ups = await next(4, "keyUp");
      expect(ups.map(({ code }) => code)).toEqual([42, 17, 32, 16]);
      expect(world.errors).toEqual([]);
    },
    slow,
  );
});
