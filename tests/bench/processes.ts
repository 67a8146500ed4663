/** What the executable costs by itself: how fast it starts, and how much memory a streaming host holds. */
import { readFileSync } from "node:fs";
import { BenchFailed, stop } from "./children.ts";
import { buildTool, median, openStage, type Picture, paint, untilSeen } from "./meter.ts";
import { executable, patchbay } from "./streamers.ts";
import { table } from "./table.ts";

export interface StartResult {
  /** Medians in ms. */
  version: number;
  true: number;
  met: boolean;
}

const startLimitMs = 30;

/** Start and end of `patchbay version`, beside a program that does nothing; in turn, so that both meet the same machine. */
export async function startTime(runs: number): Promise<StartResult> {
  patchbay.check();
  const once = (command: string[]) => {
    const begin = Bun.nanoseconds();
    const { exitCode } = Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" });
    const ms = (Bun.nanoseconds() - begin) / 1e6;
    if (exitCode !== 0) throw new BenchFailed(`${command.join(" ")} ended with status ${exitCode}`);
    return ms;
  };
  const times: Record<"version" | "true", number[]> = { version: [], true: [] };
  for (let i = 0; i < runs + 2; i++) {
    const [version, nothing] = [once([executable, "version"]), once(["true"])];
    if (i < 2) continue; // the first ones read the executable from disk
    times.version.push(version);
    times.true.push(nothing);
  }
  const result = { version: median(times.version), true: median(times.true) };
  const met = result.version <= startLimitMs;
  console.log(
    `\n${table(
      ["start", "median ms", "min ms", "max ms"],
      [
        ["patchbay version", result.version, Math.min(...times.version), Math.max(...times.version)],
        ["true", result.true, Math.min(...times.true), Math.max(...times.true)],
      ],
    )}\n  ${result.version.toFixed(1)} ms (target under ${startLimitMs} ms): ${met ? "met" : "NOT met"}`,
  );
  return { ...result, met };
}

export interface MemoryResult {
  /** MB of 10^6 bytes. */
  hostRss: number;
  hostPeakRss: number;
  clientRss: number;
  /** Growth of the host's RSS from the first to the last sample. */
  hostGrowth: number;
  met: boolean;
}

const memoryLimitMb = 150;

function statusMb(pid: number, field: "VmRSS" | "VmHWM"): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return (Number(found?.[1]) * 1024) / 1e6;
}

/** Memory of host and client while 1280 x 720 at 60 fps is streamed. */
export async function memory(seconds: number): Promise<MemoryResult> {
  patchbay.check();
  const painterProgram = await buildTool("paint");
  const reader = await buildTool("read");
  const picture: Picture = { width: 1280, height: 720, fps: 60, mode: "video" };
  const stage = await openStage(picture);
  const painter = paint(painterProgram, stage.source, picture);
  const stream = await patchbay.open(stage, picture.fps);
  await untilSeen(reader, stage.sink, [painter, stream.sender, stream.receiver]);
  const [host, client] = [stream.sender.process.pid, stream.receiver.process.pid];
  const samples: number[] = [];
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await Bun.sleep(250))
    samples.push(statusMb(host, "VmRSS"));
  const result = {
    hostRss: median(samples),
    hostPeakRss: statusMb(host, "VmHWM"),
    clientRss: statusMb(client, "VmRSS"),
    hostGrowth: (samples.at(-1) ?? Number.NaN) - (samples[0] ?? Number.NaN),
  };
  await stream.close();
  await stop(painter);
  await stage.close();
  const met = result.hostPeakRss < memoryLimitMb;
  console.log(
    `\n${table(
      ["memory at 720p60", "host RSS MB", "peak", `growth in ${seconds} s`, "client RSS MB"],
      [["Patchbay", result.hostRss, result.hostPeakRss, result.hostGrowth, result.clientRss]],
    )}\n  ${result.hostPeakRss.toFixed(0)} MB (target under ${memoryLimitMb} MB): ${met ? "met" : "NOT met"}`,
  );
  return { ...result, met };
}
