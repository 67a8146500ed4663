/**
 * The relay's status page in a real browser: the built executable with a source and receivers on real sockets, whose numbers the page
 * shows and keeps up with; keys alone are enough to use it; a relay with keys tells nothing to those without. With
 * SCREENSHOTS=FOLDER it leaves pictures of the page there, light and dark.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { openStore } from "../../src/store/database.ts";
import { createRelayKey, recordRelayMinutes } from "../../src/store/relay.ts";
import { buildCompressedPixels, buildOpus, buildPixels } from "../../src/wire/ds.ts";
import { Broker } from "./broker.ts";
import { hasChromium } from "./browser-world.ts";
import { cleanUp } from "./processes.ts";
import { type Client, freshHome, RelayProcess } from "./relay-clients.ts";

const slow = 60_000;
const pictures = process.env.SCREENSHOTS;
const accessUnit = new Uint8Array(20_000);
accessUnit.set([0, 0, 0, 1, 0x65]);

let browser: Browser;
let relay: RelayProcess;
let source: Client;
let sending: ReturnType<typeof setInterval>;
const errors: string[] = [];

/** An hour of history, with a hole in it. */
function storeHistory(home: string): void {
  const opened = openStore({ folder: join(home, "patchbay") });
  if (!opened.ok) throw new Error(opened.message);
  const nowMs = Date.now();
  const minutes = Array.from({ length: 55 }, (_, i) => 55 - i).filter((ago) => ago < 25 || ago > 31);
  recordRelayMinutes(
    opened.value,
    minutes.map((ago) => ({
      atMs: nowMs - ago * 60_000,
      channel: "desk",
      seconds: 60,
      frames: 3600,
      bytes: Math.round(2e7 * (1.2 + Math.sin(ago / 5))),
      inputs: 3,
      leftOut: ago % 17 === 0 ? 40 : 0,
      receivers: 2 + Math.round(2 * Math.sin(ago / 9)),
      sources: 1,
    })),
  );
  opened.value.close();
}

function send(n: number): void {
  source.send(buildCompressedPixels(n & 0xffff, n * 16, 1280, 720, "h264", accessUnit, n % 60 === 0));
  source.send(buildOpus(n & 0xffff, n * 16, 48_000, 2, 960, new Uint8Array(120)));
}

async function openPage(url: string, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/401|ERR_/.test(message.text())) errors.push(message.text());
  });
  await page.goto(url);
  return page;
}

const text = async (page: Page, selector: string): Promise<string> => (await page.textContent(selector)) ?? "";
const figure = async (page: Page, selector: string): Promise<number> =>
  Number((await text(page, selector)).replaceAll(",", "").replace(/[^\d.].*$/, ""));
/** Until the text of an element is what is wanted; the page itself tells, at its next reading. */
const says = (page: Page, selector: string, pattern: RegExp): Promise<unknown> =>
  page.waitForFunction(
    ([where, what]) => new RegExp(what as string).test(document.querySelector(where as string)?.textContent ?? ""),
    [selector, pattern.source],
    { timeout: 20_000 },
  );

beforeAll(async () => {
  if (!hasChromium) return;
  const home = freshHome();
  storeHistory(home);
  relay = await RelayProcess.start(["--keepalive", "1"], home);
  source = await relay.open("/source/desk");
  await relay.open("/stream/desk");
  await relay.open("/stream/desk");
  await relay.open("/source/lab/empty");
  let n = 0;
  sending = setInterval(() => send(n++), 16);
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless=new", "--no-sandbox", "--disable-gpu"],
  });
}, slow);
afterAll(async () => {
  clearInterval(sending);
  await browser?.close();
}, slow);
afterAll(cleanUp, slow);

