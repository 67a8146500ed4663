/** `patchbay host --capture gl -- PROGRAM` with a real OpenGL program on a private X server: its picture arrives, both end together. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { listSharedMemory } from "../../ffi/segments.ts";
import { Home, openDisplay, startHeadless, startHost, temporaryFolder } from "./harness.ts";
import { cleanUp, eventually } from "./processes.ts";

afterAll(cleanUp);

const display = await openDisplay(400, 400);
const gears = ["env", `DISPLAY=${display.name}`, "glxgears"];

/** The program that a host started. */
function programOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  const found = children.find((child) => readFileSync(`/proc/${child}/comm`, "utf8").trim() === "glxgears");
  if (found === undefined) throw new Error(`process ${pid} has no glxgears among its children ${children}`);
  return Number(found);
}

const isThere = (pid: number): boolean => existsSync(`/proc/${pid}`);
const sharedBy = (pid: number): string[] =>
  listSharedMemory()
    .map(({ name }) => name)
    .filter((name) => name === `gl-${pid}`);

/** How much of the picture is red, green, blue and black, as parts of 1. */
async function colours(png: string): Promise<Record<"red" | "green" | "blue" | "black", number>> {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const counts = { red: 0, green: 0, blue: 0, black: 0 };
  for (let at = 0; at < data.length; at += 3) {
    const [r = 0, g = 0, b = 0] = data.subarray(at, at + 3);
    if (r < 24 && g < 24 && b < 24) counts.black++;
    else if (r > 2 * g && r > 2 * b) counts.red++;
    else if (g > 2 * r && g > 1.5 * b) counts.green++;
    else if (b > 2 * r && b > 1.5 * g) counts.blue++;
  }
  const part = (count: number) => count / (info.width * info.height);
  return { red: part(counts.red), green: part(counts.green), blue: part(counts.blue), black: part(counts.black) };
}

test("the program's picture reaches a client, and the host ends in order with the program", async () => {
  const [home, viewer] = [new Home(), new Home()];
  await home.approve(viewer);
  const host = await startHost(home, "--capture", "gl", "--", ...gears);
  const png = join(temporaryFolder(), "gears.png");
  const client = startHeadless(viewer, host.place, "--seconds", "1", "--png", png);
  expect(await client.ended()).toBe(0);
  const { red, green, blue, black } = await colours(png);
  expect(red).toBeGreaterThan(0.1);
  expect(green).toBeGreaterThan(0.02);
  expect(blue).toBeGreaterThan(0.02);
  expect(black).toBeGreaterThan(0.3);
  process.kill(programOf(host.child.pid), "SIGKILL");
  expect(await host.child.ended()).toBe(0);
  expect(host.child.err).toContain("env ended by SIGKILL");
  expect(sharedBy(host.child.pid)).toEqual([]);
});

test("the program ends with the host, and nothing is left behind", async () => {
  const home = new Home();
  const temporary = temporaryFolder();
  const program = ["--", ...gears];
  const child = home.start(["host", "--listen", "127.0.0.1:0", "--dashboard", "off", "--capture", "gl", ...program], {
    TMPDIR: temporary,
  });
  await child.until(/capture shm 300x300/);
  expect(readdirSync(temporary).some((name) => name.startsWith(".patchbay-gl-"))).toBe(true);
  const pid = programOf(child.pid);
  expect(sharedBy(child.pid)).toHaveLength(1);
  expect(await child.interrupt()).toBe(0);
  await eventually("the program's end", () => !isThere(pid));
  expect(sharedBy(child.pid)).toEqual([]);
  expect(readdirSync(temporary).filter((name) => name.startsWith(".patchbay-gl-"))).toEqual([]);
});

test("a program that draws nothing, is not there or is not named is refused with the reason", async () => {
  const home = new Home();
  const host = (...words: string[]) => home.start(["host", "--dashboard", "off", "--listen", "127.0.0.1:0", ...words]);
  const silent = host("--capture", "gl", "--", "sh", "-c", "exit 3");
  expect(await silent.ended()).toBe(69);
  expect(silent.err).toContain("sh ended with status 3 and has drawn nothing by OpenGL");
  const absent = host("--capture", "gl", "--", "no-such-program");
  expect(await absent.ended()).toBe(66);
  expect(await host("--capture", "gl").ended()).toBe(64);
  expect(await host("--", "glxgears").ended()).toBe(64);
});
