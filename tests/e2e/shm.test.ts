/** Shared memory with the built executable: published and photographed exactly, shown in windows, streamed from and into. */
import { afterAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { listSharedMemory } from "../../ffi/segments.ts";
import { FrameBuffer } from "../../ffi/shmem.ts";
import { Home, onDisplay, openDisplay, startHost, temporaryFolder } from "./harness.ts";
import { atEnd, cleanUp, eventually } from "./processes.ts";

afterAll(cleanUp);

const out = temporaryFolder();
let names = 0;
const freshName = () => `e2e_${process.pid}_${names++}`;

function create(name: string, width: number, height: number): FrameBuffer {
  const made = FrameBuffer.create(name, width, height);
  if (!made.ok) throw new Error(made.message);
  atEnd(() => made.value.close());
  return made.value;
}

const open = (name: string): Promise<FrameBuffer> =>
  eventually(`shared memory ${name}`, () => {
    const opened = FrameBuffer.open(name);
    if (!opened.ok) return undefined;
    atEnd(() => opened.value.close());
    return opened.value;
  });

/** Colours that differ at every pixel, in all four bytes. */
function fine(width: number, height: number): Uint8Array {
  const rgba = new Uint8Array(width * height * 4);
  for (let at = 0; at < rgba.length; at++) rgba[at] = (at * 7 + (at >> 8) * 13) & 255;
  return rgba;
}

/** Four plain quarters, which a video codec keeps. */
function quarters(width: number, height: number, colours: readonly (readonly [number, number, number])[]): Uint8Array {
  const rgba = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const colour = colours[(y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1)] ?? [0, 0, 0];
      rgba.set([...colour, 255], (y * width + x) * 4);
    }
  return rgba;
}

const away = (one: Uint8Array, other: Uint8Array): number => {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += Math.abs((one[at] as number) - (other[at] as number));
  return sum / one.length;
};

test("a photograph of what a program draws is exact to the bit", async () => {
  const name = freshName();
  const home = new Home();
  const file = join(out, "exact.png");
  const waiting = home.start(["shm", "watch", name, "--png", file]);
  expect(await waiting.ended()).toBe(66);
  expect(waiting.err).toContain("no shared memory of this name");
  const writer = create(name, 123, 77);
  const early = home.start(["shm", "watch", name, "--png", file, "--seconds", "30"]);
  const rgba = fine(123, 77);
  writer.writeFrame(rgba, 1);
  expect(await early.ended()).toBe(0);
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width: 123, height: 77, channels: 4 });
  expect(Buffer.compare(data, rgba)).toBe(0);
}, 60_000);

test("a screen is published exactly, explained, listed, and removed only by force while it is drawn", async () => {
  const name = freshName();
  const home = new Home();
  const display = await openDisplay(640, 360);
  await onDisplay(display, "xsetroot", "-solid", "#3264c8");
  const publisher = home.start(["shm", "publish", name, "--capture", "x11", "--display", display.name]);
  await publisher.until(new RegExp(`${name}: x11 640x360`));
  const reader = await open(name);
  const rgba = new Uint8Array(reader.frameBytes);
  expect(reader.readBlocking(rgba, 20_000)).toBe("new");
  expect([...rgba.subarray(0, 4)]).toEqual([0x32, 0x64, 0xc8, 255]);
  await onDisplay(display, "xsetroot", "-solid", "#c86432");
  await eventually("the new colour", () => {
    reader.readFrame(rgba);
    return rgba[0] === 0xc8 && rgba[1] === 0x64 && rgba[2] === 0x32;
  });
  const about = JSON.parse(await home.tell("shm", "info", name, "--json"));
  expect(about).toMatchObject({
    name,
    kind: "frames",
    width: 640,
    height: 360,
    writer: publisher.pid,
    isPlaying: true,
  });
  expect(await home.tell("shm")).toContain(`${name}  frames 640x360, writer process ${publisher.pid}`);
  const refused = home.start(["shm", "rm", name]);
  expect(await refused.ended()).toBe(77);
  const second = home.start(["shm", "publish", name, "--capture", "pattern"]);
  expect(await second.ended()).toBe(69);
  expect(second.err).toContain("another program writes there already");
  const next = reader.nextFrame();
  expect(await publisher.interrupt()).toBe(0);
  expect(await next).toBe("gone");
  expect(listSharedMemory().map((one) => one.name)).not.toContain(name);
  // What a killed one leaves is listed as such, and rm takes it away.
  const killed = home.start(["shm", "publish", name, "--capture", "pattern", "--size", "64x64"]);
  await killed.until(/64x64/);
  await killed.kill();
  expect(await home.tell("shm", "list")).toContain(`${name}  frames 64x64, writer gone`);
  await home.tell("shm", "rm", name);
  expect(existsSync(`/dev/shm/pb_${process.getuid?.()}_${name}`)).toBe(false);
}, 60_000);

