/** What the demo found, as data and as text. Pure. */
import type { Percentiles } from "../base/percentiles.ts";
import type { FinishedClient, HostReport } from "./demo.ts";

export interface DemoReport {
  /** A picture with a readable timecode was shown, and both processes ended in order. */
  readonly ok: boolean;
  readonly source: "display" | "xvfb" | "pattern";
  readonly capture: string;
  readonly encoder: string;
  readonly decoder: string;
  readonly display: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly framesShown: number;
  readonly seconds: number;
  /** From painting on the source to showing at the client, by the timecode in the displayed picture; null without one. */
  readonly glassToGlassMs: Percentiles | null;
  /** Each stage's own time; `age` runs from capture to display by the clock offset. */
  readonly stagesMs: Readonly<Record<string, Percentiles>>;
  readonly bitrateBps: number;
  readonly lossPercent: number;
  /** 100 is one core kept busy. */
  readonly cpuPercent: { readonly host: number; readonly client: number };
  readonly png: string;
}

export function demoReport(
  source: DemoReport["source"],
  clean: boolean,
  png: string,
  host: HostReport,
  client: FinishedClient,
): DemoReport {
  const { glassToGlass, arrival: _arrival, wait: decodeWait, age, ...clientStages } = client.stagesMs;
  const { wait: captureWait, ...hostStages } = host.stagesMs;
  const stagesMs = {
    ...(captureWait ? { "capture-wait": captureWait } : {}),
    ...hostStages,
    ...(decodeWait ? { "decode-wait": decodeWait } : {}),
    ...clientStages,
    ...(age ? { age } : {}),
  };
  return {
    ok: clean && client.framesShown > 0 && glassToGlass !== undefined,
    source,
    capture: host.source.capture,
    encoder: host.source.encoder,
    decoder: client.decoder,
    display: client.display,
    width: client.width,
    height: client.height,
    fps: client.fps,
    framesShown: client.framesShown,
    seconds: client.secondsShown,
    glassToGlassMs: glassToGlass ?? null,
    stagesMs,
    bitrateBps: client.bitrateBps,
    lossPercent: client.lossPercent,
    cpuPercent: { host: host.cpu.percent, client: client.cpu.percent },
    png,
  };
}

const columns = (name: string, { p50, p95, p99 }: Percentiles): string =>
  `  ${name.padEnd(14)}${[p50, p95, p99].map((ms) => ms.toFixed(2).padStart(9)).join("")}`;

/** For a person: what was streamed, how old it was, where the time went. */
export function reportText(report: DemoReport): string {
  const { width, height, fps, framesShown, seconds, cpuPercent } = report;
  const stages = Object.entries(report.stagesMs).map(([name, values]) => columns(name, values));
  const glass = report.glassToGlassMs;
  return [
    "",
    `Picture     ${width}x${height} at ${fps.toFixed(1)} fps, ${framesShown} shown in ${seconds.toFixed(1)} s`,
    `Path        ${report.capture} -> ${report.encoder} -> encrypted UDP -> ${report.decoder} -> ${report.display}`,
    `Network     ${(report.bitrateBps / 1e6).toFixed(2)} Mbit/s, ${report.lossPercent.toFixed(2)} % lost`,
    `Processor   host ${cpuPercent.host.toFixed(0)} %, client ${cpuPercent.client.toFixed(0)} % of one core`,
    "",
    "  ms                  p50      p95      p99",
    ...(glass ? [columns("glass to glass", glass)] : ["  glass to glass: no timecode could be read"]),
    ...stages,
    "",
    `Shown picture: ${report.png}`,
  ].join("\n");
}
