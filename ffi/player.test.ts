/** The native player's windows on a real X server: pixels on the screen, scaling, fullscreen, input, closing, and its death. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openGrabber } from "./grabber.ts";
import { openInjector } from "./input.ts";
import type { Injector, Player, PlayerEvent, PlayerSettings } from "./interfaces.ts";
import { openPlayer } from "./player.ts";

const key = 1;
const absolute = 3;

let folder = "";
let server: Bun.Subprocess;
let display = "";
const open: { close(): void }[] = [];

async function startServer(...more: string[]): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), "patchbay-player-"));
  const options = ["-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset", "-fbdir", folder, ...more];
  const started = Bun.spawn(["Xvfb", "-displayfd", "1", ...options], { stdout: "pipe", stderr: "ignore" });
  server = started;
  const first = await started.stdout.getReader().read();
  display = `:${new TextDecoder().decode(first.value).trim()}`;
}

beforeEach(() => startServer());

afterEach(stopServer);

async function stopServer(): Promise<void> {
  for (const one of open.splice(0).reverse()) one.close();
  server.kill("SIGKILL");
  await server.exited;
  rmSync(folder, { recursive: true });
}

/** A pixel of the whole screen as [red, green, blue], from the server's framebuffer file. */
function pixel(x: number, y: number): [number, number, number] {
  const file = readFileSync(join(folder, "Xvfb_screen0"));
  const word = (index: number) => file.readUInt32BE(index * 4);
  const at = word(0) + word(19) * 12 + y * word(12) + x * 4;
  return [file[at + 2] as number, file[at + 1] as number, file[at] as number];
}

/** Compression changes pure colours by a few steps. */
const near = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => Math.abs(value - (b[i] as number)) <= 14);

/** Colours of the test picture's bars, left to right. */
const bars = [0xc0c0c0, 0xc0c000, 0x00c0c0, 0x00c000, 0xc000c0, 0xc00000, 0x0000c0, 0x202020].map((rgb) => [
  rgb >> 16,
  (rgb >> 8) & 255,
  rgb & 255,
]);

interface Watched {
  player: Player;
  events: PlayerEvent[];
  /** Resolves with the first event that fits, past or future. */
  until(fits: (event: PlayerEvent) => boolean): Promise<PlayerEvent>;
}

