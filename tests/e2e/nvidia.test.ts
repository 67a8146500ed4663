/**
 * NVIDIA's encoder and decoder in the built executable, on stand-ins for the driver's libraries (tests/doubles) that check each
 * call and encode and decode in software: a stream through both, what happens when either is lost, and a GPU that has no
 * encoder. ffmpeg, which knows nothing of Patchbay, runs on the same stand-ins, so that they are no mirror of our own code.
 */
import { afterAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Home, startHeadless, startPatternHost, temporaryFolder } from "./harness.ts";
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

test("a stream goes through both, and on in software when either is lost", async () => {
  const encoding = standIns("nvEncEncodePicture@30=5");
  const decoding = standIns("cuvidDecodePicture@50=46");
  const hosting = new Home(encoding.env);
  const watching = new Home(decoding.env);
  await hosting.approve(watching);
  const host = await startPatternHost(hosting);
  expect((await host.stats()).source.encoder).toBe("nvenc");
  const client = startHeadless(watching, host.place, "--json", "-");
  const { source } = await host.until("the encoder to fail", (stats) => stats.source.failures.length > 0);
  expect(source.encoder).toMatch(/^(vaapi|openh264)$/);
  expect(JSON.stringify(source.failures)).toContain("nvEncEncodePicture: NV_ENC_ERR_DEVICE_NOT_EXIST (5");
  await host.until("80 frames", (stats) => stats.stream.frames >= 80);
  client.signal("SIGINT");
  expect(await client.ended()).toBe(0);
  const report = JSON.parse(client.out);
  expect(report.decoder).toMatch(/^(vaapi|openh264)$/);
  expect(report.decoderFailure).toContain("cuvidDecodePicture: CUDA_ERROR_DEVICE_UNAVAILABLE");
  expect(report.framesShown).toBeGreaterThan(60);
  expect(await host.child.interrupt()).toBe(0);
  expect(encoding.complaints() + decoding.complaints()).toBe("");
}, 60_000);

test("HEVC goes through both", async () => {
  const { env, complaints } = standIns();
  const hosting = new Home(env);
  const watching = new Home(env);
  await hosting.approve(watching);
  const host = await startPatternHost(hosting, "--codec", "hevc", "--encoder", "nvenc");
  const client = startHeadless(watching, host.place, "--decoder", "nvdec", "--json", "-");
  await host.until("30 frames", (stats) => stats.source.codec === "hevc" && stats.stream.frames >= 30);
  client.signal("SIGINT");
  expect(await client.ended()).toBe(0);
  const report = JSON.parse(client.out);
  expect(report).toMatchObject({ decoder: "nvdec", decoderFailure: "", frames: { lost: 0, decodeErrors: 0 } });
  expect(report.framesShown).toBeGreaterThan(20);
  expect(await host.child.interrupt()).toBe(0);
  expect(complaints()).toBe("");
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
