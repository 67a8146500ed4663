/** The source tree as text, for the tests of its order: which files there are and what each imports. Runs nothing of it. */
import { existsSync, readFileSync } from "node:fs";
import { join, normalize, resolve } from "node:path";

export const root = resolve(import.meta.dir, "../..");

export const read = (path: string): string => readFileSync(join(root, path), "utf8");

const scan = (pattern: string): string[] => [...new Bun.Glob(pattern).scanSync({ cwd: root, dot: true })];

/** Everything written by hand or by a generator, as paths from the root. */
export function textFiles(): string[] {
  const patterns = [
    "{src,ffi,c,web,tests,.ci}/**/*.{ts,mjs,c,h,html,css,md,sh,json}",
    ".ci/run",
    "*.{ts,json,md,toml}",
  ];
  return [...new Set(patterns.flatMap(scan))].filter((path) => !path.includes("node_modules/")).sort();
}

export interface Import {
  /** A path from the root, or a package's name as written. */
  to: string;
  /** Gone after compilation. */
  typeOnly: boolean;
}

const statement = /^\s*(?:import|export)\s(type\s)?([^;"'()]*?\sfrom\s*)?["']([^"'\n]+)["']/gm;
const onlyTypes = /^\{(\s*type\s[^,}]+,?)+\s*\}/;
const call = /\b(?:import|require)\(\s*["']([^"'\n]+)["']|new URL\(\s*["'](\.[^"'\n]+)["'],\s*import\.meta\.url/g;
const markup = /\b(?:src|href)=["'](\.[^"'\n]+)["']/g;

export function importsOf(path: string): Import[] {
  const text = read(path);
  const found: Import[] = [];
  const add = (to: string | undefined, typeOnly: boolean) => {
    if (to) found.push({ to: to.startsWith(".") ? normalize(join(path, "..", to)) : to, typeOnly });
  };
  if (path.endsWith(".html")) for (const [, to] of text.matchAll(markup)) add(to, false);
  else {
    for (const [, type, names, to] of text.matchAll(statement))
      add(to, type !== undefined || onlyTypes.test(names ?? ""));
    for (const [, to, file] of text.matchAll(call)) add(to ?? file, false);
  }
  return found;
}

/** All of the tree's files that `entries` lead to. `follows` may cut single edges. */
export function reachable(entries: string[], follows: (from: string, to: string) => boolean): Set<string> {
  const seen = new Set<string>();
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path) || !existsSync(join(root, path))) continue;
    seen.add(path);
    if (!/\.(ts|mjs|html)$/.test(path)) continue;
    for (const { to } of importsOf(path)) if (follows(path, to)) waiting.push(to);
  }
  return seen;
}
