/**
 * One source to many receivers: Patchbay's relay beside other servers that pass messages on, round by round in turn, the server on
 * one core and the load client (saturate.c) on another. In saturated cases the source is held to a few messages ahead of the
 * slowest receiver, so that no server has to leave anything out or to hoard, and all are measured delivering everything.
 * Only whole messages whose number, length and both ends are right count. Figures of one machine only mean something beside
 * each other, so ratios are what counts; they are medians of the rounds' own ratios.
 */
import { mkdirSync } from "node:fs";
import { Missing } from "../children.ts";
import { buildTool, median } from "../meter.ts";
import { type Cell, table } from "../table.ts";
import { ceilingName, type Load, type Measured, measure, type RelayServer, relayServers } from "./servers.ts";
import { judge, type Target, type Verdict } from "./verdicts.ts";

interface Case {
  readonly name: string;
  readonly load: Load;
  readonly targets: readonly Target[];
}

const kib = 1024;
const memoryLimitMb = 150;
const peers = ["bun", "ws", "redis", "nats"];
const rate = (than: string, least: number): Target => ({ measure: "rate", than, least });
const paced: readonly Target[] = [
  { measure: "efficiency", than: "bun", least: 1 },
  { measure: "p99", than: "bun", most: 1 },
];
const unharmed: readonly Target[] = [
  { measure: "left out", most: 0 },
  { measure: "memory", most: memoryLimitMb },
];

export const relayCases: readonly Case[] = [
  {
    name: "64x1k",
    load: { receivers: 64, size: kib, window: 256 },
    targets: [rate("ws", 15), rate("bun", 1.3)],
  },
  {
    name: "64x16k",
    load: { receivers: 64, size: 16 * kib, window: 32 },
    targets: peers.map((peer) => rate(peer, 1.2)),
  },
  { name: "64x100k", load: { receivers: 64, size: 100 * kib, window: 16 }, targets: [] },
  { name: "1000x1k", load: { receivers: 1000, size: kib, window: 256 }, targets: [] },
  { name: "64x16k-60hz", load: { receivers: 64, size: 16 * kib, window: 16, hz: 60 }, targets: paced },
  { name: "500x16k-60hz", load: { receivers: 500, size: 16 * kib, window: 16, hz: 60 }, targets: paced },
  {
    name: "64x16k-60hz-2stalled",
    load: { receivers: 64, size: 16 * kib, window: 16, hz: 60, stalled: 2 },
    targets: unharmed,
  },
  { name: "64x16k-2stalled", load: { receivers: 64, size: 16 * kib, window: 32, stalled: 2 }, targets: unharmed },
];

export interface RelayBenchSettings {
  /** Of each measurement. */
  seconds: number;
  rounds: number;
  /** Case names; empty for all. */
  only: string[];
  /** Keys of `relayServers`. */
  servers: string[];
}

export interface RelayResult {
  case: string;
  /** By key of the server; one entry a round. */
  servers: Record<string, Measured[]>;
  verdicts: Verdict[];
}

/** The servers that are here, by key; says how to install the others. */
async function present(keys: string[]): Promise<[string, RelayServer][]> {
  const found: [string, RelayServer][] = [];
  for (const [key, server] of Object.entries(relayServers)) {
    if (!keys.includes(key)) continue;
    try {
      await server.check();
      found.push([key, server]);
    } catch (reason) {
      if (!(reason instanceof Missing)) throw reason;
      console.log(`  without ${server.name}: ${reason.message}`);
    }
  }
  return found;
}

const heads = [
  ...[
    "case",
    "server",
    "messages/s",
    "MB/s",
    "x Patchbay",
    "x ceiling",
    "a server-CPU s",
    "server CPU%",
    "client CPU%",
  ],
  ...["p50 ms", "p99 ms", "left out", "RSS MB"],
];

function print({ case: name, servers, verdicts }: RelayResult): void {
  const rows = Object.entries(servers).map(([key, rounds]): Cell[] => {
    const of = (pick: (one: Measured) => number) => median(rounds.map(pick));
    const speed = (one: Measured | undefined) => one?.deliveriesPerSecond ?? Number.NaN;
    const to = (other: string) => median(rounds.map((one, round) => speed(one) / speed(servers[other]?.[round])));
    return [
      ...[name, relayServers[key]?.name, of(speed), of((one) => one.megabytesPerSecond)],
      ...[to("patchbay"), to(ceilingName), of((one) => (speed(one) * one.seconds) / one.serverCpuSeconds)],
      of((one) => (100 * one.serverCpuSeconds) / one.seconds),
      of((one) => (100 * one.clientCpuSeconds) / one.seconds),
      ...[of((one) => one.p50Us / 1000), of((one) => one.p99Us / 1000)],
      ...[`${of((one) => one.leftOut)}`, Math.max(...rounds.map((one) => (one.serverPeakKib * 1024) / 1e6))],
    ];
  });
  console.log(`\n${table(heads, rows, 2)}`);
  for (const { text, met } of verdicts) console.log(`  ${text}: ${met ? "met" : "NOT met"}`);
}

/** A server that breaks under a load is out of that case, with what it said. */
async function tryOne(client: string, server: RelayServer, load: Load, seconds: number): Promise<Measured | undefined> {
  try {
    return await measure(client, server, load, seconds);
  } catch (reason) {
    console.log(`  ${server.name}: ${reason instanceof Error ? reason.message : String(reason)}`);
    return undefined;
  }
}

export async function relay(settings: RelayBenchSettings): Promise<RelayResult[]> {
  if (!Bun.which("taskset")) throw new Missing("taskset is not installed: apt-get install util-linux");
  const servers = await present(settings.servers);
  if (servers.length === 0) throw new Missing("none of the servers can be run");
  mkdirSync("build/bench/relay", { recursive: true });
  const client = await buildTool("relay/saturate");
  for (const [, { name, atItsLimit }] of servers)
    console.log(`  ${name}: for a receiver that is too slow, ${atItsLimit}`);
  const results: RelayResult[] = [];
  for (const { name, load, targets } of relayCases) {
    if (settings.only.length && !settings.only.includes(name)) continue;
    const measured: Record<string, Measured[]> = {};
    const failed = new Set<string>();
    for (let round = 0; round < settings.rounds; round++) {
      // Every other round the other way about, so that nobody always runs on a machine that the other has warmed.
      for (const [key, server] of round % 2 ? servers.toReversed() : servers) {
        if (failed.has(key)) continue;
        const one = await tryOne(client, server, load, settings.seconds);
        if (one) measured[key] = [...(measured[key] ?? []), one];
        else failed.add(key);
      }
    }
    for (const key of failed) delete measured[key];
    const inOrder = Object.fromEntries(servers.flatMap(([key]) => (measured[key] ? [[key, measured[key]]] : [])));
    const result = { case: name, servers: inOrder, verdicts: judge(targets, inOrder) };
    print(result);
    results.push(result);
  }
  return results;
}
