/**
 * The commands that README.md tells people to type, from its ```sh blocks: one a line, without prompt, a trailing comment
 * allowed, a word in capitals standing for something of the reader's own (KEY, HOST:PORT).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { read, root } from "./tree.ts";

export interface Command {
  words: string[];
  /** False when a word is a placeholder. */
  concrete: boolean;
}

export function readmeCommands(): Command[] {
  if (!existsSync(join(root, "README.md"))) return [];
  const blocks = [...read("README.md").matchAll(/^```sh\n(.*?)^```/gms)].map((found) => found[1] ?? "");
  const lines = blocks
    .flatMap((block) => block.replace(/\\\n/g, " ").split("\n"))
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim());
  return lines.filter(Boolean).map((line) => {
    const words = (line.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^(['"])(.*)\1$/, "$2"));
    return { words, concrete: !words.some((word) => /^\$|\b[A-Z]{3,}\b/.test(word)) };
  });
}
