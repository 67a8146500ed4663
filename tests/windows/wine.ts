/**
 * The one Windows of all tests: wine with a folder of its own under build/, made by whoever comes first and shared by those that
 * run beside one another. Nothing of the user's is in it. It ends by itself some seconds after its last program.
 */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { Child } from "../e2e/processes.ts";

export const wine: string | null = Bun.which("wine") ?? Bun.which("wine64");

const home = resolve(import.meta.dir, "../../build/wine");

/** What a program wants in its environment to find it. */
export function wineEnvironment(): Record<string, string> {
  mkdirSync(home, { recursive: true });
  return {
    PATH: process.env.PATH ?? "",
    HOME: home,
    WINEPREFIX: `${home}/prefix`,
    WINEDEBUG: "-all",
    // No browser, no .NET, no menu entries; and what lies beside a program in place of one library that Debian's wine lacks.
    WINEDLLOVERRIDES: "mscoree,mshtml,winemenubuilder.exe=;bcryptprimitives=n",
  };
}

/** Starts a Windows program. */
export function startUnderWine(program: string, args: readonly string[]): Child {
  return new Child([wine as string, program, ...args], wineEnvironment());
}
