/**
 * Builds and runs the C tests, each under AddressSanitizer with UBSan and, where threads are made, under ThreadSanitizer. A test names what
 * it is built from in its first line: "sources: c/net/udp.c c/crypto/ libs: -lsodium" in a comment, where a folder stands
 * for every .c directly in it. Exit status 0 passes, 77 skips with the last line it printed as the reason, anything else
 * fails.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { compileC } from "./shim.ts";
import { capture, type Outcome, StepFailed } from "./steps.ts";

const common = ["-g1", "-O1", "-fno-omit-frame-pointer"];
const sanitizers = {
  asan: ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
  // It does not know fences; what they order here are atomics, which it takes as they are.
  tsan: ["-fsanitize=thread", "-Wno-tsan"],
} as const;
type Sanitizer = keyof typeof sanitizers;

const environment = {
  ...process.env,
  ASAN_OPTIONS: "detect_leaks=1:abort_on_error=0:strict_string_checks=1:detect_stack_use_after_return=1",
  UBSAN_OPTIONS: "print_stacktrace=1",
  TSAN_OPTIONS: "halt_on_error=1:second_deadlock_stack=1",
};
const limitMs = 180_000;

export interface CTest {
  name: string;
  verdict: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped. */
  told: string;
}

interface Recipe {
  sources: string[];
  libs: string[];
}

export function recipeOf(file: string): Recipe {
  const first = readFileSync(file, "utf8").split("\n", 1)[0] ?? "";
  const found = /^\/\* sources:(.*?)(?:libs:(.*))?\*\/\s*$/.exec(first);
  if (!found) throw new StepFailed(`${file}: the first line must be /* sources: c/... libs: -l... */`);
  const words = (text = "") => text.split(/\s+/).filter(Boolean);
  const named = words(found[1]).flatMap((path) => {
    const files = path.endsWith("/") ? [...new Bun.Glob(`${path}*.c`).scanSync(".")].sort() : [path];
    if (!files.length || !files.every((one) => existsSync(one))) throw new StepFailed(`${file}: there is no ${path}`);
    return files;
  });
  return { sources: [...new Set(named)], libs: words(found[2]) };
}

/** TSan of older compilers does not know the widest random address layouts; without randomness it always works. */
async function withoutRandomLayout(): Promise<string[]> {
  if (!Bun.which("setarch")) return [];
  return (await capture(["setarch", "-R", "true"])).status === 0 ? ["setarch", "-R"] : [];
}

/** The program of a test, built anew where something changed. */
export async function buildTest(file: string, sanitizer: Sanitizer): Promise<string> {
  const { sources, libs } = recipeOf(file);
  const flags = [...common, ...sanitizers[sanitizer]];
  const objects: string[] = [];
  for (const source of [...sources, file]) {
    const object = `build/${sanitizer}/${source}.o`;
    const complaint = await compileC(source, object, flags);
    if (complaint) throw new StepFailed(complaint);
    objects.push(object);
  }
  const program = `build/${sanitizer}/${basename(file, ".c")}`;
  mkdirSync(`build/${sanitizer}`, { recursive: true });
  const linked = await capture(["gcc", ...flags, "-pthread", ...objects, ...libs, "-lm", "-ldl", "-o", program]);
  if (linked.status !== 0) throw new StepFailed(linked.err.trim());
  return program;
}

function judge(name: string, { status, signal, out, err }: Outcome): CTest {
  const said = `${out}${err}`.trim();
  if (status === 0 && !signal) return { name, verdict: "passed", told: "" };
  if (status === 77) return { name, verdict: "skipped", told: said.split("\n").at(-1) ?? "" };
  return { name, verdict: "failed", told: `${said}\n${signal ? `ended by ${signal}` : `exit status ${status}`}` };
}

async function runOne(file: string, sanitizer: Sanitizer): Promise<CTest> {
  const name = `${basename(file, ".c")} ${sanitizer}`;
  try {
    const program = await buildTest(file, sanitizer);
    const wrapper = sanitizer === "tsan" ? await withoutRandomLayout() : [];
    return judge(name, await capture([...wrapper, `./${program}`], { env: environment, timeoutMs: limitMs }));
  } catch (fault) {
    if (!(fault instanceof StepFailed)) throw fault;
    return { name, verdict: "failed", told: fault.message };
  }
}

/** ThreadSanitizer has nothing to look for where no thread is made. Of a test without a recipe, its build tells. */
function sanitizersOf(file: string): Sanitizer[] {
  const hasThreads = (one: string) => readFileSync(one, "utf8").includes("pthread_create");
  try {
    return [...recipeOf(file).sources, file].some(hasThreads) ? ["asan", "tsan"] : ["asan"];
  } catch (fault) {
    if (!(fault instanceof StepFailed)) throw fault;
    return ["asan"];
  }
}

/** The tests of tests/c, under AddressSanitizer, and under ThreadSanitizer those with threads. */
export function cTests(only = ""): { name: string; run: () => Promise<CTest> }[] {
  const files = [...new Bun.Glob("tests/c/test_*.c").scanSync(".")].filter((file) => file.includes(only)).sort();
  return files.flatMap((file) =>
    sanitizersOf(file).map((sanitizer) => ({
      name: `${basename(file, ".c")} ${sanitizer}`,
      run: () => runOne(file, sanitizer),
    })),
  );
}
