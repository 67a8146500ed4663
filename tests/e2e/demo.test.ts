/** `patchbay demo` from each of its sources, as a script sees it: the report's keys, the picture, the exit status, no left-overs. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import type { DemoReport } from "../../src/cli/demo-report.ts";
import { executable, Home, openDisplay, temporaryFolder } from "./harness.ts";
import { Child, cleanUp } from "./processes.ts";

afterAll(cleanUp);

async function demo(env: Record<string, string>, ...args: string[]) {
  const folder = temporaryFolder();
  const [json, png] = [join(folder, "report.json"), join(folder, "picture.png")];
  const all = ["demo", "--seconds", "2", "--json", json, "--png", png, ...args];
  const child = new Home().start(all, { TMPDIR: folder, ...env });
  const status = await child.ended();
  if (status !== 0) throw new Error(child.told());
  const report = JSON.parse(readFileSync(json, "utf8")) as DemoReport;
  expect(report).toMatchObject({ ok: true, encoder: "openh264", lossPercent: 0, png });
  expect(report.framesShown).toBeGreaterThan(10);
  expect(report.fps).toBeGreaterThan(5);
  expect(report.bitrateBps).toBeGreaterThan(1000);
  for (const key of ["p50", "p95", "p99"] as const) expect(report.glassToGlassMs?.[key]).toBeGreaterThan(0);
  for (const stage of ["capture", "convert", "encode", "queue", "send", "decode", "present", "age"])
    expect(report.stagesMs[stage]?.p50).toBeGreaterThanOrEqual(0);
  // The shim and the picture library may lie unpacked in TMPDIR; what the demo itself made there is gone.
  expect(readdirSync(folder).filter((name) => name.startsWith("patchbay-"))).toEqual([]);
  expect(child.out).toContain("glass to glass");
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  return { report, data, info };
}

test("a private display is streamed when there is none", async () => {
  const { report, data, info } = await demo({}, "--source", "xvfb", "--size", "960x540");
  expect(report).toMatchObject({ source: "xvfb", capture: "x11", display: "x11", width: 960, height: 540 });
  expect([info.width, info.height, info.channels]).toEqual([960, 540, 3]);
  // Black and white cells of the timecode, and more than these two colours below it.
  expect([...new Set(data.subarray(0, 896 * 3))].some((value) => value < 40)).toBe(true);
  expect(new Set(data.subarray(100 * 960 * 3)).size).toBeGreaterThan(50);
}, 60_000);

test("the present display is streamed when there is one", async () => {
  const display = await openDisplay(1280, 720);
  const { report } = await demo({ DISPLAY: display.name });
  expect(report).toMatchObject({ source: "display", capture: "x11", width: 1280, height: 720 });
}, 60_000);

test("the pattern needs neither display nor Xvfb", async () => {
  const { report, info } = await demo({ PATH: "/nowhere" }, "--size", "1024x576");
  expect(report).toMatchObject({
    source: "pattern",
    capture: "pattern",
    display: "headless",
    width: 1024,
    height: 576,
  });
  expect([info.width, info.height]).toEqual([1024, 576]);
}, 60_000);

test("a folder for temporary files that is not there is named", async () => {
  const child = new Home().start(["demo", "--source", "pattern"], { TMPDIR: "/nonexistent" });
  expect(await child.ended()).toBe(73);
  expect(child.err).toContain("patchbay: No folder can be made in /nonexistent");
});

test("an end by signal leaves no process and no folder", async () => {
  const folder = temporaryFolder();
  const child = new Home().start(["demo", "--seconds", "60", "--png", join(folder, "p.png")], { TMPDIR: folder });
  await child.until(/Live figures: (\S+)/);
  child.signal("SIGINT");
  expect(await child.ended()).toBe(0);
  expect(readdirSync(folder).filter((name) => name.startsWith("patchbay-"))).toEqual([]);
  expect(existsSync(join(tmpdir(), "patchbay-demo.png"))).toBe(false);
}, 60_000);

test("an end by signal while it starts is no fault, and leaves nothing either", async () => {
  const folder = temporaryFolder();
  for (const delayMs of [60, 120, 160, 200, 250, 300, 400, 500]) {
    const child = new Home().start(["demo", "--seconds", "60", "--png", join(folder, "p.png")], { TMPDIR: folder });
    await Bun.sleep(delayMs);
    // 128: the signal came before anything was opened.
    expect([0, 128]).toContain(await child.interrupt());
    expect(child.err).not.toContain("patchbay: ");
  }
  expect(readdirSync(folder).filter((name) => name.startsWith("patchbay-"))).toEqual([]);
}, 60_000);

const canMount = Bun.spawnSync(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).success;

test.skipIf(!canMount)(
  `a folder for temporary files that forbids execution will do${canMount ? "" : " (needs root, to mount one)"}`,
  async () => {
    const folder = temporaryFolder();
    const png = join(temporaryFolder(), "p.png");
    const own = new Home();
    const inside = 'mount -t tmpfs -o noexec tmpfs "$TMPDIR" && exec "$@"';
    const args = [executable, "demo", "--source", "pattern", "--seconds", "1", "--png", png];
    const child = new Child(["unshare", "-m", "sh", "-c", inside, "sh", ...args], {
      ...process.env,
      XDG_DATA_HOME: own.folder,
      TMPDIR: folder,
    });
    if ((await child.ended()) !== 0) throw new Error(child.told());
    expect((await sharp(png).metadata()).width).toBe(1280);
  },
  60_000,
);
