/** How many tests passed, failed and were skipped, and the closing line of every test run. Pure. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const zero: Tally = { passed: 0, failed: 0, skipped: 0 };

export const add = (a: Tally, b: Tally): Tally => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
});

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
