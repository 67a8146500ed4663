/** `patchbay new`: writes a starter project into a new folder. Runs nothing, and overwrites nothing. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail, ok, type Result } from "../base/result.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { printLine } from "./output.ts";
import type { Parsed } from "./parse.ts";
import { type Template, templates } from "./templates.ts";

/** Fits a file name, a word in a Makefile and the name of a socket or of shared memory. */
const validName = /^[a-z][a-z0-9-]{0,31}$/;

export async function run({ positionals }: Parsed<"new">, _lifecycle: Lifecycle): Promise<Result<void>> {
  const { template, name } = positionals;
  if (!validName.test(name))
    return fail("usage", `"${name}" cannot name a project: a to z, 0 to 9 and -, a letter first, at most 32.`);
  const written = writeProject(name, templates[template], name);
  if (!written.ok) return written;
  printLine(`${name}/ holds the new project; its README.md says what it is. Next:`);
  printLine(`  cd ${name}`);
  printLine("  make test");
  return ok(undefined);
}

function writeProject(folder: string, template: Template, name: string): Result<void> {
  try {
    mkdirSync(folder, { recursive: true });
    if (readdirSync(folder).length > 0) return fail("cannot-create", `${folder} exists and is not empty.`);
    for (const [file, text] of Object.entries(template)) {
      mkdirSync(join(folder, dirname(file)), { recursive: true });
      writeFileSync(join(folder, file), text.replaceAll("@NAME@", name), { flag: "wx" });
    }
    return ok(undefined);
  } catch (cause) {
    return fail("cannot-create", `${folder} cannot be written: ${cause instanceof Error ? cause.message : cause}.`);
  }
}
