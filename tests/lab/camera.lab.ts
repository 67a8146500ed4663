// lab:
/** Cameras of the kernel: what they offer, every format pixel by pixel, every fault that vivid can inject, MJPEG by v4l2loopback. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describeCamera, openCamera } from "../../ffi/camera.ts";
import type { CameraControl, CameraDetails, CameraList } from "../../ffi/camera-lines.ts";
import { FrameBuffer } from "../../ffi/shmem.ts";
import { Home, openDisplay, startFullscreen, startHost, temporaryFolder } from "../e2e/harness.ts";
import { cleanUp, eventually } from "../e2e/processes.ts";
import { cameraAt, distanceFromBars, Feeder, Stream, set } from "./camera-stream.ts";

afterAll(cleanUp);

const home = new Home();
const out = temporaryFolder();
const webcam = cameraAt("vivid-000");
const multiplanar = cameraAt("vivid-001");
const loopback = "/dev/video10";
const descriptors = () => readdirSync("/proc/self/fd").length;

const details = (device: string): CameraDetails => {
  const found = describeCamera(device);
  if (!found.ok) throw new Error(found.message);
  return found.value;
};

beforeAll(() => {
  for (const device of [webcam, multiplanar]) set(device, "osd_text_mode=none", "test_pattern=100% Colorbar");
});

describe("what there is", () => {
  test("cameras, and what a media controller connects", async () => {
    const { devices, media, closed } = JSON.parse(await home.tell("camera", "list", "--json")) as CameraList;
    expect(devices.filter((one) => one.isCamera).map((one) => one.path)).toEqual([webcam, multiplanar]);
    expect(closed).toEqual([]);
    const [first] = media;
    expect(first).toMatchObject({ path: "/dev/media0", driver: "vivid", bus: "platform:vivid-000" });
    const entity = first?.entities.find((one) => one.name === "vivid-000-vid-cap");
    expect(entity).toMatchObject({ nodes: [webcam], pads: [{ index: 0, flags: 1 }] });
  });

  test("formats with sizes and rates, inputs, and every type of control", async () => {
    const { formats, inputs, controls } = details(webcam);
    const yuyv = formats.find((one) => one.fourcc === "YUYV");
    expect(yuyv?.sizes.map((one) => `${one.width}x${one.height}`)).toContain("640x480");
    expect(yuyv?.sizes[0]?.intervals.map(({ least }) => least[1] / least[0])).toContain(60);
    expect(inputs.map((one) => one.name)).toEqual(["Webcam 0", "TV 0", "S-Video 0", "HDMI 0"]);
    const control = (key: string) => controls.find((one) => one.key === key) as CameraControl;
    expect(control("menu").items.map((one) => one.index)).toEqual([1, 3, 4]);
    expect(control("integer_menu").items[6]).toEqual({ index: 8, text: "42" });
    expect(control("integer_64_bits")).toMatchObject({
      type: "integer64",
      minimum: -(2n ** 63n),
      maximum: 2n ** 63n - 1n,
    });
    expect(control("bitmask")).toMatchObject({ type: "bitmask", value: 0x80002000n });
    expect(control("string")).toMatchObject({ type: "string", value: "  ", minimum: 2n, maximum: 4n });
    expect(control("u8_2x3x4x5_array")).toMatchObject({ type: "compound", dimensions: [2, 3, 4, 5] });
    expect(control("disconnect")).toMatchObject({ type: "button", value: undefined });
    expect(control("power_present")).toMatchObject({ readOnly: true });
    const types = new Set(controls.map((one) => one.type));
    for (const type of ["integer", "boolean", "menu", "class"] as const) expect(types).toContain(type);
  });

  test("controls are set all or none, and read back", async () => {
    const text = await home.tell(
      ...["camera", "set", webcam, "brightness=77", "menu=Menu Item 4", "integer_menu=3", "boolean=off"],
      ...["integer_64_bits=-9007199254740993", "bitmask=0x80000000", "string=abcd", "button"],
    );
    const made = ["brightness=77", "menu=4", "integer_menu=3", "boolean=0", "integer_64_bits=-9007199254740993"];
    expect(text).toBe([...made, "bitmask=2147483648", "string=abcd", "button", ""].join("\n"));
    const child = home.start(["camera", "set", webcam, "brightness=10", "menu=2"]);
    expect(await child.ended()).toBe(69);
    expect(child.err).toContain('the menu menu has no item "2"');
    const found = details(webcam).controls;
    const value = (key: string) => found.find((one) => one.key === key)?.value;
    expect([value("brightness"), value("integer_64_bits"), value("string")]).toEqual([77n, -9007199254740993n, "abcd"]);
    set(webcam, "brightness=128");
  });
});

/** What the formats have no bits for. Of YCbCr, vivid cuts off what the conversion would round. */
const coarse: Record<string, number> = {
  ...{ RGBP: 7, RGBR: 7, XR15: 7, AR15: 7, RGBO: 7, XR12: 15, AR12: 15, R444: 15 },
};
const ycbcr = 5;
const exact = /^(BGR3|RGB3|BGR4|RGB4|[ABRX]{2}24|BA81|GBRG|GRBG|RGGB)$/;

