/**
 * Runs everything and counts. The closing line `N passed, N failed[, N skipped]` is the last thing printed, and N failed is
 * at least 1 whenever anything went wrong: a step, a file that does not load, a crash, a run that tells no numbers. A job that
 * fails beside others is run once more alone, and what that run says counts.
 *
 * Most end-to-end tests wait more than they work, so the work is cut into jobs and a few run at a time, each in a process of
 * its own; what a job printed is shown whole when it ends.
 */
import { statSync } from "node:fs";
import { buildHelpers, runScenario, type Scenario, scenarios } from "../tests/lab/run.ts";
import { architectureCheck, checks, declarationsCheck } from "./check.ts";
import { type CTest, cTests } from "./sanitize.ts";
import { capture, StepFailed, say, step } from "./steps.ts";
import { add, readSummary, type Tally, zero } from "./tally.ts";

/** Adds one named piece of work to the tally. */
async function counted(name: string, work: () => Promise<string | undefined>): Promise<Tally> {
  try {
    await step(name, work);
    return { ...zero, passed: 1 };
  } catch (fault) {
    say(fault instanceof StepFailed ? fault.message : Bun.inspect(fault));
    return { ...zero, failed: 1 };
  }
}

export interface Build {
  name: string;
  run: () => Promise<string | undefined>;
}

interface Job {
  name: string;
  run: () => Promise<Tally>;
}

/** Jobs at once: those that mostly wait (displays, browsers, networks), and beside them those that compile and compute. */
const waiting = Math.max(3, navigator.hardwareConcurrency + 1);
const computing = Math.max(1, navigator.hardwareConcurrency - 1);

/** Those that start processes, browsers and displays; each file is a job. All other files are one. */
const isSlow = (file: string): boolean => /^tests\/(e2e|windows|gpu)\/|^tests\/c\//.test(file);

/** Those that listen to what is played in real time, where a gap is a fault: they run when nothing else waits. */
const hears = ({ name }: Job): boolean => /^tests\/e2e\/sound|^test_audio_pulse/.test(name);

/** Those that open browsers, whose drawing alone keeps several processors busy: one at a time. */
const browses = ({ name }: Job): boolean => /^tests\/e2e\/(browser|relay-page)/.test(name);

function bunJob(name: string, files: readonly string[]): Job {
  const run = async (): Promise<Tally> => {
    const paths = files.map((file) => `./${file}`);
    const unit = await capture([process.execPath, "test", "--timeout", "20000", ...paths]);
    process.stderr.write(unit.err);
    if (unit.signal) say(`bun test was ended by ${unit.signal}`);
    return readSummary(unit.err, unit.signal ? 1 : unit.status);
  };
  return { name, run };
}

/** Those that take longest begin first. Nobody measures: the size of a file is a fair guess. */
function bunJobs(filter: readonly string[]): Job[] {
  const wanted = (file: string) => filter.length === 0 || filter.some((part) => file.includes(part));
  const files = [...new Bun.Glob("{.ci,ffi,src,tests,web}/**/*.test.ts").scanSync({ cwd: ".", dot: true })].filter(
    wanted,
  );
  const slow = files.filter(isSlow).sort((a, b) => statSync(b).size - statSync(a).size);
  const quick = files.filter((file) => !isSlow(file)).sort();
  const jobs = slow.map((file) => bunJob(file, [file]));
  return quick.length ? [bunJob("units", quick), ...jobs] : jobs;
}

function tellC({ name, verdict, told }: CTest): Tally {
  const word = { passed: "ok   ", failed: "FAIL ", skipped: "skip " }[verdict];
  say(`  ${word} C: ${name}${told ? `\n${told}` : ""}`);
  return { ...zero, [verdict]: 1 };
}

const cJobs = (filter: readonly string[]): Job[] =>
  cTests(filter[0]).map(({ name, run }) => ({ name, run: async () => tellC(await run()) }));

const labJob = (scenario: Scenario): Job => ({
  name: scenario.files.join(" "),
  run: () => runScenario(scenario, (text) => void process.stderr.write(text)),
});

async function finish({ name, run }: Job): Promise<Tally> {
  const begin = performance.now();
  try {
    return await run();
  } catch (fault) {
    say(`${name}: ${fault instanceof StepFailed ? fault.message : Bun.inspect(fault)}`);
    return { ...zero, failed: 1 };
  } finally {
    const seconds = (performance.now() - begin) / 1000;
    if (seconds > 10) say(`  ...   ${name} took ${seconds.toFixed(0)} s`);
  }
}

/** `builds` come first, in order; nothing else makes sense when one fails. `filter` narrows the tests themselves. */
export async function runTests(builds: Build[], filter: string[]): Promise<Tally> {
  let tally: Tally = zero;
  const all = [...builds, { name: "programs of the lab", run: buildHelpers }];
  for (const { name, run } of all) {
    tally = add(tally, await counted(name, run));
    if (tally.failed) return tally;
  }
  const checking: Job[] = filter.length ? [] : checks.map(({ name, run }) => ({ name, run: () => counted(name, run) }));
  const tallies: Tally[] = [];
  const failed: Job[] = [];
  const attempt = async (job: Job): Promise<void> => {
    const result = await finish(job);
    if (result.failed && filter.length === 0) failed.push(job);
    else tallies.push(result);
  };
  /** Does what is left of each list, one after the other. Several lanes may share a list. */
  const lane = async (...lists: Iterator<Job>[]): Promise<void> => {
    for (const list of lists) for (let next = list.next(); !next.done; next = list.next()) await attempt(next.value);
  };
  const lanes = (count: number, ...lists: Iterator<Job>[]) =>
    Promise.all(Array.from({ length: count }, () => lane(...lists)));
  const scenes = scenarios(filter[0]);
  // A guest with a clock of its own takes one processor, and nothing is late in it.
  const timeless = scenes.filter(({ clock }) => clock === "virtual").map(labJob);
  const guests = lane(
    scenes
      .filter(({ clock }) => clock === "real")
      .map(labJob)
      .values(),
  );
  const [waits, computes] = [bunJobs(filter), [...timeless, ...checking, ...cJobs(filter)]];
  const list = (jobs: Job[], isWanted: (job: Job) => boolean) => jobs.filter(isWanted).values();
  const ears = list([...waits, ...computes], hears);
  const browsers = list(waits, browses);
  const quiet = list(waits, (job) => !browses(job) && !hears(job));
  const busy = list(computes, (job) => !hears(job));
  // Other guests, one at a time, are two processors' work and much slower where they do not get them: what computes waits for them.
  const beside = lanes(waiting - 1, quiet);
  const listening = Promise.all([guests.then(() => lane(browsers, quiet)), beside]).then(() => lanes(waiting, ears));
  const compute = () => lanes(computing, busy);
  await Promise.all([listening, guests.then(compute), Promise.all([guests, beside]).then(compute)]);
  // Beside others a machine may be too slow for a test's patience. What fails alone as well has failed.
  for (const job of failed) {
    say(`  ...   ${job.name} failed beside others, once more alone:`);
    tallies.push(await finish(job));
  }
  tally = tallies.reduce(add, tally);
  if (tallies.length === 0) {
    say(`no test's path contains ${filter.join(" or ")}`);
    return add(tally, { ...zero, failed: 1 });
  }
  return tally;
}

export const allChecks = [...checks, declarationsCheck, architectureCheck];