// Without Chromium: install the Debian package chromium.
describe.skipIf(!hasChromium)("the relay's page", () => {
  test(
    "shows the numbers of the whole and of each channel, and they change",
    async () => {
      const page = await openPage(relay.url("/"));
      await says(page, "#state", /^Live$/);
      await says(page, "#whole", /Sources2Receivers2/);
      await says(page, "#channels tr[data-live=yes]:has([data-channel=desk])", /H\.264 1280 × 720, Opus/);
      await says(page, "#in", /^[1-9][\d.]*$/);
      await says(page, "#latency", /^\d+\.\d+$/);
      const before = await figure(page, "#channels tr:has([data-channel=desk]) td:nth-child(5)");
      expect(before).toBe(2);
      await relay.open("/stream/desk");
      await says(page, "#channels tr:has([data-channel=desk]) td:nth-child(5)", /^3 of 64$/);
      const { transport } = await relay.stats();
      expect(transport.latencyCount).toBeGreaterThan(0);
      await page.context().close();
    },
    slow,
  );

  test(
    "is used with keys alone: open a channel, read its history, choose a day, close it",
    async () => {
      const page = await openPage(relay.url("/"));
      await says(page, "#channels", /desk/);
      for (let presses = 0; presses < 20; presses++) {
        await page.keyboard.press("Tab");
        if ((await page.evaluate(() => (document.activeElement as HTMLElement).dataset.channel)) === "desk") break;
      }
      await page.keyboard.press("Enter");
      await page.waitForSelector("#detail:focus");
      expect(await text(page, "#detail-title")).toBe("desk");
      expect(page.url()).toEndWith("#channel=desk");
      await says(page, "#facts", /Source127\.0\.0\.1 for .*round trip [\d.]+ ms/);
      await says(page, "#receivers tbody", /127\.0\.0\.1.*ms/);
      expect(await page.getAttribute("#watch", "href")).toBe("/player/desk");
      // A row is the same row after the next reading, so what has the focus keeps it.
      await page.waitForSelector("#history svg");
      await page.focus("#history svg");
      await page.keyboard.press("ArrowLeft");
      const newest = await page.getAttribute("#history svg", "aria-valuetext");
      expect(newest).toMatch(/^\d\d:\d\d: [\d.]+ Mbit\/s, 3,600 messages, \d receivers?/);
      await page.keyboard.press("ArrowLeft");
      expect(await page.getAttribute("#history svg", "aria-valuetext")).not.toBe(newest);
      // The hour has a hole, and so has its line.
      expect(await page.locator("#history path.rate").count()).toBe(2);
      await page.focus('#spans [data-minutes="1440"]');
      await page.keyboard.press("Space");
      await page.waitForSelector('#spans [data-minutes="1440"][aria-pressed=true]');
      await page.keyboard.press("Escape");
      await page.waitForSelector("#detail", { state: "hidden" });
      expect(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.channel)).toBe("desk");
      await page.context().close();
    },
    slow,
  );

  test(
    "light, dark and narrow",
    async () => {
      for (const [name, options] of [
        ["light", { colorScheme: "light" }],
        ["dark", { colorScheme: "dark" }],
        ["narrow", { viewport: { width: 390, height: 800 } }],
      ] as const) {
        const page = await openPage(relay.url("/#channel=desk"), options);
        await page.waitForSelector("#history svg");
        await says(page, "#in", /^[1-9][\d.]*$/);
        const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        expect([name, (wide as number) <= (shown as number)]).toEqual([name, true]);
        if (pictures !== undefined) {
          await Bun.sleep(3000);
          await page.screenshot({ path: join(pictures, `relay-${name}.png`), fullPage: true });
        }
        await page.context().close();
      }
      expect(errors).toEqual([]);
    },
    slow,
  );

  test(
    "a page of a listed origin embeds the player and hears of each picture; another origin's page may not",
    async () => {
      const embedding = (player: string) => `<!doctype html><script>
        addEventListener("message", ({ data, origin }) => { document.title = data.type + " from " + origin; });
        </script><iframe src="${player}"></iframe>`;
      let page = "";
      const [site, other] = [0, 0].map(() =>
        Bun.serve({
          hostname: "127.0.0.1",
          port: 0,
          fetch: () => new Response(embedding(page), { headers: { "content-type": "text/html" } }),
        }),
      ) as [Bun.Server<undefined>, Bun.Server<undefined>];
      const open = await RelayProcess.start(["--origin", `http://127.0.0.1:${site.port}`]);
      page = open.url("/player/still?transport=websocket");
      const painter = await open.open("/source/still");
      painter.send(buildPixels(0, 0, 2, 2, new Uint8Array(16).fill(200)));
      const around = await openPage(`http://127.0.0.1:${site.port}/`);
      await around.waitForFunction((title) => document.title === title, `stream_frame from http://${open.place}`);
      const refused = await (await browser.newContext()).newPage();
      const told = refused.waitForEvent("console", (message) => /frame-ancestors/.test(message.text()));
      await refused.goto(`http://127.0.0.1:${other.port}/`);
      await told;
      await around.context().close();
      await refused.context().close();
      await Promise.all([site.stop(true), other.stop(true)]);
    },
    slow,
  );

  // Without a broker: install the Debian package nats-server.
  test.skipIf(Bun.which("nats-server") === null)(
    "one of several relays tells of the others, and of sources that are not its own",
    async () => {
      const broker = await Broker.start();
      const [here, there] = [
        await RelayProcess.start(["--bus", broker.url]),
        await RelayProcess.start(["--bus", broker.url]),
      ] as const;
      const page = await openPage(here.url("/#channel=far"));
      await says(page, "#cluster", /Brokerconnected/);
      await says(page, "#cluster", /Other relays1/);
      const far = await there.open("/source/far");
      await says(page, "#cluster", /Sources elsewhere1/);
      await here.open("/stream/far");
      far.send(buildPixels(0, 0, 2, 2, new Uint8Array(16)));
      await says(page, "#channels", /far.*Pixels 2 × 2/);
      await says(page, "#facts", /Sourceon another relay/);
      await says(page, "#cluster", /Watched here1 of theirs/);
      await broker.child.kill();
      await says(page, "#cluster", /Brokerlost/);
      if (pictures !== undefined) await page.screenshot({ path: join(pictures, "relay-cluster.png"), fullPage: true });
      await page.context().close();
    },
    slow,
  );

  test(
    "a relay with keys shows nothing without one, and everything but addresses with one to view",
    async () => {
      const home = freshHome();
      const opened = openStore({ folder: join(home, "patchbay") });
      if (!opened.ok) throw new Error(opened.message);
      const [publish, view] = [createRelayKey(opened.value, "publish"), createRelayKey(opened.value, "view")];
      if (!publish.ok || !view.ok) throw new Error("no keys");
      opened.value.close();
      const locked = await RelayProcess.start(["--require-keys"], home);
      const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
      await locked.open("/source/secret", bearer(publish.value.key));
      await locked.open("/stream/secret", bearer(view.value.key));
      expect((await locked.fetch("/api/channel?name=secret")).status).toBe(401);
      const remoteFor = async (key: string) =>
        ((await (await locked.fetch("/api/channel?name=secret", bearer(key))).json()) as { source: { remote: string } })
          .source.remote;
      expect(await remoteFor(view.value.key)).toBe("");
      expect(await remoteFor(publish.value.key)).toBe("127.0.0.1");
      const page = await openPage(locked.url("/"));
      await says(page, "#state", /^Locked$/);
      expect(await page.isVisible("#board")).toBe(false);
      await page.fill("#key", "this-is-none");
      await page.keyboard.press("Enter");
      await says(page, "#refused", /not known/);
      await page.fill("#key", view.value.key);
      await page.keyboard.press("Enter");
      await says(page, "#channels", /secret/);
      await page.click('[data-channel="secret"]');
      expect(await page.getAttribute("#watch", "href")).toBe(`/player/secret#key=${view.value.key}`);
      await says(page, "#receivers tbody", /number \d+/);
      await page.context().close();
    },
    slow,
  );
});
