/**
 * The suites of this folder for encoders and decoders, run once more in processes that find stand-ins for GPUs (tests/doubles): what
 * holds for the software backend holds for the hardware ones. The environment must be set before a process starts, hence the children.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { buildDoubles } from "../../.ci/doubles.ts";
import { openDisplay } from "../e2e/harness.ts";
import { cleanUp } from "../e2e/processes.ts";

const doubles = join(import.meta.dir, "../../build/doubles");
let display = "";

afterAll(cleanUp);
beforeAll(async () => {
  await buildDoubles();
  display = (await openDisplay(64, 64)).name;
}, 120_000);

async function suites(env: Record<string, string>): Promise<string> {
  const files = ["./tests/conformance/grabber.test.ts", "./tests/conformance/player.test.ts"];
  const child = Bun.spawn([process.execPath, "test", ...files], {
    env: { ...process.env, ...env },
    stdout: "ignore",
    stderr: "pipe",
  });
  const told = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(told);
  return told;
}

test("NVIDIA's encoder and decoder keep to the suites", async () => {
  const told = await suites({ LD_LIBRARY_PATH: doubles, NV_DOUBLE: "" });
  for (const codec of ["h264", "hevc"]) {
    expect(told).toContain(`grabber, native, nvenc, ${codec} > `);
    expect(told).toContain(`player, native, nvdec, ${codec} > `);
  }
}, 60_000);

test("VA-API's encoder and decoder keep to the suites", async () => {
  const told = await suites({
    PATCHBAY_VA_DEVICE: display,
    LIBVA_DRIVERS_PATH: doubles,
    LIBVA_DRIVER_NAME: "standin",
  });
  expect(told).toContain("grabber, native, vaapi, h264 > ");
  expect(told).toContain("grabber, native, vaapi, hevc > ");
  expect(told).toContain("player, native, vaapi, h264 > ");
}, 60_000);
