/**
 * argv and environment to a command with typed flags and positionals, by the options table. A flag beats its environment
 * variable, which beats the default. Everything unknown is a Failure that suggests the nearest known name; nothing here prints.
 */
import { parseArgs } from "node:util";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { Flags, GlobalFlags, Positionals } from "./options.ts";
import {
  type CommandName,
  commandNames,
  commands,
  environmentName,
  flagName,
  globalFlags,
  secretVariables,
} from "./options.ts";
import type { CommandSpec, Flag, FlagValue, Positional } from "./spec.ts";
import { allowedNumbers, didYouMean, nearest, parseChoice, parseValue } from "./values.ts";

export interface Parsed<C extends CommandName = CommandName> {
  readonly command: C;
  readonly flags: Flags<C>;
  readonly positionals: Positionals<C>;
  readonly globals: GlobalFlags;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The command named in argv and the global flags; with no command, `command` is undefined and nothing else is read. */
export function parseCommandLine(
  argv: readonly string[],
  env: Environment,
): Result<Parsed | { command: undefined; globals: GlobalFlags }> {
  const at = argv.findIndex((word) => !word.startsWith("-"));
  const named = at < 0 ? undefined : (argv[at] as string);
  const before = scan({}, at < 0 ? argv : argv.slice(0, at));
  if (!before.ok) return fail("usage", `${before.message} Flags of a command follow its name.`);
  if (named === undefined) {
    const globals = collect(globalFlags, before.value.given, env);
    return globals.ok ? ok({ command: undefined, globals: globals.value as GlobalFlags }) : globals;
  }
  if (!isCommand(named)) {
    const hint = didYouMean(named, commandNames, "patchbay ") || " patchbay help lists the commands.";
    return fail("usage", `There is no command "${named}".${hint}`);
  }
  return parseCommand(named, [...argv.slice(0, at), ...argv.slice(at + 1)], env);
}

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

function parseCommand(command: CommandName, words: readonly string[], env: Environment): Result<Parsed> {
  const spec: CommandSpec = commands[command];
  const scanned = scan(spec.flags, words);
  if (!scanned.ok) return scanned;
  const { given, rest, marked } = scanned.value;
  const globals = collect(globalFlags, given, env);
  if (!globals.ok) return globals;
  const wanted = globals.value as GlobalFlags;
  // Whoever asks for help gets it, however unfinished the rest of the line is.
  const relaxed = wanted.help || wanted.version;
  const flags = collect(spec.flags, given, relaxed ? {} : env);
  if (!flags.ok) return flags;
  const positionals = relaxed ? ok({}) : takePositionals(command, spec.positionals, rest, marked);
  if (!positionals.ok) return positionals;
  return ok({ command, flags: flags.value, positionals: positionals.value, globals: wanted } as unknown as Parsed);
}

interface Given {
  /** How the person wrote it. */
  readonly from: string;
  /** undefined for a boolean written without a value. */
  readonly text: string | undefined;
  readonly negated: boolean;
}

interface Scanned {
  readonly given: ReadonlyMap<string, Given>;
  readonly rest: readonly string[];
  /** How many words of the rest stand before a `--`; all of them without one. */
  readonly marked: number;
}

/** Splits words into flags by key and the rest. The splitting itself is node's; names and values are judged here. */
function scan(flags: Readonly<Record<string, Flag>>, words: readonly string[]): Result<Scanned> {
  const known = new Map(
    Object.entries<Flag>({ ...flags, ...globalFlags }).map(([key, flag]) => [flagName(key), { key, flag }]),
  );
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      [...known].map(([name, { flag }]) => [
        name,
        { type: flag.kind === "boolean" ? "boolean" : "string", ...(flag.short && { short: flag.short }) } as const,
      ]),
    ),
  });
  const given = new Map<string, Given>();
  const rest: string[] = [];
  let marked: number | undefined;
  for (const token of tokens) {
    if (token.kind === "option-terminator") marked = rest.length;
    if (token.kind === "positional") rest.push(token.value);
    if (token.kind !== "option") continue;
    const negated = token.name.startsWith("no-") && !known.has(token.name);
    const name = negated ? token.name.slice(3) : token.name;
    const found = known.get(name);
    if (!found || (negated && found.flag.kind !== "boolean")) return unknownFlag(token.rawName, [...known.keys()]);
    const problem = checkShape(token.rawName, found.flag, token.value, token.inlineValue === true);
    if (problem) return problem;
    if (given.has(found.key)) return fail("usage", `${token.rawName} is given twice.`);
    given.set(found.key, { from: token.rawName, text: token.value, negated });
  }
  return ok({ given, rest, marked: marked ?? rest.length });
}

