/**
 * The glass-to-glass meter at work: builds the C programs of this folder, starts private X displays, paints on one and reads
 * from the other. A program's first comment names what it is built from: C files or folders (c/meter/) and libraries (-lxcb).
 */
import { mkdirSync, readFileSync } from "node:fs";
import { language, warnings } from "../../.ci/shim.ts";
import { BenchFailed, type Child, finish, Missing, start, stop, until } from "./children.ts";

export type SceneMode = "static" | "scroll" | "video" | "demo";

/** What a reader saw; times in ms. */
export interface Reading {
  frames: number;
  fps: number;
  skipped: number;
  backwards: number;
  unreadable: number;
  polls: number;
  latency: { mean: number; min: number; p50: number; p90: number; p99: number; max: number };
  gap: { p50: number; p99: number; max: number };
}

export interface Picture {
  width: number;
  height: number;
  fps: number;
  mode: SceneMode;
}

const folder = "build/bench";

function recipeOf(source: string): { sources: string[]; libs: string[] } {
  const text = readFileSync(source, "utf8");
  const words = text.slice(0, text.indexOf("*/")).split(/\s+/);
  const inFolder = (path: string) => [...new Bun.Glob(`${path}*.c`).scanSync(".")];
  return {
    sources: words.flatMap((word) =>
      /^c\/\S*\.c$/.test(word) ? [word] : /^c\/\S*\/$/.test(word) ? inFolder(word) : [],
    ),
    libs: words.filter((word) => /^-l\w/.test(word)),
  };
}

/** Builds tests/bench/<name>.c and returns the program. */
export async function buildTool(name: string): Promise<string> {
  if (!Bun.which("gcc")) throw new Missing("gcc is not installed: run `npm run deps`");
  mkdirSync(folder, { recursive: true });
  const source = `tests/bench/${name}.c`;
  const { sources, libs } = recipeOf(source);
  await finish(["gcc", ...language, ...warnings, "-O2", ...sources, source, "-o", `${folder}/${name}`, ...libs, "-lm"]);
  return `${folder}/${name}`;
}

/** Starts an X server of its own number. */
export async function openDisplay(width: number, height: number): Promise<{ name: string; server: Child }> {
  if (!Bun.which("Xvfb")) throw new Missing("Xvfb is not installed: apt-get install xvfb");
  const screen = `${width}x${height}x24`;
  const server = start(["Xvfb", "-displayfd", "1", "-screen", "0", screen, "-nolisten", "tcp", "-noreset"]);
  await until("Xvfb", 10_000, [server], () => server.output().includes("\n"));
  return { name: `:${server.output().trim()}`, server };
}

export interface Stage {
  readonly source: string;
  readonly sink: string;
  close(): Promise<void>;
}

/** Two private displays of the picture's size: one to be streamed, one to be streamed to. */
export async function openStage(picture: Picture): Promise<Stage> {
  const [source, sink] = await Promise.all([
    openDisplay(picture.width, picture.height),
    openDisplay(picture.width, picture.height),
  ]);
  return {
    source: source.name,
    sink: sink.name,
    close: async () => void (await Promise.all([stop(source.server), stop(sink.server)])),
  };
}

/** Paints the whole display until stopped. */
export function paint(program: string, display: string, { width, height, fps, mode }: Picture): Child {
  return start([program, display, `${width}`, `${height}`, `${fps}`, "3600", mode]);
}

/** Waits until timecodes arrive on the sink, and then for the stream to settle. */
export async function untilSeen(reader: string, sink: string, needed: Child[]): Promise<void> {
  await until(`a timecode on ${sink}`, 20_000, needed, async () => {
    const probe = start([reader, sink, "0.25", "0", "0", "1", "0"]);
    return (await probe.process.exited) === 0;
  });
  await Bun.sleep(1500);
}

/** Reads for `seconds`. */
export async function read(reader: string, sink: string, seconds: number): Promise<Reading> {
  const told = await finish([reader, sink, `${seconds}`, "0", "0", "1", "0"]);
  const reading = JSON.parse(told) as Partial<Reading>;
  if (!reading.latency || !reading.gap) throw new BenchFailed(`${reader} on ${sink}: ${told.trim()}`);
  return reading as Reading;
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}
