/**
 * One end of the frame bench, a process of its own: `bun shm-end.ts ROLE NAME SECONDS FPS`. Prints what it counted as JSON.
 * Every row of a picture begins with the picture's number, so a reader sees a torn one. Sizes are those of 1080p RGBA.
 */
import { native } from "../../ffi/library.ts";
import { SharedMemory } from "../../ffi/segments.ts";
import { FrameBuffer } from "../../ffi/shmem.ts";
import type { Result } from "../../src/base/result.ts";
import { median } from "./meter.ts";

const width = 1920;
const height = 1080;
const rowBytes = width * 4;
const frameBytes = rowBytes * height;

const [role = "", name = "", secondsText = "1", fpsText = "0"] = process.argv.slice(2);
const seconds = Number(secondsText);
const fps = Number(fpsText);

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps, and spins for the last part, which timers are too coarse for. */
function until(timeMs: number): void {
  const left = timeMs - performance.now();
  if (left > 0.5) Atomics.wait(sleeper, 0, 0, left - 0.4);
  while (performance.now() < timeMs);
}

/** The bench makes this segment when all are ready. */
async function go(): Promise<void> {
  for (;;) {
    const sign = SharedMemory.open(`${name}_go`);
    if (sign.ok) return sign.value.close();
    await Bun.sleep(1);
  }
}

function stamp(picture: DataView, number: number): void {
  for (let at = 0; at < frameBytes; at += rowBytes) picture.setUint32(at, number, true);
}

/** The number in all rows, or -1 when they differ. */
function numberOf(picture: DataView): number {
  const number = picture.getUint32(0, true);
  for (let at = rowBytes; at < frameBytes; at += rowBytes) if (picture.getUint32(at, true) !== number) return -1;
  return number;
}

/** Waits for the writer, which begins when all are there. */
async function opened(): Promise<FrameBuffer> {
  for (;;) {
    const result = FrameBuffer.open(name, { width, height });
    if (result.ok) return result.value;
    await Bun.sleep(5);
  }
}

const roles: Record<string, () => Promise<object>> = {
  /** Publishes copies, at `fps` or as fast as it can, for as long as told. */
  writer: async () => {
    const frames = must(FrameBuffer.create(name, width, height));
    const own = new Uint8Array(frameBytes).fill(90);
    const view = new DataView(own.buffer);
    await go();
    const begin = performance.now();
    let n = 0;
    while (performance.now() - begin < seconds * 1000) {
      if (fps) until(begin + (n * 1000) / fps);
      stamp(view, ++n);
      frames.writeFrame(own, n);
    }
    const taken = (performance.now() - begin) / 1000;
    frames.close();
    return { fps: n / taken, pictures: n };
  },
  /** Sleeps for each picture and copies it. */
  reader: async () => {
    const frames = await opened();
    const into = new Uint8Array(frameBytes);
    const view = new DataView(into.buffer);
    console.log("ready");
    let torn = 0;
    let first = 0;
    let status = frames.readBlocking(into);
    for (; status === "new"; status = frames.readBlocking(into)) {
      first ||= performance.now();
      if (numberOf(view) !== frames.state.ptsMs) torn++;
    }
    const { read, skipped, overtaken, busy } = frames.counts;
    return {
      fps: (read - 1) / ((performance.now() - first) / 1000),
      read,
      skipped,
      torn,
      overtaken,
      busy,
      ended: status,
    };
  },
  /** Copies as fast as pictures come. */
  eager: async () => {
    const frames = await opened();
    const into = new Uint8Array(frameBytes);
    const view = new DataView(into.buffer);
    console.log("ready");
    frames.readBlocking(into);
    const begin = performance.now();
    let torn = 0;
    const timesMs: number[] = [];
    for (let at = begin; at - begin < seconds * 900; at = performance.now()) {
      const status = frames.readFrame(into);
      if (status === "new") timesMs.push(performance.now() - at);
      // Sleeping leaves the processor to a writer that has no other.
      else if (frames.readBlocking(into, 100) !== "new") continue;
      if (numberOf(view) !== frames.state.ptsMs) torn++;
    }
    const { read, skipped, overtaken, busy } = frames.counts;
    return {
      fps: read / ((performance.now() - begin) / 1000),
      read,
      skipped,
      torn,
      overtaken,
      busy,
      eachMs: median(timesMs),
    };
  },
  /** The same traffic without a protocol: memcpy into, or out of, three pictures in turn. */
  "copy-in": () => copying((own, shared) => native().pb_copy(shared, own, frameBytes)),
  "copy-out": () => copying((own, shared) => native().pb_copy(own, shared, frameBytes)),
  /** Draws a picture, hands it over and waits until it was looked at: with a copy, or in place. */
  "draw-copy": () => drawing((frames, own, n) => frames.writeFrame(own.fill(n & 255), n)),
  "draw-place": () =>
    drawing((frames, _, n) => {
      frames.beginWrite()?.fill(n & 255);
      frames.endWrite(n);
    }),
  /** Looks at every byte of each picture, of a copy or in place, and says so. */
  "look-copy": () => {
    const into = new Uint8Array(frameBytes);
    return looking((frames) => {
      const status = frames.readFrame(into);
      if (status === "new") Bun.hash.xxHash64(into);
      return status;
    });
  },
  "look-place": () => looking((frames) => frames.readInPlace((rgba) => Bun.hash.xxHash64(rgba))),
};

