/**
 * The native grabber from TypeScript, on real X servers and on the test picture: frames as views of native memory, silence,
 * requests while running, and failures as sentences. What the pixels look like after decoding is proven in
 * tests/c/test_grabber_x11.c, with the same code under sanitizers.
 */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openGrabber, probeBackends } from "./grabber.ts";
import type { EncodedFrame, Grabber, GrabberSettings } from "./interfaces.ts";
import { openScene } from "./scene.ts";

const cleanups: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startServer(...options: string[]): Promise<{ display: string; kill: () => Promise<void> }> {
  const command = ["Xvfb", "-displayfd", "1", "-noreset", "-nolisten", "tcp", "-screen", "0", "960x200x24", ...options];
  const server = Bun.spawn(command, { stdout: "pipe", stderr: "ignore" });
  const kill = async () => {
    server.kill("SIGKILL");
    await server.exited;
  };
  cleanups.push(kill);
  const first = await server.stdout.getReader().read();
  return { display: `:${new TextDecoder().decode(first.value).trim()}`, kill };
}

const defaults: GrabberSettings = {
  capture: "auto",
  target: "",
  encoder: "auto",
  width: 0,
  height: 0,
  fps: 60,
  bitrateBps: 4_000_000,
  keyframeInterval: 0,
  codec: "h264",
};

interface Watched {
  grabber: Grabber;
  frames: (EncodedFrame & { nalTypes: number[] })[];
  /** Waits for wake-ups until the condition holds. */
  until(condition: () => boolean): Promise<void>;
}

/** Types of the NAL units of an Annex B access unit, in order. */
function nalTypes(bytes: Uint8Array): number[] {
  const types: number[] = [];
  for (let i = 0; i + 3 < bytes.length; i++)
    if (bytes[i] === 0 && bytes[i + 1] === 0 && bytes[i + 2] === 1) types.push((bytes[i + 3] as number) & 31);
  return types;
}

function watch(settings: Partial<GrabberSettings>): Watched {
  const frames: Watched["frames"] = [];
  let onChange = () => {};
  const drain = () => {
    if (!opened.ok) return;
    opened.value.rearm();
    for (let frame = opened.value.take(); frame; frame = opened.value.take()) {
      frames.push({ ...frame, nalTypes: nalTypes(opened.value.bytes(frame)) });
      opened.value.release();
    }
    onChange();
  };
  const opened = openGrabber({ ...defaults, ...settings }, drain);
  if (!opened.ok) throw new Error(opened.message);
  cleanups.push(() => opened.value.close());
  return {
    grabber: opened.value,
    frames,
    until: async (condition) => {
      while (!condition()) await new Promise<void>((resolve) => (onChange = resolve));
    },
  };
}

function refusal(settings: Partial<GrabberSettings>): string {
  const opened = openGrabber({ ...defaults, ...settings }, () => {});
  if (opened.ok) {
    opened.value.close();
    throw new Error("it opened");
  }
  expect(opened.code).toBe("unavailable");
  return opened.message;
}

