// lab:
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";

/** The hardware that every lab test takes for granted, and the executable itself. */
test("the guest has its devices, and the executable starts", () => {
  for (const device of ["dri/card0", "video0", "video10", "media0", "uinput", "snd/controlC0"])
    expect([device, existsSync(`/dev/${device}`)]).toEqual([device, true]);
  const { stdout, exitCode } = Bun.spawnSync(["dist/patchbay", "version"]);
  expect(stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(exitCode).toBe(0);
});
