/** The figures over the picture: rates of the last two seconds, the picture's age, and how it comes here. */
import { byId, element } from "../dom.ts";
import type { Age } from "../lib/clock.ts";
import { bits, bytes, decimals } from "../lib/format.ts";

export interface Figures {
  readonly mode: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly bps: number;
  readonly age: Age | undefined;
  readonly received: number;
  readonly frames: number;
  readonly reconnects: number;
  readonly path: string;
}

const ageText = (age: Age | undefined): string => {
  if (!age) return "–";
  if (age.errorMs === undefined) return `+${decimals(age.ms, 0)} ms over the quickest`;
  return `${decimals(age.ms, 0)} ± ${decimals(age.errorMs, 0)} ms`;
};

export function showFigures(figures: Figures): void {
  const rows = [
    ["Mode", figures.mode],
    ["Picture", figures.width > 0 ? `${figures.width} × ${figures.height}` : "–"],
    ["Frames", `${decimals(figures.fps, 1)} a second`],
    ["Age", ageText(figures.age)],
    ["Bit rate", bits(figures.bps)],
    ["Received", `${bytes(figures.received)}, ${figures.frames.toLocaleString("en")} frames`],
    ["Path", figures.path],
    ["Reconnects", String(figures.reconnects)],
  ];
  byId("figures").replaceChildren(
    ...rows.flatMap(([term, value]) => [element("dt", {}, term as string), element("dd", {}, value as string)]),
  );
}
