// lab:
/**
 * Everything at once on real interfaces of the kernel: a screen that another program paints by DRM, captured, encoded, sealed and
 * sent to a client's window; a tone that another program plays, heard at the client's device; keys and pointer of the client's
 * window in the host's input devices.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import {
  type Display,
  Home,
  onDisplay,
  openDisplay,
  type RunningHost,
  startFullscreen,
  startHost,
  temporaryFolder,
} from "../e2e/harness.ts";
import { Child, cleanUp, eventually } from "../e2e/processes.ts";
import { leftOf, listen, rate } from "../e2e/pulse.ts";
import { cardOf, Painter, painted } from "./drm-painter.ts";
import { EventNode } from "./evdev.ts";

const [width, height] = [320, 240];
const hz = 800;
const soundCard = "build/lab/sound_card";
const card = cardOf("vkms");
const person = new Home();
let painter: Painter;
let display: Display;
let host: RunningHost;
let client: Child;
let player: Child;

beforeAll(async () => {
  const home = new Home();
  [painter, display] = await Promise.all([Painter.open(card), openDisplay(width, height), home.approve(person)]);
  await painter.tell(`mode ${width} ${height} XR24 1`);
  const devices = ["--capture", "drm", "--display", card, "--input", "uinput"];
  host = await startHost(home, ...devices, "--sound", "alsa", "--sound-device", "hw:Loopback,1,0");
  player = new Child([soundCard, "play", "hw:Loopback,0,0", `${hz}`, "120"]);
  await player.until(/begun/);
  const ears = ["--sound", "alsa", "--sound-device", "hw:Loopback,0,1", "--sound-delay", "800ms"];
  client = startFullscreen(person, host.place, display, ...ears, "--json", "-");
});

afterAll(cleanUp);

/** Mean difference of a colour channel between the client's screen and the painter's picture `n`. */
function distance(n: number): number {
  const wanted = painted(width, height, n);
  const { data } = display.screen.read();
  let sum = 0;
  for (let at = 0; at < wanted.length; at += 4)
    for (let c = 0; c < 3; c++) sum += Math.abs((wanted[at + c] ?? 0) - (data[at + 2 - c] ?? 0));
  return sum / (width * height * 3);
}

test("pictures flipped on the host's card are those in the client's window", async () => {
  for (const n of [1, 40, 90]) {
    await painter.tell(`mode ${width} ${height} XR24 ${n}`);
    await eventually(`picture ${n}`, () => distance(n) < 12);
    // Another picture is far away: the comparison tells them apart.
    expect(distance(n + 7)).toBeGreaterThan(30);
  }
  expect(client.running).toBe(true);
  const { source } = await host.stats();
  expect(source).toMatchObject({ capture: "drm", width, height });
});

test("a tone played on the host's card is heard at the client's device", async () => {
  await host.until("sound that is listened to", ({ sound }) => sound.state === "live" && sound.listeners === 1);
  const file = join(temporaryFolder(), "heard.raw");
  let heard = "";
  // Emulation stands still now and then; a whole second of it is asked for.
  await eventually("an exact second of the tone", async () => {
    expect(await new Child([soundCard, "record", "hw:Loopback,1,1", "2", file]).ended()).toBe(0);
    const tone = listen(leftOf(file).subarray(rate / 2, (rate * 3) / 2), hz);
    heard = JSON.stringify(tone);
    return Math.abs(tone.hz - hz) < hz / 200 && tone.gaps === 0 && tone.purity > 0.98;
  }).catch((cause) => {
    throw new Error(heard, { cause });
  });
  await player.kill();
});

test("keys and pointer of the client's window arrive at the host's input devices", async () => {
  const keyboard = await EventNode.open("Patchbay keyboard");
  const pointer = await EventNode.open("Patchbay absolute pointer");
  await onDisplay(display, "xdotool", "mousemove", "160", "120", "key", "a");
  expect(await keyboard.take(2)).toEqual([["1 30 1"], ["1 30 0"]]);
  const [x, y] = [...((await pointer.take(1))[0] ?? [])].map((event) => Number(event.split(" ")[2]));
  for (const position of [x, y]) expect(Math.abs((position ?? 0) - 32768)).toBeLessThan(300);
});
