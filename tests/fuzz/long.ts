/** What the fuzzers share when they run longer than in the tests: `--seconds N`, `--seed N`, and how they tell what they found. */

export interface FuzzReport {
  readonly runs: number;
  /** Inputs that some decoder took: a fuzz that is refused everywhere tests nothing. */
  readonly accepted: number;
  /** What went wrong and the input that did it. */
  readonly failure: string | undefined;
}

export function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

/** Runs `fuzz` until the time is up, tells, and ends the process when something failed. */
export async function fuzzLong(
  name: string,
  fuzz: (seed: number, enough: (runs: number) => boolean) => FuzzReport | Promise<FuzzReport>,
): Promise<void> {
  const seed = option("seed", Date.now() >>> 0);
  const until = performance.now() + option("seconds", 10) * 1000;
  const report = await fuzz(seed, () => performance.now() > until);
  console.log(`${name}: seed ${seed}, ${report.runs} inputs, ${report.accepted} accepted`);
  if (!report.failure) return;
  console.error(report.failure);
  process.exit(1);
}
