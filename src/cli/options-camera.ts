/** The entry of `patchbay camera` in the options table (options.ts), and the flag by which other commands name a camera. */
import { fps, json, seconds, size } from "./option-kinds.ts";
import type { CommandSpec } from "./spec.ts";

export const cameraFlag = {
  kind: "text",
  value: "DEVICE",
  env: false,
  help:
    "Camera or capture card of --capture camera: a path, or the beginning of its name; without it, the first one. Behind " +
    "a comma, format=FOURCC, input=N, and gone=end to end when it is unplugged instead of waiting for it.",
} as const;

export const cameraCommand = {
  summary: "List cameras, show and set what they offer, take a picture",
  description: [
    "list shows cameras, capture cards and what media controllers connect. info shows one device's inputs, formats, sizes, " +
      "rates and controls; set changes controls after checking all of them, and prints what the driver made of each; shot " +
      "writes one picture.",
    "DEVICE is a path such as /dev/video0, or the beginning of a name, a bus address or a serial number. `patchbay host " +
      "--capture camera` streams one.",
  ],
  usage: [
    "camera [list] [--json]",
    "camera info DEVICE [--json]",
    "camera set DEVICE CONTROL=VALUE... [--json]",
    "camera shot DEVICE --png FILE [--size WxH] [--fps N] [--json]",
  ],
  examples: [
    ["camera info /dev/video0", "Formats, sizes, rates and controls."],
    ["camera set /dev/video0 brightness=120 power_line_frequency=2", "Change two controls, or none if one is wrong."],
    [
      "camera shot /dev/video0,format=MJPG --png shot.png --size 1920x1080",
      "Take a picture from the compressed format.",
    ],
  ],
  positionals: [
    {
      name: "action",
      required: false,
      choices: ["list", "info", "set", "shot"],
      help: "What to do; list if left out.",
    },
    { name: "device", required: false, help: "The camera; not for list." },
    { name: "controls", required: false, many: true, help: "set: CONTROL=VALUE, or CONTROL for a button." },
  ],
  flags: {
    png: { kind: "text", value: "FILE", env: false, help: "shot: where the picture goes." },
    size: { ...size, env: false, help: "shot: the wanted picture size; the nearest that the camera has is taken." },
    fps: { ...fps, env: false, default: "30", help: "shot: the wanted rate, by which the format is chosen." },
    seconds: { ...seconds, default: "10", help: "shot: how long to wait for a whole picture." },
    json,
  },
  exits: ["unavailable", "cannot-create"],
} as const satisfies CommandSpec;
