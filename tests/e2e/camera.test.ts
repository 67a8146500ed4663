/** `patchbay camera` where there may be no camera: what is asked wrongly, and what is none. The lab has cameras. */
import { afterAll, expect, test } from "bun:test";
import type { CameraList } from "../../ffi/camera-lines.ts";
import { Home } from "./harness.ts";
import { cleanUp } from "./processes.ts";

afterAll(cleanUp);

const home = new Home();

test.each([
  [["camera", "info"], 64, "needs a device"],
  [["camera", "list", "/dev/video0"], 64, "takes no device"],
  [["camera", "info", "/dev/null", "gain=1"], 64, 'does not know what to do with "gain=1"'],
  [["camera", "set", "/dev/null"], 64, "needs CONTROL=VALUE"],
  [["camera", "shot", "/dev/null"], 64, "needs --png FILE"],
  [["camera", "shot", "/dev/null", "--png", "/dev/full"], 69, "/dev/null is no camera"],
  [["camera", "info", "/dev/video_none"], 69, "No such file or directory; `patchbay camera list` shows what there is"],
  [["camera", "info", "no such camera,colour=red"], 69, 'option "colour=red" is not understood'],
  [["host", "--camera", "/dev/video0", "--dashboard", "off"], 64, "--camera names the camera of --capture camera"],
  [["shm", "publish", "x", "--capture", "camera", "--camera", "/dev/null"], 69, "/dev/null is no camera"],
] as const)("%j ends with %d and says why", async (args, status, because) => {
  const child = home.start(args);
  expect([await child.ended(), child.err]).toEqual([status, expect.stringContaining(because)]);
});

test("a list is a list, however short", async () => {
  const found = JSON.parse(await home.tell("camera", "--json")) as CameraList;
  expect(Object.keys(found)).toEqual(["devices", "media", "closed"]);
});
