/**
 * Where the running host's pages for browsers are, token included, for the owner to ask later (`patchbay key show --viewer`): a log
 * that a service keeps is no place for a token. A file beside the database that only the owner can read; gone when the host ends.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, ok, type Result } from "../base/result.ts";
import { dataFolder } from "./database.ts";

export interface HostPage {
  /** Of the host, to tell a file that a crash left behind. */
  readonly pid: number;
  /** What a person opens to watch and control; carries the token. */
  readonly viewerUrl: string;
}

const path = (folder: string): string => join(folder, "host-page.json");

/** Another host of the same folder is overwritten: the newest is the one that is asked for. Returns what removes it again. */
export function keepHostPage(page: HostPage, folder = dataFolder()): Result<() => void> {
  const [file, aside] = [path(folder), `${path(folder)}.${page.pid}`];
  try {
    writeFileSync(aside, JSON.stringify(page), { mode: 0o600 });
    renameSync(aside, file);
  } catch (cause) {
    return fail("cannot-create", `${file} cannot be written: ${cause instanceof Error ? cause.message : cause}.`);
  }
  return ok(() => {
    const present = readHostPage(folder);
    if (present.ok && present.value.pid === page.pid) rmSync(file, { force: true });
  });
}

/** Code unavailable when no host of this user runs with its page. */
export function readHostPage(folder = dataFolder()): Result<HostPage> {
  const none = fail("unavailable", "No host of this user runs with a page for browsers; start patchbay host.");
  let page: Partial<HostPage>;
  try {
    page = JSON.parse(readFileSync(path(folder), "utf8")) as Partial<HostPage>;
  } catch {
    return none;
  }
  const { pid, viewerUrl } = page;
  if (typeof pid !== "number" || typeof viewerUrl !== "string" || !isAlive(pid)) return none;
  return ok({ pid, viewerUrl });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}
