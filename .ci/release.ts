/** What a release consists of, in dist/release: the executable, the declarations, the licences, and checksums of them all. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import dts from "bun-plugin-dts";
import { notices } from "./licences.ts";
import { must, StepFailed } from "./steps.ts";

/** Writes dist/index.d.ts for src/index.ts. The JavaScript made beside it is not kept. */
export async function writeTypes(): Promise<string> {
  const outdir = "build/types";
  rmSync(outdir, { recursive: true, force: true });
  const result = await Bun.build({
    entrypoints: ["src/index.ts"],
    target: "bun",
    outdir,
    plugins: [dts({ output: { noBanner: true } })],
    throw: false,
  });
  if (!result.success) throw new StepFailed(result.logs.map(String).join("\n"));
  mkdirSync("dist", { recursive: true });
  copyFileSync(`${outdir}/index.d.ts`, "dist/index.d.ts");
  return "dist/index.d.ts";
}

export async function assemble(): Promise<string> {
  const folder = "dist/release";
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  copyFileSync("dist/patchbay", `${folder}/patchbay-linux-x64`);
  copyFileSync("dist/index.d.ts", `${folder}/patchbay.d.ts`);
  copyFileSync("LICENSE", `${folder}/LICENSE`);
  await must(["tar", "-C", "dist", "-czf", `${folder}/patchbay-ipc-linux-x64.tar.gz`, "ipc"]);
  if (!existsSync("dist/ipc-windows/patchbay_ipc.dll"))
    throw new StepFailed("a release holds the library for Windows too: apt-get install gcc-mingw-w64-x86-64-posix");
  await must(["tar", "-C", "dist", "-czf", `${folder}/patchbay-ipc-windows-x64.tar.gz`, "ipc-windows"]);
  writeFileSync(`${folder}/THIRD-PARTY.txt`, notices());
  const sums = readdirSync(folder)
    .sort()
    .map(
      (name) => `${new Bun.CryptoHasher("sha256").update(readFileSync(`${folder}/${name}`)).digest("hex")}  ${name}\n`,
    );
  writeFileSync(`${folder}/SHA256SUMS`, sums.join(""));
  return `${folder}: ${sums.length} files and their checksums`;
}
