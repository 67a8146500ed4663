/**
 * From argv to an exit status: parses, answers --help and --version, loads the one module that the command needs, and turns a
 * Failure into one sentence on standard error and a sysexits status. An exception that nobody expected becomes a sentence
 * and status 70; its stack shows with --verbose.
 */
import { type ErrorCode, exitStatus } from "../base/errors.ts";
import { createLog, setLogLevel } from "../base/log.ts";
import type { Result } from "../base/result.ts";
import { Lifecycle } from "./lifecycle.ts";
import type { CommandName } from "./options.ts";
import { endQuietlyOnClosedPipe, flushed, printError, printLine } from "./output.ts";
import { type Environment, type Parsed, parseCommandLine, unknownVariables } from "./parse.ts";

const log = createLog("end");

/** What a command module exports as `run`. It returns when its work is done; open things are closed for it. */
export type Run<C extends CommandName> = (parsed: Parsed<C>, lifecycle: Lifecycle) => Promise<Result<void>>;

/** Modules are loaded on demand: `version` must not wait for the database, the web server or the picture library. */
const modules: { readonly [C in CommandName]: () => Promise<{ readonly run: Run<C> }> } = {
  host: () => import("./host.ts"),
  client: () => import("./client.ts"),
  relay: () => import("./relay.ts"),
  demo: () => import("./demo.ts"),
  key: () => import("./key.ts"),
  peers: () => import("./peers.ts"),
  shm: () => import("./shm.ts"),
  camera: () => import("./camera.ts"),
  doctor: () => import("./doctor.ts"),
  new: () => import("./new.ts"),
  inspect: () => import("./inspect.ts"),
  version: () => import("./version.ts"),
  help: () => import("./help.ts"),
};

/** Runs one command line and resolves to the exit status. Never rejects. */
export async function run(argv: readonly string[], env: Environment): Promise<number> {
  endQuietlyOnClosedPipe();
  const verbose = argv.includes("--verbose") || argv.includes("-v") || env.PATCHBAY_VERBOSE === "1";
  const lifecycle = new Lifecycle();
  const crashed = (cause: unknown) => {
    printCrash(cause, verbose);
    void lifecycle.close().then(() => process.exit(exitStatus("internal")));
  };
  process.on("uncaughtException", crashed);
  process.on("unhandledRejection", crashed);
  let status: number;
  try {
    status = await dispatch(argv, env, lifecycle);
  } catch (cause) {
    printCrash(cause, verbose);
    status = exitStatus("internal");
  }
  await lifecycle.close();
  await flushed();
  return status;
}

async function dispatch(argv: readonly string[], env: Environment, lifecycle: Lifecycle): Promise<number> {
  const parsed = parseCommandLine(argv, env);
  if (!parsed.ok) return ended(parsed.code, parsed.message);
  const { globals, command } = parsed.value;
  if (globals.verbose) setLogLevel("debug");
  else if (globals.quiet) setLogLevel("warn");
  if (globals.help || (command === undefined && !globals.version)) {
    const { helpText } = await import("./help.ts");
    if (globals.help) printLine(helpText(command));
    else process.stderr.write(`${helpText()}\n`);
    return globals.help ? 0 : exitStatus("usage");
  }
  if (globals.version || command === undefined) {
    const { version } = await import("../version.ts");
    printLine(version);
    return 0;
  }
  if (!globals.quiet) for (const sentence of unknownVariables(env)) printError(sentence);
  return finish(parsed.value, lifecycle);
}

/** What fails because a signal took it away from under the command is no news: whoever sent the signal wanted the end. */
async function finish(parsed: Parsed<CommandName>, lifecycle: Lifecycle): Promise<number> {
  let result: Result<void>;
  try {
    result = await start(parsed, lifecycle);
  } catch (cause) {
    if (!lifecycle.signal.aborted) throw cause;
    log.debug(`interrupted: ${cause instanceof Error ? cause.message : cause}`);
    return lifecycle.exitStatus;
  }
  if (result.ok) return 0;
  if (!lifecycle.signal.aborted) return ended(result.code, result.message);
  log.debug(`interrupted: ${result.message}`);
  return lifecycle.exitStatus;
}

async function start<C extends CommandName>(parsed: Parsed<C>, lifecycle: Lifecycle): Promise<Result<void>> {
  const module = await modules[parsed.command]();
  return module.run(parsed, lifecycle);
}

function ended(code: ErrorCode, message: string): number {
  printError(message);
  return exitStatus(code);
}

function printCrash(cause: unknown, verbose: boolean): void {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  printError(`A fault of Patchbay itself: ${error.message || error.name}.${verbose ? "" : " --verbose shows where."}`);
  if (verbose && error.stack) process.stderr.write(`${error.stack}\n`);
}
