/** The one file that people get: alone in an empty folder, with neither node_modules nor a home of its own, it runs. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../src/version.ts";

const built = join(import.meta.dir, "../../dist/patchbay");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "patchbay-alone-"));
  copyFileSync(built, join(folder, "patchbay"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function alone(...args: string[]) {
  const env = { PATH: "/usr/bin:/bin", HOME: folder, TMPDIR: folder };
  const { exitCode, stdout, stderr } = Bun.spawnSync(["./patchbay", ...args], { cwd: folder, env, stdin: "ignore" });
  return { exitCode, out: stdout.toString(), err: stderr.toString() };
}

test("it tells its version", () => {
  const { exitCode, out } = alone("version");
  expect(exitCode).toBe(0);
  expect(out).toContain(version);
});

test("it makes and shows an identity", () => {
  const { exitCode, out, err } = alone("key", "show", "--json");
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  expect(Object.keys(JSON.parse(out))).toEqual(expect.arrayContaining(["fingerprint", "publicKey", "code"]));
});

test("it refuses an unknown command in one sentence", () => {
  const { exitCode, err } = alone("hots");
  expect(exitCode).not.toBe(0);
  expect(err).toContain("host");
});
