/**
 * Local channels by name (itk-ipc, section 3): `listen`, `accept` and `connect` on Unix sockets, on Windows on named pipes. A
 * socket is its owner's alone, and both ends refuse another user's process. A socket that a dead program left is
 * replaced; one that somebody answers on, and anything that is no socket, is not. What is sent is ipc-channel.ts's matter.
 */
import { chmodSync, lstatSync, mkdirSync, renameSync, type Stats, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import type { Socket, UnixSocketListener } from "bun";
import { type FileLock, lockFile, peerOf } from "../../ffi/local.ts";
import { Counters } from "../base/counters.ts";
import { limits } from "../base/limits.ts";
import { createLog } from "../base/log.ts";
import { ok } from "../base/result.ts";
import { Channel } from "./ipc-channel.ts";
import { type IpcFailure, type IpcResult, ipcFail, ipcResult, systemCode } from "./ipc-failure.ts";
import { type ChannelPlace, makeChannelName } from "./ipc-name.ts";
import { Waiting } from "./ipc-waiting.ts";

export { Channel, readMessage, writeMessage } from "./ipc-channel.ts";
export { type IpcErrorName, type IpcFailure, type IpcResult, ipcErrors } from "./ipc-failure.ts";
export { type ChannelPlace, makeChannelName } from "./ipc-name.ts";

const log = createLog("channel");
const hasOwners = process.platform !== "win32";
const ownUid = (): number => process.geteuid?.() ?? 0;

type ChannelSocketOf = Socket<Channel | undefined>;

const events = {
  data: (socket: ChannelSocketOf, chunk: Uint8Array) => socket.data?.feed(chunk),
  drain: (socket: ChannelSocketOf) => socket.data?.drain(),
  error: (socket: ChannelSocketOf, cause: Error) => socket.data?.gone(cause),
  close: (socket: ChannelSocketOf, cause?: unknown) => socket.data?.gone(cause),
};

/** Why the process at the other end may not be there, or undefined. */
function foreign(socket: ChannelSocketOf, path: string): IpcFailure | undefined {
  if (!hasOwners) return undefined;
  const peer = peerOf((socket as unknown as { readonly fd: number }).fd);
  if (peer?.uid === ownUid()) return undefined;
  const who = peer ? `Process ${peer.pid} of user ${peer.uid}` : "A process of unknown owner";
  return ipcFail("Refused", `${who} is at the other end of ${path}; only user ${ownUid()} may be.`);
}

export type ServerCount = "accepted" | "refusedOwner" | "refusedFull";

export class ChannelServer {
  readonly counters = new Counters<ServerCount>();
  /** The socket's path, or the pipe's name. */
  readonly address: string;
  readonly #waiting = new Waiting<Channel>();
  readonly #connected = new Set<Channel>();
  readonly #lock: FileLock | undefined;
  #listener: UnixSocketListener<Channel | undefined> | undefined;
  #inode = 0;

  /** Only `listen` makes one. Throws what the system says when it cannot listen. */
  constructor(address: string, lock: FileLock | undefined) {
    this.address = address;
    this.#lock = lock;
    // The socket must never be open to others, not even between being made and being restricted.
    const before = hasOwners ? process.umask(0o177) : 0;
    try {
      this.#listener = Bun.listen<Channel | undefined>({
        unix: address,
        socket: {
          ...events,
          open: (socket) => this.#open(socket),
          close: (socket, cause) => this.#close(socket, cause),
        },
      });
    } finally {
      if (hasOwners) process.umask(before);
    }
    // A pipe is in no folder: looking at it there is an error.
    if (hasOwners) this.#inode = look(address)?.ino ?? 0;
  }

  #open(socket: ChannelSocketOf): void {
    const why = foreign(socket, this.address);
    if (why) {
      this.counters.add("refusedOwner");
      log.warn(why.message);
    }
    const isFull = this.#connected.size >= limits.channel.connections || this.#waiting.length >= limits.channel.waiting;
    if (isFull && !why) this.counters.add("refusedFull");
    if (why || isFull) {
      socket.terminate();
      return;
    }
    const channel = new Channel(socket);
    socket.data = channel;
    this.#connected.add(channel);
    this.counters.add("accepted");
    this.#waiting.put(channel);
  }

  #close(socket: ChannelSocketOf, cause: unknown): void {
    if (!socket.data) return;
    socket.data.gone(cause);
    this.#connected.delete(socket.data);
  }

  /** Connections that are open, accepted or not. */
  get connections(): number {
    return this.#connected.size;
  }

  /** The next one that connects; waits for it. Without a time-out, as long as it takes. */
  accept({ timeoutMs }: { readonly timeoutMs?: number } = {}): Promise<IpcResult<Channel>> {
    return this.#waiting.take(timeoutMs, `Nobody connected within ${timeoutMs} ms.`);
  }

  /** Ends listening and removes the socket. Accepted channels go on; those that nobody accepted end. May be called again. */
  close(): void {
    const listener = this.#listener;
    if (!listener) return;
    this.#listener = undefined;
    this.#waiting.end(ipcFail("NotConnected", "The server was closed by this side."));
    for (const channel of this.#waiting.clear()) channel.close();
    // The listener removes whatever lies at its path. What is not its own socket is held aside meanwhile.
    const there = hasOwners ? look(this.address) : undefined;
    const isOther = there !== undefined && there.ino !== this.#inode;
    const aside = `${this.address}.${process.pid}`;
    if (isOther) renameSync(this.address, aside);
    listener.stop(false);
    if (isOther) renameSync(aside, this.address);
    this.#lock?.release();
  }
}

