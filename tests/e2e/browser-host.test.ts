/**
 * A host's screen watched and clicked in a real browser, by the viewer on its own status page: no relay anywhere. xev tells what
 * really arrived, the canvas what is really shown.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { hasChromium, isLive } from "./browser-world.ts";
import { type Display, Home, onDisplay, openDisplay, type RunningHost, startHost, watchOn } from "./harness.ts";
import { type Child, cleanUp, eventually } from "./processes.ts";

const slow = 60_000;
const size = { width: 640, height: 480 };
let source: Display;
let host: RunningHost;
let events: Child;
let browser: Browser;
let player: Page;
let address: string;

beforeAll(async () => {
  if (!hasChromium) return;
  source = await openDisplay(size.width, size.height);
  await onDisplay(source, "xsetroot", "-solid", "#20a040");
  // Line by line, because a pipe is otherwise filled first.
  events = watchOn(source, "stdbuf", "-oL", "xev", "-geometry", "300x300+0+0");
  await events.until(/MapNotify/);
  const home = new Home();
  host = await startHost(home, "--display", source.name, "--sound", "tone");
  // What a service's journal keeps has no token in it; the owner asks for the address.
  expect(host.child.err).not.toContain("token=");
  address = (await home.tell("key", "show", "--viewer")).trim();
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless=new", "--no-sandbox", "--disable-gpu"],
  });
  player = await (await browser.newContext({ viewport: { width: 1100, height: 720 } })).newPage();
}, slow);
afterAll(() => browser?.close(), slow);
afterAll(cleanUp);

/** [red, green, blue] of what the page shows at a place of the host's screen. */
const shownAt = (page: Page, x: number, y: number): Promise<number[]> =>
  page.evaluate(
    ([left, top]) => {
      const canvas = document.querySelector("#picture") as HTMLCanvasElement;
      return [...(canvas.getContext("2d")?.getImageData(left as number, top as number, 1, 1).data ?? [])].slice(0, 3);
    },
    [x, y],
  );

async function isGreen(page: Page): Promise<boolean> {
  const [red = 0, green = 0, blue = 0] = await shownAt(page, 500, 400);
  return Math.max(Math.abs(red - 0x20), Math.abs(green - 0xa0), Math.abs(blue - 0x40)) < 12;
}

/** Where a place of the host's screen lies in the page. */
async function placeOf(x: number, y: number): Promise<{ x: number; y: number }> {
  const box = await player.locator("#picture").boundingBox();
  if (!box) throw new Error("no picture");
  const scale = Math.min(box.width / size.width, box.height / size.height);
  const [width, height] = [size.width * scale, size.height * scale];
  return { x: box.x + (box.width - width) / 2 + x * scale, y: box.y + (box.height - height) / 2 + y * scale };
}

const event = (kind: string, detail: RegExp, from: number) =>
  events.until(new RegExp(`^${kind} event[^]*?${detail.source}`, "m"), from);

// Without Chromium: install the Debian package chromium.
describe.skipIf(!hasChromium)("a browser on the host's own page", () => {
  test(
    "without the token it sees nothing; with it, the screen",
    async () => {
      const refused = await player.goto(new URL("/player/screen", address).href);
      expect(refused?.status()).toBe(401);
      await player.goto(address);
      await isLive(player);
      expect(player.url()).not.toContain("token");
      await eventually("the colour", () => isGreen(player));
      await host.until("the browser among the peers", ({ peers }) =>
        peers.some(({ name, state }) => name.startsWith("browsers") && state === "connected"),
      );
    },
    slow,
  );

  test(
    "the status page links to the viewer once the token is there, and says how to get it before",
    async () => {
      const status = new URL("/", address).href;
      const context = await browser.newContext();
      const stranger = await context.newPage();
      await stranger.goto(status);
      await stranger.waitForSelector("#viewer code >> text=patchbay key show --viewer");
      expect(await stranger.locator("#viewer a").count()).toBe(0);
      await context.close();
      const own = await player.context().newPage();
      await own.goto(status);
      expect(await own.getAttribute("#viewer a", "href")).toBe("/player/screen");
      if (process.env.SCREENSHOTS)
        await own.screenshot({ path: `${process.env.SCREENSHOTS}/host.png`, fullPage: true });
      await own.close();
    },
    slow,
  );

  test(
    "it hears the host once its person asks for sound, and the host captures only while the browser is there",
    async () => {
      const counts = () => player.evaluate(() => JSON.parse(document.body.dataset.counts ?? "{}"));
      await player.click("#sound");
      await eventually("a second of sound", async () => ((await counts()).samples ?? 0) > 48_000);
      const { sound } = await host.stats();
      expect(sound).toMatchObject({ state: "live", backend: "tone", listeners: 1 });
      expect(sound.drops["send-queue-full"]).toBe(0);
    },
    slow,
  );

  test(
    "a browser that cannot decode video, as on a page without TLS, gets stills",
    async () => {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.addInitScript("delete globalThis.VideoDecoder");
      await page.goto(address);
      await eventually("the colour", () => isGreen(page));
      await context.close();
    },
    slow,
  );

  test(
    "clicks arrive where they were made, keys as they were pressed, and nothing stays down when the page is closed",
    async () => {
      let from = events.out.length;
      const { x, y } = await placeOf(120, 80);
      await player.mouse.move(x, y);
      await player.mouse.click(x, y);
      const [press] = await event("ButtonPress", /root:\(\d+,\d+\),\n.*button 1/, from);
      const [, px, py] = /root:\((\d+),(\d+)\),\n.*button 1/.exec(press) ?? [];
      expect(Math.abs(Number(px) - 120)).toBeLessThanOrEqual(1);
      expect(Math.abs(Number(py) - 80)).toBeLessThanOrEqual(1);
      await event("ButtonRelease", /button 1/, from);
      from = events.out.length;
      await player.keyboard.press("KeyA");
      await event("KeyPress", /keysym 0x61, a\)/, from);
      await player.keyboard.down("KeyB");
      await player.mouse.down({ button: "right" });
      await event("KeyPress", /keysym 0x62, b\)/, from);
      await event("ButtonPress", /button 3/, from);
      await player.close();
      await event("KeyRelease", /keysym 0x62, b\)/, from);
      await event("ButtonRelease", /button 3/, from);
      await host.until("nobody", ({ peers }) => peers.length === 0);
    },
    slow,
  );
});