function checkShape(from: string, flag: Flag, value: string | undefined, inline: boolean): Failure | undefined {
  if (flag.kind === "boolean") {
    return value === undefined ? undefined : fail("usage", `${from} takes no value.`);
  }
  const missing = value === undefined || (!inline && value.startsWith("-") && value !== "-");
  return missing ? fail("usage", `${from} needs a value: ${allowed(flag)}.`) : undefined;
}

function allowed(flag: Flag): string {
  if (flag.kind === "choice") return `one of ${flag.choices.join(", ")}`;
  if (flag.kind === "set") return `some of ${flag.choices.join(",")}`;
  if (flag.kind === "size") return "WIDTHxHEIGHT";
  if (flag.kind === "text" || flag.kind === "address") return flag.value;
  return flag.kind === "boolean" ? "none" : allowedNumbers(flag);
}

function unknownFlag(raw: string, known: readonly string[]): Failure {
  const name = raw.replace(/^-+/, "");
  const hint = raw.startsWith("--") && name.length > 1 ? nearestFlag(name, known) : "";
  return fail("usage", `There is no option ${raw} here.${hint}`);
}

/** Looks among the flags of this command first, then says which other command has one of that name. */
function nearestFlag(name: string, known: readonly string[]): string {
  const hint = didYouMean(name, known, "--");
  const owners = commandNames.filter((c) => Object.keys(commands[c].flags).some((key) => flagName(key) === name));
  if (owners.length > 0) return ` patchbay ${owners.join(", ")} ${owners.length > 1 ? "have" : "has"} it.`;
  return hint;
}

/** A value for each flag of the table: given, else from the environment, else the default. */
function collect(
  flags: Readonly<Record<string, Flag>>,
  given: ReadonlyMap<string, Given>,
  env: Environment,
): Result<Record<string, FlagValue | undefined>> {
  const values: Record<string, FlagValue | undefined> = {};
  for (const [key, flag] of Object.entries(flags)) {
    const written = given.get(key);
    if (written && flag.kind === "boolean") {
      values[key] = !written.negated;
      continue;
    }
    const variable = environmentName(key, flag);
    const fromEnv = flag.env === false || env[variable] === "" ? undefined : env[variable];
    const text = written?.text ?? fromEnv ?? flag.default;
    if (text === undefined) {
      values[key] = flag.kind === "boolean" ? false : undefined;
      continue;
    }
    const value = parseValue(written?.from ?? (fromEnv === undefined ? `--${flagName(key)}` : variable), flag, text);
    if (!value.ok) return value;
    values[key] = value.value;
  }
  return ok(values);
}

function takePositionals(
  command: CommandName,
  wanted: readonly Positional[],
  rest: readonly string[],
  marked: number,
): Result<Record<string, string | readonly string[] | undefined>> {
  const values: Record<string, string | readonly string[] | undefined> = {};
  for (const [i, { name, required, help, choices, rest: takesAll, many }] of wanted.entries()) {
    if (takesAll) {
      const strange = rest[i];
      if (i < marked) {
        const hint = `${name.toUpperCase()} stands behind --`;
        return fail("usage", `patchbay ${command} does not know what to do with "${strange}"; ${hint}.`);
      }
      values[name] = rest.slice(i);
      return ok(values);
    }
    if (many) {
      values[name] = rest.slice(i);
      return ok(values);
    }
    const text = rest[i];
    if (text === undefined && required)
      return fail("usage", `patchbay ${command} needs ${name.toUpperCase()}: ${help}`);
    if (text !== undefined && choices) {
      const choice = parseChoice(`What patchbay ${command} does`, choices, text);
      if (!choice.ok) return choice;
    }
    values[name] = text;
  }
  const extra = rest[wanted.length];
  if (extra !== undefined) return fail("usage", `patchbay ${command} does not know what to do with "${extra}".`);
  return ok(values);
}

const isSecret = (name: string): boolean => secretVariables.some((secret) => secret === name);

/** Sentences about PATCHBAY_ variables that no command reads, most likely typing slips. */
export function unknownVariables(env: Environment): readonly string[] {
  const flags = [globalFlags, ...commandNames.map((name) => commands[name].flags)].flatMap((f) =>
    Object.entries<Flag>(f),
  );
  const known = [
    ...new Set(flags.filter(([, flag]) => flag.env !== false).map(([key, flag]) => environmentName(key, flag))),
  ];
  return Object.keys(env)
    .filter((name) => name.startsWith("PATCHBAY_") && !known.includes(name) && !isSecret(name))
    .map((name) => {
      const near = nearest(
        name.slice(9),
        known.map((k) => k.slice(9).toLowerCase()),
      );
      const hint = near === undefined ? "" : ` Did you mean PATCHBAY_${near.toUpperCase()}?`;
      return `The environment variable ${name} is not read by any command.${hint}`;
    });
}
