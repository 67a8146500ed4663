/**
 * Text to value, for each kind of flag in the options table: one function a kind, each failure a sentence that says what is
 * allowed. Knows nothing of argv or the environment; `from` is how the person named the flag ("--fps", "PATCHBAY_FPS").
 */
import { closest, distance } from "fastest-levenshtein";
import { limits } from "../base/limits.ts";
import { fail, ok, type Result } from "../base/result.ts";
import type { AddressFlag, Endpoint, Flag, FlagValue, NumberFlag, Size } from "./spec.ts";

const usage = (message: string) => fail("usage", message);

/** Smallest side of a picture that encoders take. */
const smallestSide = 16;

export function parseValue(from: string, flag: Flag, text: string): Result<FlagValue> {
  switch (flag.kind) {
    case "boolean":
      return parseBoolean(from, text);
    case "text":
      return text === "" ? usage(`${from} needs a value, not an empty one.`) : ok(text);
    case "choice":
      return parseChoice(from, flag.choices, text);
    case "set":
      return parseSet(from, flag.choices, text);
    case "number":
    case "bitrate":
    case "duration":
      return parseNumber(from, flag, text);
    case "size":
      return parseSize(from, text);
    case "address":
      return flag.allowOff && text === "off" ? ok("off") : parseAddress(from, flag, text);
  }
}

function parseBoolean(from: string, text: string): Result<boolean> {
  if (["1", "true", "yes", "on"].includes(text)) return ok(true);
  if (["0", "false", "no", "off"].includes(text)) return ok(false);
  return usage(`${from} is on or off: write 1 or 0, not "${text}".`);
}

export function parseChoice(from: string, choices: readonly string[], text: string): Result<string> {
  if (choices.includes(text)) return ok(text);
  return usage(`${from} cannot be "${text}": choose ${orList(choices)}.${didYouMean(text, choices)}`);
}

function parseSet(from: string, choices: readonly string[], text: string): Result<readonly string[]> {
  const words = text.split(",").map((word) => word.trim());
  for (const word of words) {
    const found = parseChoice(from, choices, word);
    if (!found.ok) return usage(`${found.message} Separate several by commas.`);
  }
  return ok([...new Set(words)]);
}

const units: Record<NumberFlag["kind"], Record<string, number>> = {
  number: { "": 1 },
  bitrate: { "": 1, k: 1e3, K: 1e3, m: 1e6, M: 1e6, g: 1e9, G: 1e9 },
  duration: { "": 1, ms: 0.001, s: 1, m: 60, h: 3600 },
};

function parseNumber(from: string, flag: NumberFlag, text: string): Result<number> {
  const { kind, min, max } = flag;
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text) ?? [];
  const scale = units[kind][unit];
  const value = digits === undefined || scale === undefined ? Number.NaN : Number(digits) * scale;
  const whole = kind === "duration" || Number.isInteger(value);
  if (whole && value >= min && value <= max) return ok(value);
  return usage(`${from} cannot be "${text}": give ${allowedNumbers(flag)}.`);
}

/** "a whole number from 1 to 144", "bits per second from 500k to 50M, as in 8M", ... */
export function allowedNumbers({ kind, min, max }: NumberFlag): string {
  if (kind === "number") return `a whole number from ${min} to ${max}`;
  if (kind === "bitrate")
    return `bits per second from ${formatBitrate(min)} to ${formatBitrate(max)}, such as ${max < 1e6 ? "96k" : "8M"}`;
  return `a time from ${formatDuration(min)} to ${formatDuration(max)}, such as 10, 500ms or 2m`;
}

export function formatBitrate(bps: number): string {
  if (bps >= 1e6 && bps % 1e5 === 0) return `${bps / 1e6}M`;
  return bps >= 1e3 && bps % 1e3 === 0 ? `${bps / 1e3}k` : String(bps);
}

function formatDuration(seconds: number): string {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds > 0 && seconds < 1 ? `${Math.round(seconds * 1000)}ms` : `${seconds}s`;
}

function parseSize(from: string, text: string): Result<Size> {
  const [, w, h] = /^(\d+)x(\d+)$/i.exec(text) ?? [];
  const size = { width: Number(w), height: Number(h) };
  const fits = (side: number, most: number) => side >= smallestSide && side <= most;
  if (fits(size.width, limits.width) && fits(size.height, limits.height)) return ok(size);
  return usage(
    `${from} cannot be "${text}": give WIDTHxHEIGHT in pixels, such as 1280x720, ` +
      `from ${smallestSide}x${smallestSide} to ${limits.width}x${limits.height}.`,
  );
}

type AddressRules = Pick<AddressFlag, "value" | "defaultHost" | "defaultPort">;

/** HOST:PORT, [IPv6]:PORT, and what the rules fill in. The host is not looked up. */
export function parseAddress(from: string, rules: AddressRules, text: string): Result<Endpoint> {
  const refuse = (why: string) => usage(`${from} cannot be "${text}": ${why}, as ${rules.value}.`);
  if (text === "" || /[\s@/]/.test(text)) return refuse("give an address");
  if (rules.defaultHost !== undefined && /^:?\d+$/.test(text)) {
    return checkPort(refuse, rules.defaultHost, text.replace(":", ""));
  }
  const bracketed = /^\[([0-9a-fA-F:.]+)\](?::(.*))?$/.exec(text);
  if (bracketed) return checkPort(refuse, bracketed[1] as string, bracketed[2], rules.defaultPort);
  const parts = text.split(":");
  if (parts.length > 2) return refuse("write an IPv6 address in brackets, such as [::1]:9876");
  if (parts[0] === "") return refuse("the host before the colon is missing");
  return checkPort(refuse, parts[0] as string, parts[1], rules.defaultPort);
}

function checkPort(
  refuse: (why: string) => Result<Endpoint>,
  host: string,
  text: string | undefined,
  otherwise?: number,
): Result<Endpoint> {
  if (text === undefined && otherwise !== undefined) return ok({ host, port: otherwise });
  if (text === undefined) return refuse("the port is missing");
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65535) return refuse("the port is a number from 0 to 65535");
  return ok({ host, port });
}

/** The inverse of parseAddress. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** ` Did you mean "fps"?` with a leading space, or nothing when no candidate is near. */
export function didYouMean(text: string, candidates: readonly string[], prefix = ""): string {
  const near = nearest(text, candidates);
  return near === undefined ? "" : ` Did you mean ${prefix}${near}?`;
}

/** The candidate that is a typing slip away: a beginning, swapped letters, or a third of the letters. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0 || text === "") return undefined;
  const lower = text.toLowerCase();
  const begins = candidates.filter((candidate) => candidate.startsWith(lower));
  if (begins.length === 1 && lower.length >= 2) return begins[0];
  const swapped = candidates.find((candidate) => sortLetters(candidate) === sortLetters(lower));
  if (swapped) return swapped;
  const best = closest(lower, candidates as string[]);
  return distance(lower, best) <= Math.max(1, Math.floor(Math.max(lower.length, best.length) / 3)) ? best : undefined;
}

function sortLetters(text: string): string {
  return [...text].sort().join("");
}

/** "a", "a or b", "a, b or c" */
export function orList(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