function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** The folder of a session's channels, made when missing. /tmp is there and is everybody's. */
function prepareFolder(folder: string): IpcFailure | undefined {
  if (folder === "/tmp") return undefined;
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (cause) {
    if (systemCode(cause) !== "EEXIST")
      return ipcFail(
        "InputOutput",
        `${folder} cannot be made (${systemCode(cause)}): check XDG_RUNTIME_DIR or unset it.`,
      );
  }
  const found = look(folder);
  if (!found?.isDirectory() || found.uid !== ownUid())
    return ipcFail("Refused", `${folder} is not a folder of this user: check XDG_RUNTIME_DIR or unset it.`);
  if ((found.mode & 0o077) !== 0) chmodSync(folder, 0o700);
  return undefined;
}

/** Whether somebody answers. The one who does sees a connection that ends at once. */
async function isAnswered(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data: () => undefined } });
    socket.terminate();
    return true;
  } catch (cause) {
    return !["ECONNREFUSED", "ENOENT"].includes(systemCode(cause));
  }
}

const taken = (address: string): IpcFailure =>
  ipcFail("AlreadyListening", `Another program listens on ${address}. End it, or choose another name.`);

/** Makes the path free, given that no other program that locks is at it. */
async function removeStale(path: string): Promise<IpcFailure | undefined> {
  const found = look(path);
  if (!found) return undefined;
  if (!found.isSocket())
    return ipcFail(
      "Refused",
      `${path} is in the way and is no socket. Look what it is, and remove it if nobody needs it.`,
    );
  if (found.uid !== ownUid()) return ipcFail("Refused", `${path} belongs to user ${found.uid}. Choose another name.`);
  if (await isAnswered(path)) return taken(path);
  if (look(path)?.ino === found.ino) unlinkSync(path);
  return undefined;
}

async function listenAt(path: string): Promise<IpcResult<ChannelServer>> {
  const unprepared = prepareFolder(dirname(path));
  if (unprepared) return unprepared;
  const locked = ipcResult("Refused", lockFile(`${path}.lock`));
  if (!locked.ok) return locked;
  const lock = locked.value;
  if (!lock) return taken(path);
  const obstacle = await removeStale(path);
  if (obstacle) {
    lock.release();
    return obstacle;
  }
  const server = open(path, lock);
  if (!server.ok) lock.release();
  return server;
}

function open(address: string, lock?: FileLock): IpcResult<ChannelServer> {
  try {
    return ok(new ChannelServer(address, lock));
  } catch (cause) {
    const code = systemCode(cause);
    if (["EADDRINUSE", "EACCES"].includes(code)) return taken(address);
    return ipcFail("InputOutput", `${address} cannot be listened on: ${code}.`);
  }
}

/**
 * Listens on a channel. AlreadyListening when another program does; Refused when something that is no socket, or is another
 * user's, is in the way.
 */
export async function listen(name: string, place?: ChannelPlace): Promise<IpcResult<ChannelServer>> {
  const address = ipcResult("InvalidName", makeChannelName(name, place));
  if (!address.ok) return address;
  if (hasOwners) return listenAt(address.value);
  // Windows lets several programs serve one pipe's name, so ask whether somebody does.
  return (await isAnswered(address.value)) ? taken(address.value) : open(address.value);
}

const whyNot: Readonly<Record<string, string>> = {
  ENOENT: "nobody listens on it",
  ECONNREFUSED: "the program that listened on it has ended",
  EACCES: "it is another user's",
  EAGAIN: "too many wait to be accepted",
};

/** Connects to a channel that a program of this user listens on. */
export async function connect(name: string, place?: ChannelPlace): Promise<IpcResult<Channel>> {
  const address = ipcResult("InvalidName", makeChannelName(name, place));
  if (!address.ok) return address;
  const path = address.value;
  let refused: IpcFailure | undefined;
  let channel: Channel | undefined;
  try {
    await Bun.connect<Channel | undefined>({
      unix: path,
      socket: {
        ...events,
        open: (socket) => {
          refused = foreign(socket, path);
          if (refused) {
            socket.terminate();
            return;
          }
          channel = new Channel(socket);
          socket.data = channel;
        },
      },
    });
  } catch (cause) {
    const code = systemCode(cause);
    return ipcFail("ConnectionFailed", `${path} cannot be connected to: ${whyNot[code] ?? code}.`);
  }
  if (refused) return refused;
  return channel ? ok(channel) : ipcFail("ConnectionFailed", `${path} closed the connection at once.`);
}
