/**
 * That the portable colour conversion becomes NEON code: its loops are compiled for ARM and looked at. What the code computes is
 * tests/c/test_convert.c's matter. Skipped where there is no compiler for ARM (Debian: gcc-aarch64-linux-gnu).
 */
import { expect, test } from "bun:test";

const compiler = Bun.which("aarch64-linux-gnu-gcc");

/** What must be found in each loop: the widening multiply, the rounding mean, loads and stores of interleaved bytes. */
const wanted: Record<string, RegExp> = {
  luma_row: /\bld4\b[\s\S]*\bumlal\b/,
  mean_rows: /\burhadd\b/,
  split: /\bld4\b/,
  mean_neighbours: /\bld2\b[\s\S]*\burhadd\b/,
  chroma_row: /\bumlal\b/,
  interleave: /\bst2\b/,
};

test.skipIf(!compiler)("the portable conversion is vectorised for ARM", async () => {
  const flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Ic", "-S", "-o", "-"];
  const run = Bun.spawn([compiler as string, ...flags, "c/convert/convert.c"], { stdout: "pipe", stderr: "inherit" });
  const assembly = await new Response(run.stdout).text();
  expect(await run.exited).toBe(0);
  for (const [name, instructions] of Object.entries(wanted)) {
    const from = assembly.indexOf(`\n${name}:`);
    expect(from).toBeGreaterThan(0);
    expect(assembly.slice(from, assembly.indexOf(`.size\t${name},`))).toMatch(instructions);
  }
});
