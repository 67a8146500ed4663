/** One line a message on standard error: time, level, part, text. Secrets are never passed in. */
import type { LogLevel } from "./errors.ts";

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface Log {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

let threshold: LogLevel = "info";

export function setLogLevel(level: LogLevel): void {
  threshold = level;
}

export function createLog(part: string, write: (line: string) => void = (line) => process.stderr.write(line)): Log {
  const at = (level: LogLevel) => (text: string) => {
    if (order[level] < order[threshold]) return;
    write(`${new Date().toISOString().slice(11, 23)} ${level.padEnd(5)} ${part}: ${text}\n`);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
