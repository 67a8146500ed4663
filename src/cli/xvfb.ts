/** A private X display in memory, for demos on machines without a screen. Needs Xvfb, which the demo can do without. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, ok, type Result } from "../base/result.ts";
import type { Lifecycle } from "./lifecycle.ts";

export function hasXvfb(): boolean {
  return Bun.which("Xvfb") !== null;
}

const patienceMs = 10_000;

/** Starts a display of this size and returns its name, ":N"; it ends with the command. */
export async function openXvfb(width: number, height: number, lifecycle: Lifecycle): Promise<Result<string>> {
  lifecycle.signal.throwIfAborted();
  // First, because a signal that comes before it ends the program at once.
  let folder: string | undefined;
  let server: Bun.Subprocess | undefined;
  lifecycle.defer("a private display", async () => {
    server?.kill();
    await server?.exited;
    if (folder) rmSync(folder, { recursive: true, force: true });
  });
  folder = mkdtempSync(join(tmpdir(), "patchbay-xvfb-"));
  const numberFile = join(folder, "display");
  const fd = openSync(numberFile, "w", 0o600);
  // The number comes on descriptor 3, when the display takes connections.
  server = Bun.spawn(
    ["Xvfb", "-displayfd", "3", "-screen", "0", `${width}x${height}x24`, "-nolisten", "tcp", "-noreset"],
    {
      stdio: ["ignore", "ignore", "ignore", fd],
    },
  );
  closeSync(fd);
  for (const end = performance.now() + patienceMs; performance.now() < end && server.exitCode === null; ) {
    const number = readFileSync(numberFile, "utf8");
    if (number.endsWith("\n")) return ok(`:${number.trim()}`);
    await Bun.sleep(20);
  }
  return fail("unavailable", "Xvfb is installed but did not start a display.");
}
