/** What holds for the sources without running them. Each check is a step; all are tried, so that one run tells everything. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkLicences } from "./licences.ts";
import { language, sources, warnings } from "./shim.ts";
import { mapParallel, must, StepFailed } from "./steps.ts";

export interface Check {
  name: string;
  /** Throws when it does not hold; may return a word about what was looked at. */
  run: () => Promise<string | undefined>;
}

const bin = (name: string): string => join("node_modules/.bin", name);

/** Programs that write a file of the tree; each knows `--check`. */
export function generators(): string[] {
  return [...new Bun.Glob("{src,ffi}/**/generate.ts").scanSync(".")].sort();
}

async function format(): Promise<undefined> {
  await must([bin("biome"), "check", "--error-on-warnings", "--colors=off", "--max-diagnostics=200", "."]);
}

async function types(): Promise<undefined> {
  await must([bin("tsc"), "--noEmit", "--pretty", "false"]);
}

async function generated(): Promise<string> {
  const programs = generators();
  await mapParallel(programs, 2, (program) => must([process.execPath, program, "--check"]));
  return programs.join(", ");
}

const isForLinux = (file: string): boolean => !/^src\/templates\/native-dll\/(dll|hook|test)\.c$/.test(file);

/** Test programs find the published headers as programs elsewhere do. */
const published = "-Ic/include";

/** Every C file by clang too, whose warnings are others than gcc's. It need not know gcc's attributes. */
async function clang(): Promise<string> {
  if (!Bun.which("clang")) return "left out: clang is not installed";
  const files = [...sources(), ...new Bun.Glob("{tests,src/templates}/**/*.c").scanSync(".")].filter(isForLinux);
  await mapParallel(files, 2, (file) =>
    must(["clang", ...language, published, ...warnings, "-Wno-unknown-attributes", "-fsyntax-only", file]),
  );
  return `${files.length} files`;
}

/** gcc's warnings for the C programs of the tests; those of the shim are errors when it is built. */
async function testsInC(): Promise<string> {
  const files = [...new Bun.Glob("tests/**/*.c").scanSync(".")];
  await mapParallel(files, 2, (file) => must(["gcc", ...language, published, ...warnings, "-fsyntax-only", file]));
  return `${files.length} files`;
}

/** Of their own process: a bundle does not see files written by the process that makes it. */
async function declarations(): Promise<string> {
  return (await must([process.execPath, "build.ts", "types", "--quiet"])).out.trim();
}

async function architecture(): Promise<undefined> {
  if (!existsSync("tests/tidy.test.ts")) throw new StepFailed("tests/tidy.test.ts is missing");
  await must([process.execPath, "test", "tests/tidy.test.ts"]);
}

export const checks: Check[] = [
  { name: "format and lint", run: format },
  { name: "types", run: types },
  { name: "generated files", run: generated },
  { name: "C by gcc (tests)", run: testsInC },
  { name: "C by clang", run: clang },
  { name: "licences", run: async () => checkLicences() },
];

/** Takes long, and says little that the types do not say: `check` and `release` make them, `test` does not. */
export const declarationsCheck: Check = { name: "declarations", run: declarations };

/** Stands among the unit tests as well, so `test` does not run it a second time. */
export const architectureCheck: Check = { name: "architecture", run: architecture };
