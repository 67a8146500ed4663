/**
 * Glass to glass: how old a picture is when it appears on the other display, Patchbay beside TigerVNC, interleaved round by
 * round on the same two displays. Figures of one machine only mean something beside each other, so ratios are what counts.
 */
import { cpuMs, Missing, stop } from "./children.ts";
import {
  buildTool,
  median,
  openStage,
  type Picture,
  paint,
  type Reading,
  read,
  type Stage,
  untilSeen,
} from "./meter.ts";
import { patchbay, type Streamer, tigervnc } from "./streamers.ts";
import { type Cell, table } from "./table.ts";

export interface GlassSettings {
  /** Of each measurement. */
  seconds: number;
  rounds: number;
  /** Case names; empty for all. */
  only: string[];
  streamers: Streamer[];
}

interface Case {
  name: string;
  picture: Picture;
  /** Largest ratio to TigerVNC's p50; p99's is 1. */
  p50Limit: number;
}

const at = (width: number, height: number, mode: "scroll" | "video", p50Limit: number): Case => ({
  name: `${height}p-${mode}`,
  picture: { width, height, fps: 60, mode },
  p50Limit,
});

export const cases: Case[] = [
  at(1280, 720, "scroll", 0.7),
  at(1280, 720, "video", 0.7),
  at(1920, 1080, "scroll", 0.7),
  at(1920, 1080, "video", 1),
];

interface Round extends Reading {
  /** Processor time over the measurement, in percent of one core. */
  senderCpu: number;
  receiverCpu: number;
}

interface Summary {
  rounds: Round[];
  p50: number;
  p90: number;
  p99: number;
  max: number;
  fps: number;
  skipped: number;
  senderCpu: number;
  receiverCpu: number;
}

interface Verdict {
  measure: string;
  ratio: number;
  limit: number;
  met: boolean;
}

export interface GlassResult {
  case: string;
  streamers: Record<string, Summary>;
  /** Patchbay against TigerVNC; empty when one of them is missing. */
  verdicts: Verdict[];
}

/** Frames a second may differ this much for reasons of counting alone. */
const fpsTolerance = 0.995;

async function measure(streamer: Streamer, stage: Stage, picture: Picture, seconds: number): Promise<Round> {
  const painter = paint("build/bench/paint", stage.source, picture);
  const stream = await streamer.open(stage, picture.fps);
  try {
    await untilSeen("build/bench/read", stage.sink, [painter, stream.sender, stream.receiver]);
    const before = [cpuMs(stream.sender), cpuMs(stream.receiver)] as const;
    const reading = await read("build/bench/read", stage.sink, seconds);
    const share = (now: number, then: number) => (now - then) / 10 / seconds;
    return {
      ...reading,
      senderCpu: share(cpuMs(stream.sender), before[0]),
      receiverCpu: share(cpuMs(stream.receiver), before[1]),
    };
  } finally {
    await stream.close();
    await stop(painter);
  }
}

function summarise(rounds: Round[]): Summary {
  const of = (pick: (round: Round) => number) => median(rounds.map(pick));
  return {
    rounds,
    p50: of((r) => r.latency.p50),
    p90: of((r) => r.latency.p90),
    p99: of((r) => r.latency.p99),
    max: Math.max(...rounds.map((r) => r.latency.max)),
    fps: of((r) => r.fps),
    skipped: of((r) => r.skipped),
    senderCpu: of((r) => r.senderCpu),
    receiverCpu: of((r) => r.receiverCpu),
  };
}

function judge(own: Summary | undefined, peer: Summary | undefined, p50Limit: number): Verdict[] {
  if (!own || !peer) return [];
  const most = (measure: string, ratio: number, limit: number) => ({ measure, ratio, limit, met: ratio <= limit });
  const fps = own.fps / peer.fps;
  return [
    most("p50", own.p50 / peer.p50, p50Limit),
    most("p99", own.p99 / peer.p99, 1),
    { measure: "fps", ratio: fps, limit: 1, met: fps >= fpsTolerance },
  ];
}

function print(result: GlassResult): void {
  const rows = Object.entries(result.streamers).map(([name, s]): Cell[] => [
    ...[result.case, name, s.fps, s.p50, s.p90, s.p99, s.max, s.skipped],
    ...[s.senderCpu, s.receiverCpu, s.rounds.map((round) => round.latency.p50.toFixed(1)).join(" ")],
  ]);
  const heads = [
    "case",
    "streamer",
    "fps",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "max ms",
    "skipped",
    "send CPU%",
    "recv CPU%",
  ];
  console.log(`\n${table([...heads, "p50 by round"], rows, 2)}`);
  for (const { measure, ratio, limit, met } of result.verdicts) {
    const target = measure === "fps" ? "no fewer" : `at most ${limit.toFixed(2)} x`;
    console.log(`  ${measure} ${ratio.toFixed(2)} x TigerVNC (target ${target}): ${met ? "met" : "NOT met"}`);
  }
}

/** The streamers that are here; says how to install the others. */
function present(streamers: Streamer[]): Streamer[] {
  return streamers.filter((streamer) => {
    try {
      streamer.check();
      return true;
    } catch (reason) {
      if (!(reason instanceof Missing)) throw reason;
      console.log(`  without ${streamer.name}: ${reason.message}`);
      return false;
    }
  });
}

export async function glass(settings: GlassSettings): Promise<GlassResult[]> {
  const streamers = present(settings.streamers);
  if (streamers.length === 0) throw new Missing("neither Patchbay nor TigerVNC can be run");
  await buildTool("paint");
  await buildTool("read");
  const results: GlassResult[] = [];
  for (const { name, picture, p50Limit } of cases.filter(
    (c) => !settings.only.length || settings.only.includes(c.name),
  )) {
    const stage = await openStage(picture);
    const rounds = new Map<Streamer, Round[]>(streamers.map((streamer) => [streamer, []]));
    for (let round = 0; round < settings.rounds; round++) {
      // Every other round the other way about, so that nobody always runs on a machine that the other has warmed.
      for (const streamer of round % 2 ? streamers.toReversed() : streamers)
        rounds.get(streamer)?.push(await measure(streamer, stage, picture, settings.seconds));
    }
    await stage.close();
    const summaries = Object.fromEntries([...rounds].map(([streamer, list]) => [streamer.name, summarise(list)]));
    const verdicts = judge(summaries[patchbay.name], summaries[tigervnc.name], p50Limit);
    const result = { case: name, streamers: summaries, verdicts };
    print(result);
    results.push(result);
  }
  return results;
}
