/**
 * `npm run bench -- [NAME ...] [--seconds N] [--rounds N] [--only CASE,...] [--streamers patchbay,tigervnc]
 * [--servers patchbay,ws] [--referee DIR] [--json FILE]`: runs the benches by name, or all. Each prints a table; --json also
 * writes the figures. What is not installed or not built skips its bench with the line that provides it. Exit status 1 when a
 * bench broke; a target that is not met is a figure, not a failure.
 */
import { existsSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { audio } from "./audio.ts";
import { cleanUp, finish, isEnding, Missing } from "./children.ts";
import { content } from "./content.ts";
import { cases, glass } from "./glass.ts";
import { ipc } from "./ipc/ipc.ts";
import { microbench } from "./micro.ts";
import { memory, startTime } from "./processes.ts";
import { referee } from "./referee.ts";
import { relay, relayCases } from "./relay/relay.ts";
import { relayServers } from "./relay/servers.ts";
import { shm } from "./shm.ts";
import { stages } from "./stages.ts";
import { streamers } from "./streamers.ts";

const options = {
  /** Of each measurement. */
  seconds: { type: "string", default: "10" },
  rounds: { type: "string", default: "5" },
  only: { type: "string", default: "" },
  streamers: { type: "string", default: Object.keys(streamers).join(",") },
  /** Beside which the relay is measured. */
  servers: { type: "string", default: Object.keys(relayServers).join(",") },
  referee: { type: "string" },
  json: { type: "string" },
} as const;

function readArguments() {
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (fault) {
    console.error(fault instanceof Error ? fault.message : String(fault));
    process.exit(64);
  }
}

const { values, positionals } = readArguments();
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const only = values.only.split(",").filter(Boolean);
const named = values.streamers.split(",").filter(Boolean);
const servers = values.servers.split(",").filter(Boolean);
const chosen = named.flatMap((name) => streamers[name] ?? []);

/** A program of its own, because it watches its own heap. */
async function allocation(): Promise<string> {
  const program = "tests/bench/allocation.ts";
  if (!existsSync(program)) throw new Missing(`${program} does not exist`);
  const told = (await finish([process.execPath, program])).trimEnd();
  console.log(`\n${told}`);
  return told;
}

const benches: Record<string, () => Promise<unknown>> = {
  start: () => startTime(rounds * 10),
  memory: () => memory(seconds),
  microbench,
  content: async () => content(),
  stages,
  audio: () => audio(seconds),
  allocation,
  referee: () => referee(seconds, values.referee, chosen),
  glass: () => glass({ seconds, rounds, only, streamers: chosen }),
  shm: () => shm(seconds, rounds),
  relay: () => relay({ seconds, rounds, only, servers }),
  ipc: () => ipc({ seconds, rounds }),
};

function usageFault(): string | undefined {
  const stranger = (kind: string, asked: string[], known: string[]) => {
    const unknown = asked.find((name) => !known.includes(name));
    return unknown === undefined ? undefined : `there is no ${kind} "${unknown}"; there are ${known.join(", ")}`;
  };
  if (!(seconds > 0 && rounds >= 1 && Number.isInteger(rounds))) return "--seconds and --rounds are positive numbers";
  const caseNames = [...cases, ...relayCases].map(({ name }) => name);
  return (
    stranger("bench", positionals, Object.keys(benches)) ??
    stranger("case", only, caseNames) ??
    stranger("streamer", named, Object.keys(streamers)) ??
    stranger("server", servers, Object.keys(relayServers))
  );
}

process.chdir(new URL("../..", import.meta.url).pathname);
const fault = usageFault();
if (fault) {
  console.error(fault);
  process.exit(64);
}

const results: Record<string, unknown> = {};
let broken = 0;
for (const name of positionals.length ? positionals : Object.keys(benches)) {
  console.log(`\n== ${name} ==`);
  try {
    results[name] = await benches[name]?.();
  } catch (reason) {
    if (isEnding()) await new Promise(() => undefined); // the signal's handler ends the program
    if (reason instanceof Missing) {
      console.log(`  skipped: ${reason.message}`);
      results[name] = { skipped: reason.message };
    } else {
      broken++;
      console.log(`  FAILED: ${reason instanceof Error ? reason.message : String(reason)}`);
      results[name] = { failed: String(reason) };
    }
  }
  await cleanUp();
}
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, load: loadavg()[0] };
console.log(`\n${machine.cores} x ${machine.cpu}, load ${machine.load?.toFixed(2)}`);
if (values.json) await Bun.write(values.json, `${JSON.stringify({ machine, seconds, rounds, results }, null, 2)}\n`);
process.exit(broken ? 1 : 0);
