/**
 * The programs that are measured beside each other: each streams one X display full screen to another on this machine, sender
 * and receiver in processes of their own. A streamer that is not there throws Missing with the line that installs it.
 */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { BenchFailed, type Child, finish, Missing, start, stop, temporaryFolder, until } from "./children.ts";
import type { Stage } from "./meter.ts";

export interface Stream {
  readonly sender: Child;
  readonly receiver: Child;
  close(): Promise<void>;
}

export interface Streamer {
  readonly name: string;
  /** Throws Missing when it cannot run here. */
  check(): void;
  open(stage: Stage, fps: number): Promise<Stream>;
}

export const executable = "dist/patchbay";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (!address || typeof address === "string") throw new BenchFailed("no free port");
  return address.port;
}

/** Is a local port bound? Looks into the kernel's table, because a connection would count as a client. */
export function isBound(protocol: "tcp" | "udp", port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return new RegExp(`^ *\\d+: [0-9A-F]+:${hex} `, "m").test(readFileSync(`/proc/net/${protocol}`, "utf8"));
}

function pair(sender: Child, receiver: Child): Stream {
  return {
    sender,
    receiver,
    close: async () => {
      await stop(receiver);
      await stop(sender);
    },
  };
}

interface KeyShown {
  fingerprint: string;
  publicKey: string;
  code: string;
}

/** Patchbay's own executable, encrypted; each side keeps its state in a folder of its own. */
export const patchbay: Streamer = {
  name: "Patchbay",
  check() {
    if (!existsSync(executable)) throw new Missing(`${executable} is not built: run \`npm run build\``);
  },
  async open(stage, fps) {
    const host = { XDG_DATA_HOME: temporaryFolder() };
    const client = { XDG_DATA_HOME: temporaryFolder(), DISPLAY: stage.sink };
    const key = JSON.parse(await finish([executable, "key", "show", "--json"], client)) as KeyShown;
    await finish([executable, "peers", "approve", key.publicKey], host);
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    const sender = start(
      [
        ...[executable, "host", "--display", stage.source, "--fps", `${fps}`, "--listen", address],
        ...["--dashboard", "off", "--capture", "x11"],
      ],
      host,
    );
    await until("the host's port", 10_000, [sender], () => isBound("udp", port));
    return pair(sender, start([executable, "client", address, "--fullscreen"], client));
  },
};

/** TigerVNC's scraping server and viewer, unencrypted, with the viewer's default quality. */
export const tigervnc: Streamer = {
  name: "TigerVNC",
  check() {
    if (!Bun.which("X0tigervnc") || !Bun.which("xtigervncviewer"))
      throw new Missing("TigerVNC is not installed: apt-get install tigervnc-scraping-server tigervnc-viewer");
  },
  async open(stage) {
    const port = await freePort();
    const sender = start([
      ...["X0tigervnc", "-display", stage.source, "-localhost", "-SecurityTypes", "None", "-rfbport", `${port}`],
      ...["-MaxProcessorUsage", "100", "-PollingCycle", "10"],
    ]);
    await until("the VNC server's port", 10_000, [sender], () => isBound("tcp", port));
    const receiver = start(
      [
        ...["xtigervncviewer", "-FullScreen", "-SecurityTypes", "None", "-RemoteResize=0"],
        ...["-PreferredEncoding", "Tight", "-QualityLevel", "6", `127.0.0.1::${port}`],
      ],
      { DISPLAY: stage.sink, HOME: temporaryFolder() },
    );
    return pair(sender, receiver);
  },
};

/** By their names on the command line. */
export const streamers: Record<string, Streamer> = { patchbay, tigervnc };
