/** The build program's own judgement: how it counts a test run, and what it makes of a C test's first line. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recipeOf } from "../.ci/sanitize.ts";
import { capture } from "../.ci/steps.ts";
import { closingLine, readSummary } from "../.ci/tally.ts";

const root = join(import.meta.dir, "..");

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-build-"));
  const clean = () => rmSync(folder, { recursive: true, force: true });
  const result = work(folder);
  if (result instanceof Promise) return result.finally(clean) as T;
  clean();
  return result;
}

describe("the closing line", () => {
  test("names skipped tests only when there are some", () => {
    expect(closingLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
    expect(closingLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
  });

  // What Bun really says, so that a change of its wording is noticed here.
  const cases: [name: string, source: string, counts: [passed: number, failed: number, skipped: number]][] = [
    ["all pass", "test('a', () => {}); test.skip('b', () => {});", [1, 0, 1]],
    ["one fails", "test('a', () => {}); test('b', () => { throw new Error('no'); });", [1, 1, 0]],
    ["a file does not load", "import './missing.ts';", [0, 1, 0]],
    ["a file does not parse", "test('a', () => {", [0, 1, 0]],
    ["the process dies", "test('a', () => process.kill(process.pid, 'SIGKILL'));", [0, 1, 0]],
    ["the process leaves early", "test('a', () => process.exit(0));", [0, 1, 0]],
    ["a fault after the tests", "test('a', () => { setTimeout(() => { throw new Error('late'); }); });", [1, 1, 0]],
  ];
  for (const [name, source, [passed, failed, skipped]] of cases)
    test(`is right when ${name}`, () =>
      inFolder(async (folder) => {
        writeFileSync(join(folder, "x.test.ts"), `import { test } from "bun:test";\n${source}\n`);
        if (name.startsWith("a fault after")) writeFileSync(join(folder, "y.test.ts"), "await Bun.sleep(20);");
        const run = await capture([process.execPath, "test"], { cwd: folder });
        const tally = readSummary(run.err, run.signal ? 1 : run.status);
        expect({ ...tally, said: run.err }).toMatchObject({ passed, skipped });
        expect(tally.failed > 0).toBe(failed > 0);
      }));
});

describe("a C test's first line", () => {
  const write = (folder: string, line: string) => {
    const file = join(folder, "test_x.c");
    writeFileSync(file, `${line}\nint main(void) { return 0; }\n`);
    return file;
  };

  test("names files, folders and libraries", () =>
    inFolder((folder) => {
      const { sources, libs } = recipeOf(write(folder, "/* sources: c/meter/timecode.c c/meter/ libs: -lm -lxcb */"));
      expect(sources[0]).toBe("c/meter/timecode.c");
      expect(sources.length).toBeGreaterThan(1);
      expect(new Set(sources).size).toBe(sources.length);
      expect(libs).toEqual(["-lm", "-lxcb"]);
    }));

  test("is required, and its files must exist", () =>
    inFolder((folder) => {
      expect(() => recipeOf(write(folder, "int x;"))).toThrow("first line");
      expect(() => recipeOf(write(folder, "/* sources: c/nothing.c */"))).toThrow("there is no c/nothing.c");
    }));
});

test("the build program tells its commands when it is given none it knows", async () => {
  const { status, err } = await capture([process.execPath, "build.ts", "constructor"], { cwd: root });
  expect(status).toBe(2);
  expect(err).toContain("usage: bun build.ts COMMAND");
});

test("fuzzing runs every program of tests/fuzz, and only those", async () => {
  const { status, err } = await capture([process.execPath, "build.ts", "fuzz", "--seconds", "0.1"], { cwd: root });
  expect({ status, said: status === 0 ? "" : err }).toEqual({ status: 0, said: "" });
}, 120_000);
