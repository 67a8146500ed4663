/**
 * tests/gpu/nvidia.c on the GPU that is there, and, so that it is known to work when there is one, on the stand-ins for NVIDIA's
 * libraries. build/gpu holds all that it needs: the folder can be copied to another machine, which needs no compiler, and run
 * there as `./nvidia stream.265 pictures.nv12`.
 */
import { beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { recipeOf } from "../../.ci/sanitize.ts";
import { compileC } from "../../.ci/shim.ts";
import { capture, must } from "../../.ci/steps.ts";

const root = join(import.meta.dir, "../..");
const folder = "build/gpu";
const found = Bun.which("nvidia-smi") ? await capture(["nvidia-smi", "-L"]) : undefined;
const hasGpu = found?.status === 0 && found.out.includes("GPU 0");

async function build(): Promise<void> {
  const file = "tests/gpu/nvidia.c";
  const { sources, libs } = recipeOf(file);
  const objects: string[] = [];
  for (const source of [...sources, file]) {
    const object = `${folder}/${source}.o`;
    expect(await compileC(source, object, ["-O2"])).toBeUndefined();
    objects.push(object);
  }
  await must(["gcc", "-pthread", ...objects, ...libs, "-lm", "-ldl", "-o", `${folder}/nvidia`]);
  const picture = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=0.5", "-pix_fmt", "yuv420p"];
  const stream = `${folder}/stream.265`;
  const how = "aud=1:repeat-headers=1:bframes=0:log-level=none";
  await must(["ffmpeg", "-v", "error", "-y", ...picture, "-c:v", "libx265", "-x265-params", how, stream]);
  await must([
    "ffmpeg",
    "-v",
    "error",
    "-y",
    "-i",
    stream,
    "-pix_fmt",
    "nv12",
    "-f",
    "rawvideo",
    `${folder}/pictures.nv12`,
  ]);
}

const run = (env: Record<string, string>, ...more: string[]) =>
  capture([`${folder}/nvidia`, `${folder}/stream.265`, `${folder}/pictures.nv12`, ...more], {
    env: { ...process.env, ...env },
  });

beforeAll(async () => {
  process.chdir(root);
  mkdirSync(folder, { recursive: true });
  await build();
}, 120_000);

// What would make it run: a machine with an NVIDIA GPU, its driver and nvidia-smi.
test.skipIf(!hasGpu)(
  "on the GPU of this machine",
  async () => {
    const { status, out, err } = await run({});
    console.log(out);
    expect(`${status}\n${err}`).toBe("0\n");
  },
  120_000,
);

const standIns = { LD_LIBRARY_PATH: join(root, "build/doubles") };

test("on the stand-ins, with an encoder and without", async () => {
  const whole = await run(standIns, "small");
  expect(`${whole.status}${whole.err}`).toBe("0");
  expect(whole.out).toContain("ok: auto takes nvenc");
  const without = await run({ ...standIns, NV_DOUBLE: "chip=none" }, "small");
  expect(`${without.status}${without.err}`).toBe("0");
  expect(without.out).toMatch(/this GPU has no video encoder.*\nok: auto takes openh264/);
}, 120_000);

test.skipIf(hasGpu)("says what is missing where there is no driver", async () => {
  const { status, out } = await run({});
  expect(out).toBe(
    "no NVDEC here: no NVIDIA driver: libcuda.so.1 is not installed (Debian: apt install nvidia-driver libcuda1; Ubuntu: ubuntu-drivers install)\n",
  );
  expect(status).toBe(77);
});
