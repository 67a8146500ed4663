/** `patchbay version`: touches no file, no native code and no network. */
import { ok, type Result } from "../base/result.ts";
import { version } from "../version.ts";
import { printJson, printLine } from "./output.ts";
import type { Parsed } from "./parse.ts";

export async function run({ flags }: Parsed<"version">): Promise<Result<void>> {
  if (flags.json) printJson({ version, bun: Bun.version, platform: process.platform, arch: process.arch });
  else printLine(version);
  return ok(undefined);
}
