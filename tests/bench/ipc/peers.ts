/**
 * Other ways for messages between two processes, each a program of this folder on the same harness (harness.h): builds them and
 * reads what they measured. What is not installed is Missing, never a figure. It judges nothing.
 */
import { existsSync, mkdirSync } from "node:fs";
import { language, warnings } from "../../../.ci/shim.ts";
import { finish, Missing } from "../children.ts";

export interface IpcPeer {
  readonly name: string;
  readonly source: string;
  /** A header that must be there, and the Debian package that brings it. */
  readonly needs?: readonly [header: string, debian: string];
  readonly libs: readonly string[];
}

export interface RoundTrips {
  readonly p50Ns: number;
  readonly p99Ns: number;
}

export interface OneWay {
  readonly perSecond: number;
  readonly missing: number;
}

const folder = "tests/bench/ipc";

export const ipcPeers: Readonly<Record<string, IpcPeer>> = {
  ceiling: { name: "plain C ring", source: "ceiling.c", libs: [] },
  seqpacket: { name: "Unix SEQPACKET", source: "peer-seqpacket.c", libs: [] },
  mq: { name: "POSIX mq", source: "peer-mq.c", libs: ["-lrt"] },
  boost: {
    name: "boost message_queue",
    source: "peer-boost.cpp",
    needs: ["/usr/include/boost/interprocess/ipc/message_queue.hpp", "libboost-dev"],
    libs: ["-lrt"],
  },
  zmq: { name: "ZeroMQ ipc", source: "peer-zmq.c", needs: ["/usr/include/zmq.h", "libzmq3-dev"], libs: ["-lzmq"] },
  nng: { name: "nng ipc", source: "peer-nng.c", needs: ["/usr/include/nng/nng.h", "libnng-dev"], libs: ["-lnng"] },
};

/** Compiles a peer and returns its program. */
export async function buildPeer(peer: IpcPeer): Promise<string> {
  if (peer.needs && !existsSync(peer.needs[0])) throw new Missing(`apt-get install ${peer.needs[1]}`);
  mkdirSync("build/bench/ipc", { recursive: true });
  const program = `build/bench/ipc/${peer.source.replace(/\.c(pp)?$/, "")}`;
  const compiler = peer.source.endsWith(".cpp") ? ["g++", "-std=c++17"] : ["gcc", ...language];
  await finish([...compiler, ...warnings, "-O2", `${folder}/${peer.source}`, "-o", program, ...peer.libs]);
  return program;
}

async function told<T>(program: string, mode: string, size: number, seconds: number): Promise<T> {
  return JSON.parse(await finish([program, mode, String(size), String(seconds)])) as T;
}

/** `size` in bytes, 8 to 65536; one process a core. */
export const roundTrips = (program: string, size: number, seconds: number) =>
  told<RoundTrips>(program, "rtt", size, seconds);

export const oneWay = (program: string, size: number, seconds: number) =>
  told<OneWay>(program, "oneway", size, seconds);