test("a window shows what a program draws, until that program ends", async () => {
  const name = freshName();
  const display = await openDisplay(320, 240);
  const writer = create(name, 320, 240);
  const colours = [
    [200, 30, 30],
    [30, 200, 30],
    [30, 30, 200],
    [220, 220, 40],
  ] as const;
  writer.writeFrame(quarters(320, 240, colours), 1);
  const window = new Home().start(["shm", "watch", name, "--fullscreen", "--display", display.name]);
  await eventually("the four colours in the window", () => {
    const points = [display.screen.at(40, 40), display.screen.at(280, 40), display.screen.at(40, 200)];
    return points.every((seen, k) => seen.every((value, c) => Math.abs(value - (colours[k]?.[c] ?? 0)) < 16));
  });
  writer.writeFrame(quarters(320, 240, [colours[3], colours[2], colours[1], colours[0]]), 2);
  await eventually("the next picture", () => Math.abs(display.screen.at(40, 40)[0] - 220) < 16);
  writer.close();
  expect(await window.ended()).toBe(75);
  expect(window.err).toContain("is gone");
}, 60_000);

test("what a local program draws is streamed, and what a client shows is read by another", async () => {
  const [drawn, shown] = [freshName(), freshName()];
  const writer = create(drawn, 320, 192);
  const colours = [
    [210, 60, 60],
    [60, 180, 60],
    [60, 60, 210],
    [128, 128, 128],
  ] as const;
  const picture = quarters(320, 192, colours);
  writer.writeFrame(picture, 1);
  const [hosting, viewing] = [new Home(), new Home()];
  await hosting.approve(viewing);
  const host = await startHost(hosting, "--shm", drawn, "--fps", "30");
  const client = viewing.start(["client", host.place, "--shm", shown]);
  const reader = await open(shown);
  expect([reader.width, reader.height]).toEqual([320, 192]);
  const seen = new Uint8Array(reader.frameBytes);
  const arrives = (wanted: Uint8Array) =>
    eventually("the same picture", () => {
      reader.readFrame(seen);
      return away(seen, wanted) < 3;
    });
  await arrives(picture);
  const next = quarters(320, 192, [colours[1], colours[0], colours[3], colours[2]]);
  writer.writeFrame(next, 2);
  await arrives(next);
  expect((await host.stats()).source).toMatchObject({ capture: "shm", width: 320, height: 192 });
  // The program ends, and its next run draws in another size: the stream goes on, and readers find a new segment.
  writer.close();
  const again = create(drawn, 640, 384);
  const large = quarters(640, 384, colours);
  again.writeFrame(large, 1);
  const resized = await eventually("pictures of the new size", () => {
    const opened = FrameBuffer.open(shown, { width: 640, height: 384 });
    if (!opened.ok) return undefined;
    atEnd(() => opened.value.close());
    return opened.value;
  });
  const bigger = new Uint8Array(resized.frameBytes);
  await eventually("the larger picture", () => {
    resized.readFrame(bigger);
    return away(bigger, large) < 3;
  });
  expect(reader.writer()).toBe(0);
  expect(await client.interrupt()).toBe(0);
  expect(await host.child.interrupt()).toBe(0);
  expect(listSharedMemory().map((one) => one.name)).not.toContain(shown);
}, 90_000);
