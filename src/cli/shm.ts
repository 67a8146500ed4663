/**
 * `patchbay shm`: lists, explains, shows, publishes and removes the shared memory of this user. It looks at segments only
 * through ffi/, which checks them.
 */
import { writeFileSync } from "node:fs";
import { listSharedMemory, removeSharedMemory, SharedMemory } from "../../ffi/segments.ts";
import { openPublisher, openViewer, type ViewerEnd } from "../../ffi/shm-pictures.ts";
import { FrameBuffer } from "../../ffi/shmem.ts";
import { createLog } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { channelMagic, channelOffset, controlLayout } from "../wire/layouts.ts";
import { watchCamera } from "./camera-watch.ts";
import { untilEnd } from "./host.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { printLine } from "./output.ts";
import type { Parsed } from "./parse.ts";

const log = createLog("shm");

type Flags = Parsed<"shm">["flags"];

export async function run({ flags, positionals }: Parsed<"shm">, lifecycle: Lifecycle): Promise<Result<void>> {
  const { action = "list", name } = positionals;
  if (action === "list") return name === undefined ? list(flags) : fail("usage", "patchbay shm list takes no name.");
  if (name === undefined) return fail("usage", `patchbay shm ${action} needs a name; patchbay shm list shows them.`);
  if (action === "info") return info(name, flags);
  if (action === "rm") return remove(name, flags);
  if (action === "publish") return publish(name, flags, lifecycle);
  return flags.png === undefined ? watch(name, flags, lifecycle) : photograph(name, flags.png, flags, lifecycle);
}

/** What is known of a segment. */
interface Described {
  readonly name: string;
  readonly sizeBytes: number;
  readonly kind: "frames" | "channel" | "other";
  readonly width?: number;
  readonly height?: number;
  /** The writer's process; 0 when it is gone. */
  readonly writer?: number | undefined;
  readonly pictures?: number;
  readonly ptsMs?: number;
  readonly durationMs?: number;
  readonly isPlaying?: boolean;
  readonly contentHash?: string;
  readonly generation?: number;
}

function describe(name: string, sizeBytes: number): Described {
  const opened = FrameBuffer.open(name);
  if (!opened.ok) return describeOther(name, sizeBytes);
  using frames = opened.value;
  const { width, height, state } = frames;
  const hasState = frames.readWithTimeout(1000) === "new";
  return {
    name,
    sizeBytes,
    kind: "frames",
    width,
    height,
    writer: frames.writer(),
    pictures: hasState ? state.sequence : 0,
    ptsMs: state.ptsMs,
    durationMs: state.durationMs,
    isPlaying: state.isPlaying,
    contentHash: state.contentHash.toString(16).padStart(16, "0"),
  };
}

function describeOther(name: string, sizeBytes: number): Described {
  const opened = SharedMemory.open(name, controlLayout.bytes);
  if (!opened.ok) return { name, sizeBytes, kind: "other" };
  using memory = opened.value;
  const { buffer, byteOffset } = memory.bytes;
  const view = new DataView(buffer, byteOffset, controlLayout.bytes);
  const at = controlLayout.fields;
  const isChannel = sizeBytes >= channelOffset.end && view.getUint32(at.magic.at, true) === channelMagic;
  if (!isChannel) return { name, sizeBytes, kind: "other" };
  return { name, sizeBytes, kind: "channel", generation: view.getUint32(at.generation.at, true) };
}

const writerText = ({ writer }: Described): string =>
  writer === undefined ? "unknown" : writer === 0 ? "gone" : `process ${writer}`;

function list(flags: Flags): Result<void> {
  const all = listSharedMemory()
    .map(({ name, sizeBytes }) => describe(name, sizeBytes))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (flags.json) {
    printLine(JSON.stringify(all));
    return ok(undefined);
  }
  if (all.length === 0) log.info("there is no shared memory of this user");
  for (const one of all) {
    const what = one.kind === "frames" ? `frames ${one.width}x${one.height}, writer ${writerText(one)}` : `${one.kind}`;
    printLine(`${one.name}  ${what}, ${one.sizeBytes} bytes`);
  }
  return ok(undefined);
}

function info(name: string, flags: Flags): Result<void> {
  const found = listSharedMemory().find((one) => one.name === name);
  if (!found) return fail("no-input", `There is no shared memory ${name}; patchbay shm list shows what there is.`);
  const one = describe(name, found.sizeBytes);
  if (flags.json) {
    printLine(JSON.stringify(one));
    return ok(undefined);
  }
  printLine(`name      ${name}`);
  printLine(`kind      ${one.kind}`);
  printLine(`size      ${one.sizeBytes} bytes`);
  if (one.kind === "channel") printLine(`generation ${one.generation}`);
  if (one.kind !== "frames") return ok(undefined);
  printLine(`pictures  ${one.width}x${one.height} RGBA, ${one.pictures} published`);
  printLine(`writer    ${writerText(one)}`);
  printLine(`shown     ${one.ptsMs} ms of ${one.durationMs || "?"} ms, ${one.isPlaying ? "playing" : "paused"}`);
  printLine(`content   ${one.contentHash}`);
  return ok(undefined);
}

