/**
 * What sound costs, in percent of a core: Opus and the jitter buffer for each packet size (audio.c), and source with sink on ALSA's
 * loopback card and on PulseAudio where this machine has them. What it has not is named; no figure is made up for it.
 */
import { existsSync } from "node:fs";
import { probeBackends } from "../../ffi/grabber.ts";
import { finish } from "./children.ts";
import { buildTool } from "./meter.ts";
import { type Cell, table } from "./table.ts";

interface Row {
  what: string;
  frameMs: number;
  percent: number;
}

const rowsOf = (text: string): Row[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row);

export async function audio(seconds: number): Promise<Row[]> {
  const tool = await buildTool("audio");
  const rows = rowsOf(await finish([tool]));
  const onDevices = async (backend: string, source: string, sink: string) =>
    rows.push(...rowsOf(await finish([tool, backend, source, sink, `${seconds}`])));
  const absent: string[] = [];
  if (existsSync("/proc/asound/Loopback")) await onDevices("alsa", "hw:Loopback,1", "hw:Loopback,0");
  else absent.push("ALSA: there is no loopback card: sudo modprobe snd-aloop");
  const pulse = probeBackends("audio").find(({ name }) => name === "pulse");
  if (pulse?.usable) await onDevices("pulse", "", "");
  else absent.push(`PulseAudio: ${pulse?.detail}`);
  const cells = rows.map(({ what, frameMs, percent }): Cell[] => [what, frameMs, percent]);
  console.log(`\n${table(["sound", "packet ms", "% of a core"], cells, 2)}`);
  for (const reason of absent) console.log(`not measured: ${reason}`);
  return rows;
}