describe("every format that can be converted", () => {
  const tolerance = (format: string) => coarse[format] ?? (exact.test(format) ? 0 : ycbcr);

  test("gives the colour bars, by the matrix and range that the camera tells", async () => {
    const formats = details(webcam).formats.filter((one) => one.use === "raw");
    const off: Record<string, number> = {};
    for (const { fourcc } of formats) {
      const stream = new Stream(`${webcam},format=${fourcc}`);
      const pixels = await stream.picture((frame) => frame.format === fourcc);
      const distance = distanceFromBars(pixels, 320, { grey: fourcc === "GREY" });
      if (distance > tolerance(fourcc)) off[fourcc] = distance;
      stream.close();
    }
    expect(off).toEqual({});
    expect(formats.length).toBeGreaterThan(30);
    for (const [encoding, quantization] of [
      ["Rec. 709", "Limited Range"],
      ["Rec. 709", "Full Range"],
      ["BT.2020", "Limited Range"],
      ["ITU-R 601", "Full Range"],
    ]) {
      set(webcam, `y_cbcr_encoding=${encoding}`, `quantization=${quantization}`);
      const stream = new Stream(`${webcam},format=NV12`);
      expect([encoding, quantization, distanceFromBars(await stream.picture(), 320) <= ycbcr]).toEqual([
        encoding,
        quantization,
        true,
      ]);
      stream.close();
    }
    set(webcam, "y_cbcr_encoding=Default", "quantization=Default");
  });

  test("also by the multi-planar interface", async () => {
    for (const format of ["NV12", "YUYV", "RGB3"]) {
      const stream = new Stream(`${multiplanar},format=${format}`);
      expect(distanceFromBars(await stream.picture(), 320)).toBeLessThanOrEqual(tolerance(format));
      stream.close();
    }
  });

  test("and one picture by the executable, exactly", async () => {
    const file = join(out, "shot.png");
    const told = JSON.parse(
      await home.tell("camera", "shot", `${webcam},format=RGB3`, "--png", file, "--size", "640x360", "--json"),
    );
    expect(told).toMatchObject({ width: 640, height: 360, format: "RGB3", frameBytes: 640 * 360 * 3 });
    const { data, info } = await sharp(file).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([640, 360]);
    expect(distanceFromBars(data, 640, { order: [0, 1, 2] })).toBe(0);
  });
});

