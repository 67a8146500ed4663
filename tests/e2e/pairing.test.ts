/** Pairing as people do it: words on both sides, a decision in a third place, pinned keys, and what a changed mind does. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Home, type RunningHost, startHeadless, startPatternHost } from "./harness.ts";
import { type Child, cleanUp, eventually } from "./processes.ts";

const words = /six words {4}((?:[a-z]+ ){5}[a-z]+)/;
const hosting = new Home();
const viewing = new Home();
let host: RunningHost;
let client: Child;
let fingerprint = "";

beforeAll(async () => {
  host = await startPatternHost(hosting);
  fingerprint = (await viewing.key()).fingerprint;
}, 60_000);
afterAll(() => host?.child.interrupt());
afterAll(cleanUp);

const listed = async () => JSON.parse(await hosting.tell("peers", "list", "--json"));

/** What the client says at its end, without the log. */
const sentence = (child: Child) => /^patchbay: (.*)$/m.exec(child.err)?.[1];

test("an unknown client waits, and both ends show the same six words", async () => {
  client = startHeadless(viewing, host.place);
  const shown = await client.until(words);
  await client.until(/waiting for the host's owner to approve this device/);
  expect((await host.child.until(words))[1]).toBe(shown[1] as string);
  expect((await host.child.until(/fingerprint {2}(\S+)/))[1]).toBe(fingerprint);
  expect(host.child.err).toContain(`patchbay peers approve ${fingerprint}`);
  expect(await listed()).toMatchObject([{ state: "waiting", fingerprint, words: (shown[1] as string).split(" ") }]);
  const stats = await host.stats();
  expect(stats.peers).toMatchObject([{ state: "waiting", fingerprint, permissions: [], bitrateBps: 0 }]);
}, 30_000);

test("approved from a third process, the waiting client gets the picture", async () => {
  await hosting.tell("peers", "approve", fingerprint);
  await client.until(/approved/);
  await host.until("frames", (stats) => stats.stream.frames > 10);
  expect((await host.stats()).peers).toMatchObject([{ state: "connected", fingerprint }]);
  expect(await client.interrupt()).toBe(0);
  await host.child.until(/left after/);
}, 60_000);

test("the second connection needs nobody", async () => {
  client = startHeadless(viewing, host.place, "--seconds", "1", "--json", "-");
  expect(await client.ended()).toBe(0);
  expect(client.err).toContain("as expected");
  expect(client.err).not.toContain("waiting");
  expect(JSON.parse(client.out).framesShown).toBeGreaterThan(0);
}, 60_000);

test("revoked while connected, the client is told; and it is not let in again", async () => {
  client = startHeadless(viewing, host.place);
  await client.until(/approved/);
  await hosting.tell("peers", "revoke", fingerprint);
  expect([75, 77]).toContain(await client.ended());
  expect(sentence(client)).toBeDefined();
  await host.child.until(/was revoked and is disconnected/);
  const again = startHeadless(viewing, host.place);
  expect(await again.ended()).toBe(77);
  expect(sentence(again)).toContain("has revoked this device");
  expect((await host.stats()).drops.refused).toBe(1);
}, 60_000);

test("a pairing code with another key is refused by the client, and nothing is asked of the host's owner", async () => {
  const stranger = new Home();
  const wrong = (await new Home().key()).publicKey;
  const refused = startHeadless(stranger, `${wrong}@${host.place}`);
  expect(await refused.ended()).toBe(77);
  expect(sentence(refused)).toContain("another key");
  expect(await listed()).not.toContainEqual(
    expect.objectContaining({ fingerprint: (await stranger.key()).fingerprint }),
  );
}, 60_000);

test("the right pairing code makes a host known in advance: no words to compare", async () => {
  const friend = new Home();
  await hosting.approve(friend, "--permit", "view");
  const code = `${(await hosting.key()).publicKey}@${host.place}`;
  const visit = startHeadless(friend, code, "--seconds", "1", "--json", "-");
  expect(await visit.ended()).toBe(0);
  expect(visit.err).toContain("as expected");
  expect(visit.err).not.toMatch(words);
}, 60_000);

test("another host at a known address is refused by the client", async () => {
  const friend = new Home();
  await hosting.approve(friend);
  expect(await startHeadless(friend, host.place, "--seconds", "1").ended()).toBe(0);
  await host.child.interrupt();
  const impostor = await startPatternHost(new Home(), "--listen", host.place);
  const fooled = startHeadless(friend, host.place);
  expect(await fooled.ended()).toBe(77);
  expect(sentence(fooled)).toContain("another key");
  expect(await impostor.child.interrupt()).toBe(0);
}, 60_000);

test("every session has left its row in the database", async () => {
  const { Database } = await import("bun:sqlite");
  const sql = new Database(`${hosting.folder}/patchbay/patchbay.db`, { readonly: true });
  const rows = await eventually("rows", () => {
    const found = sql.query<{ counters: string }, []>("SELECT counters FROM sessions ORDER BY id").all();
    return found.length > 0 && found.map((row) => JSON.parse(row.counters));
  });
  sql.close();
  expect(rows.filter((row) => row["ended-left"] === 1).length).toBeGreaterThanOrEqual(3);
  expect(rows.filter((row) => row["ended-revoked"] === 1).length).toBe(1);
  expect(rows[0].frames).toBeGreaterThan(0);
});
