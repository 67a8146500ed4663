/**
 * Compiles every C file under c/ and links them with all codecs and libraries into dist/libpatchbay_shim.so, which needs
 * nothing but libc and libm. Objects under build/ are kept while their command and all files they include are unchanged.
 * Several builds may run in one tree: every file is written aside and moved into place.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { functions } from "../ffi/abi.ts";
import { capture, mapParallel, must, StepFailed, say } from "./steps.ts";

export const language = ["-std=c11", "-D_GNU_SOURCE", "-pthread", "-Ic", "-Ic/include"];
export const warnings = ["-Wall", "-Wextra", "-Werror"];
const optimised = ["-O2", "-fPIC", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections"];

/** A static archive of Debian's that ends up in the shim; `stdio` ones use stdio's variables, see `adapt`. */
export interface Archive {
  name: string;
  /** SPDX identifier, by the package's copyright file. */
  licence: string;
  /** The Debian package it comes in. */
  debian: string;
  stdio?: true;
}

/** In link order. */
export const archives: Archive[] = [
  { name: "openh264", licence: "BSD-2-Clause", debian: "libopenh264-dev" },
  { name: "yuv", licence: "BSD-3-Clause", debian: "libyuv-dev" },
  { name: "jpeg", licence: "IJG AND BSD-3-Clause AND Zlib", debian: "libjpeg62-turbo-dev", stdio: true },
  { name: "sodium", licence: "ISC", debian: "libsodium-dev" },
  { name: "opus", licence: "BSD-3-Clause", debian: "libopus-dev", stdio: true },
  ...["shm", "damage", "xfixes", "randr", "xtest", "xinput", "render", "shape"].map(
    (part): Archive => ({
      name: `xcb-${part}`,
      licence: "MIT",
      debian: part === "xinput" ? "libxcb-xinput-dev" : `libxcb-${part}0-dev`,
      stdio: true,
    }),
  ),
  { name: "xcb", licence: "MIT", debian: "libxcb1-dev", stdio: true },
  { name: "Xau", licence: "MIT", debian: "libxau-dev" },
  { name: "Xdmcp", licence: "MIT", debian: "libxdmcp-dev" },
  { name: "stdc++", licence: "GPL-3.0-or-later WITH GCC-exception-3.1", debian: "libstdc++6" },
];

const allowedNeeds = /^(libc\.so\.6|libm\.so\.6|ld-linux-.*)$/;

/** Stands in for stdio's variables inside archives that were not compiled for shared objects. */
const stdioSource = `#include <stdio.h>
__attribute__((visibility("hidden"))) FILE *shim_stderr, *shim_stdin, *shim_stdout;
__attribute__((constructor)) static void point_at_stdio(void) {
    shim_stderr = stderr;
    shim_stdin = stdin;
    shim_stdout = stdout;
}
`;

export function sources(): string[] {
  return [...new Bun.Glob("c/**/*.c").scanSync(".")].sort();
}

function writeIfChanged(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, "utf8") === text) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}

const modified = (path: string): number => (existsSync(path) ? statSync(path).mtimeMs : Number.POSITIVE_INFINITY);

/** True while `target` is younger than everything its dependency file names and was made by the same command. */
function fresh(target: string, command: string): boolean {
  if (!existsSync(target) || !existsSync(`${target}.d`) || !existsSync(`${target}.cmd`)) return false;
  if (readFileSync(`${target}.cmd`, "utf8") !== command) return false;
  const made = modified(target);
  const needs = readFileSync(`${target}.d`, "utf8").replace(/\\\n/g, " ").split(/\s+/).slice(1).filter(Boolean);
  return needs.every((file) => modified(file) < made);
}

let compilations = 0;

/** Compiles one file when needed. Returns the compiler's complaint, or undefined. */
export async function compileC(source: string, object: string, flags: string[]): Promise<string | undefined> {
  const command = ["gcc", ...language, ...warnings, ...flags, "-c", source];
  if (fresh(object, command.join(" "))) return undefined;
  mkdirSync(dirname(object), { recursive: true });
  const aside = `${object}.${process.pid}.${compilations++}`;
  const outcome = await capture([...command, "-MMD", "-MF", `${aside}.d`, "-o", aside]);
  if (outcome.status !== 0) return outcome.err.trim();
  writeFileSync(`${aside}.cmd`, command.join(" "));
  for (const end of [".cmd", ".d", ""]) renameSync(`${aside}${end}`, `${object}${end}`);
  return undefined;
}

