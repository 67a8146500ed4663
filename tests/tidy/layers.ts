/** Which folder may import which: arrows point from higher layers to lower ones, and `ffi` and `net` stand at the edge. */
import { type Import, importsOf } from "./tree.ts";

const layers: string[][] = [
  ["base"],
  ["wire"],
  ["hub", "secure", "sync", "store"],
  ["sources", "sinks", "relay", "host", "client", "node", "watch", "ipc"],
  ["dashboard", "cli"],
  ["main"],
];
/** The lowest layer that may hold effects, and so may use the edges. */
const firstEffects = 3;

/** `src/wire/root.ts` is of wire; main.ts and index.ts stand above all; version.ts and package.json below all. */
export function folderOf(path: string): string {
  if (path === "src/main.ts" || path === "src/index.ts") return "main";
  if (path === "src/version.ts" || path === "package.json") return "base";
  const parts = path.split("/");
  return (parts[0] === "src" ? parts[1] : parts[0]) ?? "";
}

/** Files that only state what two sides agree on, so that an edge may import them as it does wire. */
const contracts = ["src/secure/cipher.ts", "src/host/stats.ts"];

/** Embedded as it is, not a module of the program. */
const isData = (path: string): boolean => /\.(html|so|c|h|md|mk)$/.test(path);

const layerOf = (folder: string): number => layers.findIndex((layer) => layer.includes(folder));

/** Why `from` must not import this, or undefined. Packages are judged elsewhere. */
export function objection(from: string, { to, typeOnly }: Import): string | undefined {
  const [here, there] = [folderOf(from), folderOf(to)];
  if (here === there || isData(to)) return undefined;
  const rank = layerOf(here);
  if (contracts.includes(to) && (here === "ffi" || here === "web")) return undefined;
  if (here === "ffi") return typeOnly || layerOf(there) < 2 ? undefined : "ffi knows base and wire, and others by type";
  if (here === "net") return layerOf(there) < 2 || there === "ffi" ? undefined : "net knows base, wire and ffi";
  if (here === "web")
    return layerOf(there) < 2 || typeOnly ? undefined : "web knows base and wire, and what the dashboard says by type";
  if (rank < 0) return `${here} has no place among the layers`;
  if (there === "ffi" || there === "net") {
    if (typeOnly && rank >= 2) return undefined;
    if (rank < firstEffects) return `${here} must stay free of effects`;
    return from.endsWith("/core.ts") ? "a core must stay free of effects" : undefined;
  }
  if (layerOf(there) < 0) return `${there} is not for the program`;
  return layerOf(there) <= rank ? undefined : `${there} is above ${here}`;
}

/** A chain of folders of one layer that import each other in a circle, or undefined. */
export function circle(files: string[]): string[] | undefined {
  const edges = new Map<string, Set<string>>();
  for (const file of files)
    for (const { to } of importsOf(file)) {
      const [here, there] = [folderOf(file), folderOf(to)];
      if (here === there || layerOf(here) < 0 || layerOf(here) !== layerOf(there)) continue;
      edges.set(here, (edges.get(here) ?? new Set()).add(there));
    }
  const walk = (folder: string, path: string[]): string[] | undefined => {
    if (path.includes(folder)) return [...path.slice(path.indexOf(folder)), folder];
    for (const next of edges.get(folder) ?? []) {
      const found = walk(next, [...path, folder]);
      if (found) return found;
    }
    return undefined;
  };
  for (const folder of edges.keys()) {
    const found = walk(folder, []);
    if (found) return found;
  }
  return undefined;
}
