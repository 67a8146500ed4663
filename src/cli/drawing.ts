/**
 * The program of `patchbay host --capture gl -- PROGRAM`: started with the library of the `ld-preload` template, which puts what
 * it draws by OpenGL into shared memory. Program and command end together. The library is unpacked into a folder that only
 * this user can read, where files may be executed, and goes with the command.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import glLibrary from "../../dist/libpatchbay_gl.so" with { type: "file" };
import { removeSharedMemory } from "../../ffi/segments.ts";
import { FrameBuffer } from "../../ffi/shmem.ts";
import { limits } from "../base/limits.ts";
import { createLog } from "../base/log.ts";
import { fail, ok, type Result } from "../base/result.ts";
import type { Lifecycle } from "./lifecycle.ts";

const log = createLog("gl");
/** How often the first picture is looked for; it may take a program minutes to come to it. */
const lookMs = 50;

export interface Drawing {
  /** Name of the frame buffer in shared memory. */
  readonly frames: string;
  /** Settles with the program's end. */
  readonly ended: Promise<Result<void>>;
}

/** Starts the program and waits for its first picture. */
export async function startDrawing(
  command: readonly string[],
  fps: number,
  lifecycle: Lifecycle,
): Promise<Result<Drawing>> {
  const [program = ""] = command;
  if (!Bun.which(program)) return fail("no-input", `There is no program "${program}" that could be started.`);
  const library = unpack(lifecycle);
  if (!library.ok) return library;
  const frames = `gl-${process.pid}`;
  const inherited = process.env.LD_PRELOAD;
  const child = Bun.spawn([...command], {
    stdio: ["inherit", "inherit", "inherit"],
    env: {
      ...process.env,
      LD_PRELOAD: inherited ? `${library.value}:${inherited}` : library.value,
      PATCHBAY_FRAMES: frames,
      PATCHBAY_FRAMES_FPS: String(fps),
    },
  });
  lifecycle.defer("the program", async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), limits.closeTimeoutMs / 2);
    await child.exited;
    clearTimeout(timer);
    // Nothing is there when it could take its name away itself.
    removeSharedMemory(frames);
  });
  log.info(`waiting for the first picture of ${program}`);
  while (child.exitCode === null && child.signalCode === null) {
    lifecycle.signal.throwIfAborted();
    const opened = FrameBuffer.open(frames);
    if (opened.ok) {
      opened.value.close();
      return ok({ frames, ended: child.exited.then(() => ended(program, child)) });
    }
    await Bun.sleep(lookMs);
  }
  return fail("unavailable", `${program} ended ${how(child)} and has drawn nothing by OpenGL.`);
}

const how = ({ exitCode, signalCode }: { exitCode: number | null; signalCode: string | number | null }): string =>
  signalCode ? `by ${signalCode}` : `with status ${exitCode}`;

function ended(program: string, child: Parameters<typeof how>[0]): Result<void> {
  log.info(`${program} ended ${how(child)}`);
  return ok(undefined);
}

/** The loader splits its list at colons and spaces, and maps no file of a folder that forbids execution. */
function unpack(lifecycle: Lifecycle): Result<string> {
  const parents = [tmpdir(), process.env.XDG_RUNTIME_DIR, homedir()].filter((path) => path !== undefined);
  const parent = parents.map((path) => resolve(path)).find((path) => !/[:\s]/.test(path) && mayExecute(path));
  if (parent === undefined)
    return fail(
      "unavailable",
      `Nothing can be loaded from ${parents.join(", ")}: set TMPDIR to a folder that allows it.`,
    );
  try {
    const folder = mkdtempSync(join(parent, ".patchbay-gl-"));
    lifecycle.defer("the capture library", () => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, "libpatchbay_gl.so");
    writeFileSync(path, readFileSync(glLibrary), { mode: 0o700, flag: "wx" });
    chmodSync(path, 0o700);
    return ok(path);
  } catch (cause) {
    lifecycle.signal.throwIfAborted();
    return fail(
      "cannot-create",
      `The capture library cannot be written: ${cause instanceof Error ? cause.message : cause}.`,
    );
  }
}

/** By the options of the file system that it lies in. */
function mayExecute(folder: string): boolean {
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .map(([, place = "", , options = ""]) => ({ place: place.replaceAll("\\040", " "), options }))
    .filter(({ place }) => place === "/" || folder === place || folder.startsWith(`${place}/`));
  const nearest = mounts.reduce<{ place: string; options: string } | undefined>(
    (best, mount) => (best && best.place.length > mount.place.length ? best : mount),
    undefined,
  );
  return !nearest?.options.split(",").includes("noexec");
}
