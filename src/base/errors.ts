/**
 * The one table of error codes: what a code means, the exit status a script sees (sysexits.h numbers) and the log level.
 * The sentence that a person reads is made where the failure is seen, because only that place knows the name, the path or the peer.
 */
export type LogLevel = "debug" | "info" | "warn" | "error";

interface ErrorKind {
  readonly meaning: string;
  readonly exit: number;
  readonly level: LogLevel;
}

export const errorTable = {
  usage: { meaning: "The command line cannot be understood", exit: 64, level: "error" },
  "bad-data": { meaning: "Input is not in the expected format", exit: 65, level: "error" },
  "no-input": { meaning: "An input file cannot be read", exit: 66, level: "error" },
  "no-host": { meaning: "The other machine does not answer", exit: 68, level: "error" },
  unavailable: { meaning: "A device, display or service cannot be used", exit: 69, level: "error" },
  internal: { meaning: "A fault of Patchbay itself", exit: 70, level: "error" },
  system: { meaning: "The operating system refused", exit: 71, level: "error" },
  "cannot-create": { meaning: "An output file cannot be written", exit: 73, level: "error" },
  "input-output": { meaning: "Reading or writing failed", exit: 74, level: "error" },
  "lost-peer": { meaning: "The other side went away", exit: 75, level: "warn" },
  protocol: { meaning: "The other side broke the protocol or speaks another version", exit: 76, level: "error" },
  refused: { meaning: "The other side does not permit this", exit: 77, level: "error" },
  "database-broken": { meaning: "The database cannot be used as it is", exit: 78, level: "error" },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;

export function exitStatus(code: ErrorCode): number {
  return errorTable[code].exit;
}
