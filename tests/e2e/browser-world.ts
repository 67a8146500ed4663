/**
 * The built executable's relay and a headless Chromium for the tests of the pages: opens pages, watches them for errors, reads what
 * their canvases show. Browser and relay are closed by close(), files and what is left by cleanUp.
 */
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { Home } from "./harness.ts";
import type { Child } from "./processes.ts";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
  "--autoplay-policy=no-user-gesture-required",
  "--auto-select-desktop-capture-source=Entire screen",
];

/** With the browser's own test camera and microphone, which would stand in for the screen as well. */
const headless = ["--headless=new", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

/** Without a head unless `headed` names a display. */
export const openBrowser = (more: readonly string[] = [], headed?: string): Promise<Browser> =>
  chromium.launch({
    executablePath: "/usr/bin/chromium",
    headless: headed === undefined,
    args: [...flags, ...(headed === undefined ? headless : []), ...more],
    env: headed === undefined ? undefined : { ...process.env, DISPLAY: headed },
  });

export const hasChromium = Bun.which("chromium") !== null;

/** The built executable's relay, open to this machine as by default. */
export class OpenRelay {
  readonly #home: Home;
  readonly child: Child;
  readonly port: number;

  private constructor(home: Home, child: Child, port: number) {
    this.#home = home;
    this.child = child;
    this.port = port;
  }

  static async start(home = new Home(), port = 0): Promise<OpenRelay> {
    const child = home.start(["relay", "--listen", `127.0.0.1:${port}`]);
    const [, found] = await child.until(/publish to +ws:\/\/\S+:(\d+)\/source/);
    await child.until(/shows what is on/);
    return new OpenRelay(home, child, Number(found));
  }

  /** Ends it with its farewells; `again` is the same one later. */
  async stop(): Promise<{ again: () => Promise<OpenRelay> }> {
    await this.child.interrupt();
    return { again: () => OpenRelay.start(this.#home, this.port) };
  }
}

export class BrowserWorld {
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];
  readonly errors: string[] = [];
  relay: OpenRelay;

  private constructor(browser: Browser, relay: OpenRelay) {
    this.#browser = browser;
    this.relay = relay;
  }

  static async open(...more: string[]): Promise<BrowserWorld> {
    const relay = await OpenRelay.start();
    return new BrowserWorld(await openBrowser(more), relay);
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.relay.port}${path}`;
  }

  /** Each page in a context of its own, so that all count as being seen. */
  async page(path: string, options: Parameters<Browser["newContext"]>[0] = {}, script?: string): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1100, height: 720 }, ...options });
    this.#contexts.push(context);
    const page = await context.newPage();
    if (script !== undefined) await page.addInitScript(script);
    page.on("pageerror", (error) => this.errors.push(`${path}: ${error.message}`));
    page.on("console", (message) => {
      // A socket that finds no relay is reported by the browser itself.
      if (message.type() === "error" && !/WebSocket connection|ERR_/.test(message.text()))
        this.errors.push(`${path}: ${message.text()}`);
    });
    await page.goto(this.url(path));
    return page;
  }

  async restartRelay(): Promise<void> {
    const { again } = await this.relay.stop();
    this.relay = await again();
  }

  /** After a test whose pages nobody looks at any more: they would go on drawing. */
  async closePages(): Promise<void> {
    for (const context of this.#contexts.splice(0)) await context.close();
  }

  async close(): Promise<void> {
    await this.closePages();
    await this.#browser.close();
    await this.relay.stop();
  }
}

export interface Publishing {
  readonly content?: "demo" | "screen" | "camera" | "signal" | "neural";
  readonly mode?: string;
  readonly size?: string;
  readonly fps?: number;
  readonly sound?: string;
  readonly codec?: string;
}

/** Fills the publisher's form and starts. */
export async function publish(page: Page, wanted: Publishing): Promise<void> {
  const { content = "demo", mode = "delta", size = "320x180", fps = 15, sound = "none", codec = "opus" } = wanted;
  await page.check(`input[name="content"][value="${content}"]`, { force: true });
  if (content !== "signal" && content !== "neural") {
    await page.selectOption("#mode", mode);
    await page.selectOption("#size", size);
    await page.fill("#fps", String(fps));
  }
  await page.selectOption("#sound", sound);
  await page.selectOption("#codec", codec);
  await page.click("#start");
  await page.waitForSelector("body[data-state=live]", { timeout: 8000 });
}

export const isLive = (page: Page): Promise<unknown> =>
  page.waitForSelector('body[data-state="live"]', { timeout: 15_000 });

/** Width, height and the pixels of a canvas, RGBA. */
export async function pixels(page: Page, canvas: string): Promise<{ width: number; height: number; rgba: Uint8Array }> {
  const got = await page.evaluate((selector) => {
    const node = document.querySelector(selector) as HTMLCanvasElement;
    const context = node.getContext("2d") as CanvasRenderingContext2D;
    const { data } = context.getImageData(0, 0, node.width, node.height);
    let text = "";
    for (let at = 0; at < data.length; at += 32_768) text += String.fromCharCode(...data.subarray(at, at + 32_768));
    return { width: node.width, height: node.height, text: btoa(text) };
  }, canvas);
  return { width: got.width, height: got.height, rgba: new Uint8Array(Buffer.from(got.text, "base64")) };
}

/** Holds the source still and waits until the player shows its picture, at least so well; returns how well. */
export async function agree(source: Page, player: Page, db = Number.POSITIVE_INFINITY): Promise<number> {
  if ((await source.getAttribute("#pause", "aria-pressed")) === "false") await source.click("#pause");
  let best = 0;
  for (const end = performance.now() + 15_000; performance.now() < end; await Bun.sleep(100)) {
    const [sent, seen] = [await pixels(source, "#preview"), await pixels(player, "#picture")];
    if (sent.width === seen.width && sent.height === seen.height) best = psnr(sent.rgba, seen.rgba);
    if (best >= db) break;
  }
  return best;
}

/** Waits for a line of the publisher's list of inputs. */
export const seesInput = (source: Page, line: string): Promise<unknown> =>
  source.waitForFunction(
    (wanted) => [...document.querySelectorAll("#inputs li")].some((node) => node.textContent?.includes(wanted)),
    line,
    { timeout: 10_000 },
  );

/** Waits until a page's body says so. */
export const waitBody = (page: Page, key: string, value: string, timeout = 20_000): Promise<unknown> =>
  page.waitForSelector(`body[data-${key}="${value}"]`, { timeout });

export interface Counts {
  readonly websocket: number;
  readonly webrtc: number;
  readonly duplicates: number;
  readonly samples: number;
}

/** What the player counted until now. */
export const counts = async (player: Page): Promise<Counts> =>
  JSON.parse((await player.getAttribute("body", "data-counts")) ?? "{}") as Counts;

export async function until(what: string, isSo: () => Promise<boolean>, ms = 20_000): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end; await Bun.sleep(100)) if (await isSo()) return;
  throw new Error(`${what} did not come about`);
}

/** Peak signal to noise ratio of two pictures of the same size, in dB; alpha is not looked at. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) throw new RangeError(`pictures of ${a.length} and ${b.length} bytes`);
  let sum = 0;
  for (let at = 0; at < a.length; at++) if (at % 4 !== 3) sum += ((a[at] as number) - (b[at] as number)) ** 2;
  const mean = sum / ((a.length / 4) * 3);
  return mean === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(255 ** 2 / mean);
}
