/**
 * Named segments of plain bytes for TypeScript, and the list of all that this user has (c/shmem/abi.c, c/os). Names have 1 to
 * 200 bytes, no slash, backslash or "..", no dot in front; the files are `/dev/shm/pb_{uid}_{name}`, mode 0600.
 */
import { toArrayBuffer } from "bun:ffi";
import { fail, ok, type Result } from "../src/base/result.ts";
import { cString, native, type Pointer, textOf } from "./library.ts";

/** A named segment of plain bytes. Whoever created it takes the name away when closing. Nothing here orders accesses. */
export class SharedMemory {
  readonly name: string;
  /** All of it; empty after close(). */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #lib = native();
  #handle: Pointer | null;

  private constructor(handle: Pointer, name: string) {
    this.#handle = handle;
    this.name = name;
    const size = Number(this.#lib.pb_memory_size(handle));
    this.bytes = new Uint8Array(toArrayBuffer(Number(this.#lib.pb_memory_address(handle)) as Pointer, 0, size));
  }

  static #make(name: string, sizeBytes: number, create: boolean): Result<SharedMemory> {
    if (name.includes("\0")) return fail("usage", "a name of shared memory has no NUL");
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
      throw new RangeError(`${sizeBytes} is no size in bytes of shared memory`);
    const error = new Uint8Array(512);
    const handle = native().pb_memory_open(cString(name), sizeBytes, create ? 1 : 0, error, error.length);
    return handle ? ok(new SharedMemory(handle, name)) : fail("unavailable", textOf(error));
  }

  /** Makes a zeroed segment; fails when the name is in use. */
  static create(name: string, sizeBytes: number): Result<SharedMemory> {
    return SharedMemory.#make(name, sizeBytes, true);
  }

  /** Opens a segment of at least `sizeBytes`. */
  static open(name: string, sizeBytes = 1): Result<SharedMemory> {
    return SharedMemory.#make(name, sizeBytes, false);
  }

  /** Copies `data` to `offset`. Throws a RangeError when it does not fit. */
  write(offset: number, data: Uint8Array): void {
    this.bytes.set(data, offset);
  }

  /** Fills `into` from `offset`. Throws a RangeError when there are fewer bytes. */
  read(offset: number, into: Uint8Array): void {
    if (!Number.isInteger(offset) || offset < 0 || offset + into.length > this.bytes.length)
      throw new RangeError(`${into.length} bytes at ${offset} are not within ${this.bytes.length}`);
    into.set(this.bytes.subarray(offset, offset + into.length));
  }

  close(): void {
    if (this.#handle === null) return;
    const handle = this.#handle;
    this.#handle = null;
    this.bytes.buffer.transfer();
    this.#lib.pb_memory_close(handle);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The named segments of this user, frame buffers and all others. */
export function listSharedMemory(): { readonly name: string; readonly sizeBytes: number }[] {
  const out = new Uint8Array(1 << 20);
  const size: number = native().pb_memory_list(out, out.length);
  const lines = textOf(out, size).split("\n").filter(Boolean);
  return lines.map((line) => {
    const [name = "", sizeBytes] = line.split("\t");
    return { name, sizeBytes: Number(sizeBytes) };
  });
}

/** Takes a name away, whatever has it. Who has the segment open keeps it. */
export function removeSharedMemory(name: string): Result<void> {
  const error = new Uint8Array(512);
  const status: number = name.includes("\0") ? -1 : native().pb_memory_remove(cString(name), error, error.length);
  return status === 0 ? ok(undefined) : fail("unavailable", textOf(error) || "a name of shared memory has no NUL");
}
