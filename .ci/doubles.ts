/**
 * Builds the stand-ins for drivers and system libraries that tests use where there is no such hardware: each tests/doubles/*.c
 * whose first line names a library, as in "library: libcuda.so.1 sources: tests/doubles/x.c libs: -lopenh264" in a comment,
 * becomes build/doubles/LIBRARY with that name as its soname. The other files there belong to them. Nothing of it is ever
 * shipped or linked into the shim. `bun .ci/doubles.ts` builds them alone.
 */
import { mkdirSync, readFileSync, renameSync } from "node:fs";
import { compileC } from "./shim.ts";
import { mapParallel, must, StepFailed, say } from "./steps.ts";

const folder = "build/doubles";
const flags = ["-O1", "-g", "-fPIC", "-fvisibility=hidden"];

interface Double {
  file: string;
  library: string;
  sources: string[];
  libs: string[];
}

const words = (text = ""): string[] => text.split(/\s+/).filter(Boolean);

function doubles(): Double[] {
  const files = [...new Bun.Glob("tests/doubles/*.c").scanSync(".")].sort();
  return files.flatMap((file) => {
    const first = readFileSync(file, "utf8").split("\n", 1)[0] ?? "";
    const found = /^\/\* library: (\S+)(?: sources:(.*?))?(?: libs:(.*?))? *\*\/\s*$/.exec(first);
    if (!found) return [];
    return [{ file, library: found[1] ?? "", sources: words(found[2]), libs: words(found[3]) }];
  });
}

/** Libraries may need one another; those that need none of the others come first. */
const inOrder = (all: Double[]): Double[][] => {
  const needsAnother = ({ libs }: Double) => libs.some((lib) => all.some(({ library }) => lib === `-l:${library}`));
  return [all.filter((one) => !needsAnother(one)), all.filter(needsAnother)];
};

async function build({ file, library, sources, libs }: Double): Promise<void> {
  const objects = [...sources, file].map((source) => ({ source, object: `${folder}/${source}.o` }));
  for (const { source, object } of objects) {
    const complaint = await compileC(source, object, flags);
    if (complaint) throw new StepFailed(complaint);
  }
  const aside = `${folder}/${library}.${process.pid}`;
  await must([
    ...["gcc", "-shared", "-pthread", `-Wl,-soname,${library}`, "-Wl,-z,defs", "-Wl,-rpath,$ORIGIN", `-L${folder}`],
    ...objects.map(({ object }) => object),
    ...[...libs, "-lm", "-ldl", "-o", aside],
  ]);
  renameSync(aside, `${folder}/${library}`);
}

export async function buildDoubles(): Promise<string> {
  mkdirSync(folder, { recursive: true });
  for (const wave of inOrder(doubles())) await mapParallel(wave, 2, build);
  return doubles()
    .map(({ library }) => library)
    .join(", ");
}

if (import.meta.main) say(await buildDoubles());