test("an X screen gives a keyframe with its parameter sets, then frames whose times are in order", async () => {
  const { display } = await startServer();
  const scene = openScene({ target: display, width: 0, height: 0, fps: 60, mode: "scroll" });
  if (!scene.ok) throw new Error(scene.message);
  cleanups.push(() => scene.value.close());
  const { grabber, frames, until } = watch({ capture: "x11", target: display });
  expect(grabber.describe()).toMatchObject({ capture: "x11", encoder: "openh264", width: 960, height: 200 });
  expect(grabber.describe().detail).toContain(`display ${display}, 960x200, screen 960x200+0+0`);
  await until(() => frames.length >= 20);
  expect(frames[0]?.nalTypes).toEqual([7, 8, 5]);
  expect(frames.slice(1).every((f) => !f.keyframe && f.nalTypes.join() === "1")).toBe(true);
  frames.forEach((f, i) => {
    expect(f).toMatchObject({ kind: "frame", width: 960, height: 200, sequence: i });
    const times = [f.damageUs, f.captureUs, f.capturedUs, f.convertedUs, f.encodedUs];
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
});

test("an unchanged screen is sharpened twice and then costs no wake-up, until a keyframe is asked for", async () => {
  const { display } = await startServer();
  const { grabber, frames, until } = watch({ capture: "x11", target: display });
  await until(() => frames.length >= 3);
  await Bun.sleep(700); // whatever the server still does after its start
  const before = grabber.stats();
  await Bun.sleep(1000);
  expect(grabber.stats()).toEqual(before);
  const count = frames.length;
  grabber.requestKeyframe();
  await until(() => frames.length > count);
  expect(frames[count]?.keyframe).toBe(true);
  expect(grabber.stats()).toMatchObject({ captured: before.captured, keyframes: before.keyframes + 1 });
});

test("bitrate, pace and pause change while it runs", async () => {
  const { display } = await startServer();
  const scene = openScene({ target: display, width: 0, height: 0, fps: 60, mode: "video" });
  if (!scene.ok) throw new Error(scene.message);
  cleanups.push(() => scene.value.close());
  const { grabber, frames, until } = watch({ capture: "x11", target: display, bitrateBps: 20_000_000 });
  const meanSize = async () => {
    const from = frames.length + 20;
    await until(() => frames.length >= from + 30);
    return frames.slice(from, from + 30).reduce((sum, f) => sum + f.size, 0) / 30;
  };
  const rich = await meanSize();
  grabber.setBitrate(1_000_000);
  const poor = await meanSize();
  expect(poor).toBeLessThan(rich / 2);
  expect(grabber.stats().keyframes).toBe(1);
  grabber.setFps(20);
  const slowFrom = frames.length + 2;
  await until(() => frames.length >= slowFrom + 11);
  const slow = (frames[slowFrom + 10] as EncodedFrame).captureUs - (frames[slowFrom] as EncodedFrame).captureUs;
  expect(slow).toBeGreaterThan(10 * 49_000 - 25_000); // ten intervals, less the slack of one
  grabber.setPaused(true);
  await Bun.sleep(50);
  const paused = grabber.stats().captured;
  await Bun.sleep(200);
  expect(grabber.stats().captured).toBe(paused);
  grabber.setPaused(false);
  const count = frames.length;
  await until(() => frames.length > count);
});

test("a server that dies ends the stream with a notice", async () => {
  const { display, kill } = await startServer();
  const { grabber, frames, until } = watch({ capture: "x11", target: display });
  await until(() => frames.length >= 1);
  await kill();
  await until(() => frames.at(-1)?.kind === "lost");
  expect(frames.filter((f) => f.kind === "lost").length).toBe(1);
  grabber.close();
  grabber.close();
  expect(grabber.stats().encoded).toBeGreaterThan(0);
  expect(() => grabber.take()).toThrow("closed");
});

test("Xvfb's framebuffer file is a source by its path alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-fbdir-"));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const { display } = await startServer("-fbdir", folder);
  const { grabber, frames, until } = watch({ target: join(folder, "Xvfb_screen0") });
  expect(grabber.describe()).toMatchObject({ capture: "fbdev", width: 960, height: 200 });
  await until(() => frames.length >= 3);
  const captured = grabber.stats().captured;
  Bun.spawnSync(["xsetroot", "-display", display, "-solid", "red"]);
  await until(() => grabber.stats().captured > captured && frames.length > 3);
});

test("the test picture needs nothing and takes any size", async () => {
  const { grabber, frames, until } = watch({ capture: "pattern", width: 333, height: 217 });
  expect(grabber.describe()).toMatchObject({ capture: "pattern", width: 332, height: 216 });
  await until(() => frames.length >= 5);
});

test("what cannot be captured is told in a sentence", () => {
  expect(refusal({ capture: "x11", target: ":39999" })).toContain(":39999 cannot be opened: no server answers there");
  expect(refusal({ capture: "fbdev", target: "/dev/null" })).toContain("no framebuffer");
  expect(refusal({ capture: "fbdev", target: import.meta.path })).toContain("neither a framebuffer device nor");
  expect(refusal({ target: ":39999" })).toContain("x11: X display :39999"); // a named target is never the test picture
  expect(refusal({ capture: "teleporter" })).toContain('"teleporter"');
  expect(refusal({ capture: "pattern", encoder: "vp7" })).toContain('"vp7"');
  expect(refusal({ capture: "pattern", width: 5000 })).toContain("4096x2304");
});

test("each module's backends report on themselves", () => {
  const usable = new Map(probeBackends("capture", ":39999").map((b) => [b.name, b.usable]));
  expect(Object.fromEntries(usable)).toMatchObject({ x11: false, fbdev: false, pattern: true, shm: false });
  expect(probeBackends("encode")).toContainEqual(expect.objectContaining({ name: "openh264", usable: true }));
  expect(probeBackends("nothing")).toEqual([]);
});
