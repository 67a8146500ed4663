/** `patchbay doctor` of the built executable: a page for people, JSON for programs, and an exit status for scripts. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Home, openDisplay } from "./harness.ts";
import { cleanUp } from "./processes.ts";

afterAll(cleanUp);

interface Report {
  canHost: boolean;
  sentence: string;
  sections: { name: string; checks: { name: string; state: string; detail: string }[] }[];
}

test("where a screen is, a host can run, and the doctor says by what", async () => {
  const display = await openDisplay(320, 200);
  const home = new Home();
  const report = JSON.parse(await home.tell("doctor", "--json", "--display", display.name)) as Report;
  expect(report.canHost).toBe(true);
  expect(report.sentence).toContain("capture x11");
  const names = report.sections.map(({ name }) => name);
  expect(names).toEqual(["Capture", "Encoders", "Decoders", "Display", "Input", "Sound", "Machine", "This device"]);
  const capture = report.sections[0]?.checks.find(({ name }) => name === "x11");
  expect(capture).toMatchObject({ state: "ok", detail: expect.stringContaining(display.name) });
  // What is missing says what would get it.
  for (const { checks } of report.sections)
    for (const check of checks) if (check.state !== "ok") expect(check.detail.length).toBeGreaterThan(10);
});

test("the page has no colours in a pipe, and looking makes no key", async () => {
  const home = new Home();
  const page = await home.tell("doctor");
  expect(page).not.toContain("\x1b");
  expect(page).toContain("\n  ok  openh264");
  expect(page).toContain("A host can run here");
  expect(existsSync(join(home.folder, "patchbay"))).toBe(false);
  await home.tell("key", "show");
  expect(await home.tell("doctor")).toContain("0 approved, 0 waiting");
});

test("with a database that cannot be used, a host cannot run", async () => {
  const home = new Home();
  mkdirSync(join(home.folder, "patchbay"));
  writeFileSync(join(home.folder, "patchbay", "patchbay.db"), "not a database at all".repeat(100));
  const doctor = home.start(["doctor"]);
  expect(await doctor.ended()).toBe(69);
  expect(doctor.out).toContain("--  database");
});
