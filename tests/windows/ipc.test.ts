/**
 * The channel library as Windows programs use it, the DLL, and frame buffers, cross-built, between processes under wine. Named as what it is: wine is no
 * Windows, but its sections, events and descriptors are the native calls' own.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { buildIpcWindows, windowsCompiler } from "../../.ci/ipc-windows.ts";
import { language, warnings } from "../../.ci/shim.ts";
import { temporaryFolder } from "../e2e/harness.ts";
import { type Child, cleanUp } from "../e2e/processes.ts";
import { startUnderWine, wine } from "./wine.ts";

const able = wine !== null && Bun.which(windowsCompiler) !== null;
const limitMs = 120_000;

let folder = "";

// Wine finds the DLL beside the program.
const start = (program: string, args: string[]): Child => startUnderWine(join(folder, program), args);
const peer = (...args: string[]): Child => start("peer.exe", args);
const frames = (...args: string[]): Child => start("frames.exe", args);

/** Waits until it has printed the line, for the `times`-th time. */
const line = (child: Child, wanted: string, times = 1) =>
  child.until(new RegExp(`(^${wanted}\\r?$[^]*?){${times}}`, "m"));

// Without wine or the compiler: install the Debian packages wine and gcc-mingw-w64-x86-64-posix.
describe.skipIf(!able)("shared memory between Windows programs", () => {
  beforeAll(async () => {
    folder = temporaryFolder();
    await buildIpcWindows();
    copyFileSync("dist/ipc-windows/patchbay_ipc.dll", join(folder, "patchbay_ipc.dll"));
    const command = [windowsCompiler, ...language, ...warnings, "-Wpedantic", "-O2", "-Idist/ipc-windows/include"];
    const built = Bun.spawnSync([
      ...[...command, "tests/windows/peer.c", "-o", join(folder, "peer.exe")],
      ...["-Ldist/ipc-windows", "-lpatchbay_ipc.dll", "-ladvapi32"],
    ]);
    if (!built.success) throw new Error(built.stderr.toString());
    const parts = ["frames", "open", "listen"].map((part) => `c/shmem/${part}.c`);
    const system = ["names", "windows", "windows_wait"].map((part) => `c/os/${part}.c`);
    const framesBuilt = Bun.spawnSync([
      ...[...command, "tests/windows/frames.c", ...parts, ...system, "-static", "-o", join(folder, "frames.exe")],
      ...["-lntdll", "-ladvapi32"],
    ]);
    if (!framesBuilt.success) throw new Error(framesBuilt.stderr.toString());
  }, limitMs);

  afterAll(cleanUp);

  test(
    "ten thousand round trips, a client and a server killed, and on they go",
    async () => {
      const server = peer("serve", "alpha");
      await line(server, "serving");
      await line(peer("ask", "alpha", "10000"), "10000 round trips");
      await line(server, "gone");

      const hanging = peer("hang", "alpha");
      await line(hanging, "connected");
      await hanging.kill();
      await line(server, "gone", 2);
      await line(peer("ask", "alpha", "100"), "100 round trips");

      await server.kill();
      expect(await peer("ask", "alpha", "1").ended()).toBe(1);
      const next = peer("serve", "alpha");
      await line(next, "serving");
      await line(peer("ask", "alpha", "10"), "10 round trips");
      await next.kill();
    },
    limitMs,
  );

  test(
    "a name is served once, and its section is the owner's only",
    async () => {
      const server = peer("serve", "beta");
      await line(server, "serving");
      expect(await peer("serve", "beta").ended()).toBe(1);
      await line(peer("closed", "beta"), "owner only");
      await server.kill();
    },
    limitMs,
  );

  test(
    "several clients each get a slot of their own, and a dead one's is free again",
    async () => {
      const server = peer("multi", "gamma", "2");
      await line(server, "serving");
      const clients = [peer("join", "gamma"), peer("join", "gamma")];
      expect(await Promise.all(clients.map((one) => one.ended()))).toEqual([0, 0]);
      await line(peer("join", "gamma"), "slot 0, 100 answers");
      await server.kill();
    },
    limitMs,
  );

  test(
    "a reader of frames sleeps till each picture and compares it, and wakes when the writer ends or is killed",
    async () => {
      const writer = frames("write", "delta", "300");
      await line(writer, "ready");
      await line(frames("read", "delta", "300"), "300 pictures");
      await line(writer, "written");

      const dying = frames("die", "epsilon");
      await line(dying, "writing");
      const reader = frames("last", "epsilon");
      await line(reader, "read");
      await dying.kill();
      await line(reader, "gone");
    },
    limitMs,
  );
});
