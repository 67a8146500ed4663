/** What commands print. Results go to standard output, everything about the run to standard error. */
import { writeFileSync } from "node:fs";
import { fail, ok, type Result } from "../base/result.ts";

export function printLine(text = ""): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

export function printError(text: string): void {
  process.stderr.write(`patchbay: ${text}\n`);
}

/** A report to FILE as the flag --json FILE names it; - is standard output. */
export function writeReport(file: string, value: unknown): Result<void> {
  if (file === "-") {
    printJson(value);
    return ok(undefined);
  }
  try {
    writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
    return ok(undefined);
  } catch (cause) {
    return fail(
      "cannot-create",
      `The report cannot be written to ${file}: ${cause instanceof Error ? cause.message : cause}.`,
    );
  }
}

/** A reader that closes the pipe early (`patchbay peers list | head -1`) is no fault: the program ends quietly. */
export function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
}

/** Resolves when all that was printed has left the process. */
export function flushed(): Promise<void> {
  return new Promise((resolve) => process.stdout.write("", () => resolve()));
}

/** Text as lines of at most `width` columns; words longer than that stay whole. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}
