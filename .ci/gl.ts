/**
 * Builds dist/libpatchbay_gl.so from the sources of the `ld-preload` template: what `patchbay host --capture gl` loads into the
 * program that it starts. It needs nothing but libc and exports only the functions that it stands before.
 */
import { mkdirSync, renameSync, statSync } from "node:fs";
import { language, warnings } from "./shim.ts";
import { must, StepFailed } from "./steps.ts";

const template = "src/templates/ld-preload";
const own = ["preload", "lookup", "read", "sink"].map((name) => `${template}/${name}.c`);
const shared = ["shmem/frames", "shmem/open", "os/linux", "os/linux_wait", "os/names"].map((name) => `c/${name}.c`);

export async function buildGl(): Promise<string> {
  mkdirSync("dist", { recursive: true });
  const target = "dist/libpatchbay_gl.so";
  const aside = `${target}.${process.pid}`;
  await must([
    ...["gcc", ...language, ...warnings, "-O2", "-fPIC", "-fvisibility=hidden", "-shared", "-s", "-static-libgcc"],
    ...["-Wl,-z,defs,-z,text,-z,nodelete,-z,noexecstack", ...own, ...shared, "-ldl", "-o", aside],
  ]);
  const { out } = await must(["nm", "-D", "--defined-only", "--format=posix", aside]);
  const strange = out.split("\n").filter((line) => line && !/^(glX|egl|dlsym)/.test(line));
  if (strange.length) throw new StepFailed(`libpatchbay_gl exports more than it stands before: ${strange.join(", ")}`);
  renameSync(aside, target);
  return `${(statSync(target).size / 1e3).toFixed(0)} kB`;
}
