/** Help texts, made from the options table: all of it, one command, wrapped at 80 columns. `patchbay help` is here too. */
import { type ErrorCode, errorTable } from "../base/errors.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { type CommandName, commandNames, commands, environmentName, flagName, globalFlags } from "./options.ts";
import { printLine, wrap } from "./output.ts";
import { isCommand, type Parsed } from "./parse.ts";
import type { CommandSpec, Flag, Positional } from "./spec.ts";
import { allowedNumbers, didYouMean } from "./values.ts";

const width = 80;

export async function run({ positionals }: Parsed<"help">): Promise<Result<void>> {
  const name = positionals.command;
  if (name !== undefined && !isCommand(name)) {
    return fail("usage", `There is no command "${name}".${didYouMean(name, commandNames, "patchbay help ")}`);
  }
  printLine(helpText(name));
  return ok(undefined);
}

export function helpText(command?: CommandName): string {
  return (command === undefined ? overview() : commandHelp(command, commands[command])).join("\n");
}

function overview(): readonly string[] {
  return [
    "patchbay: any input to any output. Streams a screen to a paired machine.",
    "",
    "Usage: patchbay COMMAND [OPTIONS]",
    "",
    "Commands:",
    ...columns(commandNames.map((name) => [name, commands[name].summary])),
    "",
    "Start here:",
    ...columns([
      ["patchbay demo", "See it work on this machine alone."],
      ["patchbay host", "Share this screen."],
      ["patchbay client HOST", "Show it on another machine."],
    ]),
    "",
    "Options of every command:",
    ...columns(flagRows(globalFlags)),
    "",
    "Environment:",
    ...indent(
      "Most options can be set by a variable: --fps by PATCHBAY_FPS, --fullscreen by PATCHBAY_FULLSCREEN=1. An option on the command " +
        "line wins. Keys and peers are kept in $XDG_DATA_HOME/patchbay (without it, ~/.local/share/patchbay).",
    ),
    "",
    ...exitSection(Object.keys(errorTable) as ErrorCode[]),
    "",
    "patchbay help COMMAND tells more.",
  ];
}

function commandHelp(name: CommandName, spec: CommandSpec): readonly string[] {
  const flags = Object.keys(spec.flags).length > 0;
  return [
    ...wrap(`patchbay ${name}: ${spec.summary}`, width),
    "",
    ...usageLines(name, spec).map((line, i) => `${i === 0 ? "Usage: " : "       "}patchbay ${line}`),
    ...spec.description.flatMap((paragraph) => ["", ...wrap(paragraph, width)]),
    ...(spec.positionals.length > 0 ? ["", "Arguments:", ...columns(spec.positionals.map(positionalRow))] : []),
    ...(flags ? ["", "Options:", ...columns(flagRows(spec.flags))] : []),
    "",
    "Options of every command:",
    ...columns(flagRows(globalFlags)),
    "",
    "Examples:",
    ...spec.examples.flatMap(([line, does]) => [
      `  patchbay ${line}`,
      ...wrap(does, width - 6).map((text) => `      ${text}`),
    ]),
    "",
    ...exitSection(["usage", ...spec.exits, "internal"]),
  ];
}

/** Usage without the leading "patchbay". */
export function usageLines(name: CommandName, spec: CommandSpec): readonly string[] {
  if (spec.usage) return spec.usage;
  const places = spec.positionals
    .filter(({ rest }) => !rest)
    .map(({ name: place, required }) => (required ? place.toUpperCase() : `[${place.toUpperCase()}]`));
  const options = Object.keys(spec.flags).length > 0 ? ["[OPTIONS]"] : [];
  const behind = spec.positionals.filter(({ rest }) => rest).map((p) => `[-- ${p.name.toUpperCase()} ARGS...]`);
  return [[name, ...places, ...options, ...behind].join(" ")];
}

function positionalRow({ name, help, choices }: Positional): [string, string] {
  return [name.toUpperCase(), choices && choices.length > 1 ? `${choices.join(", ")}. ${help}` : help];
}

function flagRows(flags: Readonly<Record<string, Flag>>): [string, string][] {
  return Object.entries(flags).map(([key, flag]) => [
    `${flag.short ? `-${flag.short}, ` : "    "}${flagLabel(key, flag)}`,
    `${flag.help}${notes(key, flag)}`,
  ]);
}

/** "--fps N", "--no-input" */
export function flagLabel(key: string, flag: Flag): string {
  if (flag.kind === "boolean") return `--${flag.default === "true" ? "no-" : ""}${flagName(key)}`;
  return `--${flagName(key)} ${flagPlaceholder(flag)}`;
}

function flagPlaceholder(flag: Exclude<Flag, { kind: "boolean" }>): string {
  if (flag.kind === "choice") return flag.choices.join("|");
  if (flag.kind === "set") return "LIST";
  return flag.kind === "size" ? "WxH" : flag.value;
}

/** What values are allowed, beyond what the label shows; "" when there is nothing to say. */
export function allowedText(flag: Flag): string {
  if (flag.kind === "set") return `comma-separated: ${flag.choices.join(", ")}`;
  if (flag.kind === "number" || flag.kind === "bitrate" || flag.kind === "duration") return allowedNumbers(flag);
  return "";
}

function notes(key: string, flag: Flag): string {
  const range = allowedText(flag);
  const variable = flag.env === false ? "" : environmentName(key, flag);
  const standing = flag.kind === "boolean" || flag.default === undefined ? "" : `default ${flag.default}`;
  const inside = [range, standing, variable].filter((text) => text !== "").join("; ");
  return inside === "" ? "" : ` (${inside})`;
}

function exitSection(codes: readonly ErrorCode[]): readonly string[] {
  const sorted = codes.toSorted((a, b) => errorTable[a].exit - errorTable[b].exit);
  const rows: [string, string][] = sorted.map((code) => [String(errorTable[code].exit), errorTable[code].meaning]);
  return ["Exit status:", ...columns([["0", "Success, or ended by a signal in order"], ...rows])];
}

function indent(text: string): readonly string[] {
  return wrap(text, width - 2).map((line) => `  ${line}`);
}

/** Two columns; a left cell that is too wide stands on a line of its own. */
function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const widest = 24;
  const left = Math.min(widest, Math.max(...rows.map(([cell]) => cell.length)));
  const pad = " ".repeat(left + 4);
  return rows.flatMap(([cell, text]) => {
    const lines = wrap(text, width - left - 4);
    if (cell.length > left) return [`  ${cell}`, ...lines.map((line) => pad + line)];
    return [`  ${cell.padEnd(left)}  ${lines[0] ?? ""}`.trimEnd(), ...lines.slice(1).map((line) => pad + line)];
  });
}
