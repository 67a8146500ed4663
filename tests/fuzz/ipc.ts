/**
 * Channels under nonsense and under SIGKILL, longer than in the tests: the ring with random words in every shared field, under
 * AddressSanitizer, and peers that are killed at random moments, at full speed. `bun tests/fuzz/ipc.ts --seconds N --seed N`;
 * `--kills N` asks for at least that many. The programs are those of tests/c, which the tests run with fixed seeds.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { buildTest, recipeOf } from "../../.ci/sanitize.ts";
import { language, warnings } from "../../.ci/shim.ts";
import { capture, must } from "../../.ci/steps.ts";
import { option } from "./long.ts";

async function buildFast(file: string): Promise<string> {
  const { sources, libs } = recipeOf(file);
  const program = "build/fuzz-ipc/test_ipc_crash";
  mkdirSync(dirname(program), { recursive: true });
  await must(["gcc", ...language, ...warnings, "-O2", ...sources, file, "-o", program, ...libs]);
  return program;
}

async function run(program: string, count: number, seed: number, order: "count first" | "seed first"): Promise<void> {
  const words = order === "count first" ? [count, seed] : [seed, count];
  const { status, signal, out, err } = await capture([program, ...words.map(String)], { timeoutMs: 600_000 });
  if (status === 0 && !signal) return;
  console.error(`${program} ${words.join(" ")}: ${signal ?? `status ${status}`}\n${out}${err}`);
  process.exit(1);
}

if (import.meta.main) {
  const ring = await buildTest("tests/c/test_ipc_ring.c", "asan");
  const crash = await buildFast("tests/c/test_ipc_crash.c");
  const first = option("seed", Date.now() >>> 0);
  const least = option("kills", 0);
  const until = performance.now() + option("seconds", 10) * 1000;
  let inputs = 0;
  let kills = 0;
  for (let seed = first; performance.now() < until || kills < least; seed++) {
    await run(ring, 100_000, seed, "seed first");
    inputs += 100_000;
    await run(crash, 50, seed, "count first");
    kills += 100;
  }
  console.log(`ipc: seed ${first}, ${inputs} rounds of nonsense, ${kills} kills`);
}