async function copying(copy: (own: Uint8Array, shared: Uint8Array) => void): Promise<object> {
  const created = SharedMemory.create(name, 3 * frameBytes);
  const memory = created.ok ? created.value : must(SharedMemory.open(name));
  const own = new Uint8Array(frameBytes).fill(90);
  const slots = [0, 1, 2].map((k) => memory.bytes.subarray(k * frameBytes, (k + 1) * frameBytes));
  for (const slot of slots) copy(own, slot);
  console.log("ready");
  await go();
  const begin = performance.now();
  const timesMs: number[] = [];
  for (let at = begin; at - begin < seconds * 1000; ) {
    copy(own, slots[timesMs.length % 3] as Uint8Array);
    const now = performance.now();
    timesMs.push(now - at);
    at = now;
  }
  const result = { fps: timesMs.length / ((performance.now() - begin) / 1000), eachMs: median(timesMs) };
  memory.close();
  return result;
}

async function drawing(draw: (frames: FrameBuffer, own: Uint8Array, n: number) => void): Promise<object> {
  const frames = must(FrameBuffer.create(name, width, height));
  const own = new Uint8Array(frameBytes);
  await go();
  const answers = must(FrameBuffer.open(`${name}_back`));
  const answer = new Uint8Array(4);
  const timesMs: number[] = [];
  const begin = performance.now();
  for (let at = begin; at - begin < seconds * 1000; ) {
    draw(frames, own, timesMs.length + 1);
    while (answers.readFrame(answer) !== "new") if (performance.now() > at + 1000) throw new Error("no answer came");
    const now = performance.now();
    timesMs.push(now - at);
    at = now;
  }
  const result = { fps: timesMs.length / ((performance.now() - begin) / 1000), eachMs: median(timesMs) };
  frames.close();
  return result;
}

/** Spins, so that the time is that of pictures and not of waking up. */
async function looking(look: (frames: FrameBuffer) => string): Promise<object> {
  const frames = await opened();
  const answers = must(FrameBuffer.create(`${name}_back`, 1, 1));
  const answer = new Uint8Array(4);
  console.log("ready");
  for (let n = 0; n % 4096 !== 4095 || frames.writer() !== 0; n++)
    if (look(frames) === "new") answers.writeFrame(answer, n);
  const { read, torn, busy, skipped } = frames.counts;
  answers.close();
  return { fps: 0, read, torn, busy, skipped };
}

console.log(JSON.stringify((await roles[role]?.()) ?? { failed: `there is no role ${role}` }));
process.exit(0);
