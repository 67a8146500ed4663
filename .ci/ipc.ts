/**
 * Builds what C programs use to exchange messages through shared memory, in dist/ipc: libpatchbay_ipc.so and .a, the headers, a
 * pkg-config file that works from wherever the folder is put. The sources are those of the shim; only what xshm.h names is
 * exported here, and none of it there.
 */
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { compileC } from "./shim.ts";
import { mapParallel, must, StepFailed } from "./steps.ts";

const folder = "dist/ipc";
export const ipcHeaders = ["xshm.h", "xshm_server.h", "xshm_client.h", "patchbay_itkp.h"];
const flags = ["-O2", "-fPIC", "-fvisibility=hidden", "-DXSHM_EXPORTS"];

/** Everything below the C interface, and that; not what serves TypeScript. */
export const ipcSources = (): string[] =>
  [...new Bun.Glob("c/{ipc,os}/*.c").scanSync(".")].filter((path) => path !== "c/ipc/abi.c").sort();

const pkgConfig = (version: string): string => `prefix=\${pcfiledir}

Name: patchbay_ipc
Description: Messages between local programs through shared memory
Version: ${version}
Cflags: -I\${prefix}/include
Libs: -L\${prefix} -lpatchbay_ipc
Libs.private: -pthread
`;

export async function buildIpc(): Promise<string> {
  const sources = ipcSources();
  const objectOf = (source: string) => `build/ipc/${source}.o`;
  const complaints = await mapParallel(sources, 2, (source) => compileC(source, objectOf(source), flags));
  const said = complaints.filter((complaint) => complaint !== undefined);
  if (said.length) throw new StepFailed(said.join("\n"));
  const objects = sources.map(objectOf);
  mkdirSync(`${folder}/include`, { recursive: true });
  const aside = `${folder}/.${process.pid}`;
  const shared = `${folder}/libpatchbay_ipc.so`;
  await must([
    ...["gcc", "-shared", "-s", "-pthread", "-static-libgcc", "-Wl,-soname,libpatchbay_ipc.so", "-Wl,-z,defs,-z,text"],
    ...[...objects, "-o", aside],
  ]);
  renameSync(aside, shared);
  // One object whose inner names are its own, so that a program may use them too.
  await must(["gcc", "-r", "-nostdlib", ...objects, "-o", `${aside}.o`]);
  await must(["objcopy", "--localize-hidden", `${aside}.o`]);
  await must(["ar", "rcs", aside, `${aside}.o`]);
  renameSync(aside, `${folder}/libpatchbay_ipc.a`);
  rmSync(`${aside}.o`);
  for (const header of ipcHeaders) copyFileSync(`c/include/${header}`, `${folder}/include/${header}`);
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  writeFileSync(`${folder}/patchbay_ipc.pc`, pkgConfig(version));
  const { out } = await must(["nm", "-D", "--defined-only", "--format=posix", shared]);
  const names = out.split("\n").filter(Boolean);
  const leaked = names.filter((line) => !line.startsWith("shm_"));
  if (leaked.length) throw new StepFailed(`libpatchbay_ipc must export only shm_*, but exports ${leaked.join(", ")}`);
  return `${folder}, ${names.length} functions`;
}
