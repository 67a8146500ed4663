/**
 * Builds the same library for Windows on this system, in dist/ipc-windows: patchbay_ipc.dll with its import library, and an archive
 * to link into a program. It needs Debian's cross compiler and is left out, with a word, where that is missing.
 */
import { copyFileSync, mkdirSync, renameSync, rmdirSync } from "node:fs";
import { ipcHeaders, ipcSources } from "./ipc.ts";
import { language, warnings } from "./shim.ts";
import { mapParallel, must, StepFailed } from "./steps.ts";

const folder = "dist/ipc-windows";
const triple = "x86_64-w64-mingw32";
/** The one with POSIX threads: the library's worker is written with them. */
export const windowsCompiler = `${triple}-gcc-posix`;

export async function buildIpcWindows(): Promise<string> {
  if (!Bun.which(windowsCompiler)) return "left out: apt-get install gcc-mingw-w64-x86-64";
  mkdirSync("build/ipc-windows", { recursive: true });
  mkdirSync(`${folder}/include`, { recursive: true });
  const objectOf = (source: string) => `build/ipc-windows/${source.replaceAll("/", "-")}.o`;
  const flags = [...language, ...warnings, "-O2", "-fvisibility=hidden"];
  const sources = ipcSources();
  await mapParallel(sources, 2, (source) =>
    must([windowsCompiler, ...flags, "-DXSHM_EXPORTS", "-c", source, "-o", objectOf(source)]),
  );
  const objects = sources.map(objectOf);
  // Under its own name, because the import library repeats it; aside, because several builds may run in one tree.
  const aside = `build/ipc-windows/${process.pid}`;
  mkdirSync(aside, { recursive: true });
  const made = ["patchbay_ipc.dll", "libpatchbay_ipc.dll.a", "libpatchbay_ipc.a"] as const;
  const [library, importing, archive] = made.map((name) => `${aside}/${name}`) as [string, string, string];
  await must([
    ...[windowsCompiler, "-shared", "-static", "-s", ...objects, "-o", library, "-lntdll", "-ladvapi32"],
    ...["-Wl,--dynamicbase,--nxcompat,--high-entropy-va", `-Wl,--out-implib,${importing}`],
  ]);
  await must([`${triple}-ar`, "rcs", archive, ...objects]);
  for (const name of made) renameSync(`${aside}/${name}`, `${folder}/${name}`);
  rmdirSync(aside);
  for (const header of ipcHeaders) copyFileSync(`c/include/${header}`, `${folder}/include/${header}`);
  const { out } = await must([`${triple}-objdump`, "-p", `${folder}/patchbay_ipc.dll`]);
  const strange = [...out.matchAll(/^\t\[ *\d+\] (?!\+base)(\w+)$/gm)]
    .map((found) => found[1] ?? "")
    .filter((name) => !name.startsWith("shm_"));
  if (strange.length)
    throw new StepFailed(`patchbay_ipc.dll must export only shm_*, but exports ${strange.join(", ")}`);
  return folder;
}
