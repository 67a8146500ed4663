/**
 * One host and several clients: one encode serves them all, nobody disturbs another, wishes reach the encoder, the screen may
 * change its size, and what stands still costs nothing.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  type Display,
  Home,
  onDisplay,
  openDisplay,
  type RunningHost,
  startFullscreen,
  startHeadless,
  startHost,
  startPatternHost,
  watchOn,
} from "./harness.ts";
import { type Child, cleanUp, eventually, processorSeconds } from "./processes.ts";

const hosting = new Home();
const homes = [new Home(), new Home(), new Home()] as const;

afterAll(cleanUp);
beforeAll(async () => {
  for (const home of homes) await hosting.approve(home);
}, 60_000);

const connected = (host: RunningHost, count: number) =>
  host.until(`${count} clients`, (stats) => stats.peers.filter((peer) => peer.state === "connected").length === count);

async function end(...clients: readonly Child[]): Promise<Record<string, never>[]> {
  for (const client of clients) client.signal("SIGINT");
  return Promise.all(
    clients.map(async (client) => {
      expect(await client.ended()).toBe(0);
      return JSON.parse(client.out);
    }),
  );
}

test("three clients are served by one encode; one that stops or dies disturbs nobody", async () => {
  const host = await startPatternHost(hosting);
  const [first, stopped, killed] = homes.map((home) => startHeadless(home, host.place, "--json", "-")) as [
    Child,
    Child,
    Child,
  ];
  const before = (await connected(host, 3)).stream.frames;
  stopped.signal("SIGSTOP");
  await killed.kill();
  const { stream } = await host.until("40 frames more", (stats) => stats.stream.frames >= before + 40);
  await connected(host, 1);
  expect(stream.skipped["send-queue-full"]).toBe(0);
  stopped.signal("SIGCONT");
  // It was taken as gone meanwhile, and is told so when it speaks again, or finds out by the silence.
  expect(await stopped.ended()).toBe(75);
  const [report] = await end(first);
  expect(report).toMatchObject({ lossPercent: 0, frames: { lost: 0, decodeErrors: 0, waitingForKeyframe: 0 } });
  const sent = (await host.stats()).stream.frames;
  expect((report as unknown as { framesShown: number }).framesShown).toBeLessThanOrEqual(sent);
  expect((report as unknown as { framesShown: number }).framesShown).toBeGreaterThanOrEqual(40);
  expect(await host.child.interrupt()).toBe(0);
}, 90_000);

test("wishes reach the encoder: the lowest bit rate, the highest frame rate of all", async () => {
  const host = await startPatternHost(hosting, "--bitrate", "8M");
  const wish = (home: Home, ...flags: string[]) => startHeadless(home, host.place, "--json", "-", ...flags);
  const slow = wish(homes[0], "--bitrate", "1M", "--fps", "5");
  await host.until("5 fps", (stats) => stats.source.fps === 5);
  const from = await host.stats();
  const to = await host.until("15 frames", (stats) => stats.stream.frames >= from.stream.frames + 15);
  expect((to.stream.frames - from.stream.frames) / (to.uptimeSeconds - from.uptimeSeconds)).toBeLessThan(7);
  const fast = wish(homes[1], "--bitrate", "2M", "--fps", "10");
  await host.until("10 fps", (stats) => stats.source.fps === 10);
  await end(slow);
  await end(fast);
  await host.until("nobody's wish", (stats) => stats.source.fps === 20);
  expect(await host.child.interrupt()).toBe(0);
}, 60_000);

test("nobody watching, nothing is captured; the first to come wakes it", async () => {
  const host = await startPatternHost(hosting);
  await Bun.sleep(300);
  const { frames } = (await host.stats()).stream;
  const spent = processorSeconds(host.child.pid);
  await Bun.sleep(1500);
  expect((await host.stats()).stream.frames).toBe(frames);
  expect(processorSeconds(host.child.pid) - spent).toBeLessThan(0.3);
  const client = startHeadless(homes[0], host.place, "--json", "-");
  await host.until("frames", (stats) => stats.stream.frames > frames + 3);
  await end(client);
  expect(await host.child.interrupt()).toBe(0);
}, 60_000);

test("a second session of one device takes the place of its first", async () => {
  const host = await startPatternHost(hosting);
  const first = startHeadless(homes[0], host.place);
  await connected(host, 1);
  const second = startHeadless(homes[0], host.place, "--json", "-");
  await host.child.until(/its old connection ended/);
  expect(await first.ended()).toBe(75);
  await connected(host, 1);
  await end(second);
  expect(await host.child.interrupt()).toBe(0);
}, 60_000);

test("a screen that stands still sends nothing, and who comes late sees it at once", async () => {
  const [source, sink] = await Promise.all([openDisplay(640, 480), openDisplay(640, 480)]);
  await onDisplay(source, "xsetroot", "-solid", "#00c000");
  const host = await startHost(hosting, "--display", source.name);
  const early = startHeadless(homes[0], host.place, "--json", "-");
  await host.until("the picture, then silence", (stats) => stats.stream.frames > 0 && stats.stream.fps === 0);
  const { frames } = (await host.stats()).stream;
  const spent = processorSeconds(host.child.pid);
  await Bun.sleep(3000);
  expect((await host.stats()).stream.frames).toBe(frames);
  expect(processorSeconds(host.child.pid) - spent).toBeLessThan(0.6);
  const late = startFullscreen(homes[1], host.place, sink, "--json", "-");
  await eventually("the picture", () => sink.screen.at(100, 100)[1] > 180);
  const [there, came] = await end(early, late);
  expect(there).toMatchObject({ width: 640, height: 480 });
  // One picture, a whole one: the screen has it, although the X server's word for that may not have come to the client yet.
  expect(came?.frames).toMatchObject({ delivered: 1, keyframes: 1, lost: 0 });
  expect(await host.child.interrupt()).toBe(0);
}, 60_000);

test("a screen that changes its size while it is watched is followed", async () => {
  const [source, sink] = (await Promise.all([openDisplay(800, 600), openDisplay(800, 600)])) as [Display, Display];
  await onDisplay(source, "xsetroot", "-solid", "#c00000");
  const host = await startHost(hosting, "--display", source.name);
  const client = startFullscreen(homes[0], host.place, sink, "--json", "-");
  await eventually("the picture", () => sink.screen.at(20, 20)[0] > 180 && sink.screen.at(20, 580)[0] > 180);
  // It complains that the output is larger, and shrinks the screen all the same.
  await watchOn(source, "xrandr", "--fb", "640x400").ended();
  await host.child.until(/the picture is now 640x400/);
  await onDisplay(source, "xsetroot", "-solid", "#0000c0");
  await eventually("the new picture, with its border", () => {
    const [middle, above] = [sink.screen.at(20, 300), sink.screen.at(20, 20)];
    return middle[2] > 150 && middle[0] < 40 && above[0] < 40 && above[2] < 40;
  });
  expect((await host.stats()).source).toMatchObject({ width: 640, height: 400 });
  const [report] = await end(client);
  expect(report).toMatchObject({ width: 640, height: 400, frames: { decodeErrors: 0 } });
  expect(await host.child.interrupt()).toBe(0);
}, 60_000);
