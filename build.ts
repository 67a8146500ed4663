/**
 * The one build program. `bun build.ts COMMAND`; npm scripts of the same names make Bun ready first (.ci/setup.mjs). Each
 * command runs what it needs, one line a step with its time; a failure ends it with the reason and status 1.
 */
import { compile as bundle } from "./.ci/compile.ts";
import { ensure, type Group, isGroup } from "./.ci/deps.ts";
import { buildDoubles } from "./.ci/doubles.ts";
import { buildGl } from "./.ci/gl.ts";
import { buildIpc } from "./.ci/ipc.ts";
import { buildIpcWindows } from "./.ci/ipc-windows.ts";
import { buildShim } from "./.ci/shim.ts";
import { must, StepFailed, say, show, step } from "./.ci/steps.ts";
import { closingLine } from "./.ci/tally.ts";

interface Command {
  help: string;
  /** Returns the exit status. */
  run: (args: string[]) => Promise<number>;
}

const executable = "dist/patchbay";

const nativeTable = async (): Promise<undefined> => {
  await must([process.execPath, "ffi/generate.ts"]);
};
/** Of their own process: a bundle does not see files written by the process that makes it. */
const fromFresh = async (command: string): Promise<string> => {
  const { out } = await must([process.execPath, "build.ts", command, "--quiet"]);
  return out.trim();
};
const bundled = () => bundle({ entry: "src/main.ts", outfile: executable });

async function deps(args: string[]): Promise<number> {
  const unknown = args.filter((name) => !isGroup(name));
  if (unknown.length) throw new StepFailed(`there is no group ${unknown.join(", ")} of system packages`);
  const groups: Group[] = args.length ? args.filter(isGroup) : ["build"];
  await step(`system packages (${groups.join(", ")})`, () => ensure(groups));
  return 0;
}

async function shim(args: string[]): Promise<number> {
  await step("native table", nativeTable);
  await step("shim", () => buildShim(args.includes("--keep-going")));
  await step("libpatchbay_ipc", buildIpc);
  await step("libpatchbay_ipc for Windows", buildIpcWindows);
  await step("libpatchbay_gl", buildGl);
  return 0;
}

async function compile(args: string[]): Promise<number> {
  if (args.includes("--quiet")) console.log(await bundled());
  else await step("compile", bundled);
  return 0;
}

async function types(args: string[]): Promise<number> {
  const { writeTypes } = await import("./.ci/release.ts");
  if (args.includes("--quiet")) console.log(await writeTypes());
  else await step("types", writeTypes);
  return 0;
}

async function build(): Promise<number> {
  await deps([]);
  await shim([]);
  await step("compile", () => fromFresh("compile"));
  return 0;
}

async function check(): Promise<number> {
  const { allChecks } = await import("./.ci/tests.ts");
  let failed = 0;
  for (const { name, run } of allChecks) {
    try {
      await step(name, run);
    } catch (fault) {
      if (!(fault instanceof StepFailed)) throw fault;
      say(fault.message);
      failed++;
    }
  }
  return failed ? 1 : 0;
}

/** Arguments narrow the tests to files whose path contains them. */
async function test(args: string[]): Promise<number> {
  const { runTests } = await import("./.ci/tests.ts");
  const builds = [
    { name: "system packages (build, test)", run: () => ensure(["build", "test"]) },
    { name: "native table", run: nativeTable },
    { name: "shim", run: () => buildShim(false) },
    { name: "libpatchbay_ipc", run: buildIpc },
    { name: "libpatchbay_gl", run: buildGl },
    { name: "stand-ins for drivers", run: buildDoubles },
    { name: "compile", run: () => fromFresh("compile") },
  ];
  const tally = await runTests(builds, args).catch((fault: unknown) => {
    say(Bun.inspect(fault));
    return { passed: 0, failed: 1, skipped: 0 };
  });
  console.log(closingLine(tally));
  return tally.failed ? 1 : 0;
}

/** What only a real kernel with the hardware's interfaces can show; `test` runs it too. */
async function lab(args: string[]): Promise<number> {
  await build();
  return show([process.execPath, "tests/lab/run.ts", ...args]);
}

async function bench(args: string[]): Promise<number> {
  await deps(["build", "bench"]);
  await build();
  return show([process.execPath, "tests/bench/run.ts", ...args]);
}

async function fuzz(args: string[]): Promise<number> {
  const programs = [...new Bun.Glob("tests/fuzz/*.ts").scanSync(".")]
    .filter((path) => !path.endsWith(".test.ts"))
    .sort();
  if (programs.length === 0) throw new StepFailed("tests/fuzz holds no program");
  let failed = 0;
  for (const program of programs) {
    say(`  ...   ${program}`);
    if ((await show([process.execPath, program, ...args])) !== 0) failed++;
  }
  return failed ? 1 : 0;
}

async function demo(args: string[]): Promise<number> {
  await build();
  // Without a private display the demo falls back to its test pattern, so this is not worth stopping for.
  await step("system packages (demo)", () => ensure(["demo"]).catch((fault: Error) => `left out: ${fault.message}`));
  return show([executable, "demo", ...args]);
}

async function release(): Promise<number> {
  await build();
  await step("types", () => fromFresh("types"));
  const { assemble } = await import("./.ci/release.ts");
  await step("release", assemble);
  return 0;
}

const commands: Record<string, Command> = {
  deps: { help: "find or install system packages: build (default), test, demo, bench", run: deps },
  shim: {
    help: "C and codecs into dist/libpatchbay_shim.so, and dist/ipc for C programs (--keep-going: stub what is missing)",
    run: shim,
  },
  compile: { help: "everything into dist/patchbay", run: compile },
  types: { help: "declarations of src/index.ts into dist/index.d.ts", run: types },
  build: { help: "deps, shim, compile", run: build },
  check: { help: "format, lint, types, C warnings, architecture, licences", run: check },
  test: { help: "build, check, C tests under sanitizers, unit and end-to-end tests", run: test },
  "test:lab": { help: "boot a kernel with virtual hardware and run the tests of tests/lab in it", run: lab },
  bench: { help: "measure, beside other programs", run: bench },
  fuzz: { help: "random input to everything that reads from outside", run: fuzz },
  demo: { help: "build and run the demo", run: demo },
  release: { help: "what is published, in dist/release", run: release },
};

process.chdir(import.meta.dir);
const [name = "", ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (!command) {
  say("usage: bun build.ts COMMAND");
  for (const [each, { help }] of Object.entries(commands)) say(`  ${each.padEnd(8)} ${help}`);
  process.exit(2);
}
try {
  process.exitCode = await command.run(args);
} catch (fault) {
  if (!(fault instanceof StepFailed)) throw fault;
  say(fault.message);
  process.exitCode = 1;
}
// A program that a test left behind may still hold a pipe; nobody waits for it.
process.exit();
