// lab:
/**
 * A screen that a card of the kernel's shows, taken by an encoder where it lies: DRM capture hands the framebuffer's dma-buf to the
 * VA-API encoder, whose stand-in driver (tests/doubles) is reached over a render node of the kernel's, reads it there and
 * converts it. What the client shows is what was painted.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Display,
  Home,
  openDisplay,
  type RunningHost,
  startFullscreen,
  startHost,
  temporaryFolder,
} from "../e2e/harness.ts";
import { cleanUp, eventually } from "../e2e/processes.ts";
import { cardOf, Painter, painted } from "./drm-painter.ts";

const [width, height] = [320, 240];
const report = join(temporaryFolder(), "report");
const driver = {
  LIBVA_DRIVERS_PATH: join(import.meta.dir, "../../build/doubles"),
  LIBVA_DRIVER_NAME: "standin",
  VA_STANDIN_REPORT: report,
};
const card = cardOf("vkms");
const person = new Home();
let painter: Painter;
let display: Display;
let host: RunningHost;

afterAll(cleanUp);
beforeAll(async () => {
  const home = new Home(driver);
  [painter, display] = await Promise.all([Painter.open(card), openDisplay(width, height), home.approve(person)]);
  await painter.tell(`mode ${width} ${height} XR24 1`);
  host = await startHost(
    home,
    "--capture",
    "drm",
    "--display",
    card,
    "--encoder",
    "vaapi",
    "--sound",
    "off",
    "--input",
    "off",
  );
  startFullscreen(person, host.place, display, "--sound", "off");
}, 60_000);

/** Mean difference of a colour channel between the client's screen and the painter's picture `n`. */
function distance(n: number): number {
  const wanted = painted(width, height, n);
  const { data } = display.screen.read();
  let sum = 0;
  for (let at = 0; at < wanted.length; at += 4)
    for (let c = 0; c < 3; c++) sum += Math.abs((wanted[at + c] ?? 0) - (data[at + 2 - c] ?? 0));
  return sum / (width * height * 3);
}

test("the driver is found at a render node", async () => {
  expect(await new Home(driver).tell("doctor")).toMatch(/ok +vaapi +Stand-in for a VA driver/);
});

test("pictures are encoded from the card's memory, and shown as they were painted", async () => {
  for (const n of [1, 40]) {
    await painter.tell(`mode ${width} ${height} XR24 ${n}`);
    await eventually(`picture ${n}`, () => distance(n) < 12);
  }
  const { source } = await host.stats();
  expect(source).toMatchObject({ capture: "drm", encoder: "vaapi", width, height });
  expect(source.imported).toBeGreaterThan(1);
  expect(await host.child.interrupt()).toBe(0);
  const told = existsSync(report) ? readFileSync(report, "utf8") : "";
  expect(told).not.toMatch(/violation:|leak:/);
  expect(told).toMatch(/[1-9]\d* converted/);
}, 60_000);
