/** What cannot work: each with one sentence that says what and why, the status that scripts know, and never a silent way round. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Home, type RunningHost, startHeadless, startPatternHost, temporaryFolder } from "./harness.ts";
import { socket } from "./outsiders.ts";
import { type Child, cleanUp } from "./processes.ts";

const hosting = new Home();
const viewing = new Home();
const out = temporaryFolder();
let host: RunningHost;

beforeAll(async () => {
  await hosting.approve(viewing);
  host = await startPatternHost(hosting);
}, 60_000);
afterAll(() => host?.child.interrupt());
afterAll(cleanUp);

/** The one sentence at the end, and the status. Resolves when the command has ended. */
async function refusal(child: Child): Promise<{ status: number; sentence: string }> {
  const status = await child.ended();
  const sentences = [...child.err.matchAll(/^patchbay: (.*)$/gm)].map((match) => match[1] as string);
  if (sentences.length !== 1) throw new Error(`not one sentence:\n${child.told()}`);
  expect(child.err).not.toMatch(/^\s+at /m);
  return { status, sentence: sentences[0] as string };
}

const startHost = (...args: string[]) =>
  new Home().start(["host", "--listen", "127.0.0.1:0", "--dashboard", "off", ...args]);

test("no host there", async () => {
  const silent = await socket();
  const { status, sentence } = await refusal(startHeadless(viewing, `127.0.0.1:${silent.port}`));
  expect(status).toBe(68);
  expect(sentence).toContain(`127.0.0.1:${silent.port} does not answer`);
}, 60_000);

test("a name that nobody has", async () => {
  const { status, sentence } = await refusal(startHeadless(viewing, "nobody.invalid"));
  expect(status).toBe(68);
  expect(sentence).toContain("nobody.invalid");
}, 60_000);

test("no display to show it on, or to capture", async () => {
  const shown = await refusal(viewing.start(["client", host.place]));
  expect(shown).toMatchObject({ status: 69, sentence: expect.stringContaining("display") });
  const named = await refusal(viewing.start(["client", host.place, "--output", "x11", "--display", ":39999"]));
  expect(named).toMatchObject({ status: 69, sentence: expect.stringContaining(":39999") });
  const captured = await refusal(startHost("--display", ":39999"));
  expect(captured).toMatchObject({ status: 69, sentence: expect.stringContaining(":39999") });
}, 60_000);

test("a port that is taken, for clients and for the status page", async () => {
  const home = new Home();
  const pattern = ["host", "--capture", "pattern"];
  const udp = await refusal(home.start([...pattern, "--listen", host.place, "--dashboard", "off"]));
  expect(udp).toMatchObject({ status: 69, sentence: expect.stringContaining(String(host.port)) });
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const page = await refusal(
    home.start([...pattern, "--listen", "127.0.0.1:0", "--dashboard", `127.0.0.1:${taken.port}`]),
  );
  expect(page).toMatchObject({ status: 69, sentence: expect.stringContaining(String(taken.port)) });
}, 60_000);

test("a backend that is named and cannot work is an error, and nothing else is taken instead", async () => {
  const nowhere = join(out, "fb0");
  const framebuffer = await refusal(startHost("--capture", "fbdev", "--display", nowhere));
  expect(framebuffer).toMatchObject({ status: 69, sentence: expect.stringContaining(nowhere) });
  if (!existsSync("/dev/fb0")) {
    const device = await refusal(startHost("--capture", "fbdev"));
    expect(device).toMatchObject({ status: 69, sentence: expect.stringContaining("/dev/fb0") });
  }
  const screen = await refusal(startHost("--capture", "x11", "--display", ":39999"));
  expect(screen).toMatchObject({ status: 69, sentence: expect.stringContaining(":39999") });
  const input = await refusal(startHost("--capture", "pattern", "--input", "xtest", "--input-target", ":39999"));
  expect(input).toMatchObject({ status: 69, sentence: expect.stringContaining(":39999") });
  const window = await refusal(viewing.start(["client", host.place, "--output", "sdl2", "--display", ":39999"]));
  expect(window.status).toBe(69);
}, 60_000);

test("a report or picture that cannot be written is told at the end, after the session", async () => {
  const absent = join(out, "absent", "file");
  const short = ["--seconds", "0.5"];
  const report = await refusal(startHeadless(viewing, host.place, ...short, "--json", absent));
  expect(report).toMatchObject({ status: 73, sentence: expect.stringContaining(absent) });
  const picture = await refusal(startHeadless(viewing, host.place, ...short, "--png", absent));
  expect(picture).toMatchObject({ status: 73, sentence: expect.stringContaining(absent) });
  const full = await refusal(startHeadless(viewing, host.place, ...short, "--png", "/dev/full"));
  expect(full).toMatchObject({ status: 73, sentence: expect.stringContaining("/dev/full") });
  const hosts = await refusal(startHost("--capture", "pattern", "--seconds", "0.3", "--json", "/dev/full"));
  expect(hosts).toMatchObject({ status: 73, sentence: expect.stringContaining("/dev/full") });
}, 60_000);

test("interrupted, a command still says that its report could not be written", async () => {
  const absent = join(out, "absent", "file");
  const client = startHeadless(viewing, host.place, "--json", absent);
  await client.until(/approved/);
  expect(await client.interrupt()).toBe(73);
  expect(client.err).toContain(absent);
}, 60_000);

test("what is mistyped, with the nearest that there is", async () => {
  const flag = await refusal(viewing.start(["client", host.place, "--fulscreen"]));
  expect(flag).toMatchObject({ status: 64, sentence: expect.stringContaining("--fullscreen") });
  const target = await refusal(viewing.start(["client", "127.0.0.1:99999"]));
  expect(target.status).toBe(64);
}, 60_000);

test("a client that reaches nobody in its time says so by its status", async () => {
  const child = new Home().start(["client", "127.0.0.1:9", "--output", "headless", "--seconds", "1"]);
  expect(await child.ended()).toBe(68);
  expect(child.err).toContain("did not answer within 1 s");
}, 60_000);