function remove(name: string, flags: Flags): Result<void> {
  const opened = FrameBuffer.open(name);
  const writer = opened.ok ? opened.value.writer() : 0;
  if (opened.ok) opened.value.close();
  if (writer && !flags.force)
    return fail(
      "refused",
      `Process ${writer} writes into ${name} at this moment; --force takes the name away all the same.`,
    );
  const removed = removeSharedMemory(name);
  return removed.ok ? removed : fail("no-input", `${removed.message}.`);
}

async function publish(name: string, flags: Flags, lifecycle: Lifecycle): Promise<Result<void>> {
  if (flags.camera !== undefined && flags.capture !== "camera")
    return fail("usage", "--camera names the camera of --capture camera.");
  const end = Promise.withResolvers<Result<void>>();
  const settings = {
    capture: flags.capture,
    target: (flags.capture === "camera" ? flags.camera : flags.display) ?? "",
    name,
    width: flags.size?.width ?? 0,
    height: flags.size?.height ?? 0,
    fps: flags.fps,
  };
  const opened = openPublisher(settings, () =>
    end.resolve(fail("unavailable", "What is captured went away, or another program took the shared memory.")),
  );
  if (!opened.ok) return fail(opened.code, `${opened.message}.`);
  const publisher = opened.value;
  lifecycle.defer("the shared memory", () => publisher.close());
  if (flags.capture === "camera") watchCamera(lifecycle);
  const { capture, width, height } = publisher.describe();
  log.info(`${name}: ${capture} ${width}x${height}, at most ${flags.fps} pictures a second`);
  const ended = await untilEnd(end.promise, lifecycle, flags.seconds);
  log.info(`${publisher.published()} pictures published`);
  return ended;
}

async function watch(name: string, flags: Flags, lifecycle: Lifecycle): Promise<Result<void>> {
  const end = Promise.withResolvers<Result<void>>();
  const ends: Record<ViewerEnd, () => Result<void>> = {
    left: () => ok(undefined),
    "writer-gone": () => fail("lost-peer", `The program that draws ${name} is gone.`),
    "display-lost": () => fail("unavailable", "The window is gone: the display was closed."),
  };
  const settings = {
    name,
    output: flags.output,
    display: flags.display ?? "",
    title: `${name} - Patchbay`,
    fullscreen: flags.fullscreen,
  };
  const opened = openViewer(settings, (why) => end.resolve(ends[why]()));
  if (!opened.ok) return fail(opened.code, `${opened.message}.`);
  const viewer = opened.value;
  lifecycle.defer("the window", () => viewer.close());
  const ended = await untilEnd(end.promise, lifecycle, flags.seconds);
  log.info(`${viewer.shown()} pictures shown`);
  return ended;
}

/** Writes the newest picture; waits for one when there is none yet. */
async function photograph(name: string, file: string, flags: Flags, lifecycle: Lifecycle): Promise<Result<void>> {
  const opened = FrameBuffer.open(name);
  if (!opened.ok) return fail("no-input", `${opened.message}.`);
  const frames = opened.value;
  lifecycle.defer("the shared memory", () => frames.close());
  const rgba = new Uint8Array(frames.frameBytes);
  const taken = (async (): Promise<Result<void>> => {
    for (let status = frames.readFrame(rgba); ; status = frames.readFrame(rgba)) {
      if (status === "new") return ok(undefined);
      if (status === "broken") return fail("bad-data", `The shared memory ${name} holds what no program should write.`);
      if ((await frames.nextFrame()) !== "new") return fail("lost-peer", `The program that draws ${name} is gone.`);
    }
  })();
  const ended = await untilEnd(taken, lifecycle, flags.seconds);
  if (!ended.ok) return ended;
  if (frames.counts.read === 0) return fail("no-input", `No picture was published in ${name} for ${flags.seconds} s.`);
  const { encodeRgbaPng } = await import("./png.ts");
  const bytes = await encodeRgbaPng({ width: frames.width, height: frames.height, pixels: rgba });
  try {
    writeFileSync(file, bytes);
    return ok(undefined);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause;
    return fail("cannot-create", `The picture cannot be written to ${file}: ${reason}.`);
  }
}
