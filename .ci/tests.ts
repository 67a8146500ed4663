/**
 * Runs everything and counts. The closing line `N passed, N failed[, N skipped]` is the last thing printed, and N failed is
 * at least 1 whenever anything went wrong: a step, a file that does not load, a crash, a run that tells no numbers.
 */
import { architectureCheck, checks } from "./check.ts";
import { type CTest, runCTests } from "./sanitize.ts";
import { capture, StepFailed, say, step } from "./steps.ts";

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export const closingLine = ({ passed, failed, skipped }: Tally): string =>
  `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`;

/** What `bun test` said on standard error, in numbers. An exit status that disagrees counts as a failure. */
export function readSummary(text: string, status: number): Tally {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with one.
  const plain = text.replace(/\u001b\[[0-9;]*m/g, "");
  const count = (word: string): number =>
    [...plain.matchAll(new RegExp(`^\\s*(\\d+) ${word}s?$`, "gm"))].reduce((sum, found) => sum + Number(found[1]), 0);
  const tally = {
    passed: count("pass"),
    failed: count("fail") + count("error"),
    skipped: count("skip") + count("todo"),
  };
  const complete = /^Ran \d+ tests? across \d+ files?\./m.test(plain);
  if ((status !== 0 || !complete || tally.passed === 0) && tally.failed === 0) tally.failed = 1;
  return tally;
}

/** Adds one named piece of work to the tally. Returns whether it held. */
async function counted(tally: Tally, name: string, work: () => Promise<string | undefined>): Promise<boolean> {
  try {
    await step(name, work);
    tally.passed++;
    return true;
  } catch (fault) {
    say(fault instanceof StepFailed ? fault.message : Bun.inspect(fault));
    tally.failed++;
    return false;
  }
}

export interface Build {
  name: string;
  run: () => Promise<string | undefined>;
}

/** `builds` come first, in order; nothing else makes sense when one fails. `filter` narrows the tests themselves. */
export async function runTests(builds: Build[], filter: string[]): Promise<Tally> {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, run } of builds) if (!(await counted(tally, name, run))) return tally;
  if (filter.length === 0) for (const { name, run } of checks) await counted(tally, name, run);
  const tellC = ({ name, verdict, told }: CTest) => {
    tally[verdict]++;
    say(
      `  ${verdict === "passed" ? "ok   " : verdict === "failed" ? "FAIL " : "skip "} C: ${name}${told ? `\n${told}` : ""}`,
    );
  };
  await runCTests(tellC, filter[0]);
  const unit = await capture([process.execPath, "test", "--timeout", "20000", ...filter], {
    onErr: (text) => process.stderr.write(text),
  });
  const counts = readSummary(unit.err, unit.signal ? 1 : unit.status);
  if (counts.failed && unit.signal) say(`bun test was ended by ${unit.signal}`);
  return {
    passed: tally.passed + counts.passed,
    failed: tally.failed + counts.failed,
    skipped: tally.skipped + counts.skipped,
  };
}

export const allChecks = [...checks, architectureCheck];
