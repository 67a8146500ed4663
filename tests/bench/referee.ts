/**
 * Is the meter right? One stream, read at once by this project's reader and by an independent one (--referee DIR with
 * g2g_paint.c and g2g_read.c), painted in turn by either painter. Without DIR only this project's reader runs.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BenchFailed, finish, Missing, stop } from "./children.ts";
import { buildTool, openStage, type Picture, paint, type Reading, read, untilSeen } from "./meter.ts";
import type { Streamer } from "./streamers.ts";
import { type Cell, table } from "./table.ts";

/** In ms: how far apart two readers of one stream may be. */
const allowedMs = 1;

export interface RefereeResult {
  streamer: string;
  painter: string;
  own: Reading["latency"];
  other: Reading["latency"] | undefined;
  /** Largest difference of mean, p50 and p90, in ms; the p99 of a short run is one or two frames, caught by chance of polling. */
  differenceMs: number | undefined;
}

async function buildOther(folder: string, name: string): Promise<string> {
  const source = join(folder, `${name}.c`);
  if (!existsSync(source)) throw new Missing(`${source} does not exist`);
  await finish(["gcc", "-O2", source, "-o", `build/bench/${name}`, "-lxcb", "-lxcb-shm"]);
  return `build/bench/${name}`;
}

async function readOther(reader: string, sink: string, seconds: number): Promise<Reading["latency"]> {
  const told = await finish([reader, sink, `${seconds}`, "0", "0", "1", "0"]);
  const { latency_ms: latency } = JSON.parse(told) as { latency_ms?: Reading["latency"] };
  if (!latency) throw new BenchFailed(`${reader}: ${told}`);
  return latency;
}

/** The first of the named streamers that is here. */
function firstPresent(streamers: Streamer[]): Streamer {
  const absent: string[] = [];
  for (const streamer of streamers) {
    try {
      streamer.check();
      return streamer;
    } catch (reason) {
      if (!(reason instanceof Missing)) throw reason;
      absent.push(reason.message);
    }
  }
  throw new Missing(absent.join("; "));
}

export async function referee(
  seconds: number,
  folder: string | undefined,
  streamers: Streamer[],
): Promise<RefereeResult[]> {
  const picture: Picture = { width: 1280, height: 720, fps: 60, mode: "scroll" };
  const streamer = firstPresent(streamers);
  const painters = [await buildTool("paint")];
  const reader = await buildTool("read");
  const other = folder ? await buildOther(folder, "g2g_read") : undefined;
  if (folder) painters.push(await buildOther(folder, "g2g_paint"));
  else console.log("  without another meter: give its folder as --referee DIR");

  const stage = await openStage(picture);
  const results: RefereeResult[] = [];
  for (const program of painters) {
    const painter = paint(program, stage.source, picture);
    const stream = await streamer.open(stage, picture.fps);
    await untilSeen(reader, stage.sink, [painter, stream.sender, stream.receiver]);
    const [own, its] = await Promise.all([
      read(reader, stage.sink, seconds),
      other ? readOther(other, stage.sink, seconds) : undefined,
    ]);
    await stream.close();
    await stop(painter);
    const apart = (["mean", "p50", "p90"] as const).map((key) =>
      Math.abs(own.latency[key] - (its?.[key] ?? Number.NaN)),
    );
    const differenceMs = its && Math.max(...apart);
    results.push({ streamer: streamer.name, painter: program, own: own.latency, other: its, differenceMs });
  }
  await stage.close();
  print(results);
  return results;
}

function print(results: RefereeResult[]): void {
  const rows = results.flatMap(({ painter, own, other }): Cell[][] =>
    [own, other].flatMap((latency, i) =>
      latency
        ? [[painter, i ? "other reader" : "own reader", latency.mean, latency.p50, latency.p90, latency.p99]]
        : [],
    ),
  );
  console.log(
    `\n  streamed by ${results[0]?.streamer}\n${table(["painter", "reader", "mean ms", "p50 ms", "p90 ms", "p99 ms"], rows, 2)}`,
  );
  for (const { painter, differenceMs } of results)
    if (differenceMs !== undefined) {
      const verdict = differenceMs <= allowedMs ? "they agree" : "they do NOT agree";
      console.log(`  ${painter}: ${differenceMs.toFixed(2)} ms apart (at most ${allowedMs}): ${verdict}`);
    }
}
