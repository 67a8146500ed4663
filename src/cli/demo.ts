/** `patchbay demo`: not yet assembled. */
import { fail, type Result } from "../base/result.ts";
import type { Parsed } from "./parse.ts";

export async function run(_parsed: Parsed<"demo">): Promise<Result<void>> {
  return fail("unavailable", "patchbay demo cannot run: it is missing from this build.");
}
