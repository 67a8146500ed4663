/**
 * ffmpeg, which knows nothing of Patchbay, encodes and decodes on the stand-in for a VA-API driver (tests/doubles), so that the
 * rules which that one holds Patchbay to are not of our own making; and the executable says what each side can do with it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildDoubles } from "../../.ci/doubles.ts";
import { Home, openDisplay, temporaryFolder } from "./harness.ts";
import { Child, cleanUp } from "./processes.ts";

const drivers = join(import.meta.dir, "../../build/doubles");
let display = "";

afterAll(cleanUp);
beforeAll(async () => {
  await buildDoubles();
  display = (await openDisplay(64, 64)).name;
}, 120_000);

function standIn(): { env: Record<string, string>; report: () => string } {
  const report = join(temporaryFolder(), "report");
  return {
    env: { LIBVA_DRIVERS_PATH: drivers, LIBVA_DRIVER_NAME: "standin", VA_STANDIN: "", VA_STANDIN_REPORT: report },
    report: () => (existsSync(report) ? readFileSync(report, "utf8") : ""),
  };
}

async function ffmpeg(env: Record<string, string>, ...args: string[]): Promise<string> {
  const child = new Child(["ffmpeg", "-nostdin", "-v", "error", "-y", ...args], { ...process.env, ...env });
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
  test(`ffmpeg encodes and decodes ${codec} on the stand-in, and is found without fault`, async () => {
    const file = join(temporaryFolder(), `stream.${codec}`);
    const encoding = standIn();
    const device = ["-init_hw_device", `vaapi=v:${display}`, "-filter_hw_device", "v"];
    const source = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=30", "-frames:v", "20"];
    // What the stand-in does not offer is left out: B pictures, 8x8 transforms, full power for H.264.
    const how = ["-c:v", `${codec}_vaapi`, "-bf", "0", "-b:v", "1M", "-profile:v", "main"];
    if (codec === "h264") how.push("-low_power", "1");
    await ffmpeg(encoding.env, ...device, ...source, "-vf", "format=nv12,hwupload", ...how, file);
    expect(encoding.report()).toBe("end: 0 violations, 20 encoded, 0 decoded, 0 converted\n");
    const decoding = standIn();
    const hard = ["-hwaccel", "vaapi", "-hwaccel_device", display, "-hwaccel_output_format", "vaapi", "-i", file];
    const hash = ["-f", "framemd5", "-"];
    const ours = hashes(await ffmpeg(decoding.env, ...hard, "-vf", "hwdownload,format=nv12", ...hash));
    expect(decoding.report()).toBe("end: 0 violations, 0 encoded, 20 decoded, 0 converted\n");
    expect(ours).toEqual(hashes(await ffmpeg({}, "-i", file, "-pix_fmt", "nv12", ...hash)));
    expect(ours).toHaveLength(20);
  }, 60_000);

test("the doctor names driver, device and codecs, or what is missing", async () => {
  const { env } = standIn();
  const there = await new Home({ ...env, PATCHBAY_VA_DEVICE: display }).tell("doctor");
  expect(there).toMatch(new RegExp(`ok +vaapi +Stand-in for a VA driver.* on ${display}: H.264, HEVC`));
  const absent = new Home({ ...env, PATCHBAY_VA_DEVICE: "/dev/null" }).start(["doctor"]);
  await absent.ended();
  expect(absent.told()).toContain("/dev/null: vaGetDisplayDRM: it is no DRM device");
}, 60_000);
