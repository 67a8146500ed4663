import { afterAll, beforeAll, expect, test } from "bun:test";
import { openScene } from "./scene.ts";

let server: Bun.Subprocess;
let display = "";

/** A private X server; its number comes back through a descriptor of its own. */
beforeAll(async () => {
  const started = Bun.spawn(["Xvfb", "-displayfd", "1", "-screen", "0", "960x200x24", "-nolisten", "tcp", "-noreset"], {
    stdout: "pipe",
    stderr: "ignore",
  });
  server = started;
  const first = await started.stdout.getReader().read();
  display = `:${new TextDecoder().decode(first.value).trim()}`;
});

afterAll(async () => {
  server.kill();
  await server.exited;
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(5);
}

test("frames are painted until the scene is closed, and closing twice is harmless", async () => {
  const scene = openScene({ target: display, width: 0, height: 0, fps: 60, mode: "demo" });
  if (!scene.ok) throw new Error(scene.message);
  await until(() => scene.value.painted() >= 5);
  scene.value.close();
  const painted = scene.value.painted();
  scene.value.close();
  expect(scene.value.painted()).toBe(painted);
});

test("what cannot be shown is told in a sentence", () => {
  const on = (change: object) =>
    openScene({ target: display, width: 0, height: 0, fps: 60, mode: "scroll", ...change });
  const told = (change: object) => {
    const scene = on(change);
    if (scene.ok) throw new Error("opened");
    expect(scene.code).toBe("unavailable");
    return scene.message;
  };
  expect(told({ width: 895 })).toContain("896 x 64");
  expect(told({ height: 9000 })).toContain("8192");
  expect(told({ fps: 0 })).toContain("times a second");
  expect(told({ mode: "opera" })).toContain('"opera"');
  expect(told({ target: ":39999" })).toContain(":39999: the X display cannot be opened");
});

test("an X server that dies ends the painting and nothing else", async () => {
  const scene = openScene({ target: display, width: 0, height: 0, fps: 200, mode: "video" });
  if (!scene.ok) throw new Error(scene.message);
  await until(() => scene.value.painted() >= 3);
  server.kill("SIGKILL");
  await server.exited;
  scene.value.close();
  expect(scene.value.painted()).toBeGreaterThanOrEqual(3);
});
