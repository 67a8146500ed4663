/**
 * Where a named channel lies (itk-ipc, section 3): a Unix socket, or a named pipe on Windows. It only makes and checks
 * names; no file is looked at. The folder of a session, $XDG_RUNTIME_DIR, is only its owner's and is emptied at log-out, so it goes
 * before /tmp, where everybody may make a file of this name first.
 */
import { isAbsolute, join } from "node:path";
import { fail, ok, type Result } from "../base/result.ts";

export interface ChannelPlace {
  /** `auto`: in $XDG_RUNTIME_DIR/patchbay where there is one. `tmp`: /tmp/itk_NAME.sock, where the original toolkit looks. */
  readonly place?: "auto" | "tmp";
}

export interface Machine {
  readonly platform: string;
  readonly runtimeFolder: string | undefined;
}

/** The most bytes of a socket's path: sun_path without its NUL. */
const pathLimits: Readonly<Record<string, number>> = { linux: 107, darwin: 103 };
/** Of a pipe's whole name, in characters. */
const pipeLimit = 256;

function objection(name: string): string | undefined {
  if (name === "") return "is empty";
  if (/[/\\]/.test(name)) return "contains a slash or backslash";
  if (name.includes("..")) return 'contains ".."';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused.
  if (/[\u0000-\u001f\u007f]/.test(name)) return "contains a control character";
  if (!name.isWellFormed()) return "is not well-formed text";
  return undefined;
}

/** $XDG_RUNTIME_DIR when it can be one: its specification has relative paths ignored. */
export function runtimeFolder(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const folder = env.XDG_RUNTIME_DIR;
  return folder && isAbsolute(folder) ? folder : undefined;
}

const here = (): Machine => ({ platform: process.platform, runtimeFolder: runtimeFolder(process.env) });

/** The socket's path or the pipe's name of a channel. */
export function makeChannelName(
  name: string,
  { place = "auto" }: ChannelPlace = {},
  machine: Machine = here(),
): Result<string> {
  const wrong = objection(name);
  if (wrong) return fail("usage", `A channel cannot be named ${JSON.stringify(name).slice(0, 80)}: the name ${wrong}.`);
  if (machine.platform === "win32") {
    const pipe = `\\\\.\\pipe\\itk_${name}`;
    if (pipe.length <= pipeLimit) return ok(pipe);
    return fail(
      "usage",
      `The channel's name has ${name.length} characters; ${name.length - pipe.length + pipeLimit} fit.`,
    );
  }
  const inSession = place === "auto" && machine.runtimeFolder !== undefined;
  const path = join(inSession ? join(machine.runtimeFolder as string, "patchbay") : "/tmp", `itk_${name}.sock`);
  const limit = pathLimits[machine.platform] ?? 103;
  const [size, nameSize] = [Buffer.byteLength(path), Buffer.byteLength(name)];
  if (size <= limit) return ok(path);
  return fail(
    "usage",
    `The channel's name has ${nameSize} bytes; ${Math.max(0, nameSize - size + limit)} fit in ${path}.`,
  );
}
