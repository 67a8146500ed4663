/**
 * The servers that the relay bench compares, each on one core of its own, and how the load client speaks to it. What is not
 * installed throws Missing with the line that provides it. None is tuned for this bench but by its documented options.
 */
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { BenchFailed, type Child, finish, Missing, start, stop, temporaryFolder, until } from "../children.ts";
import { buildTool } from "../meter.ts";
import { executable, isBound } from "../streamers.ts";

export interface RunningServer {
  readonly child: Child;
  readonly port: number;
  close(): Promise<void>;
}

export interface RelayServer {
  readonly name: string;
  readonly protocol: "ws" | "redis" | "nats" | "plain";
  /** What it does for a receiver that takes less than the source sends. */
  readonly atItsLimit: string;
  /** Throws Missing when it cannot run here. */
  check(): Promise<void>;
  open(receivers: number): Promise<RunningServer>;
}

/** The server has the first core of the machine to itself, the load client the second. */
export const serverCore = ["taskset", "-c", "0"];
export const clientCore = ["taskset", "-c", "1"];

const here = "tests/bench/relay";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (!address || typeof address === "string") throw new BenchFailed("no free port");
  return address.port;
}

const running = (child: Child, port: number): RunningServer => ({ child, port, close: () => stop(child) });

/** A program that listens where it is told. */
async function listening(
  command: (port: number) => string[],
  env: Record<string, string> = {},
): Promise<RunningServer> {
  const port = await freePort();
  const child = start([...serverCore, ...command(port)], env);
  await until(`${command(port)[0]} listening`, 10_000, [child], () => isBound("tcp", port));
  return running(child, port);
}

/** A program that prints the port it found. */
async function printing(command: string[]): Promise<RunningServer> {
  const child = start([...serverCore, ...command]);
  await until(`a port from ${command.join(" ")}`, 10_000, [child], () => /^\d+\n/.test(child.output()));
  return running(child, Number(child.output().split("\n")[0]));
}

async function needs(program: string, line: string): Promise<void> {
  if (!Bun.which(program)) throw new Missing(`${program} is not installed: ${line}`);
}

export const relayServers: Readonly<Record<string, RelayServer>> = {
  patchbay: {
    name: "Patchbay",
    protocol: "ws",
    atItsLimit: "16 messages wait, then frames are left out to the next keyframe",
    check: async () => {
      if (!existsSync(executable)) throw new Missing(`${executable} is not built: run \`npm run compile\``);
    },
    open: (receivers) => {
      const folder = temporaryFolder();
      const command = (port: number) => [executable, "relay", "--listen", `127.0.0.1:${port}`];
      return listening((port) => [...command(port), "--max-receivers", `${receivers}`], {
        HOME: folder,
        XDG_DATA_HOME: folder,
        XDG_STATE_HOME: folder,
        XDG_CONFIG_HOME: folder,
      });
    },
  },
  bun: {
    name: "Bun publish",
    protocol: "ws",
    atItsLimit: "16 MB wait, then messages are left out",
    check: async () => undefined,
    open: () => printing([process.execPath, `${here}/peer-bun.ts`]),
  },
  ws: {
    name: "ws on node",
    protocol: "ws",
    atItsLimit: "memory grows without limit",
    check: async () => {
      await needs("node", "apt-get install nodejs");
      const found = Bun.spawnSync(["node", "-e", "require.resolve('ws')"], { cwd: here, stderr: "ignore" });
      if (found.exitCode !== 0) throw new Missing("the package ws is not installed: run `npm ci`");
    },
    open: () => printing(["node", `${here}/peer-ws.cjs`]),
  },
  redis: {
    name: "Redis pub/sub",
    protocol: "redis",
    atItsLimit: "a subscriber is cut off at 32 MB, or at 8 MB for a minute",
    check: () => needs("redis-server", "apt-get install redis-server"),
    open: () => {
      const still = ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", temporaryFolder()];
      return listening((port) => ["redis-server", "--bind", "127.0.0.1", "--port", `${port}`, ...still]);
    },
  },
  nats: {
    name: "nats-server",
    protocol: "nats",
    atItsLimit: "a subscriber is cut off at 64 MB or after 10 s",
    check: () => needs("nats-server", "apt-get install nats-server"),
    open: () => listening((port) => ["nats-server", "-a", "127.0.0.1", "-p", `${port}`]),
  },
  ceiling: {
    name: "C epoll, ceiling",
    protocol: "plain",
    atItsLimit: "a receiver 8 MB behind is cut off",
    check: async () => undefined,
    open: async () => printing([await buildTool("relay/ceiling")]),
  },
};

export const ceilingName = "ceiling";

export interface Load {
  readonly receivers: number;
  /** Bytes of one message. */
  readonly size: number;
  /** Messages a second; without it as fast as `window` allows. */
  readonly hz?: number;
  /** Receivers that never read. */
  readonly stalled?: number;
  /** Messages that the source may be ahead of the slowest receiver, where and while it is not paced. */
  readonly window: number;
}

/** One run of the load client. */
export interface Measured {
  readonly deliveriesPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly seconds: number;
  readonly sent: number;
  /** Messages that receivers which read did not get, of all of them together. */
  readonly leftOut: number;
  readonly repeated: number;
  readonly broken: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly clientCpuSeconds: number;
  readonly serverCpuSeconds: number;
  readonly serverPeakKib: number;
}

const warmSeconds = 0.5;

/** A fresh server under one load. */
export async function measure(client: string, server: RelayServer, load: Load, seconds: number): Promise<Measured> {
  const { child, port, close } = await server.open(load.receivers);
  const pace = ["--window", load.window, "--hz", load.hz ?? 0];
  const told = await finish([
    ...clientCore,
    client,
    ...[port, "--protocol", server.protocol, "--receivers", load.receivers, "--size", load.size, ...pace].map(String),
    ...["--stalled", load.stalled ?? 0, "--seconds", seconds, "--warm", warmSeconds].map(String),
    ...["--watch", child.process.pid].map(String),
  ]);
  await close();
  const measured = JSON.parse(told) as Partial<Measured>;
  if (measured.deliveriesPerSecond === undefined) throw new BenchFailed(`${server.name}: ${told.trim()}`);
  return measured as Measured;
}
