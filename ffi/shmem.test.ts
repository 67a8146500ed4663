/** Frame buffers and segments through the public functions, between this process and others of its kind. */
import { afterEach, expect, test } from "bun:test";
import { listSharedMemory, removeSharedMemory, SharedMemory } from "./segments.ts";
import { FrameBuffer } from "./shmem.ts";

let names = 0;
const freshName = () => `test_${process.pid}_${names++}`;
const ends: { close(): void }[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end.close();
});

function made<T extends { close(): void }>(result: { ok: true; value: T } | { ok: false; message: string }): T {
  if (!result.ok) throw new Error(result.message);
  ends.push(result.value);
  return result.value;
}

const refusal = (result: { ok: boolean; message?: string }): string => (result.ok ? "" : (result.message ?? ""));

/** A picture of one colour: tearing would show as two. */
const plain = (size: number, value: number) => new Uint8Array(size).fill(value);

test("a reader gets what the writer published, once, and what was said of it", () => {
  const name = freshName();
  const writer = made(FrameBuffer.create(name, 16, 9));
  const reader = made(FrameBuffer.open(name, { width: 16, height: 9 }));
  const into = new Uint8Array(reader.frameBytes);
  expect(reader.frameBytes).toBe(16 * 9 * 4);
  expect(reader.readFrame(into)).toBe("none");
  writer.setDuration(90_000);
  expect(writer.writeFrame(plain(into.length, 7), 40, 0xaf63dc4c8601ec8cn, true)).toBe(true);
  expect(reader.readFrame(into)).toBe("new");
  expect(into).toEqual(plain(into.length, 7));
  expect(reader.state.ptsMs).toBe(40);
  expect(reader.state.contentHash).toBe(0xaf63dc4c8601ec8cn);
  expect(reader.state.durationMs).toBe(90_000);
  expect(reader.state.isPlaying).toBe(true);
  expect(reader.readFrame(into)).toBe("same");
  // The same time of a new content is a new picture all the same.
  for (let k = 0; k < 3; k++) writer.writeFrame(plain(into.length, 8 + k), 40, 1, false);
  expect(reader.readFrame(into)).toBe("new");
  expect(into[5]).toBe(10);
  expect(reader.state.isPlaying).toBe(false);
  expect(reader.counts).toEqual({ written: 0, read: 2, skipped: 2, torn: 0, overtaken: 0, busy: 0 });
  expect(reader.writer()).toBe(process.pid);
});

test("in place, a reader is told whether the picture stayed whole", () => {
  const name = freshName();
  const writer = made(FrameBuffer.create(name, 8, 8));
  const reader = made(FrameBuffer.open(name));
  const draw = (value: number) => {
    writer.beginWrite()?.fill(value);
    writer.endWrite(value);
  };
  draw(1);
  expect(() => writer.endWrite(0)).toThrow("beginWrite()");
  writer.beginWrite();
  expect(() => writer.writeFrame(plain(256, 1), 0)).toThrow("endWrite()");
  writer.endWrite(1);
  draw(1);
  expect(reader.readInPlace((rgba) => expect(rgba).toEqual(plain(256, 1)))).toBe("new");
  expect(reader.readInPlace(() => expect.unreachable())).toBe("same");
  draw(2);
  expect(reader.readInPlace(() => draw(3))).toBe("new");
  expect(
    reader.readInPlace((rgba) => {
      for (const value of [4, 5, 6]) draw(value);
      expect(rgba[0]).toBe(6);
    }),
  ).toBe("torn");
  expect(reader.counts.torn).toBe(1);
  expect(reader.readInPlace((rgba) => expect(rgba[9]).toBe(6))).toBe("new");
});

test("sleeping readers are woken by a picture and by the writer's end", async () => {
  const name = freshName();
  const writer = made(FrameBuffer.create(name, 4, 4));
  const reader = made(FrameBuffer.open(name));
  const into = new Uint8Array(64);
  for (let k = 1; k <= 20; k++) {
    const next = reader.nextFrame();
    expect(reader.nextFrame()).toBe(next);
    if (k % 2) await Bun.sleep(1);
    writer.writeFrame(plain(64, k), k);
    expect(await next).toBe("new");
    expect(reader.readFrame(into)).toBe("new");
    expect(into[63]).toBe(k);
  }
  expect(reader.readBlocking(into, 5)).toBe("timeout");
  const last = reader.nextFrame();
  writer.close();
  expect(await last).toBe("gone");
  expect(reader.readBlocking(into)).toBe("gone");
  // The last picture stays readable.
  expect(reader.tryRead()).toBe("new");
  expect(refusal(FrameBuffer.open(name))).toContain("no shared memory of this name");
  const never = reader.nextFrame();
  expect(["gone", "closed"]).toContain(await never);
});

