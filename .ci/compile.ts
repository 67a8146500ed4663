/**
 * Bundles src/main.ts with all it imports (web pages, the shim, sharp) and Bun itself into the one executable. What this
 * machine lacks at run time is the executable's own affair; node_modules and the source tree are not needed by it.
 */
import { renameSync, statSync } from "node:fs";
import { embedSharp } from "../ffi/embed-sharp.ts";
import { StepFailed } from "./steps.ts";

export interface CompileSettings {
  entry: string;
  outfile: string;
}

export async function compile({ entry, outfile }: CompileSettings): Promise<string> {
  const aside = `${outfile}.${process.pid}`;
  const result = await Bun.build({
    entrypoints: [entry],
    target: "bun",
    format: "esm",
    minify: true,
    bytecode: true,
    plugins: [embedSharp("linux-x64")],
    compile: { outfile: aside },
    throw: false,
  });
  if (!result.success) throw new StepFailed(result.logs.map(String).join("\n"));
  renameSync(aside, outfile);
  return `${outfile} ${(statSync(outfile).size / 1e6).toFixed(0)} MB`;
}
