/**
 * Hardware that fails under a running stream, on stand-ins for GPUs (tests/doubles): the stream goes on with another encoder or
 * decoder, from a keyframe, and both ends say so; what was named is never replaced. And HEVC, from an encoder that makes it to a
 * decoder that takes it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { buildDoubles } from "../../.ci/doubles.ts";
import { Home, openDisplay, type RunningHost, reportOf, startHeadless, startPatternHost } from "./harness.ts";
import { cleanUp } from "./processes.ts";

const doubles = join(import.meta.dir, "../../build/doubles");
let display = "";

afterAll(cleanUp);
beforeAll(async () => {
  await buildDoubles();
  // Stand-ins for VA-API drivers are found by way of an X display.
  display = (await openDisplay(64, 64)).name;
}, 120_000);

const nvidia = (script: string): Record<string, string> => ({ LD_LIBRARY_PATH: doubles, NV_DOUBLE: script });
const vaapi = (words: string): Record<string, string> => ({
  PATCHBAY_VA_DEVICE: display,
  LIBVA_DRIVERS_PATH: doubles,
  LIBVA_DRIVER_NAME: "standin",
  VA_STANDIN: words,
});

/** A host and a client, each on a machine of its own kind. The host ends with the test's file. */
async function pair(hosting: Home, viewing: Home, hostArgs: string[], clientArgs: string[] = []) {
  await hosting.approve(viewing);
  const host = await startPatternHost(hosting, "--sound", "off", ...hostArgs);
  const client = startHeadless(viewing, host.place, "--json", "-", ...clientArgs);
  return { host, client };
}

const frames = (host: RunningHost, count: number) =>
  host.until(`${count} frames`, ({ stream }) => stream.frames >= count);

const lossesOfEncoders = [
  { name: "nvenc", env: () => nvidia("nvEncLockBitstream@30=14"), why: "nvEncLockBitstream", keyframes: 2 },
  { name: "vaapi", env: () => vaapi("hang"), why: "vaSyncSurface", keyframes: 1 },
];

for (const { name, env, why, keyframes } of lossesOfEncoders)
  test(`${name} is lost: openh264 goes on, from a keyframe, and the host says so`, async () => {
    const { host, client } = await pair(new Home(env()), new Home(), ["--keyframe-interval", "0"]);
    await host.child.until(new RegExp(`encoder ${name}`));
    await frames(host, 60);
    await host.child.until(new RegExp(`encoder ${name} failed \\(.*${why}.*\\); going on with openh264`));
    const { source } = await host.stats();
    expect(source.encoder).toBe("openh264");
    expect(source.failures).toMatchObject([{ what: "encoder", from: name, to: "openh264" }]);
    const report = await reportOf(client);
    expect(report.frames).toMatchObject({ decodeErrors: 0, keyframes });
    expect(report.frames.delivered).toBeGreaterThan(40);
    expect(await host.child.interrupt()).toBe(0);
  }, 60_000);

test("an encoder that does not open is passed by with its reason; named, it is an error", async () => {
  const home = new Home(nvidia("nvEncInitializeEncoder@*=10"));
  const host = await startPatternHost(home, "--sound", "off");
  await host.child.until(/encoder nvenc failed \(.*nvEncInitializeEncoder.*\); going on with openh264/);
  expect(await host.child.interrupt()).toBe(0);
  const named = home.start(["host", "--capture", "pattern", "--encoder", "nvenc", "--listen", "127.0.0.1:0"]);
  expect(await named.ended()).toBe(69);
  expect(named.err).toMatch(/patchbay: nvenc: .*nvEncInitializeEncoder/);
}, 60_000);

test("an encoder that was named and is lost ends the host with its reason", async () => {
  const home = new Home(nvidia("nvEncLockBitstream@20=14"));
  const { host, client } = await pair(home, new Home(), ["--encoder", "nvenc"]);
  expect(await host.child.ended()).toBe(69);
  expect(host.child.err).toMatch(/The encoder nvenc failed: .*nvEncLockBitstream.* It was named, so no other is tried/);
  expect(await client.ended()).toBe(75);
}, 60_000);

test("a decoder is lost in mid-stream: openh264 goes on from the keyframe that it asks for, and the client says so", async () => {
  const viewing = new Home(nvidia("cuvidDecodePicture@30=700"));
  const { host, client } = await pair(new Home(), viewing, ["--keyframe-interval", "0"]);
  await client.until(/decoder nvdec: .*cuvidDecodePicture.*; going on with openh264/);
  const { stream } = await host.stats();
  await frames(host, stream.frames + 20);
  const report = await reportOf(client);
  expect(report).toMatchObject({ decoder: "openh264", frames: { decoderChanges: 1 } });
  // The first one, and the one that was asked for; on a busy machine perhaps one more for a frame that was lost.
  expect(report.frames.keyframes).toBeGreaterThanOrEqual(2);
  expect(report.frames.keyframes).toBeLessThanOrEqual(4);
  expect(report.decoderFailure).toContain("nvdec: ");
  expect(await host.child.interrupt()).toBe(0);
}, 60_000);

test("HEVC goes to clients that decode it, and the others are told on both sides", async () => {
  const hosting = new Home(nvidia(""));
  const { host, client } = await pair(hosting, new Home(nvidia("")), ["--codec", "hevc"]);
  await frames(host, 20);
  expect((await host.stats()).source).toMatchObject({ encoder: "nvenc", codec: "hevc" });
  const plain = new Home();
  await hosting.approve(plain);
  const lost = startHeadless(plain, host.place);
  expect(await lost.ended()).toBe(69);
  expect(lost.err).toContain("The host sends HEVC, which no decoder of this machine can decode");
  await host.child.until(/cannot decode HEVC and will see nothing/);
  expect((await host.stats()).drops).toMatchObject({ "client-without-codec": 1 });
  const report = await reportOf(client);
  expect(report).toMatchObject({ decoder: "nvdec", frames: { codec: 0, decodeErrors: 0 } });
  expect(report.framesShown).toBeGreaterThan(5);
  expect(await host.child.interrupt()).toBe(0);
  const none = plain.start(["host", "--capture", "pattern", "--codec", "hevc", "--listen", "127.0.0.1:0"]);
  expect(await none.ended()).toBe(69);
  expect(none.err).toContain("openh264: it does not encode HEVC");
}, 60_000);
