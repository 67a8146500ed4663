/** The entry of `patchbay doctor` in the options table (options.ts). */
import { json } from "./option-kinds.ts";
import type { CommandSpec } from "./spec.ts";

export const doctorCommand = {
  summary: "Say what works on this machine, what is missing, and how to get it",
  description: [
    "Asks every backend for capture, encoding, decoding, display, input, sound and cameras whether it works here, looks at the " +
      "kernel's limits and this user's rights, and at the database. Beside what is missing stands the line that gets it. " +
      "Changes nothing.",
    "The exit status is 0 when `patchbay host` can run here.",
  ],
  examples: [
    ["doctor", "A page to read."],
    ["doctor --json", "For scripts: {canHost, sentence, sections}."],
  ],
  positionals: [],
  flags: {
    json,
    display: { kind: "text", value: ":N", help: "X display to ask about. Without it, $DISPLAY." },
  },
  exits: ["unavailable"],
} as const satisfies CommandSpec;
