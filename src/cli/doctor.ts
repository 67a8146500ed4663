/**
 * `patchbay doctor`: what works on this machine, what is missing, and the line that gets it. Gathers what the backends, the kernel
 * and the database say, and judges only one thing: whether a host can run. Changes nothing and makes no key.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { probeBackends } from "../../ffi/grabber.ts";
import { decodableCodecs } from "../../ffi/player.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { fingerprint } from "../secure/fingerprint.ts";
import { dataFolder, openStore } from "../store/database.ts";
import { loadIdentity } from "../store/identity.ts";
import { Peers } from "../store/peers.ts";
import { version } from "../version.ts";
import { type Check, machineChecks, thisMachine } from "./doctor-machine.ts";
import { printJson, printLine, wrap } from "./output.ts";
import type { Parsed } from "./parse.ts";

interface Section {
  readonly name: string;
  readonly checks: readonly Check[];
}

/** Modules of the native part, by the titles that people read. */
const modules = {
  capture: "Capture",
  encode: "Encoders",
  decode: "Decoders",
  display: "Display",
  input: "Input",
  audio: "Sound",
};
/** What serves tests and local programs, and is no answer to what somebody wants to see or hear. */
const besides = new Set(["pattern", "shm", "log", "headless", "tone", "file", "none"]);

export async function run({ flags }: Parsed<"doctor">): Promise<Result<void>> {
  const sections = [
    ...Object.entries(modules).map(([module, name]) => ({ name, checks: backends(module, flags.display ?? "") })),
    { name: "Machine", checks: machineChecks(thisMachine) },
    { name: "This device", checks: device() },
  ];
  const { canHost, sentence } = verdict(sections);
  if (flags.json) printJson({ version, canHost, sentence, sections, decodes: decodableCodecs("auto") });
  else print(sections, sentence);
  return canHost ? ok(undefined) : fail("unavailable", sentence);
}

/** Backends that a display's name means something to. */
const ofDisplays = new Set(["x11", "xtest"]);

function backends(module: string, display: string): Check[] {
  const named = display === "" ? [] : probeBackends(module, display).filter(({ name }) => ofDisplays.has(name));
  return probeBackends(module).map((report) => {
    const { name, usable, detail } = named.find((other) => other.name === report.name) ?? report;
    return { name, state: usable ? "ok" : "no", detail };
  });
}

/** Nothing is made here: a device that was never used has no key yet. */
function device(): Check[] {
  const path = join(dataFolder(), "patchbay.db");
  if (!existsSync(path))
    return [{ name: "identity", state: "ok", detail: `none yet; it is made in ${path} at the first use` }];
  const store = openStore();
  if (!store.ok) return [{ name: "database", state: "no", detail: store.message }];
  try {
    const identity = loadIdentity(store.value);
    const peers = new Peers(store.value).list();
    if (!identity.ok) return [{ name: "database", state: "no", detail: identity.message }];
    if (!peers.ok) return [{ name: "database", state: "no", detail: peers.message }];
    const count = (state: string) => peers.value.filter((peer) => peer.state === state).length;
    const print = fingerprint(identity.value.signing.publicKey);
    return [
      { name: "identity", state: "ok", detail: `${identity.value.name}, ${print}` },
      { name: "database", state: "ok", detail: `${path}: ${count("approved")} approved, ${count("waiting")} waiting` },
    ];
  } finally {
    store.value.close();
  }
}

function verdict(sections: readonly Section[]): { canHost: boolean; sentence: string } {
  const usable = (name: string): string[] =>
    (sections.find((section) => section.name === name)?.checks ?? [])
      .filter((check) => check.state === "ok")
      .map((check) => check.name);
  const first = (name: string): string | undefined => usable(name).find((one) => !besides.has(one));
  const encoder = first(modules.encode);
  const isBroken = sections.some(({ checks }) =>
    checks.some(({ name, state }) => name === "database" && state === "no"),
  );
  if (isBroken) return { canHost: false, sentence: "A host cannot run here: the database cannot be used." };
  if (!encoder) return { canHost: false, sentence: "A host cannot run here: there is no encoder." };
  const capture = first(modules.capture);
  const rest = `encoder ${encoder}, input ${first(modules.input) ?? "none"}, sound ${first(modules.audio) ?? "none"}`;
  if (capture) return { canHost: true, sentence: `A host can run here: capture ${capture}, ${rest}.` };
  if (usable(modules.capture).includes("pattern"))
    return {
      canHost: true,
      sentence: `A host can run here, but it has nothing to show but its test picture; ${rest}.`,
    };
  return { canHost: false, sentence: "A host cannot run here: there is nothing to capture." };
}

const marks = { ok: "ok", no: "--", poor: "!!" };
const colours = { ok: "\x1b[32m", no: "\x1b[2m", poor: "\x1b[33m" };

function print(sections: readonly Section[], sentence: string): void {
  const isColoured = process.stdout.isTTY && !process.env.NO_COLOR;
  const columns = Math.min(Math.max(process.stdout.columns ?? 100, 60), 120);
  const widest = Math.max(...sections.flatMap(({ checks }) => checks.map(({ name }) => name.length)));
  const indent = " ".repeat(widest + 8);
  for (const { name: title, checks } of sections) {
    if (checks.length === 0) continue;
    printLine(isColoured ? `\x1b[1m${title}\x1b[0m` : title);
    for (const { name, state, detail, remedy } of checks) {
      const mark = isColoured ? `${colours[state]}${marks[state]}\x1b[0m` : marks[state];
      const [first = "", ...others] = wrap(detail, columns - indent.length);
      printLine(`  ${mark}  ${name.padEnd(widest)}  ${first}`.trimEnd());
      for (const line of others) printLine(`${indent}${line}`);
      // To be copied, so it is never broken into lines.
      if (remedy !== undefined) printLine(`${indent}${remedy}`);
    }
    printLine();
  }
  for (const line of wrap(sentence, columns)) printLine(line);
}