describe("what goes wrong", () => {
  test("faults of a running stream are counted, and it goes on", async () => {
    const before = descriptors();
    const stream = new Stream(webcam);
    await stream.next();
    set(webcam, "inject_v4l2_buf_flag_error");
    await stream.next(() => stream.camera.stats().flagged > 0);
    set(webcam, "percentage_of_dropped_buffers=50");
    await stream.next(() => stream.camera.stats().missing > 0);
    set(webcam, "percentage_of_dropped_buffers=0");
    expect(stream.camera.stats()).toMatchObject({ faults: 0, gone: 0 });
    set(webcam, "inject_vidioc_qbuf_error");
    const { frames } = stream.camera.stats();
    await stream.next(() => stream.camera.stats().frames > frames + 5);
    expect(stream.camera.stats()).toMatchObject({ faults: 0, gone: 0 });
    set(webcam, "inject_fatal_streaming_error");
    await stream.next(() => stream.camera.stats().reopened === 1);
    expect(stream.camera.stats()).toMatchObject({ faults: 1, gone: 0 });
    const away = stream.camera.stats().frames;
    set(webcam, "disconnect");
    await stream.next(() => stream.camera.stats().reopened === 2 && stream.camera.stats().frames > away);
    expect(stream.camera.stats()).toMatchObject({ faults: 1, gone: 1 });
    expect(distanceFromBars(await stream.picture(), 320)).toBeLessThanOrEqual(ycbcr);
    stream.close();
    expect(descriptors()).toBe(before);
  });

  test("an end is an end where that is wished", async () => {
    const stream = new Stream(`${webcam},gone=end`);
    await stream.next();
    set(webcam, "disconnect");
    expect(await stream.next((frame) => frame.lost)).toMatchObject({ lost: true, width: 320 });
    expect(stream.camera.describe()).toMatch(/^vivid is away: camera .* VIDIOC_\w+: No such device; it was unplugged/);
    stream.close();
    await eventually("the camera is back", () => describeCamera(webcam).ok);
  });

  test("opening says which call failed, and leaves nothing behind", () => {
    const before = descriptors();
    for (const call of ["REQBUFS", "QBUF", "STREAMON"]) {
      set(webcam, `inject_vidioc_${call.toLowerCase()}_error`);
      const opened = openCamera({ target: webcam, width: 320, height: 180, fps: 60 }, () => undefined);
      expect(opened).toMatchObject({ ok: false, message: `camera ${webcam}: VIDIOC_${call}: Invalid argument` });
    }
    expect(descriptors()).toBe(before);
  });

  test("a source that changes is followed, one without a signal says so", async () => {
    const hdmi = `${webcam},input=3`;
    // A scaler would keep the wanted size.
    const stages = ["enable_capture_cropping", "enable_capture_composing", "enable_capture_scaler"];
    set(webcam, ...stages.map((stage) => `${stage}=0`));
    const stream = new Stream(hdmi, 1280, 720, 60);
    set(webcam, "dv_timings_signal_mode=Selected DV Timings", "dv_timings=640x480p59");
    await stream.next((frame) => frame.width === 640 && frame.height === 480);
    set(webcam, "dv_timings=800x600p60");
    await stream.next((frame) => frame.width === 800 && frame.height === 600);
    stream.close();
    set(webcam, "dv_timings_signal_mode=No Signal");
    const opened = openCamera({ target: hdmi, width: 0, height: 0, fps: 0 }, () => undefined);
    expect(opened.ok ? "" : opened.message).toContain(
      "VIDIOC_QUERY_DV_TIMINGS: Link has been severed; there is no signal",
    );
    set(webcam, "dv_timings_signal_mode=Current DV Timings", ...stages.map((stage) => `${stage}=1`));
    const back = new Stream(`${webcam},input=0`);
    await back.next();
    back.close();
  });

  test("who may not use it, or finds it in use, hears why and what to do", async () => {
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const barred = Bun.spawnSync(["setpriv", ...nobody, "dist/patchbay", "camera", "info", webcam]);
    expect(barred.stderr.toString()).toContain(
      `camera ${webcam}: open: Permission denied; run \`sudo usermod -aG video $USER\` and log in again`,
    );
    const host = await startHost(home, "--capture", "camera", "--camera", webcam, "--size", "640x360");
    expect(host.child.err).toMatch(/capture camera 640x360 \(camera \/dev\/video0 vivid/);
    const second = home.start(["camera", "shot", `${webcam},format=YUYV`, "--png", join(out, "no.png")]);
    expect(await second.ended()).toBe(69);
    expect(second.err).toMatch(/Device or resource busy; process \d+ \(\S*patchbay\S*\) uses it: end that first/);
    expect(await host.child.interrupt()).toBe(0);
  });
});

test("the executable streams a camera that is unplugged and comes back", async () => {
  const child = home.start(["shm", "publish", "cam", "--capture", "camera", "--camera", "vivid", "--size", "320x180"]);
  await child.until(/cam: camera 320x180/);
  const shows = (what: string, satisfies: (rgba: Uint8Array) => boolean) =>
    eventually(what, () => {
      const opened = FrameBuffer.open("cam");
      if (!opened.ok) return false;
      using frames = opened.value;
      const rgba = new Uint8Array(frames.frameBytes);
      return frames.readFrame(rgba) === "new" && satisfies(rgba);
    });
  await shows("the bars", (rgba) => distanceFromBars(rgba, 320, { order: [0, 1, 2] }) <= ycbcr);
  const before = readdirSync(`/proc/${child.pid}/fd`).length;
  set(webcam, "disconnect");
  await eventually("the camera is back", () => describeCamera(webcam).ok);
  set(webcam, "test_pattern=100% Green");
  await shows("green", (rgba) => rgba[0] === 0 && rgba[1] === 255 && rgba[2] === 0);
  expect(readdirSync(`/proc/${child.pid}/fd`).length).toBe(before);
  await child.until(/opened again: \/dev\/video0 vivid/);
  expect(await child.interrupt()).toBe(0);
  expect(child.err).toMatch(/\d+ frames; .*1 gone/);
});

test("a camera that nobody watches is switched off, and who comes sees the picture of now", async () => {
  const person = new Home();
  const [display] = await Promise.all([openDisplay(320, 180), home.approve(person)]);
  set(webcam, "test_pattern=100% Red");
  const host = await startHost(home, "--capture", "camera", "--camera", webcam, "--size", "320x180");
  const rests = () => [...host.child.err.matchAll(/vivid rests, because nobody watches/g)].length;
  await eventually("it rests", () => rests() === 1);
  set(webcam, "test_pattern=100% Green");
  const client = startFullscreen(person, host.place, display);
  const seen = new Set<string>();
  await eventually("green", () => {
    const [blue = 0, green = 0, red = 0] = display.screen.read().data.subarray((90 * 320 + 160) * 4);
    seen.add(red > 128 ? "red" : green > 128 ? "green" : `${blue > 128}`);
    return seen.has("green");
  });
  expect([...seen]).not.toContain("red");
  expect(await client.interrupt()).toBe(0);
  await eventually("it rests again", () => rests() === 2);
  expect(await host.child.interrupt()).toBe(0);
  expect(host.child.err).not.toMatch(/faults|gone|stalls/);
});

describe("MJPEG", () => {
  const near = (pixels: Uint8Array, [red, green, blue]: readonly number[]) =>
    [red, green, blue].every((part, i) => Math.abs((pixels[2 - i] as number) - (part as number)) <= 4);

  test("is passed through and decoded; what is cut is refused, and a new feeder is found", async () => {
    const feeder = new Feeder(loopback, 320, 240);
    await eventually("pictures", () => details(loopback).device.isCamera);
    const stream = new Stream(loopback);
    const frame = await stream.next((one) => one.sequence > 2);
    expect(frame).toMatchObject({ compressed: true, format: "MJPG", width: 320, height: 240, stride: 0 });
    expect([...frame.data.subarray(0, 2)]).toEqual([0xff, 0xd8]);
    await eventually("red", async () => near(await stream.picture(), [200, 30, 60]));
    await feeder.tell("colour 10 220 90");
    await eventually("green", async () => near(await stream.picture(), [10, 220, 90]));
    await feeder.tell("cut");
    await eventually("a refusal", async () => {
      await stream.next();
      const decoded = stream.camera.decode();
      return !decoded.ok && decoded.message.includes("cannot be decoded");
    });
    expect(stream.camera.stats().undecodable).toBeGreaterThan(0);
    await feeder.tell("colour 0 0 200");
    await eventually("blue", async () => {
      await stream.next();
      const decoded = stream.camera.decode();
      return decoded.ok && near(decoded.value.pixels, [0, 0, 200]);
    });
    const file = join(out, "mjpeg.png");
    const told = JSON.parse(await home.tell("camera", "shot", loopback, "--png", file, "--json"));
    expect(told).toMatchObject({ width: 320, height: 240, format: "MJPG" });
    await feeder.close();
    const other = new Feeder(loopback, 320, 240);
    await eventually("red", async () => near(await stream.picture(), [200, 30, 60]));
    stream.close();
    await other.close();
  });
});
