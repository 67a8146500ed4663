/**
 * What sound costs, in percent of a core: Opus and the jitter buffer for each packet size (audio.c), and source with sink on a private
 * PulseAudio, by its own interface and by ALSA's, whose plugin for it takes more than a card would; and on ALSA's loopback card where
 * this machine has one. What it has not is named; no figure is made up for it.
 */
import { existsSync } from "node:fs";
import { cleanUp } from "../e2e/processes.ts";
import { Pulse } from "../e2e/pulse.ts";
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
  const onDevices = async (backend: string, source: string, sink: string, env: Record<string, string> = {}) =>
    rows.push(...rowsOf(await finish([tool, backend, source, sink, `${seconds}`], env)));
  const absent: string[] = [];
  if (existsSync("/proc/asound/Loopback")) await onDevices("alsa", "hw:Loopback,1", "hw:Loopback,0");
  else absent.push("ALSA's loopback card: sudo modprobe snd-aloop");
  const pulse = new Pulse(["heard"]);
  try {
    await pulse.start();
    // Silence would be coded for nothing.
    pulse.play("heard", 440, 4 * seconds + 60);
    await onDevices("pulse", "", "", pulse.env);
    await onDevices("alsa", "pulse", "pulse", pulse.env);
  } finally {
    await cleanUp();
  }
  const cells = rows.map(({ what, frameMs, percent }): Cell[] => [what, frameMs, percent]);
  console.log(`\n${table(["sound", "packet ms", "% of a core"], cells, 2)}`);
  for (const reason of absent) console.log(`not measured: ${reason}`);
  return rows;
}
