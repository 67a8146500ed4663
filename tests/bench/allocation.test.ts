/** The hot path's promise as a test: a packet received, opened, sealed or sent leaves nothing on JavaScript's heap. */
import { expect, test } from "bun:test";

test("packets allocate nothing, and the count can see what does", async () => {
  const program = new URL("allocation.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, program, "20000"], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = (await new Response(child.stdout).text()).trim().split("\n").slice(3);
  expect(await child.exited).toBe(0);
  const bytes = lines.map((line) => Number(line.trim().split(/\s+/).at(-1)));
  expect(bytes.length).toBe(6);
  const [control, ...paths] = bytes;
  const reference = paths.pop();
  expect(control).toBeGreaterThan(15);
  expect(reference).toBeGreaterThan(100);
  for (const path of paths) expect(path).toBeLessThan(2);
}, 30_000);
