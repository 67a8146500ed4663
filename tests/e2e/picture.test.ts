/** The main job: what a real screen shows is what another real screen shows, and both sides report what it took. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openScene, type Scene } from "../../ffi/scene.ts";
import { stages } from "../../src/host/stats.ts";
import {
  type Display,
  Home,
  onDisplay,
  openDisplay,
  type RunningHost,
  startFullscreen,
  startHost,
  temporaryFolder,
} from "./harness.ts";
import { type Child, cleanUp, eventually } from "./processes.ts";
import { type Area, difference } from "./screen.ts";

const width = 960;
const height = 540;
const out = temporaryFolder();
const reports = { host: join(out, "host.json"), client: join(out, "client.json"), png: join(out, "shown.png") };
let source: Display;
let sink: Display;
let scene: Scene;
let host: RunningHost;
let client: Child;

/** Resolves when the areas of both screens show the same within what a codec changes; it keeps sharpening a still picture. */
function alike(area?: Area): Promise<unknown> {
  return eventually("both screens show the same", () => {
    const { mean } = difference(source.screen.read(area), sink.screen.read(area));
    return mean < 3;
  });
}

beforeAll(async () => {
  [source, sink] = await Promise.all([openDisplay(width, height), openDisplay(width, height)]);
  const opened = openScene({ target: source.name, width: 0, height: 0, fps: 30, mode: "scroll" });
  if (!opened.ok) throw new Error(opened.message);
  scene = opened.value;
  const [hosting, viewing] = [new Home(), new Home()];
  await hosting.approve(viewing);
  host = await startHost(hosting, "--display", source.name, "--fps", "30", "--json", reports.host);
  const files = ["--json", reports.client, "--png", reports.png];
  client = startFullscreen(viewing, host.place, sink, "--measure", ...files);
}, 60_000);
afterAll(() => scene?.close());
afterAll(cleanUp);

test("moving pictures arrive, and once they stand still the screens are equal", async () => {
  await client.until(/approved/);
  await host.until("60 frames", (stats) => stats.stream.frames >= 60);
  scene.close();
  await onDisplay(source, "xsetroot", "-solid", "#205080");
  await eventually("the plain colour", () => {
    const [red, green, blue] = sink.screen.at(width / 4, height / 4); // the pointer stands in the middle
    return Math.max(Math.abs(red - 0x20), Math.abs(green - 0x50), Math.abs(blue - 0x80)) <= 4;
  });
  const still = openScene({ target: source.name, width: 0, height: 0, fps: 1, mode: "scroll" });
  if (!still.ok) throw new Error(still.message);
  try {
    // Beside the scene's scrolling column and its timecode, the picture stands still.
    await alike({ x: 0, y: 80, width: 460, height: 440 });
  } finally {
    still.value.close();
  }
}, 60_000);

test("/api/stats tells who is connected and how long each stage takes", async () => {
  const stats = await host.stats();
  expect(stats.source).toMatchObject({ capture: "x11", encoder: "openh264", width, height, fps: 30 });
  expect(stats.peers).toMatchObject([{ state: "connected", permissions: ["view", "sound", "input"] }]);
  for (const stage of stages)
    expect(Object.keys(stats.stagesMs[stage] ?? {})).toEqual(expect.arrayContaining(["p50", "p95", "p99"]));
  expect(stats.udp.sent).toBeGreaterThan(60);
});

test("both leave their reports, and the client the picture", async () => {
  expect(await client.interrupt()).toBe(0);
  expect(await host.child.interrupt()).toBe(0);
  const seen = JSON.parse(readFileSync(reports.client, "utf8"));
  expect(seen).toMatchObject({ display: "x11", decoder: "openh264", width, height });
  for (const key of ["fps", "framesShown", "secondsShown", "bitrateBps"]) expect(seen[key]).toBeGreaterThan(0);
  expect(seen.lossPercent).toBeWithin(0, 100);
  expect(seen.frames.decodeErrors).toBe(0);
  expect(seen.cpu.residentBytes).toBeGreaterThan(0);
  for (const stage of ["arrival", "reassemble", "wait", "decode", "present", "age", "glassToGlass"]) {
    const { p50, p95, p99 } = seen.stagesMs[stage];
    expect([p50, p95, p99]).toEqual([p50, p95, p99].toSorted((a, b) => a - b));
  }
  const sent = JSON.parse(readFileSync(reports.host, "utf8"));
  expect(sent.stream.frames).toBeGreaterThanOrEqual(60);
  expect(sent).toMatchObject({ source: { capture: "x11" }, drops: {} });
  for (const stage of stages) expect(sent.stagesMs[stage].p99).toBeGreaterThanOrEqual(sent.stagesMs[stage].p50);
  expect(existsSync(reports.png)).toBe(true);
  expect([...readFileSync(reports.png).subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
}, 30_000);
