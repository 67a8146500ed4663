/**
 * Frames of 1080p RGBA between Bun processes through the public functions (shm-end.ts): four readers of a stream of 240 Hz, a
 * reader beside a writer at full speed against memcpy of the same pictures, and pictures handed over one by one, each drawn
 * and looked at in every byte: with copies, and in place.
 */
import { existsSync } from "node:fs";
import { SharedMemory } from "../../ffi/segments.ts";
import { BenchFailed, Missing, start } from "./children.ts";
import { median } from "./meter.ts";
import { type Cell, table } from "./table.ts";

interface Counted {
  fps: number;
  /** Of one copy or handing over, the median. A machine that does other things at the same time cuts fps more than this. */
  eachMs?: number;
  read?: number;
  skipped?: number;
  torn?: number;
  overtaken?: number;
  busy?: number;
}

export interface ShmResult {
  paced: { writer: Counted; readers: Counted[] };
  full: { writer: Counted; reader: Counted; copyIn: Counted; copyOut: Counted };
  copied: Counted;
  inPlace: Counted;
}

const readers = 4;
const hz = 240;
let runs = 0;

type End = ReturnType<typeof start>;

async function says(end: End, text: string): Promise<void> {
  for (const until = performance.now() + 10_000; !end.output().includes(text); await Bun.sleep(2))
    if (performance.now() > until || end.process.exitCode !== null) throw new BenchFailed(end.told());
}

async function counted(end: End): Promise<Counted> {
  if ((await end.process.exited) !== 0) throw new BenchFailed(end.told());
  const line = end.output().trim().split("\n").at(-1) ?? "";
  return JSON.parse(line) as Counted;
}

/** Starts a writer and those who read, lets the writer begin when all are ready, and takes what each counted. */
async function together(writer: string, others: string[], seconds: number, fps = 0): Promise<Counted[]> {
  const name = `bench_${process.pid}_${runs++}`;
  const end = (role: string) => start([process.execPath, "tests/bench/shm-end.ts", role, name, `${seconds}`, `${fps}`]);
  const ends = [writer, ...others].map(end);
  for (const each of ends.slice(1)) await says(each, "ready");
  const sign = SharedMemory.create(`${name}_go`, 1);
  if (!sign.ok) throw new BenchFailed(sign.message);
  try {
    return await Promise.all(ends.map(counted));
  } finally {
    sign.value.close();
  }
}

/** Of several runs, each counter's median. */
function middle(of: Counted[]): Counted {
  const keys = Object.keys(of[0] ?? {}) as (keyof Counted)[];
  const medians = keys.map((key) => [key, median(of.map((each) => Number(each[key])))]);
  return Object.fromEntries(medians) as unknown as Counted;
}

/** `seconds` is for all rounds together. The kinds take turns, so that other work on the machine hits them alike. */
export async function shm(seconds: number, rounds: number): Promise<ShmResult> {
  if (!existsSync("dist/libpatchbay_shim.so")) throw new Missing("the shim is not built, run `npm run shim`");
  const [pacedWriter, ...pacedReaders] = await together("writer", Array(readers).fill("reader"), seconds, hz);
  const copies: Counted[][] = [];
  const full: Counted[][] = [];
  const copied: Counted[][] = [];
  const inPlace: Counted[][] = [];
  for (let round = 0; round < rounds; round++) {
    copies.push(await together("copy-in", ["copy-out"], seconds / rounds));
    full.push(await together("writer", ["eager"], seconds / rounds));
    copied.push(await together("draw-copy", ["look-copy"], seconds / rounds));
    inPlace.push(await together("draw-place", ["look-place"], seconds / rounds));
  }
  const end = (runs: Counted[][], k: number) => middle(runs.flatMap((run) => run[k] ?? []));
  const result = {
    paced: { writer: pacedWriter, readers: pacedReaders },
    full: { writer: end(full, 0), reader: end(full, 1), copyIn: end(copies, 0), copyOut: end(copies, 1) },
    copied: end(copied, 0),
    inPlace: end(inPlace, 0),
  } as ShmResult;
  show(result);
  return result;
}

function show({ paced, full, copied, inPlace }: ShmResult): void {
  const row = (what: string, { fps, eachMs, skipped, torn, overtaken, busy }: Counted, note: Cell = ""): Cell[] => [
    what,
    fps,
    eachMs,
    skipped,
    torn,
    overtaken,
    busy,
    note,
  ];
  const rows = [
    row(`writer at ${hz} Hz`, paced.writer),
    ...paced.readers.map((reader, k) => row(`  reader ${k + 1}`, reader)),
    row("memcpy alone, in", full.copyIn),
    row("memcpy alone, out", full.copyOut),
    row("writer at full speed", full.writer),
    row("  its reader", full.reader, `${((full.copyOut.eachMs ?? 0) / (full.reader.eachMs ?? 1)).toFixed(2)} x memcpy`),
    row("drawn, copied, looked at, one by one", copied),
    row("the same in place", inPlace, `${((copied.eachMs ?? 0) / (inPlace.eachMs ?? 1)).toFixed(2)} x copied`),
  ];
  console.log(table(["1920x1080 RGBA", "fps", "ms each", "skipped", "torn", "copied again", "gave up", ""], rows));
}
