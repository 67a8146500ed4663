/**
 * ffmpeg, which knows nothing of Patchbay, runs on the stand-ins for NVIDIA's libraries (tests/doubles), so that they are no
 * mirror of our own code; and the built executable meets a GPU that has no encoder.
 */
import { afterAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Home, startPatternHost, temporaryFolder } from "./harness.ts";
import { Child, cleanUp } from "./processes.ts";

afterAll(cleanUp);

const libraries = join(import.meta.dir, "../../build/doubles");

/** What a program gets to find the stand-ins; `script` has them misbehave (tests/doubles/nv.h). */
function standIns(script = ""): { env: Record<string, string>; complaints: () => string } {
  const report = join(temporaryFolder(), "report");
  return {
    env: { LD_LIBRARY_PATH: libraries, NV_DOUBLE: script, NV_DOUBLE_REPORT: report },
    complaints: () => (existsSync(report) ? readFileSync(report, "utf8") : ""),
  };
}

async function ffmpeg(env: Record<string, string>, ...args: string[]): Promise<string> {
  const child = new Child(["ffmpeg", "-v", "error", "-y", ...args], { ...process.env, ...env });
  if ((await child.ended()) !== 0) throw new Error(child.told());
  return child.out;
}

/** The hash of each picture. */
const hashes = (told: string): string[] =>
  told
    .split("\n")
    .filter((line) => /^0,/.test(line))
    .map((line) => line.split(",").at(-1)?.trim() ?? "");

for (const codec of ["h264", "hevc"])
  test(`ffmpeg encodes and decodes ${codec} on the stand-ins, and is found without fault`, async () => {
    const file = join(temporaryFolder(), `stream.${codec}`);
    const encoding = standIns();
    const source = ["-f", "lavfi", "-i", "testsrc2=size=324x246:rate=30:duration=0.5", "-pix_fmt", "nv12"];
    const how = ["-preset", "p2", "-tune", "ull", "-rc", "cbr", "-b:v", "2M", "-bf", "0"];
    await ffmpeg(encoding.env, ...source, "-c:v", `${codec}_nvenc`, ...how, file);
    expect(encoding.complaints()).toBe("0 complaints\n");
    const decoding = standIns();
    const hash = ["-fps_mode", "passthrough", "-pix_fmt", "nv12", "-f", "framemd5", "-"];
    const ours = hashes(await ffmpeg(decoding.env, "-c:v", `${codec}_cuvid`, "-i", file, ...hash));
    expect(decoding.complaints()).toBe("0 complaints\n");
    expect(ours).toEqual(hashes(await ffmpeg({}, "-i", file, ...hash)));
    expect(ours).toHaveLength(15);
  }, 60_000);

test("a GPU without an encoder is told, and another encoder is taken unless this one was named", async () => {
  const home = new Home(standIns("chip=none").env);
  const host = await startPatternHost(home);
  expect((await host.stats()).source.encoder).toMatch(/^(vaapi|openh264)$/);
  expect(await host.child.interrupt()).toBe(0);
  const refused = home.start(["host", "--listen", "127.0.0.1:0", "--capture", "pattern", "--encoder", "nvenc"]);
  expect(await refused.ended()).not.toBe(0);
  expect(refused.told()).toContain("this GPU has no video encoder");
}, 60_000);
