/**
 * The vocabulary of the options table (options.ts): what a flag, a positional and a command are, and the TypeScript types
 * that follow from a table written in it. Types only; nothing here runs.
 */
import type { ErrorCode } from "../base/errors.ts";

interface FlagBase {
  /** One-letter form. */
  readonly short?: string;
  /** One or two sentences; the default and the environment variable are added by the help. */
  readonly help: string;
  /** Written as a person would type it; parsed like any other value. */
  readonly default?: string;
  /** False for flags that make no sense in the environment; a name where that of the flag is another command's. */
  readonly env?: false | `PATCHBAY_${string}`;
}

export interface BooleanFlag extends FlagBase {
  readonly kind: "boolean";
}
export interface TextFlag extends FlagBase {
  readonly kind: "text";
  /** Stands for the value in the help. */
  readonly value: string;
}
export interface ChoiceFlag extends FlagBase {
  readonly kind: "choice";
  readonly choices: readonly string[];
}
/** Comma-separated choices, at least one. */
export interface SetFlag extends FlagBase {
  readonly kind: "set";
  readonly choices: readonly string[];
}
export interface NumberFlag extends FlagBase {
  /** `number` is whole, `bitrate` is bits per second with k, M or G behind it, `duration` is seconds with ms, s, m or h. */
  readonly kind: "number" | "bitrate" | "duration";
  readonly value: string;
  readonly min: number;
  readonly max: number;
}
/** WxH in pixels, within limits.width and limits.height. */
export interface SizeFlag extends FlagBase {
  readonly kind: "size";
}
/** HOST:PORT, [IPv6]:PORT, HOST (with defaultPort), PORT (with defaultHost), or the word off (with allowOff). */
export interface AddressFlag extends FlagBase {
  readonly kind: "address";
  readonly value: string;
  readonly defaultHost?: string;
  readonly defaultPort?: number;
  readonly allowOff?: true;
}

export type Flag = BooleanFlag | TextFlag | ChoiceFlag | SetFlag | NumberFlag | SizeFlag | AddressFlag;

export interface Positional {
  readonly name: string;
  readonly help: string;
  readonly required: boolean;
  readonly choices?: readonly string[];
  /** Takes all words behind a `--`, none included; only the last one can. */
  readonly rest?: true;
  /** Takes all words that are left; only the last one can. */
  readonly many?: true;
}

export interface CommandSpec {
  /** One line, no full stop. */
  readonly summary: string;
  /** Paragraphs that teach; wrapped by the help. */
  readonly description: readonly string[];
  /** Replaces the usage line made from the positionals. */
  readonly usage?: readonly string[];
  /** Command lines without the leading "patchbay", and what each does. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  readonly positionals: readonly Positional[];
  readonly flags: Readonly<Record<string, Flag>>;
  /** Error codes that this command can end with, besides usage and internal. */
  readonly exits: readonly ErrorCode[];
}

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export type FlagValue = boolean | string | number | readonly string[] | Size | Endpoint;

type ValueOf<F> = F extends { kind: "boolean" }
  ? boolean
  : F extends { kind: "choice"; choices: readonly (infer C)[] }
    ? C
    : F extends { kind: "set"; choices: readonly (infer C)[] }
      ? readonly C[]
      : F extends { kind: "number" | "bitrate" | "duration" }
        ? number
        : F extends { kind: "size" }
          ? Size
          : F extends { kind: "address"; allowOff: true }
            ? Endpoint | "off"
            : F extends { kind: "address" }
              ? Endpoint
              : string;

type Value<F> = F extends { kind: "boolean" } | { default: string } ? ValueOf<F> : ValueOf<F> | undefined;

/** A command's flags by name; a flag without a default may be undefined, except a boolean, which is then false. */
export type FlagsOf<C extends CommandSpec> = { readonly [K in keyof C["flags"]]: Value<C["flags"][K]> };

type PositionalValue<P> = P extends { rest: true } | { many: true }
  ? readonly string[]
  : P extends { choices: readonly (infer C)[] }
    ? C
    : string;

export type PositionalsOf<C extends CommandSpec> = {
  readonly [P in C["positionals"][number] as P["name"]]: P extends { required: true } | { rest: true } | { many: true }
    ? PositionalValue<P>
    : PositionalValue<P> | undefined;
};
