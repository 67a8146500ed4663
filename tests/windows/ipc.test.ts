/**
 * The channel library as Windows programs use it, the DLL, and frame buffers, cross-built, between processes under wine. Named as what it is: wine is no
 * Windows, but its sections, events and descriptors are the native calls' own.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildIpcWindows, windowsCompiler } from "../../.ci/ipc-windows.ts";
import { language, warnings } from "../../.ci/shim.ts";

const wine = Bun.which("wine") ?? Bun.which("wine64");
const able = wine !== null && Bun.which(windowsCompiler) !== null;
const limitMs = 120_000;

let folder = "";
let environment: Record<string, string> = {};
const running = new Set<Bun.Subprocess>();

interface Peer {
  readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** Waits for the line; throws with everything said when the program ends first. */
  line(wanted: string): Promise<void>;
}

const peer = (...args: string[]): Peer => start("peer.exe", args);
const frames = (...args: string[]): Peer => start("frames.exe", args);

function start(program: string, args: string[]): Peer {
  const process = Bun.spawn([wine as string, program, ...args], {
    cwd: folder,
    env: environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  running.add(process);
  const lines: string[] = [];
  let changed = Promise.withResolvers<void>();
  let ended = false;
  const told = () => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  void (async () => {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const part of process.stdout) {
      const parts = (rest + decoder.decode(part, { stream: true })).split(/\r?\n/);
      rest = parts.pop() ?? "";
      lines.push(...parts);
      told();
    }
    ended = true;
    told();
  })();
  const faults = new Response(process.stderr).text();
  let at = 0;
  return {
    process,
    async line(wanted) {
      for (;;) {
        for (; at < lines.length; at++) if (lines[at] === wanted) return void at++;
        if (ended) throw new Error(`"${wanted}" never came, but: ${lines.join(" | ")} ${await faults}`);
        await changed.promise;
      }
    },
  };
}

async function kill(one: Peer): Promise<void> {
  one.process.kill("SIGKILL");
  await one.process.exited;
}

describe.skipIf(!able)("shared memory between Windows programs", () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "patchbay-windows-"));
    environment = {
      PATH: process.env.PATH ?? "",
      HOME: folder,
      WINEPREFIX: join(folder, "prefix"),
      WINEDEBUG: "-all",
      WINEDLLOVERRIDES: "mscoree,mshtml,winemenubuilder.exe=",
    };
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

  afterAll(async () => {
    for (const one of running) one.kill("SIGKILL");
    // Ends what wine keeps for this prefix, or it would stay for a while and write into the folder.
    await Bun.spawn(["wineserver", "-k"], { env: environment, stdout: "ignore", stderr: "ignore" }).exited.catch(
      () => undefined,
    );
    rmSync(folder, { recursive: true, force: true });
  });

  test(
    "ten thousand round trips, a client and a server killed, and on they go",
    async () => {
      const server = peer("serve", "alpha");
      await server.line("serving");
      await peer("ask", "alpha", "10000").line("10000 round trips");
      await server.line("gone");

      const hanging = peer("hang", "alpha");
      await hanging.line("connected");
      await kill(hanging);
      await server.line("gone");
      await peer("ask", "alpha", "100").line("100 round trips");

      await kill(server);
      expect(await peer("ask", "alpha", "1").process.exited).toBe(1);
      const next = peer("serve", "alpha");
      await next.line("serving");
      await peer("ask", "alpha", "10").line("10 round trips");
      await kill(next);
    },
    limitMs,
  );

  test(
    "a name is served once, and its section is the owner's only",
    async () => {
      const server = peer("serve", "beta");
      await server.line("serving");
      expect(await peer("serve", "beta").process.exited).toBe(1);
      await peer("closed", "beta").line("owner only");
      await kill(server);
    },
    limitMs,
  );

  test(
    "several clients each get a slot of their own, and a dead one's is free again",
    async () => {
      const server = peer("multi", "gamma", "2");
      await server.line("serving");
      const clients = [peer("join", "gamma"), peer("join", "gamma")];
      expect(await Promise.all(clients.map((one) => one.process.exited))).toEqual([0, 0]);
      await peer("join", "gamma").line("slot 0, 100 answers");
      await kill(server);
    },
    limitMs,
  );

  test(
    "a reader of frames sleeps till each picture and compares it, and wakes when the writer ends or is killed",
    async () => {
      const writer = frames("write", "delta", "300");
      await writer.line("ready");
      await frames("read", "delta", "300").line("300 pictures");
      await writer.line("written");

      const dying = frames("die", "epsilon");
      await dying.line("writing");
      const reader = frames("last", "epsilon");
      await reader.line("read");
      await kill(dying);
      await reader.line("gone");
    },
    limitMs,
  );
});
