/**
 * Bun for Windows, which npm leaves out of an installation on another system: of the version and with the checksum that
 * package-lock.json gives, kept in the user's cache folder. Only tests want it, to run Patchbay's sources under wine.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, must, StepFailed } from "./steps.ts";

const name = "@oven/bun-windows-x64";

/** The path of bun.exe. Fetched by npm when it is not there; throws StepFailed where npm cannot. */
export async function windowsBun(): Promise<string> {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  const { version, integrity } = lock.packages[`node_modules/${name}`];
  const program = join(cacheFolder, `bun-windows-x64-${version}.exe`);
  if (existsSync(program)) return program;
  mkdirSync(cacheFolder, { recursive: true });
  const work = mkdtempSync(join(cacheFolder, "fetching-"));
  try {
    const { out } = await must(["npm", "pack", "--silent", `--pack-destination=${work}`, `${name}@${version}`]);
    const packed = join(work, out.trim());
    const found = `sha512-${new Bun.CryptoHasher("sha512").update(readFileSync(packed)).digest("base64")}`;
    if (found !== integrity) throw new StepFailed(`${name}@${version} is ${found}, and not ${integrity}`);
    await must(["tar", "-xzf", packed, "-C", work, "package/bin/bun.exe"]);
    renameSync(join(work, "package/bin/bun.exe"), program);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return program;
}
