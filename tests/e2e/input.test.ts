/**
 * What a person does in the client's window reaches a real window on the host's display: keys, buttons, wheel, places. And what
 * is held down is let go, however the client ends. xev tells what really arrived.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  type Display,
  Home,
  onDisplay,
  openDisplay,
  type RunningHost,
  startFullscreen,
  startHost,
  watchOn,
} from "./harness.ts";
import { type Child, cleanUp, eventually } from "./processes.ts";

const size = { width: 640, height: 480 };
/** Wider than the picture, which then lies in the middle with a border left and right. */
const wide = { width: 1000, height: 480 };
const border = (wide.width - size.width) / 2;

const hosting = new Home();
const viewing = new Home();
let source: Display;
let sink: Display;
let host: RunningHost;
let events: Child;
let client: Child;

/** A client whose window is there and has the focus. */
async function join(home = viewing, ...flags: string[]): Promise<void> {
  client = startFullscreen(home, host.place, sink, ...flags);
  await client.until(/approved/);
  await onDisplay(source, "xsetroot", "-solid", "#ff0000");
  await eventually("the picture", () => sink.screen.at(border + 50, 450)[0] > 200);
}

beforeAll(async () => {
  [source, sink] = await Promise.all([openDisplay(size.width, size.height), openDisplay(wide.width, wide.height)]);
  await hosting.approve(viewing);
  // Line by line, because a pipe is otherwise filled first.
  events = watchOn(source, "stdbuf", "-oL", "xev", "-geometry", "500x300+0+0");
  await events.until(/MapNotify/);
  await onDisplay(source, "xdotool", "mousemove", "400", "200");
  host = await startHost(hosting, "--display", source.name);
  await join();
}, 60_000);
beforeEach(async () => {
  if (!client.running) await join();
});
afterAll(() => host?.child.interrupt());
afterAll(cleanUp);

const at = (x: number, y: number) => ["mousemove", String(border + x), String(y)];
const press = (...words: string[]) => onDisplay(sink, "xdotool", ...words);

/** The next event of a kind in xev's window behind `from` characters of its output. */
const event = (kind: string, detail: RegExp, from: number) =>
  events.until(new RegExp(`^${kind} event[^]*?${detail.source}`, "m"), from);

test("the pointer goes where it points, letterboxed or not", async () => {
  const from = events.out.length;
  await press(...at(100, 50));
  await event("MotionNotify", /root:\(100,50\)/, from);
  await press(...at(639, 479));
  const corner = () => onDisplay(source, "xdotool", "getmouselocation");
  await eventually("the corner", async () => (await corner()).startsWith("x:639 y:479"));
  await press("mousemove", "10", "240");
  await eventually("the picture's edge, from beside it", async () => (await corner()).startsWith("x:0 y:240"));
}, 60_000);

test("clicks and the wheel arrive where they happened", async () => {
  const from = events.out.length;
  await press(...at(200, 100), "click", "1");
  await event("ButtonPress", /root:\(200,100\),\n.*button 1/, from);
  await event("ButtonRelease", /button 1/, from);
  await press(...at(210, 110), "click", "3", "click", "4", "click", "5");
  for (const button of [3, 4, 5]) await event("ButtonPress", new RegExp(`button ${button},`), from);
}, 60_000);

test("keys arrive, with their modifiers", async () => {
  await press(...at(200, 100));
  const from = events.out.length;
  await press("key", "a");
  await event("KeyPress", /keysym 0x61, a\)/, from);
  await press("key", "shift+b");
  await event("KeyPress", /keysym 0x42, B\)/, from);
  await event("KeyRelease", /Shift_L\)/, from);
}, 60_000);

test("keys that are held are let go when the window loses the focus", async () => {
  const from = events.out.length;
  await press(...at(200, 100), "keydown", "c");
  await event("KeyPress", /keysym 0x63, c\)/, from);
  const other = watchOn(sink, "stdbuf", "-oL", "xev", "-geometry", "50x50+0+0");
  const [, id] = await other.until(/MapNotify event[\s\S]*?window (0x[0-9a-f]+)/);
  await onDisplay(sink, "xdotool", "windowfocus", id as string);
  await event("KeyRelease", /keysym 0x63, c\)/, from);
  await press("keyup", "c");
  await other.kill();
  await client.interrupt();
}, 60_000);

for (const [how, end] of [
  ["leaves", () => client.interrupt()],
  ["is killed and stays silent", () => client.kill()],
] as const) {
  test(`keys and buttons that are held are let go when the client ${how}`, async () => {
    await press(...at(200, 100));
    const from = events.out.length;
    await press("keydown", "d", "mousedown", "1");
    await event("KeyPress", /keysym 0x64, d\)/, from);
    await event("ButtonPress", /button 1,/, from);
    await end();
    await event("KeyRelease", /keysym 0x64, d\)/, from);
    await event("ButtonRelease", /button 1,/, from);
    await press("keyup", "d", "mouseup", "1");
  }, 60_000);
}

test("the client's own keys pause, go on and leave, and stay its own", async () => {
  const paint = (colour: string) => onDisplay(source, "xsetroot", "-solid", colour);
  await press(...at(200, 100), "key", "ctrl+alt+shift+p");
  await host.until("the pause", (stats) => stats.stream.fps === 0);
  const { frames } = (await host.stats()).stream;
  await paint("#0000ff");
  await Bun.sleep(500);
  expect((await host.stats()).stream.frames).toBe(frames);
  await press("key", "ctrl+alt+shift+p");
  await eventually("the picture goes on", () => sink.screen.at(border + 50, 450)[2] > 200);
  const from = events.out.length;
  await press("key", "ctrl+alt+shift+q");
  expect(await client.ended()).toBe(0);
  // Control, Alt and Shift; the symbol of a key depends on the others.
  for (const keycode of [37, 64, 50]) await event("KeyRelease", new RegExp(`keycode ${keycode} `), from);
  expect(events.out).not.toMatch(/keysym \S+, [PpQq]\)/);
}, 60_000);

test("relative motion moves the host's pointer by as much", async () => {
  await client.interrupt();
  await join(viewing, "--relative");
  await onDisplay(source, "xdotool", "mousemove", "300", "200");
  await press("mousemove_relative", "30", "20");
  const place = () => onDisplay(source, "xdotool", "getmouselocation");
  await eventually("the step", async () => (await place()).startsWith("x:330 y:220"));
  await client.interrupt();
}, 60_000);

test("who may only view moves nothing, and the attempts are counted", async () => {
  const watcher = new Home();
  await hosting.approve(watcher, "--permit", "view");
  await client.interrupt();
  await join(watcher);
  await onDisplay(source, "xdotool", "mousemove", "7", "9");
  const from = events.out.length;
  const sent = async () => (await host.stats()).udp.received;
  const before = await sent();
  await press(...at(300, 200), "click", "1", "key", "e");
  // The client does not even send what it may not; what a changed client sends is dropped (hostile.test.ts).
  await eventually("the session goes on", async () => (await sent()) > before + 1);
  expect(events.out.slice(from)).not.toMatch(/ButtonPress|KeyPress/);
  expect(await onDisplay(source, "xdotool", "getmouselocation")).toStartWith("x:7 y:9");
  await client.interrupt();
}, 60_000);
