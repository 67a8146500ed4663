/** `--input log` without a file: events are counted, and the folder that the host was started in stays as it was. */
import { afterAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { executable, openDisplay, temporaryFolder } from "./harness.ts";
import { cleanUp } from "./processes.ts";

afterAll(cleanUp);

test("a host that captures a display writes no file named after it", async () => {
  const { name } = await openDisplay(320, 240);
  const folder = temporaryFolder();
  const args = ["host", "--display", name, "--input", "log", "--listen", "127.0.0.1:0", "--dashboard", "off"];
  const env = { ...process.env, XDG_DATA_HOME: temporaryFolder() };
  const host = Bun.spawn([executable, ...args, "--seconds", "0.2"], {
    cwd: folder,
    env,
    stderr: "pipe",
    stdin: "ignore",
  });
  expect([await host.exited, await new Response(host.stderr).text()]).toEqual([
    0,
    expect.stringContaining("input log"),
  ]);
  expect(readdirSync(folder)).toEqual([]);
});
