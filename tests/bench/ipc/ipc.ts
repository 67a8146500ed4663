/**
 * Messages between two processes on two cores: Patchbay's channel from C and from TypeScript beside a plain ring in C and the
 * other ways of peers.ts, interleaved, medians of rounds; asleep beside a bare futex; twenty clients at once. Where the two
 * cores lie decides as much as the program does, and a virtual machine's cores move within seconds: so each way runs between two
 * runs of the ring, and is left out where these two differ.
 */
import { finish, Missing } from "../children.ts";
import { median } from "../meter.ts";
import { type Cell, table } from "../table.ts";
import { buildPeer, ipcPeers, type OneWay, oneWay, type RoundTrips, roundTrips } from "./peers.ts";

const size = 64;
const session = "tests/bench/ipc/session.ts";
const crowd = "tests/bench/ipc/crowd.ts";

interface Way {
  readonly name: string;
  readonly rtt: (seconds: number) => Promise<RoundTrips>;
  readonly oneWay: (seconds: number) => Promise<OneWay>;
}

let names = 0;
const newName = () => `bench_${process.pid}_${names++}`;
const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1) ?? "";

/** The server is started first and says that it is ready; both must end well. */
async function two(server: string[], client: string[]): Promise<{ server: string; client: string }> {
  const pinned = (core: number, words: string[]) => ["taskset", "-c", String(core), process.execPath, ...words];
  const child = Bun.spawn(pinned(0, server), { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const told = await finish(pinned(1, client)).catch((cause: unknown) => {
    child.kill("SIGKILL");
    throw cause;
  });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${server.join(" ")} failed`);
  return { server: lastLine(text), client: lastLine(told) };
}

const typescript: Way = {
  name: "patchbay, TypeScript",
  rtt: async (seconds) => {
    const name = newName();
    const sizes = [String(size), String(seconds)];
    return JSON.parse((await two([session, "rtt", name, ...sizes], [session, "echo", name])).server) as RoundTrips;
  },
  oneWay: async (seconds) => {
    const name = newName();
    const sizes = [String(size), String(seconds)];
    const told = await two([session, "oneway", name, ...sizes], [session, "count", name, ...sizes]);
    return JSON.parse(told.client) as OneWay;
  },
};

const program = (name: string, path: string): Way => ({
  name,
  rtt: (seconds) => roundTrips(path, size, seconds),
  oneWay: (seconds) => oneWay(path, size, seconds),
});

async function ways(): Promise<Way[]> {
  const channel = { name: "patchbay, C", source: "patchbay.c", libs: ["dist/ipc/libpatchbay_ipc.a", "-pthread"] };
  const all: Way[] = [program(channel.name, await buildPeer(channel)), typescript];
  for (const peer of Object.values(ipcPeers))
    try {
      all.push(program(peer.name, await buildPeer(peer)));
    } catch (reason) {
      if (!(reason instanceof Missing)) throw reason;
      console.log(`  without ${peer.name}: ${reason.message}`);
    }
  return all;
}

export interface IpcResult {
  readonly name: string;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly perSecond: number;
  /** Medians of the ratios to the ring beside it. */
  readonly tripToRing: number;
  readonly streamToRing: number;
}

/** More, and the cores moved between the two runs of the ring. */
const moved = 1.5;
const tries = 10;

/** Runs `way` between two runs of the ring; undefined when the cores would not rest. */
async function beside<T>(
  ring: () => Promise<number>,
  way: () => Promise<T>,
  figure: (told: T) => number,
): Promise<{ told: T; toRing: number } | undefined> {
  let before = await ring();
  for (let attempt = 0; attempt < tries; attempt++) {
    const told = await way();
    const after = await ring();
    if (Math.max(before, after) < moved * Math.min(before, after))
      return { told, toRing: (2 * figure(told)) / (before + after) };
    before = after;
  }
}

async function measure(all: Way[], seconds: number, rounds: number): Promise<IpcResult[]> {
  const ring = all.find(({ name }) => name === ipcPeers.ceiling?.name);
  if (!ring) throw new Error("the plain ring was not built");
  const slice = Math.min(seconds, 0.2);
  const trips = all.map((): { told: RoundTrips; toRing: number }[] => []);
  const streams = all.map((): { told: OneWay; toRing: number }[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [index, way] of all.entries()) {
      const ringTrip = async () => (await ring.rtt(slice)).p50Ns;
      const trip = await beside(
        ringTrip,
        () => way.rtt(seconds),
        ({ p50Ns }) => p50Ns,
      );
      const ringStream = async () => (await ring.oneWay(slice)).perSecond;
      const stream = await beside(
        ringStream,
        () => way.oneWay(seconds),
        ({ perSecond }) => perSecond,
      );
      if (trip) trips[index]?.push(trip);
      if (stream) streams[index]?.push(stream);
    }
  return all.map(({ name }, index) => {
    const [trip, stream] = [trips[index] ?? [], streams[index] ?? []];
    const [kept, asked] = [trip.length + stream.length, 2 * rounds];
    if (kept < asked) console.log(`  ${name}: ${asked - kept} of ${asked} left out, the cores moved each time`);
    return {
      name,
      p50Ns: median(trip.map(({ told }) => told.p50Ns)),
      p99Ns: median(trip.map(({ told }) => told.p99Ns)),
      perSecond: median(stream.map(({ told }) => told.perSecond)),
      tripToRing: median(trip.map(({ toRing }) => toRing)),
      streamToRing: median(stream.map(({ toRing }) => toRing)),
    };
  });
}

/** Median round trips of both sides asleep, beside two bare futexes, in ns. */
async function asleep(seconds: number, rounds: number): Promise<{ channelNs: number; futexNs: number }> {
  const path = "build/bench/ipc/patchbay";
  const times = { sleep: [] as number[], futex: [] as number[] };
  for (let round = 0; round < rounds; round++)
    for (const how of ["sleep", "futex"] as const) {
      const told = await finish([path, "rtt", String(size), String(seconds), how]);
      times[how].push((JSON.parse(told) as RoundTrips).p50Ns);
    }
  return { channelNs: median(times.sleep), futexNs: median(times.futex) };
}

/** The slowest client's share of the mean, and round trips a second of all. */
async function fairness(clients: number, seconds: number): Promise<{ slowest: number; perSecond: number }> {
  const name = newName();
  const told = await two(
    [crowd, "serve", name, String(seconds + 2)],
    [crowd, "clients", name, String(clients), String(seconds)],
  );
  const counts = JSON.parse(told.client) as number[];
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return { slowest: Math.min(...counts) / mean, perSecond: (mean * counts.length) / seconds };
}

export async function ipc({ seconds, rounds }: { seconds: number; rounds: number }) {
  const results = await measure(await ways(), Math.min(seconds, 1), rounds);
  const times = (ratio: number) => `${ratio.toFixed(2)} x`;
  const rows = results.map((way): Cell[] => [
    ...[way.name, way.p50Ns, way.p99Ns, times(way.tripToRing)],
    ...[way.perSecond / 1e6, times(way.streamToRing)],
  ]);
  console.log(`\n${table([`${size} B`, "p50 ns", "p99 ns", "to ring", "million/s", "to ring"], rows)}`);
  const sleeping = await asleep(Math.min(seconds, 2), rounds);
  console.log(
    `\nasleep: ${sleeping.channelNs} ns a round trip, ${times(sleeping.channelNs / sleeping.futexNs)} a bare futex`,
  );
  const many = await fairness(20, Math.min(seconds, 3));
  const rate = Math.round(many.perSecond);
  console.log(`20 clients: ${rate} round trips/s, the slowest has ${many.slowest.toFixed(2)} of the mean`);
  return { results, sleeping, many };
}
