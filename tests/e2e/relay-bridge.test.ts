/**
 * The bridges between the host's stream and relays, with the real executable throughout: one encode for a native client and a
 * relay's viewers, input back only where it is permitted, relays that go and come, keys that are wrong.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RelayReport } from "../../src/relay/stats.ts";
import { buildAudience, buildKeyDown, buildPointer, decodeFrame } from "../../src/wire/ds.ts";
import {
  Home,
  onDisplay,
  openDisplay,
  type RunningHost,
  startHeadless,
  startHost,
  temporaryFolder,
} from "./harness.ts";
import { type Child, cleanUp, eventually } from "./processes.ts";

const relaying = new Home();
const hosting = new Home();
const viewing = new Home();
const slow = 60_000;
/** Large enough for a timecode. */
const size = { width: 960, height: 320 };
const pattern = ["--capture", "pattern", "--size", `${size.width}x${size.height}`, "--fps", "20"];

interface RunningRelay {
  readonly child: Child;
  /** `ws://127.0.0.1:PORT` */
  readonly origin: string;
  readonly port: string;
}

async function startRelay(
  port = "0",
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<RunningRelay> {
  const child = relaying.start(["relay", "--listen", `127.0.0.1:${port}`, ...args], env);
  const [, origin = "", open = ""] = await child.until(/publish to +(ws:\/\/127\.0\.0\.1:(\d+))\//);
  return { child, origin, port: open };
}

const watch = (place: string, args: readonly string[] = [], env: Record<string, string> = {}): Child =>
  viewing.start(["client", "--relay", place, "--output", "headless", "--json", "-", ...args], env);

async function report(client: Child) {
  expect(await client.interrupt()).toBe(0);
  return JSON.parse(client.out);
}

/** The lines that a host with `--input log` wrote. */
const logged = (file: string): string => (existsSync(file) ? readFileSync(file, "utf8") : "");

beforeAll(async () => hosting.approve(viewing), slow);
afterAll(cleanUp);

let running: Child[] = [];
beforeEach(async () => {
  for (const child of running) await child.kill();
  running = [];
});
async function begin(...args: string[]): Promise<{ relay: RunningRelay; host: RunningHost }> {
  const relay = await startRelay();
  const host = await startHost(hosting, ...pattern, "--relay", `${relay.origin}/desk`, ...args);
  running.push(relay.child, host.child);
  await host.child.until(/published at/);
  return { relay, host };
}

test(
  "a native client and a relay's viewer are served by one encode, and the viewer reads the picture's timecode",
  async () => {
    const { relay, host } = await begin();
    const native = startHeadless(viewing, host.place, "--json", "-");
    const viewer = watch(`${relay.origin}/desk`, ["--measure"]);
    await viewer.until(/watching/);
    const before = await host.until(
      "both",
      ({ peers }) => peers.filter((peer) => peer.state === "connected").length === 2,
    );
    await host.until("40 frames more", ({ stream }) => stream.frames >= before.stream.frames + 40);
    const { stream, peers, uptimeSeconds } = await host.stats();
    // Two encodes of 20 pictures a second would count twice as many.
    const seconds = uptimeSeconds - before.uptimeSeconds;
    expect(stream.frames - before.stream.frames).toBeLessThan(20 * seconds * 1.4 + 3);
    expect(peers.find((peer) => peer.name.startsWith("relay"))).toMatchObject({
      state: "connected",
      permissions: ["view"],
      address: relay.origin,
      lossPercent: 0,
    });
    const [seen, played] = [await report(viewer), await report(native)];
    for (const one of [seen, played]) {
      expect(one).toMatchObject({ ...size, frames: { decodeErrors: 0, waitingForKeyframe: 0 } });
      expect(one.framesShown).toBeGreaterThanOrEqual(20);
    }
    expect(seen.stagesMs.glassToGlass.p50).toBeGreaterThan(0);
    expect(seen.stagesMs.age.p50).toBeGreaterThan(0);
    expect(await host.child.interrupt()).toBe(0);
  },
  slow,
);

/** A viewer that presses a key and a button, as the browser's page does. */
async function pressOver(origin: string): Promise<WebSocket> {
  const socket = new WebSocket(`${origin}/stream/desk`);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
  socket.send(buildKeyDown(0, 0, 30, 0, false));
  socket.send(buildPointer("pointerDown", 1, 0, 100, 200, 1));
  return socket;
}

test(
  "with permission, input of the relay's viewers is injected, and let go when the relay is gone",
  async () => {
    const file = join(temporaryFolder(), "input.log");
    const { relay, host } = await begin("--relay-permit", "input", "--input", "log", "--input-target", file);
    await pressOver(relay.origin);
    await eventually("the press", () => /\b1 30 1\b/.test(logged(file)) && /\b1 272 1\b/.test(logged(file)));
    expect(logged(file)).toMatch(/3 0 100[\s\S]*3 1 200[\s\S]*1 272 1/);
    await relay.child.kill();
    await eventually("the release", () => /\b1 30 0\b/.test(logged(file)) && /\b1 272 0\b/.test(logged(file)));
    expect(await host.child.interrupt()).toBe(0);
  },
  slow,
);

test(
  "a window of the native client shows a relay's channel, sends keys and places, and keeps its own hotkeys",
  async () => {
    const file = join(temporaryFolder(), "input.log");
    const { relay } = await begin("--relay-permit", "input", "--input", "log", "--input-target", file);
    const sink = await openDisplay(size.width, size.height);
    const window = ["--fullscreen", "--display", sink.name, "--json", "-"];
    const client = viewing.start(["client", "--relay", `${relay.origin}/desk`, ...window]);
    await client.until(/watching/);
    // The pattern's bars are bright; the window is black before the first picture.
    await eventually("the picture", () => sink.screen.at(5, 150).some((part) => part > 100));
    const press = (...words: string[]) => onDisplay(sink, "xdotool", ...words);
    await press("mousemove", "480", "160", "click", "1", "key", "a");
    await eventually("the key", () => /\b1 30 1\b[\s\S]*\b1 30 0\b/.test(logged(file)));
    const [, x, y] = /3 0 (\d+)\n.*3 1 (\d+)\n.*1 272 1/.exec(logged(file)) ?? [];
    expect(Math.abs(Number(x) - 65_535 / 2)).toBeLessThan(100);
    expect(Math.abs(Number(y) - 65_535 / 2)).toBeLessThan(250);
    await press("key", "ctrl+alt+shift+q");
    expect(await client.ended()).toBe(0);
    expect(JSON.parse(client.out)).toMatchObject({ display: "x11", ...size, frames: { decodeErrors: 0 } });
    expect(logged(file)).not.toMatch(/\b1 16 1\b/);
    await eventually("the chord let go", () => /\b1 29 0\b/.test(logged(file)));
  },
  slow,
);

test(
  "a viewer that goes without a word lets go of what it held",
  async () => {
    const file = join(temporaryFolder(), "input.log");
    const { relay, host } = await begin("--relay-permit", "input", "--input", "log", "--input-target", file);
    const viewer = await pressOver(relay.origin);
    await eventually("the press", () => /\b1 272 1\b/.test(logged(file)));
    viewer.close();
    await eventually("the release", () => /\b1 30 0\b/.test(logged(file)) && /\b1 272 0\b/.test(logged(file)));
    expect(await host.child.interrupt()).toBe(0);
  },
  slow,
);

test(
  "without permission, input is counted and goes nowhere",
  async () => {
    const file = join(temporaryFolder(), "input.log");
    const { relay, host } = await begin("--input", "log", "--input-target", file);
    const viewer = await pressOver(relay.origin);
    await host.until("the drop", ({ drops }) => (drops["input-not-permitted"] ?? 0) >= 4);
    expect(logged(file)).not.toMatch(/\b1 30\b|\b1 272\b/);
    viewer.close();
    expect(await host.child.interrupt()).toBe(0);
  },
  slow,
);

test(
  "when the relay is restarted, host and viewer come back by themselves",
  async () => {
    const { relay, host } = await begin();
    const viewer = watch(`${relay.origin}/desk`);
    await viewer.until(/watching/);
    await host.until("the first pictures", ({ stream }) => stream.frames >= 5);
    relay.child.signal("SIGTERM");
    expect(await relay.child.ended()).toBe(0);
    const [lost, noticed] = await Promise.all([host.child.until(/is lost/), viewer.until(/is lost/)]);
    expect(lost[0] && noticed[0]).toBeTruthy();
    const [hostFrom, viewerFrom] = [host.child.err.length, viewer.err.length];
    const again = await startRelay(relay.port);
    running.push(again.child);
    await Promise.all([host.child.until(/published at/, hostFrom), viewer.until(/watching/, viewerFrom)]);
    const { stream } = await host.stats();
    await host.until("20 frames more", (stats) => stats.stream.frames >= stream.frames + 20);
    const seen = await report(viewer);
    expect(seen).toMatchObject({ ...size, frames: { decodeErrors: 0 } });
    expect(seen.frames.keyframes).toBeGreaterThanOrEqual(2);
    expect(await host.child.interrupt()).toBe(0);
  },
  slow,
);

test(
  "wrong keys are told in a sentence: the viewer ends, the host goes on trying",
  async () => {
    const keys = ["--require-keys", "--publish-key", "env:SECRET", "--view-key", "env:SECRET"];
    const relay = await startRelay("0", keys, { SECRET: "a-key-of-sufficient-length" });
    running.push(relay.child);
    const wrong = { PATCHBAY_RELAY_KEY: "quite-another-key-than-that" };
    const refused = watch(`${relay.origin}/desk`, [], wrong);
    expect(await refused.ended()).toBe(77);
    expect(refused.err).toContain("cannot be watched: This key is not known here.");
    expect(refused.err).not.toContain(wrong.PATCHBAY_RELAY_KEY);
    const unsigned = watch(`${relay.origin}/desk`);
    expect(await unsigned.ended()).toBe(77);
    expect(unsigned.err).toContain("not approved here");
    const args = ["host", ...pattern, "--listen", "127.0.0.1:0", "--dashboard", "off"];
    const host = hosting.start([...args, "--relay", `${relay.origin}/desk`], wrong);
    running.push(host);
    await host.until(/does not take "desk": This key is not known here\./);
    expect(host.running).toBe(true);
    expect(await host.interrupt()).toBe(0);
  },
  slow,
);

test(
  "a paired device needs no key: it signs in with its own",
  async () => {
    const relay = await startRelay("0", ["--require-keys"]);
    running.push(relay.child);
    for (const home of [hosting, viewing]) await relaying.approve(home);
    const host = await startHost(hosting, ...pattern, "--relay", `${relay.origin}/desk`);
    running.push(host.child);
    await host.child.until(/published at/);
    const viewer = watch(`${relay.origin}/desk`);
    await viewer.until(/watching/);
    await host.until("20 frames", ({ stream }) => stream.frames >= 20);
    expect((await report(viewer)).framesShown).toBeGreaterThan(0);
    expect(await host.child.interrupt()).toBe(0);
  },
  slow,
);

test(
  "what the window cannot play is named, with the page that can",
  async () => {
    const { relay, host } = await begin();
    const { buildPixels } = await import("../../src/wire/ds.ts");
    const source = new WebSocket(`${relay.origin}/source/raw`);
    await new Promise((resolve) => source.addEventListener("open", resolve, { once: true }));
    source.send(buildPixels(0, 0, 2, 2, new Uint8Array(16)));
    const client = watch(`${relay.origin}/raw`);
    expect(await client.ended()).toBe(69);
    expect(client.err).toContain(`open ${relay.origin.replace("ws:", "http:")}/player/raw in a browser`);
    source.close();
    expect(await host.child.interrupt()).toBe(0);
  },
  slow,
);

test(
  "nothing is encoded while nobody watches; who comes has a fresh picture at once, and who goes ends it again",
  async () => {
    const { relay, host } = await begin();
    const still = () =>
      eventually("the encoder stands still", async () => {
        const { stream } = await host.stats();
        await Bun.sleep(500);
        const { frames } = (await host.stats()).stream;
        return frames === stream.frames && { frames };
      });
    const before = await still();
    /** Pictures as [milliseconds, keyframe], those of the relay's cache first. */
    const watching = () => {
      const socket = new WebSocket(`${relay.origin}/stream/desk`);
      socket.binaryType = "arraybuffer";
      const pictures: (readonly [ms: number, isKeyframe: boolean])[] = [];
      socket.addEventListener("message", ({ data }) => {
        const decoded = decodeFrame(new Uint8Array(data));
        if (decoded.ok && decoded.value.kind === "frame" && decoded.value.name === "compressedPixels")
          pictures.push([decoded.value.timestampMs, decoded.value.isKeyframe]);
      });
      return { socket, pictures };
    };
    const first = watching();
    await eventually("pictures", () => first.pictures.length > 5);
    expect((await host.stats()).stream.frames).toBeGreaterThan(before.frames);
    first.socket.close();
    const { frames } = await still();
    const report: RelayReport = await (await fetch(`${relay.origin.replace("ws", "http")}/api/stats`)).json();
    const lastMs = report.channels[0]?.lastFrameTimestamp ?? Number.NaN;
    const back = watching();
    // The cache is there at once, however old; what is new begins with a keyframe, the first picture that is made.
    const fresh = await eventually("a new picture", () => back.pictures.find(([ms]) => ms > lastMs));
    expect([back.pictures[0]?.[1], fresh[1]]).toEqual([true, true]);
    expect(back.pictures[0]?.[0]).toBeLessThan(fresh[0]);
    await eventually("it goes on", async () => (await host.stats()).stream.frames >= frames + 5);
    back.socket.close();
    expect(await host.child.interrupt()).toBe(0);
  },
  slow,
);

test(
  "a relay that tells nothing of receivers gets every frame; one whose receivers come and go costs no keyframe each time",
  async () => {
    const pictures: boolean[] = [];
    let source: Bun.ServerWebSocket<undefined> | undefined;
    const relay = Bun.serve<undefined>({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request, server) => {
        const isSource = new URL(request.url).pathname === "/source/desk";
        return isSource && server.upgrade(request) ? undefined : new Response(null, { status: 404 });
      },
      websocket: {
        open: (socket) => {
          source = socket;
        },
        message: (_, message) => {
          const decoded = typeof message === "string" ? undefined : decodeFrame(message);
          if (decoded?.ok && decoded.value.kind === "frame") pictures.push(decoded.value.isKeyframe);
        },
      },
    });
    const args = ["--keyframe-interval", "0", "--relay", `ws://127.0.0.1:${relay.port}/desk`];
    const host = await startHost(hosting, ...pattern, ...args);
    running.push(host.child);
    await eventually("pictures without a word", () => pictures.length >= 20);
    const keyframes = () => pictures.filter((isKeyframe) => isKeyframe).length;
    expect([pictures[0], keyframes()]).toEqual([true, 1]);
    for (let n = 1; n <= 100; n++) source?.send(buildAudience(n, 0, n % 2));
    source?.send(buildAudience(0, 0, 1));
    const before = pictures.length;
    await eventually("it goes on", () => pictures.length >= before + 60);
    expect(keyframes()).toBe(1);
    source?.send(buildAudience(0, 0, 0));
    await host.until("the end of the demand", ({ stream }) => stream.fps === 0);
    source?.send(buildAudience(0, 0, 2));
    const still = pictures.length;
    await eventually("the first for who came", () => pictures.length > still);
    expect(pictures[still]).toBe(true);
    expect(await host.child.interrupt()).toBe(0);
    await relay.stop(true);
  },
  slow,
);