/** The archive to link: as it is, or a copy whose references to stderr and its kin go to variables of our own. */
async function adapt({ name, stdio }: Archive): Promise<string> {
  const path = (await must(["gcc", `-print-file-name=lib${name}.a`])).out.trim();
  if (!path.includes("/")) throw new StepFailed(`lib${name}.a is not installed: run \`npm run deps\``);
  if (!stdio) return path;
  const copy = `build/lib/lib${name}.a`;
  if (existsSync(copy) && modified(copy) > modified(path)) return copy;
  mkdirSync("build/lib", { recursive: true });
  const renames = ["stderr", "stdin", "stdout"].flatMap((file) => ["--redefine-sym", `${file}=shim_${file}`]);
  await must(["objcopy", ...renames, path, `${copy}.${process.pid}`]);
  renameSync(`${copy}.${process.pid}`, copy);
  return copy;
}

/**
 * For development while parts are missing: what nobody defines becomes a function that ends the program with its name, or a
 * block of zeros where it is no function of the table.
 */
function stubs(missing: string[]): string {
  const lines = ["#include <stdio.h>", "#include <stdlib.h>"];
  for (const name of missing)
    lines.push(
      name in functions
        ? `__attribute__((visibility("default"))) void ${name}(void) { fputs("${name} is not there yet\\n", stderr); abort(); }`
        : `char ${name}[4096];`,
    );
  return `${lines.join("\n")}\n`;
}

async function exported(library: string): Promise<string[]> {
  const { out } = await must(["nm", "-D", "--defined-only", "--format=posix", library]);
  return out
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter(Boolean);
}

async function verify(library: string, keepGoing: boolean): Promise<void> {
  const { out } = await must(["readelf", "-dW", library]);
  const needs = [...out.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map((found) => found[1] ?? "");
  const strange = needs.filter((need) => !allowedNeeds.test(need));
  if (strange.length) throw new StepFailed(`the shim must need only libc and libm, but needs ${strange.join(", ")}`);
  const names = await exported(library);
  const leaked = names.filter((name) => !name.startsWith("pb_"));
  if (leaked.length) throw new StepFailed(`the shim must export only pb_*, but exports ${leaked.join(", ")}`);
  const absent = Object.keys(functions).filter((name) => !names.includes(name));
  if (absent.length && !keepGoing) throw new StepFailed(`in ffi/abi.ts but in no C file: ${absent.join(", ")}`);
}

/**
 * Builds the shim. With `keepGoing`, files that do not compile are left out and what is then missing is stubbed: enough to
 * work on another part, never for a release.
 */
export async function buildShim(keepGoing: boolean): Promise<string> {
  writeIfChanged("build/stdio.c", stdioSource);
  const files = [...sources(), "build/stdio.c"];
  const objectOf = (source: string) => `build/obj/${source}.o`;
  const complaints = await mapParallel(files, 2, (file) => compileC(file, objectOf(file), optimised));
  const broken = files.filter((_, index) => complaints[index]);
  for (const complaint of complaints) if (complaint) say(complaint);
  if (broken.length && !keepGoing) throw new StepFailed(`does not compile: ${broken.join(", ")}`);
  if (broken.length) say(`  left out: ${broken.join(", ")}`);

  const objects = files.filter((_, index) => !complaints[index]).map(objectOf);
  const libraries = await mapParallel(archives, 2, adapt);
  mkdirSync("dist", { recursive: true });
  const target = "dist/libpatchbay_shim.so";
  const aside = `${target}.${process.pid}`;
  const link = (more: string[]) =>
    capture([
      ...["gcc", "-shared", "-s", "-pthread", "-static-libgcc", "-Wl,-soname,libpatchbay_shim.so"],
      "-Wl,-z,text,-z,defs,-z,noexecstack,-Bsymbolic,--gc-sections,--exclude-libs,ALL",
      ...[...objects, ...more, "-Wl,--start-group", ...libraries, "-Wl,--end-group"],
      ...["-lm", "-lpthread", "-ldl", "-o", aside],
    ]);
  let outcome = await link([]);
  if (keepGoing) {
    const undefinedNames = [...outcome.err.matchAll(/undefined reference to `([^']+)'/g)].map(
      (found) => found[1] ?? "",
    );
    const unlinked = await Promise.all(
      objects.map((object) => must(["nm", "--defined-only", "--format=posix", object])),
    );
    const defined = new Set(unlinked.flatMap(({ out }) => out.split("\n").map((line) => line.split(" ")[0])));
    const missing = [...new Set([...undefinedNames, ...Object.keys(functions)])].filter((name) => !defined.has(name));
    if (missing.length) {
      say(`  stubbed: ${missing.join(", ")}`);
      writeIfChanged("build/stubs.c", stubs(missing));
      await must(["gcc", "-O1", "-fPIC", "-fvisibility=hidden", "-c", "build/stubs.c", "-o", "build/stubs.o"]);
      outcome = await link(["build/stubs.o"]);
    }
  }
  if (outcome.status !== 0) throw new StepFailed(outcome.err.trim());
  try {
    await verify(aside, keepGoing);
    renameSync(aside, target);
  } finally {
    rmSync(aside, { force: true });
  }
  return `${(statSync(target).size / 1e6).toFixed(1)} MB, ${objects.length} objects`;
}
