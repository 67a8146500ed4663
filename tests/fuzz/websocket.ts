/**
 * A long run of the native WebSocket server's fuzzer under both sanitizers: `bun tests/fuzz/websocket.ts [--seconds N] [--seed N]`.
 * The fuzzer itself is tests/c/test_ws_fuzz.c, which every run of the C tests runs for a moment.
 */
import { option } from "./long.ts";

// Each sanitizer ends a program after three minutes.
const seconds = Math.min(option("seconds", 30), 150);
const seed = String(option("seed", Date.now() % 1e6));
process.env.PB_FUZZ_SECONDS = String(Math.ceil(seconds));
process.env.PB_FUZZ_SEED = seed;
// Read when it is loaded.
const { cTests } = await import("../../.ci/sanitize.ts");

let failed = 0;
for (const test of cTests("test_ws_fuzz")) {
  const { name, verdict, told } = await test.run();
  console.log(`${verdict}: ${name}, seed ${seed}, ${seconds} s${told ? `\n${told}` : ""}`);
  if (verdict === "failed") failed++;
}
process.exit(failed ? 1 : 0);
