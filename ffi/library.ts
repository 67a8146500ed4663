/** The only dlopen of the shim. Signatures come from abi.ts; a shim of another version is refused. */
/// <reference path="./files.d.ts" />
import { dlopen, JSCallback, type Pointer, ptr } from "bun:ffi";
import { tmpdir } from "node:os";
import shimPath from "../dist/libpatchbay_shim.so" with { type: "file" };
import { abiVersion, type FunctionName, functions } from "./abi.ts";

const scalar: Record<string, string> = {
  void: "void",
  uint8_t: "u8",
  uint16_t: "u16",
  uint32_t: "u32",
  int32_t: "i32",
  double: "f64",
  pb_wake_fn: "function",
};

/** bun:ffi's name of a C type. 64-bit numbers come back as numbers while they fit, so that no BigInt is made. */
function ffiType(declaration: string, isReturn: boolean): string {
  if (declaration.includes("*")) return "ptr";
  const type = isReturn ? declaration : declaration.slice(0, declaration.lastIndexOf(" "));
  if (type === "uint64_t") return isReturn ? "u64_fast" : "u64";
  const known = scalar[type];
  if (!known) throw new Error(`abi.ts uses a C type without a bun:ffi type: ${declaration}`);
  return known;
}

type Native = Record<FunctionName, (...args: never[]) => unknown>;
// biome-ignore lint/suspicious/noExplicitAny: each wrapper in ffi/ states its own types; the table cannot.
type Loose = Record<keyof Native, (...args: any[]) => any>;

function symbols() {
  return Object.fromEntries(
    Object.entries(functions).map(([name, f]) => [
      name,
      { args: f.args.map((a) => ffiType(a, false)), returns: ffiType(f.returns, true) },
    ]),
  );
}

let loaded: Loose | undefined;

/**
 * Opens the shim once and returns its functions. Buffers are passed as typed arrays, addresses as numbers.
 * A temporary folder that forbids execution makes the first attempt fail; the shim is then loaded from anonymous memory.
 */
export function native(): Loose {
  if (loaded) return loaded;
  let library: { symbols: unknown };
  try {
    library = dlopen(shimPath, symbols() as never);
  } catch (cause) {
    library = openFromMemory(cause);
  }
  const found = library.symbols as Loose;
  const version = found.pb_abi_version() as number;
  if (version !== abiVersion)
    throw new Error(`the native part has version ${version}, this program needs ${abiVersion}`);
  loaded = found;
  return found;
}

function openFromMemory(cause: unknown): { symbols: unknown } {
  const libc = dlopen("libc.so.6", {
    memfd_create: { args: ["ptr", "u32"], returns: "i32" },
    write: { args: ["i32", "ptr", "u64"], returns: "i64" },
  });
  const fd = libc.symbols.memfd_create(cString("patchbay-shim"), 1);
  if (fd < 0) throw new Error(`the native part cannot be loaded (folder for temporary files: ${tmpdir()})`, { cause });
  const bytes = require("node:fs").readFileSync(shimPath) as Uint8Array;
  for (let at = 0; at < bytes.length; ) {
    const wrote = Number(libc.symbols.write(fd, ptr(bytes, at), bytes.length - at));
    if (wrote <= 0) throw new Error("the native part cannot be copied into memory", { cause });
    at += wrote;
  }
  return dlopen(`/proc/self/fd/${fd}`, symbols() as never);
}

/** A NUL-terminated copy for `const char *`. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** The text up to the first NUL. */
export function textOf(buffer: Uint8Array, length = buffer.indexOf(0)): string {
  return new TextDecoder().decode(buffer.subarray(0, length < 0 ? buffer.length : length));
}

/** A function that native threads may call, as they know it. */
export interface Wake {
  readonly ptr: Pointer | null;
  /** To be called after the native side that calls it is closed; nothing is woken from then on. */
  close(): void;
}

/** `onWake` runs on the event loop, some time after a native thread called. */
export function wakeCallback(onWake: () => void): Wake {
  let isOpen = true;
  const callback = new JSCallback(() => isOpen && onWake(), { args: [], returns: "void", threadsafe: true });
  const close = () => {
    isOpen = false;
    // Wake-ups that were on their way into the event loop still arrive.
    setTimeout(() => callback.close(), 100).unref();
  };
  return { ptr: callback.ptr, close };
}

/** For the programs that measure and test what lies outside ffi/, where bun:ffi is not imported. */
export { type Pointer, ptr };
