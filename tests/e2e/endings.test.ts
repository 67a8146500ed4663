/** How it ends: asked to, cut off, or with the display taken away; each time with a sentence, its status, and nothing left behind. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { statSync } from "node:fs";
import {
  Home,
  openDisplay,
  type RunningHost,
  startFullscreen,
  startHeadless,
  startHost,
  startPatternHost,
} from "./harness.ts";
import { type Child, cleanUp } from "./processes.ts";

const hosting = new Home();
const viewing = new Home();

afterAll(cleanUp);
beforeAll(() => hosting.approve(viewing), 60_000);

const sentence = (child: Child) => /^patchbay: (.*)$/m.exec(child.err)?.[1];

async function pair(): Promise<{ host: RunningHost; client: Child }> {
  const host = await startPatternHost(hosting);
  const client = startHeadless(viewing, host.place);
  await client.until(/approved/);
  await host.until("frames", (stats) => stats.stream.frames > 3);
  return { host, client };
}

function sessions(home: Home): { role: string; counters: string }[] {
  const sql = new Database(`${home.folder}/patchbay/patchbay.db`, { readonly: true });
  const rows = sql.query<{ role: string; counters: string }, []>("SELECT role, counters FROM sessions").all();
  sql.close();
  return rows;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} ends the host in order, and its client is told`, async () => {
    const { host, client } = await pair();
    const before = sessions(hosting).length;
    const log = `${hosting.folder}/patchbay/patchbay.db-wal`;
    host.child.signal(signal);
    expect(await host.child.ended()).toBe(0);
    expect(await client.ended()).toBe(75);
    expect(sentence(client)).toBe(`${host.place} ended the session.`);
    // What was in the write-ahead log is back in the one file.
    expect(statSync(log, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
    expect(sessions(hosting).length).toBe(before + 1);
  }, 60_000);

  test(`${signal} ends the client in order, and the host goes on`, async () => {
    const { host, client } = await pair();
    const before = sessions(viewing).length;
    client.signal(signal);
    expect(await client.ended()).toBe(0);
    expect(sessions(viewing)[before]).toMatchObject({ role: "client" });
    await host.child.until(/left after/);
    const again = startHeadless(viewing, host.place, "--seconds", "2", "--json", "-");
    expect(await again.ended()).toBe(0);
    expect(JSON.parse(again.out).framesShown).toBeGreaterThan(0);
    expect(await host.child.interrupt()).toBe(0);
  }, 60_000);
}

test("a host that is killed is missed by its client, and found again when it is back", async () => {
  const { host, client } = await pair();
  await host.child.kill();
  expect(await client.ended()).toBe(75);
  expect(sentence(client)).toContain("has been silent for 5 s");
  const back = await startPatternHost(hosting, "--listen", host.place);
  const again = startHeadless(viewing, host.place, "--seconds", "2", "--json", "-");
  expect(await again.ended()).toBe(0);
  expect(JSON.parse(again.out).framesShown).toBeGreaterThan(0);
  expect(await back.child.interrupt()).toBe(0);
}, 60_000);

test("a host whose display is gone says so and tells its client", async () => {
  const source = await openDisplay(320, 240);
  const host = await startHost(hosting, "--display", source.name);
  const client = startHeadless(viewing, host.place);
  await client.until(/approved/);
  await source.server.kill();
  expect(await host.child.ended()).toBe(69);
  expect(sentence(host.child)).toContain("went away");
  expect(await client.ended()).toBe(75);
}, 60_000);

test("a host that nobody watches notices as well that its display is gone", async () => {
  const source = await openDisplay(320, 240);
  const host = await startHost(hosting, "--display", source.name);
  await source.server.kill();
  expect(await host.child.ended()).toBe(69);
}, 60_000);

test("a client whose display is gone says so and tells its host", async () => {
  const sink = await openDisplay(320, 240);
  const host = await startPatternHost(hosting);
  const client = startFullscreen(viewing, host.place, sink);
  await client.until(/approved/);
  await host.until("frames", (stats) => stats.stream.frames > 3);
  await sink.server.kill();
  expect(await client.ended()).toBe(69);
  expect(sentence(client)).toContain("display was closed");
  await host.child.until(/left after/);
  expect(await host.child.interrupt()).toBe(0);
}, 60_000);
