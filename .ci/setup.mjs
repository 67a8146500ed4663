/**
 * Makes a fresh clone ready and hands over to build.ts: `node .ci/setup.mjs COMMAND ...`. Plain Node without packages, since
 * it runs before there are any. It works whatever npm's settings for scripts and for development packages are.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Ends this program when a program it ran could not start or failed. Its output goes to standard error. */
function must(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  console.error(`${command} ${args.join(" ")}: ${error ? error.message : `status ${status}`}`);
  // The closing line of a test run stays true when the tests cannot even start.
  if (process.argv[2] === "test") console.log("0 passed, 1 failed");
  process.exit(1);
}

/** True for a package that is for this very platform; of musl ones nobody knows without asking the C library. */
const fits = ({ os, cpu, libc }) =>
  os?.includes(process.platform) && cpu?.includes(process.arch) && !libc?.includes("musl");

function versionAt(path) {
  const file = join(root, path, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : undefined;
}

/** True when npm finished an installation of exactly what package-lock.json says. */
function installed() {
  const record = join(root, "node_modules/.package-lock.json");
  if (!existsSync(record)) return false;
  const { "": _, ...wanted } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const found = JSON.parse(readFileSync(record, "utf8")).packages;
  const same = (path) => versionAt(path) === wanted[path].version;
  const absent = (path) => wanted[path].optional && !fits(wanted[path]);
  return (
    Object.keys(wanted).every((path) => same(path) || absent(path)) && Object.keys(found).every((path) => wanted[path])
  );
}

const real = (path) => existsSync(path) && statSync(path).size > 1e6;

/** The Bun executable. npm leaves a stub of some hundred bytes where scripts are forbidden; the package can repair that. */
function findBun() {
  const main = join(root, "node_modules/bun/bin/bun.exe");
  if (!real(main)) spawnSync(process.execPath, ["node_modules/bun/install.js"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (real(main)) return main;
  const scope = join(root, "node_modules/@oven");
  // The shortest name is the plain build; "musl" and "baseline" ones are longer.
  const packages = existsSync(scope) ? readdirSync(scope).sort((a, b) => a.length - b.length) : [];
  return packages.map((name) => join(scope, name, "bin/bun")).find((path) => real(path) && runs(path)) ?? main;
}

const runs = (path) => spawnSync(path, ["--version"]).status === 0;

if (!installed()) {
  console.error("  ...   installing packages");
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith(".js") ? [process.execPath, [npm]] : ["npm", []];
  must(command, [...first, "ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund"]);
}
const bun = findBun();
if (!runs(bun)) must(bun, ["--version"]);
// npm leaves out optional packages that ask for a newer Node, although Bun runs them; Bun fills the gap from its own lock file.
if (!installed()) must(bun, ["install", "--frozen-lockfile", "--ignore-scripts"]);

// An interrupt goes to the whole group; the program that runs ends in its own time, and this one after it.
process.on("SIGINT", () => undefined);
const { status, signal, error } = spawnSync(bun, ["build.ts", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
if (error) console.error(error.message);
process.exit(status ?? 128 + (constants.signals[signal] ?? 1));
