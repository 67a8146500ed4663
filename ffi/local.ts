/** What a local channel asks the kernel (c/net/local.c): the other end of a Unix socket, and locks that end with their process. */
import { fail, ok, type Result } from "../src/base/result.ts";
import { cString, native, textOf } from "./library.ts";

export interface PeerProcess {
  readonly uid: number;
  readonly pid: number;
}

/** Who connected, or who listens; undefined when this is no Unix socket or it is closed. */
export function peerOf(socket: number): PeerProcess | undefined {
  const out = new Uint32Array(2);
  if (native().pb_local_peer(socket, out) !== 0) return undefined;
  return { uid: out[0] as number, pid: out[1] as number };
}

export interface FileLock {
  /** Removes the file; another may lock from now on. May be called again. */
  release(): void;
}

/** Locks a file, making it when it is not there. `undefined`: another process, or this one, holds it. */
export function lockFile(path: string): Result<FileLock | undefined> {
  const error = new Uint8Array(256);
  let descriptor = native().pb_local_lock(cString(path), error, error.length) as number;
  if (descriptor === -1) return ok(undefined);
  if (descriptor < 0) return fail("cannot-create", textOf(error));
  return ok({
    release() {
      native().pb_local_unlock(cString(path), descriptor);
      descriptor = -1;
    },
  });
}
