/** The entry of `patchbay new` in the options table (options.ts). */
import type { CommandSpec } from "./spec.ts";

export const newCommand = {
  summary: "Start a project of your own from a template",
  description: [
    "Writes a small C project with a README, a Makefile and a test into a new folder NAME. A daemon takes messages on a " +
      "socket and writes pictures into shared memory; an overlay shows shared memory over everything else on the " +
      "screen and lets clicks through; an ld-preload library puts what a program draws by OpenGL into shared memory; a " +
      "native-dll hooks a function of the Windows program that loads it.",
    "None of them acts on another process by itself.",
  ],
  examples: [
    ["new daemon conductor", "A server for programs on this machine, in C."],
    ["new overlay hud", "A transparent window that shows pictures of a program of yours."],
    ["new native-dll sample-hook", "A DLL that hooks a function, with its test under wine."],
  ],
  positionals: [
    {
      name: "template",
      required: true,
      choices: ["daemon", "overlay", "ld-preload", "native-dll"],
      help: "What to start with.",
    },
    { name: "name", required: true, help: "The project's name and its folder: a to z, 0 to 9 and -." },
  ],
  flags: {},
  exits: ["cannot-create"],
} as const satisfies CommandSpec;
