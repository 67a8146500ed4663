/**
 * The lab's tests: tests/lab/NAME.lab.ts, run by `bun test` inside the guest. The first line of such a file says what hardware
 * it wants; files that want the same share a boot. A C program beside them, whose first line names its sources as that of a test
 * in tests/c does, is built on this machine to build/lab/NAME and found there by the guest.
 *
 * `bun tests/lab/run.ts [FILTER]`, or as part of `npm test`. Where no lab can be booted its files count as skipped, with the reason.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { recipeOf } from "../../.ci/sanitize.ts";
import { compileC } from "../../.ci/shim.ts";
import { must, StepFailed, say } from "../../.ci/steps.ts";
import { add, closingLine, readSummary, type Tally, zero } from "../../.ci/tally.ts";
import { boot, defaultGpus, defaultModules } from "./boot.ts";
import { type Kernel, NoLab, prepareKernel } from "./kernel.ts";

export interface Scenario {
  readonly modules: readonly string[];
  readonly gpus: readonly string[];
  readonly clock: "real" | "virtual";
  readonly files: readonly string[];
}

const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

/** The wishes in a file's first line: `// lab: modules="vkms uinput" gpu="virtio" clock="virtual"`; each may be left out. */
export function wishesOf(text: string): Omit<Scenario, "files"> | undefined {
  const first = text.split("\n", 1)[0] ?? "";
  if (!/^\/\/ lab:/.test(first)) return undefined;
  const value = (key: string) => {
    const found = new RegExp(`${key}="([^"]*)"`).exec(first)?.[1];
    return found === undefined ? undefined : words(found);
  };
  const clock = value("clock")?.[0] === "virtual" ? "virtual" : "real";
  return { modules: value("modules") ?? defaultModules, gpus: value("gpu") ?? defaultGpus, clock };
}

/** One for each different first line. */
export function scenarios(filter = ""): Scenario[] {
  const found = new Map<string, Scenario & { files: string[] }>();
  for (const file of [...new Bun.Glob("tests/lab/*.lab.ts").scanSync(".")].sort()) {
    if (!file.includes(filter)) continue;
    const wishes = wishesOf(readFileSync(file, "utf8"));
    if (!wishes)
      throw new StepFailed(`${file}: the first line must be // lab: [modules="..."] [gpu="..."] [clock="virtual"]`);
    const key = JSON.stringify(wishes);
    const scenario = found.get(key) ?? { ...wishes, files: [] };
    scenario.files.push(file);
    found.set(key, scenario);
  }
  return [...found.values()];
}

/** Builds tests/lab/*.c, for the guest to run. */
export async function buildHelpers(): Promise<string> {
  const files = [...new Bun.Glob("tests/lab/*.c").scanSync(".")].sort();
  mkdirSync("build/lab", { recursive: true });
  for (const file of files) {
    const { sources, libs } = recipeOf(file);
    const objects: string[] = [];
    for (const source of [...sources, file]) {
      const object = `build/lab/${source}.o`;
      const complaint = await compileC(source, object, ["-O2"]);
      if (complaint) throw new StepFailed(complaint);
      objects.push(object);
    }
    await must(["gcc", "-pthread", ...objects, ...libs, "-lm", "-ldl", "-o", `build/lab/${basename(file, ".c")}`]);
  }
  return `${files.length} programs`;
}

let prepared: Promise<Kernel> | undefined;

/** Boots once for the scenario's files. `tell` hears what the tests printed. */
export async function runScenario(scenario: Scenario, tell: (text: string) => void): Promise<Tally> {
  const names = scenario.files.map((file) => `./${file}`);
  prepared ??= prepareKernel();
  let kernel: Kernel;
  try {
    kernel = await prepared;
  } catch (fault) {
    if (!(fault instanceof NoLab)) throw fault;
    tell(`the lab cannot run here, ${names.length} files are skipped: ${fault.message}\n`);
    return { ...zero, skipped: names.length };
  }
  const command = `node_modules/.bin/bun test --timeout 60000 ${names.join(" ")}`;
  const outcome = await boot(kernel, { ...scenario, command, limitSeconds: 150 });
  tell(outcome.err + outcome.complaint);
  const counts = readSummary(outcome.err, outcome.status ?? 1);
  // What did not load was asked for by somebody.
  return outcome.complaint && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

if (import.meta.main) {
  process.chdir(`${import.meta.dir}/../..`);
  let tally: Tally = zero;
  try {
    await buildHelpers();
    for (const scenario of scenarios(process.argv[2]))
      tally = add(tally, await runScenario(scenario, (text) => say(text)));
    if (tally.passed + tally.failed + tally.skipped === 0) throw new StepFailed("no file of tests/lab is called so");
  } catch (fault) {
    say(fault instanceof StepFailed ? fault.message : Bun.inspect(fault));
    tally = { ...tally, failed: tally.failed + 1 };
  }
  console.log(closingLine(tally));
  process.exitCode = tally.failed ? 1 : 0;
}
