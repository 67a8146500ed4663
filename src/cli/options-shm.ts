/** The entry of `patchbay shm` in the options table (options.ts). */
import { limits } from "../base/limits.ts";
import { fps, json, seconds, size } from "./option-kinds.ts";
import { cameraFlag } from "./options-camera.ts";
import type { CommandSpec } from "./spec.ts";

export const shmCommand = {
  summary: "List, show, publish and remove shared memory of local programs",
  description: [
    "A frame buffer is shared memory into which one program draws pictures and from which any number read them. Names " +
      "belong to this user; other users can neither see nor open them.",
    "watch shows what a program draws in a window, or writes one picture to a file with --png. publish draws what a " +
      "screen shows, or a test pattern. rm takes away a name that its program left behind.",
  ],
  usage: [
    "shm [list]",
    "shm info NAME",
    "shm watch NAME [--png FILE]",
    "shm publish NAME [--capture NAME]",
    "shm rm NAME",
  ],
  examples: [
    ["shm publish test --capture pattern", "Draw a moving test pattern into the shared memory test."],
    ["shm watch test", "Show it in a window; q leaves."],
    ["shm watch test --png shot.png", "Write one picture, exactly as it was drawn."],
  ],
  positionals: [
    {
      name: "action",
      required: false,
      choices: ["list", "info", "watch", "publish", "rm"],
      help: "What to do; list if left out.",
    },
    { name: "name", required: false, help: "The shared memory's name; not for list." },
  ],
  flags: {
    capture: {
      kind: "choice",
      choices: ["auto", "drm", "x11", "fbdev", "pattern", "camera"],
      default: "auto",
      help: "What publish draws. auto takes the first that works; a named one that fails is an error.",
    },
    display: {
      kind: "text",
      value: ":N|CARD[:CONNECTOR]",
      help: "X display or card's connector that publish captures, or X display that watch shows on. Without it, $DISPLAY.",
    },
    camera: cameraFlag,
    size: { ...size, help: "Picture size of --capture pattern, wanted one of a camera." },
    fps: { ...fps, default: String(limits.fps.default), help: "Most pictures a second of publish." },
    output: { kind: "choice", choices: ["auto", "x11", "sdl2"], default: "auto", help: "How watch shows pictures." },
    fullscreen: { kind: "boolean", short: "f", help: "Fill the screen." },
    png: {
      kind: "text",
      value: "FILE",
      env: false,
      help: "watch: write one picture here instead of opening a window.",
    },
    force: { kind: "boolean", env: false, help: "rm: also while a program writes there." },
    seconds: { ...seconds, help: "watch and publish: end after this long." },
    json,
  },
  exits: ["no-input", "bad-data", "unavailable", "lost-peer", "refused", "cannot-create"],
} as const satisfies CommandSpec;
