/**
 * How much less than raw pixels each mode of ds-stream costs on the content that it is for: `bun tests/bench/content.ts`. Counted,
 * not timed, so every run and machine gives the same. Deltas are of the drawn desktop of tests/vectors/desktop.ts; signals are the
 * springs of the source page, untouched, through a real relay core to a receiver, with frame and WebSocket heads. Sections 5 and 16.
 */
import { ManualClock } from "../../src/base/clock.ts";
import { buildDeltaPixels, buildPixels, buildSignalDiff, buildSignalSync } from "../../src/wire/ds.ts";
import { diffSignals, type JsonObject, signalBytes } from "../../src/wire/merge.ts";
import { packDelta, rleBound } from "../../src/wire/rle.ts";
import { Springs } from "../../web/source/springs.ts";
import { RelayWorld } from "../sim/relay-world.ts";
import { desktop, height, width } from "../vectors/desktop.ts";
import { table } from "./table.ts";

const frames = 48;
const signalsPerSecond = 10;
const signalSeconds = 60;
/** The picture that the signals stand for: raw RGBA at the spec's pace of 28 MB/s. */
const specPixelBps = 28e6;

/** Bytes of a WebSocket message's head from a server (RFC 6455 section 5.2). */
const headBytes = (size: number): number => (size < 126 ? 2 : size < 65_536 ? 4 : 10);

function deltaBytes(before: Uint8Array, now: Uint8Array): number {
  const out = new Uint8Array(rleBound(now.length));
  return buildDeltaPixels(0, 0, width, height, out.subarray(0, packDelta(before, now, out))).length;
}

/** Shares of raw pixels that deltas save, 0 to 1, while `next` gives picture after picture. */
function saved(next: (time: number) => Uint8Array): number {
  let shown = next(0);
  let [packed, raw] = [0, 0];
  for (let time = 1; time <= frames; time++) {
    const now = next(time);
    packed += deltaBytes(shown, now);
    raw += buildPixels(0, 0, width, height, now).length;
    shown = now;
  }
  return 1 - packed / raw;
}

/** Bytes a second to one receiver of the springs' signals. */
function signalBps(): number {
  const world = new RelayWorld();
  const clock = new ManualClock();
  const source = world.open("/source/springs");
  const receiver = world.open("/stream/springs");
  const springs = new Springs();
  let state: JsonObject | undefined;
  let bytes = 0;
  for (let n = 0; n < signalSeconds * signalsPerSecond; n++) {
    clock.advance(1e6 / signalsPerSecond);
    springs.advance(clock.nowUs() / 1e6);
    const next = springs.state();
    const patch = state && diffSignals(state, next);
    source.send(
      patch === undefined ? buildSignalSync(n, n, signalBytes(next)) : buildSignalDiff(n, n, signalBytes(patch)),
    );
    state = next;
    world.pass(1 / signalsPerSecond);
    for (const message of receiver.take())
      if (typeof message !== "string") bytes += headBytes(message.length) + message.length;
  }
  return bytes / signalSeconds;
}

export interface ContentFigures {
  /** Raw bytes over packed ones of a picture that did not change. */
  readonly unchangedRatio: number;
  /** Share of raw pixels saved, 0 to 1. */
  readonly typingSaved: number;
  readonly mixedSaved: number;
  readonly scrollingSaved: number;
  readonly signalBps: number;
}

export function contentFigures(): ContentFigures {
  const still = desktop(0, 5, 0);
  return {
    unchangedRatio: buildPixels(0, 0, width, height, still).length / deltaBytes(still, still),
    typingSaved: saved((time) => desktop(time, 5 + (time >> 3), 0)),
    mixedSaved: saved((time) => desktop(time, 5 + (time >> 3), time - (time % 6))),
    scrollingSaved: saved((time) => desktop(time, 5, time)),
    signalBps: signalBps(),
  };
}

/** Prints the table. */
export function content(): ContentFigures {
  const figures = contentFigures();
  const { unchangedRatio, typingSaved, mixedSaved, scrollingSaved, signalBps } = figures;
  const percent = (share: number) => `${(100 * share).toFixed(1)} % saved`;
  const told = table(
    ["content", "measured", "the spec's figure"],
    [
      ["unchanged picture, delta", `${unchangedRatio.toFixed(0)} x smaller`, "333 x"],
      ["typing, caret, clock, delta", percent(typingSaved), "70 to 95 %"],
      ["the same, a third scrolls now and then", percent(mixedSaved), "70 to 95 %"],
      ["a third scrolls in every picture", percent(scrollingSaved), "70 to 95 %"],
      ["springs as signals, 10 a second", `${(signalBps / 1000).toFixed(2)} kB/s`, "about 2 kB/s"],
      ["the same beside 28 MB/s of pixels", `${(specPixelBps / signalBps).toFixed(0)} x less`, "12 000 x"],
    ],
  );
  console.log(told);
  return figures;
}

if (import.meta.main) content();
