/** Builds and runs stages.c, which times each stage of the pipeline alone on made content, and tabulates its lines of JSON. */
import { existsSync } from "node:fs";
import { finish, Missing } from "./children.ts";
import { buildTool } from "./meter.ts";
import { type Cell, table } from "./table.ts";

/** One picture size and content; every member that is an object is a stage, in ms. */
export type StagesResult = Record<string, string | number | { p50: number; p99: number }>;

export async function stages(): Promise<StagesResult[]> {
  if (!existsSync("tests/bench/stages.c")) throw new Missing("tests/bench/stages.c does not exist");
  const lines = (await finish([await buildTool("stages")])).split("\n").filter(Boolean);
  const results = lines.map((line) => JSON.parse(line) as StagesResult);
  const rows = results.flatMap((result) => {
    const copy = result.memcpy;
    const unit = typeof copy === "object" ? copy.p50 : Number.NaN;
    return Object.entries(result).flatMap(([stage, time]): Cell[][] =>
      typeof time === "object"
        ? [[`${result.width} x ${result.height} ${result.content}`, stage, time.p50, time.p99, time.p50 / unit]]
        : [],
    );
  });
  console.log(`\n${table(["picture", "stage", "p50 ms", "p99 ms", "x memcpy"], rows, 2)}`);
  return results;
}