test("a second writer, another size and bad names are refused in words", () => {
  const name = freshName();
  const writer = made(FrameBuffer.create(name, 32, 16));
  expect(refusal(FrameBuffer.create(name, 32, 16))).toContain("another program writes there");
  expect(refusal(FrameBuffer.open(name, { width: 16, height: 32 }))).toContain("32x16 pixels, not 16x32");
  for (const bad of ["", ".", "..", "a/b", "/a", "a\\b", "a..b", "n\0l", "x".repeat(300), "tab\t"])
    expect(refusal(FrameBuffer.create(bad, 2, 2))).not.toBe("");
  for (const [width, height] of [
    [0, 4],
    [4, 8193],
    [-1, 4],
    [65_536 + 4, 4],
    [1.5, 4],
  ] as const)
    expect(refusal(FrameBuffer.create(freshName(), width, height))).toContain("8192x8192");
  expect(() => writer.writeFrame(new Uint8Array(5), 0)).toThrow("2048 bytes");
  const reader = made(FrameBuffer.open(name));
  expect(() => reader.writeFrame(new Uint8Array(2048), 0)).toThrow("for reading");
});

test("views that were kept are empty after closing", () => {
  const writer = made(FrameBuffer.create(freshName(), 4, 4));
  const kept = writer.beginWrite() as Uint8Array;
  expect(kept.length).toBe(64);
  writer.close();
  writer.close();
  expect(kept.length).toBe(0);
  expect(() => writer.beginWrite()).toThrow("closed");
});

const shmem = new URL("./shmem.ts", import.meta.url).pathname;

/** A writer in a process of its own that says when it has published, and then goes on. */
async function writerProcess(name: string, width: number, height: number) {
  const code = `const { FrameBuffer } = await import(${JSON.stringify(shmem)});
    const made = FrameBuffer.create(${JSON.stringify(name)}, ${width}, ${height});
    if (!made.ok) { console.log(made.message); process.exit(1); }
    const rgba = new Uint8Array(made.value.frameBytes);
    made.value.writeFrame(rgba.fill(1), 1);
    console.log("ready");
    for (let n = 2; ; n++) { made.value.writeFrame(rgba.fill(n & 255), n); if (n % 100 === 0) await Bun.sleep(0); }`;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(value).trim()).toBe("ready");
  return child;
}

test("a writer that is killed at any moment leaves its readers whole pictures and the name to the next writer", async () => {
  const name = freshName();
  const size = 320 * 200 * 4;
  const into = new Uint8Array(size);
  for (let round = 0; round < 3; round++) {
    const child = await writerProcess(name, 320, 200);
    const reader = made(FrameBuffer.open(name));
    for (let read = 0; read < 200; ) {
      expect(await reader.nextFrame()).toBe("new");
      if (reader.readFrame(into) !== "new") continue;
      read++;
      expect(Buffer.compare(into, plain(size, reader.state.ptsMs & 255))).toBe(0);
    }
    child.kill("SIGKILL");
    for (let status = await reader.nextFrame(); status !== "gone"; status = await reader.nextFrame()) {
      expect(status).toBe("new");
      reader.readFrame(into);
    }
    expect(reader.writer()).toBe(0);
    expect(reader.readBlocking(into)).toBe("gone");
    reader.close();
    await child.exited;
  }
  // What the last one left is taken over by one of the same size, and readers of it go on.
  const reader = made(FrameBuffer.open(name));
  const writer = made(FrameBuffer.create(name, 320, 200));
  writer.writeFrame(plain(size, 0xee), 5);
  expect(reader.readFrame(into)).toBe("new");
  expect(into).toEqual(plain(size, 0xee));
  writer.close();
}, 30_000);

test("what a dead writer left is replaced when the size is another", async () => {
  const name = freshName();
  const child = await writerProcess(name, 64, 64);
  const reader = made(FrameBuffer.open(name));
  child.kill("SIGKILL");
  await child.exited;
  const writer = made(FrameBuffer.create(name, 32, 32));
  expect(reader.readBlocking(new Uint8Array(64 * 64 * 4), 1000)).toBe("new");
  expect(reader.readBlocking(new Uint8Array(64 * 64 * 4), 1000)).toBe("gone");
  expect(made(FrameBuffer.open(name)).width).toBe(32);
  writer.close();
}, 30_000);

test("plain segments are read and written within their bounds", () => {
  const name = freshName();
  const ours = made(SharedMemory.create(name, 100));
  const theirs = made(SharedMemory.open(name, 100));
  ours.write(90, new Uint8Array([1, 2, 3]));
  const into = new Uint8Array(3);
  theirs.read(90, into);
  expect(into).toEqual(new Uint8Array([1, 2, 3]));
  expect(() => ours.write(98, into)).toThrow(RangeError);
  expect(() => ours.read(98, into)).toThrow(RangeError);
  expect(() => ours.read(-1, into)).toThrow(RangeError);
  expect(refusal(SharedMemory.create(name, 5))).toContain("in use");
  expect(refusal(SharedMemory.open(name, 101))).toContain("another size");
  expect(listSharedMemory()).toContainEqual({ name, sizeBytes: 100 });
  expect(refusal(FrameBuffer.open(name))).toContain("no frame buffer");
  expect(refusal(FrameBuffer.create(name, 4, 4))).toContain("in use by something else");
  expect(removeSharedMemory(name).ok).toBe(true);
  expect(refusal(removeSharedMemory(name))).toContain("no shared memory of this name");
  expect(refusal(SharedMemory.create(freshName(), 2 ** 52))).toContain("memory");
});
