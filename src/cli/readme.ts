/**
 * The options section of README.md, between its markers, made from the options table. `bun src/cli/readme.ts` writes it; a test
 * fails while the file says something else.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, ok, type Result } from "../base/result.ts";
import { allowedText, flagLabel, usageLines } from "./help.ts";
import { type CommandName, commandNames, commands, environmentName } from "./options.ts";
import type { CommandSpec, Flag } from "./spec.ts";

const begin = "<!-- options:begin -->";
const end = "<!-- options:end -->";

/** Markdown, without the markers. */
export function optionsSection(): string {
  return commandNames
    .filter((name) => name !== "help")
    .map((name) => commandSection(name, commands[name]))
    .join("\n\n");
}

function commandSection(name: CommandName, spec: CommandSpec): string {
  const usage = usageLines(name, spec).map((line) => `\`patchbay ${line}\``);
  const rows = Object.entries(spec.flags).map(([key, flag]) => row(key, flag));
  const head = ["| Option | Meaning | Default | Variable |", "|---|---|---|---|"];
  return [
    `### patchbay ${name}`,
    "",
    `${spec.summary}: ${usage.join(", ")}.`,
    ...(rows.length > 0 ? ["", ...head, ...rows] : []),
  ].join("\n");
}

function row(key: string, flag: Flag): string {
  const range = allowedText(flag);
  const standing = flag.kind === "boolean" ? undefined : flag.default;
  const cells = [
    `\`${flagLabel(key, flag)}\``,
    range === "" ? flag.help : `${flag.help} Takes ${range}.`,
    standing === undefined ? "" : `\`${standing}\``,
    flag.env === false ? "" : `\`${environmentName(key, flag)}\``,
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** The README with its options section made anew. */
export function withOptions(readme: string): Result<string> {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) return fail("bad-data", `The README lacks the markers ${begin} and ${end}.`);
  return ok(`${readme.slice(0, from + begin.length)}\n${optionsSection()}\n${readme.slice(to)}`);
}

if (import.meta.main) {
  const path = join(import.meta.dir, "../../README.md");
  const text = withOptions(readFileSync(path, "utf8"));
  if (!text.ok) throw new Error(text.message);
  writeFileSync(path, text.value);
}
