/**
 * The one build program. `bun build.ts COMMAND`; npm scripts of the same names make Bun ready first (.ci/setup.mjs). Each
 * command runs what it needs, one line a step with its time; a failure ends it with the reason and status 1.
 */
import { buildShim } from "./.ci/shim.ts";
import { must, StepFailed, say, step } from "./.ci/steps.ts";

const commands: Record<string, (args: string[]) => Promise<number>> = { shim };

async function shim(args: string[]): Promise<number> {
  await step("native table", async () => {
    await must([process.execPath, "ffi/generate.ts"]);
  });
  await step("shim", () => buildShim(args.includes("--keep-going")));
  return 0;
}

process.chdir(import.meta.dir);
const [name = "", ...args] = process.argv.slice(2);
const command = commands[name];
if (!command) {
  say(`usage: bun build.ts ${Object.keys(commands).join(" | ")}`);
  process.exit(2);
}
try {
  process.exitCode = await command(args);
} catch (fault) {
  if (!(fault instanceof StepFailed)) throw fault;
  say(fault.message);
  process.exitCode = 1;
}