function start(change: Partial<PlayerSettings> = {}): Watched {
  const events: PlayerEvent[] = [];
  const waiting: (() => void)[] = [];
  const settings = { display: "x11", target: display, decoder: "auto", title: "Prüfung", width: 640, height: 480 };
  const opened = openPlayer({ ...settings, fullscreen: false, readTimecode: false, ...change }, () => {
    opened.ok && opened.value.rearm();
    for (let event = player.take(); event; event = player.take()) events.push({ ...event });
    for (const wake of waiting.splice(0)) wake();
  });
  if (!opened.ok) throw new Error(opened.message);
  const player = opened.value;
  open.push(player);
  async function until(fits: (event: PlayerEvent) => boolean): Promise<PlayerEvent> {
    for (;;) {
      const found = events.find(fits);
      if (found) return found;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  }
  return { player, events, until };
}

function injector(): Injector {
  const opened = openInjector("xtest", display);
  if (!opened.ok) throw new Error(opened.message);
  open.push(opened.value);
  return opened.value;
}

/** One keyframe of the test picture. */
async function picture(width: number, height: number): Promise<Uint8Array> {
  const settings = {
    capture: "pattern",
    target: "still",
    encoder: "auto",
    codec: "h264" as const,
    width,
    height,
    fps: 30,
  };
  const grabber = openGrabber({ ...settings, bitrateBps: 20_000_000, keyframeInterval: 0 }, () => undefined);
  if (!grabber.ok) throw new Error(grabber.message);
  for (;;) {
    const frame = grabber.value.take();
    if (frame) {
      const bytes = grabber.value.bytes(frame).slice();
      grabber.value.close();
      return bytes;
    }
    await Bun.sleep(1);
  }
}

async function show({ player, until }: Watched, width: number, height: number, frameId = 1): Promise<PlayerEvent> {
  const bytes = await picture(width, height);
  expect(player.push(bytes, bytes.length, frameId, true, 5)).toBe(true);
  return until((event) => event.kind === "shown" && event.frameId === frameId);
}

/** The middle of each bar lies where the picture lies, a quarter down from its top. */
function expectBars(left: number, top: number, width: number, height: number): void {
  bars.forEach((bar, i) => {
    const found = pixel(Math.round(left + ((i + 0.5) * width) / 8), Math.round(top + height * 0.4));
    if (!near(found, bar)) throw new Error(`bar ${i} is ${found}, not ${bar}`);
  });
}

describe("pixels", () => {
  test("a picture of the window's size reaches the screen in its colours, and the snapshot has the same pixels", async () => {
    const watched = start();
    expect(watched.player.describe()).toMatchObject({ display: "x11", decoder: "openh264" });
    expect(watched.player.snapshot()).toBeUndefined();
    const shown = await show(watched, 640, 480);
    expect([shown.captureUs, shown.width, shown.height]).toEqual([5, 640, 480]);
    expect(shown.shownUs).toBeGreaterThanOrEqual(shown.decodedUs);
    expectBars(0, 0, 640, 480);
    const snapshot = watched.player.snapshot();
    expect([snapshot?.width, snapshot?.height, snapshot?.pixels.length]).toEqual([640, 480, 640 * 480 * 4]);
    const at = (200 * 640 + 40) * 4;
    expect([...(snapshot?.pixels.subarray(at, at + 3) ?? [])].reverse()).toEqual(pixel(40, 200));
    expect(watched.player.stats()).toMatchObject({ pushed: 1, decoded: 1, shown: 1, skippedLate: 0, decodeErrors: 0 });
  });

  test.each([
    { window: [600, 600], picture: [640, 360], lies: [0, 131, 600, 338] },
    { window: [801, 301], picture: [640, 480], lies: [200, 0, 401, 301] },
    { window: [320, 240], picture: [1280, 960], lies: [0, 0, 320, 240] },
  ])("a picture of $picture keeps its shape in a window of $window", async ({ window, picture, lies }) => {
    const watched = start({ width: window[0] as number, height: window[1] as number });
    await show(watched, picture[0] as number, picture[1] as number);
    const [left = 0, top = 0, width = 0, height = 0] = lies;
    expectBars(left, top, width, height);
    if (top > 2) expect([pixel(10, top - 2), pixel(10, top + height + 2)]).toEqual(Array(2).fill([0, 0, 0]));
    if (left > 2) expect([pixel(left - 2, 10), pixel(left + width + 2, 10)]).toEqual(Array(2).fill([0, 0, 0]));
    const hand = injector();
    for (const [x, y, wantedX, wantedY] of [
      [left, top, 0, 0],
      [left + width - 1, top + height - 1, 65535, 65535],
    ] as const) {
      if (x >= 800) continue;
      watched.events.length = 0;
      hand.send(absolute, 0, Math.round((x * 65535) / 799));
      hand.send(absolute, 1, Math.round((y * 65535) / 599));
      hand.send(0, 0, 0);
      await watched.until((event) => event.type === absolute && event.code === 0 && event.value === wantedX);
      await watched.until((event) => event.type === absolute && event.code === 1 && event.value === wantedY);
    }
  });

  test("without shared memory pictures go through the connection, as to another machine", async () => {
    await stopServer();
    await startServer("-extension", "MIT-SHM");
    const watched = start();
    expect(watched.player.describe().detail).toContain("through the connection");
    for (let frame = 1; frame <= 4; frame++) await show(watched, 640, 480, frame);
    expectBars(0, 0, 640, 480);
  });

  test("what the stream damages is reported, and the next keyframe shows again", async () => {
    const watched = start();
    await show(watched, 640, 480);
    const hostile = new Uint8Array(5000).map((_, i) => (i < 5 ? [0, 0, 0, 1, 0x41][i] : (i * 7919) >> 3) as number);
    watched.player.push(hostile, hostile.length, 2, true, 0);
    await watched.until((event) => event.kind === "decode-error" && event.frameId === 2);
    await show(watched, 320, 240, 3);
    expectBars(0, 0, 640, 480);
  });
});

describe("window", () => {
  test("fullscreen without a window manager covers the screen, and off again gives the size back", async () => {
    const watched = start();
    await show(watched, 400, 300);
    watched.player.setFullscreen(true);
    await watched.until((event) => event.kind === "resized" && event.width === 800 && event.height === 600);
    // The picture comes again in the new size without a new access unit.
    while (!near(pixel(750, 240), bars[7] as number[]) || !near(pixel(650, 240), bars[6] as number[]))
      await Bun.sleep(5);
    expectBars(0, 0, 800, 600);
    expect(watched.player.stats().shown).toBe(1);
    watched.player.setFullscreen(false);
    await watched.until((event) => event.kind === "resized" && event.width === 640 && event.height === 480);
  });

  test("keys reach a fullscreen window as Linux codes", async () => {
    const watched = start({ fullscreen: true });
    await show(watched, 800, 600);
    const press = Bun.spawn(["xdotool", "key", "ctrl+Up"], { env: { ...process.env, DISPLAY: display } });
    expect(await press.exited).toBe(0);
    const pressed = (code: number, value: number) =>
      watched.until(
        (event) => event.kind === "input" && event.type === key && event.code === code && event.value === value,
      );
    for (const code of [29, 103]) for (const value of [1, 0]) await pressed(code, value);
  });

  test("another window that takes the keyboard is told as lost focus", async () => {
    const first = start();
    await show(first, 320, 240);
    const second = start();
    await show(second, 320, 240);
    await first.until((event) => event.kind === "focus-lost");
  });

  test("a server that dies is told, and nothing else dies", () => surviveServer("x11"));
});

async function surviveServer(name: string): Promise<void> {
  const watched = start({ display: name });
  await show(watched, 320, 240);
  server.kill("SIGKILL");
  await watched.until((event) => event.kind === "lost");
  const bytes = await picture(320, 240);
  expect(watched.player.push(bytes, bytes.length, 9, true, 0)).toBe(true);
  watched.player.close();
  watched.player.close();
  expect(() => watched.player.rearm()).toThrow("closed");
}

const sdlIsInstalled = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"].some(
  (path) => Bun.spawnSync(["test", "-e", `${path}/libSDL2-2.0.so.0`]).exitCode === 0,
);

/** Without the library there is nothing to test; `apt install libsdl2-2.0-0` makes this run. */
describe.skipIf(!sdlIsInstalled)("SDL2 window", () => {
  test("shows a picture in its colours and hears keys and the pointer", async () => {
    const watched = start({ display: "sdl2", width: 800, height: 600 });
    await show(watched, 800, 600);
    while (!near(pixel(750, 240), bars[7] as number[])) await Bun.sleep(5);
    expectBars(0, 0, 800, 600);
    const keyboard = injector();
    // Without a window manager nobody gives the keyboard to a window.
    const focus = Bun.spawn(["xdotool", "search", "--name", "Prüfung", "windowfocus", "--sync"], {
      env: { ...process.env, DISPLAY: display, LC_ALL: "C.UTF-8" },
    });
    await focus.exited;
    keyboard.send(absolute, 0, 65535);
    keyboard.send(absolute, 1, 65535);
    keyboard.send(key, 30, 1);
    keyboard.send(key, 30, 0);
    keyboard.send(0, 0, 0);
    await watched.until((event) => event.type === key && event.code === 30 && event.value === 0);
    await watched.until((event) => event.type === absolute && event.code === 0 && event.value === 65535);
    expect(watched.player.snapshot()?.width).toBe(800);
  });

  test("a server that dies is told, and SDL2 is not tried again in this process", async () => {
    await surviveServer("sdl2");
    expect(() => start({ display: "sdl2" })).toThrow("lost its screen");
  });
});

test("what cannot be opened is told in a sentence", () => {
  const told = (change: Partial<PlayerSettings>) => {
    const settings = { display: "auto", target: "", decoder: "auto", title: "", width: 0, height: 0 };
    const player = openPlayer({ ...settings, fullscreen: false, readTimecode: false, ...change }, () => undefined);
    if (player.ok) throw new Error("opened");
    expect(player.code).toBe("unavailable");
    return player.message;
  };
  expect(told({ display: "x11", target: ":39999" })).toContain(":39999");
  expect(told({ display: "auto", target: ":39999" })).toContain(":39999");
  expect(told({ display: "opera" })).toContain('"opera"');
  expect(told({ display: "headless", decoder: "opera" })).toContain('"opera"');
  expect(told({ display: "headless", width: 9000 })).toContain("9000");
});
