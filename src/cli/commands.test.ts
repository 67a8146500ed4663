/** key, peers and inspect as scripts use them: real processes, each test with a data folder of its own. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fingerprint, parsePairingCode } from "../secure/fingerprint.ts";
import { openStore } from "../store/database.ts";
import { Peers } from "../store/peers.ts";
import { permission } from "../wire/root.ts";
import { permissions } from "./options.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "patchbay-cli-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function patchbay(args: readonly string[], stdin = "") {
  const process_ = Bun.spawn([process.execPath, `${import.meta.dir}/../main.ts`, ...args], {
    env: { ...process.env, XDG_DATA_HOME: home },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(process_.stdout).text(), new Response(process_.stderr).text()]);
  return { out, err, status: await process_.exited };
}

async function json(...args: string[]) {
  const { out, err, status } = await patchbay([...args, "--json"]);
  expect([err, status]).toEqual(["", 0]);
  return JSON.parse(out);
}

const key = (fill: number) => new Uint8Array(32).fill(fill);
const words = "cradle orbit velvet tunnel copper maple";

/** A device that has called and waits, as a host notes it. */
function waits(fill: number, name: string): void {
  const store = openStore({ folder: join(home, "patchbay") });
  if (!store.ok) throw new Error(store.message);
  const noted = new Peers(store.value).noteContact(
    { key: key(fill), name, address: "192.0.2.7:5000", nowMs: 1e12 },
    words,
  );
  store.value.close();
  if (!noted.ok) throw new Error(noted.message);
}

describe("key show", () => {
  test("--json has exactly the fingerprint, the public key and the code, and stays the same", async () => {
    const shown = await json("key", "show");
    expect(Object.keys(shown)).toEqual(["fingerprint", "publicKey", "code"]);
    expect(shown.fingerprint).toBe(fingerprint(Uint8Array.fromBase64(shown.publicKey)));
    expect(parsePairingCode(shown.code)).toMatchObject({ ok: true, value: { port: 9876 } });
    expect(await json("key")).toEqual(shown);
  });

  test("--host stands in the code; --qr draws it", async () => {
    const { code, publicKey } = await json("key", "show", "--host", "[2001:db8::1]:7000");
    expect(code).toBe(`${publicKey}@[2001:db8::1]:7000`);
    const { out } = await patchbay(["key", "show", "--host", "desk", "--qr"]);
    expect(out).toContain("@desk:9876");
    expect(out).toContain("█");
  });
});

describe("peers", () => {
  test("an unseen key is approved before first contact, also by a pairing code, and revoked", async () => {
    const base64 = key(7).toBase64();
    const approved = await json("peers", "approve", base64);
    expect(approved).toMatchObject({
      state: "approved",
      publicKey: base64,
      permissions: ["view", "sound", "input"],
      lastSeen: null,
    });
    expect(await json("peers", "approve", `${base64}@desk:9876`, "--permit", "view")).toMatchObject({
      permissions: ["view"],
    });
    expect(await json("peers", "list")).toHaveLength(1);
    expect(await json("peers", "revoke", approved.fingerprint)).toMatchObject({ state: "revoked", permissions: [] });
    expect(await json("peers")).toMatchObject([{ publicKey: base64, state: "revoked" }]);
  });

  test("a waiting device shows its words until it is approved by name", async () => {
    waits(1, "laptop");
    const { out } = await patchbay(["peers"]);
    for (const text of ["waiting", "laptop", words, `peers approve ${fingerprint(key(1))}`])
      expect(out).toContain(text);
    expect(await json("peers")).toMatchObject([{ words: words.split(" "), permissions: [] }]);
    const approved = await patchbay(["peers", "approve", "laptop"]);
    expect(approved.out).toContain(`laptop (${fingerprint(key(1))}) is approved: view, sound, input.`);
    expect(approved.out).toContain(words);
    expect(await json("peers")).toMatchObject([{ state: "approved", words: null }]);
  });

  test("a name that two devices have, a name that none has, a missing key and a --permit that permits nothing are usage faults", async () => {
    waits(1, "laptop");
    waits(2, "laptop");
    const permit = ["--permit", "view"];
    const unpermitted = [permit, ["list", ...permit], ["revoke", fingerprint(key(1)), ...permit]];
    const vague = [["approve", "laptop"], ["approve", "desktop"], ["approve"], ["revoke"], ["list", "laptop"]];
    for (const args of [...vague, ...unpermitted]) {
      const { err, status, out } = await patchbay(["peers", ...args]);
      expect([args, status, out]).toEqual([args, 64, ""]);
      expect(err).toMatch(/^patchbay: [^\n]+\n$/);
    }
    expect(await json("peers")).toMatchObject([{ state: "waiting" }, { state: "waiting" }]);
  });

  test("an empty list says what happens next", async () => {
    expect((await patchbay(["peers"])).out).toContain("waits here");
    expect(await json("peers")).toEqual([]);
  });

  test("a broken database is one sentence, status 78, and left as it is", async () => {
    mkdirSync(join(home, "patchbay"), { mode: 0o700 });
    writeFileSync(join(home, "patchbay", "patchbay.db"), "this is no database, and it must stay what it is", {
      mode: 0o600,
    });
    const { err, status } = await patchbay(["peers"]);
    expect(status).toBe(78);
    expect(err).toMatch(/^patchbay: [^\n]+\n$/);
    expect(await Bun.file(join(home, "patchbay", "patchbay.db")).text()).toStartWith("this is no database");
  });

  test("the permissions of the table are those of the wire", () => {
    expect([...permissions] as string[]).toEqual(Object.keys(permission));
  });
});

describe("inspect", () => {
  const keyframe = "544f4f5202050000010000000000000005000500000000";

  test("explains hexadecimal text, standard input and files alike, and touches no data folder", async () => {
    const { out, status } = await patchbay(["inspect", keyframe]);
    expect(status).toBe(0);
    for (const text of ["header.magic", "header.type", "control.command", "requestKeyframe"])
      expect(out).toContain(text);
    expect((await patchbay(["inspect", "-"], `${keyframe}\n`)).out).toBe(out);
    const path = join(home, "packet.bin");
    writeFileSync(path, Buffer.from(keyframe, "hex"));
    expect((await patchbay(["inspect", path])).out).toBe(out);
    expect(readdirSync(home)).toEqual(["packet.bin"]);
  });

  test("several packets, and --json", async () => {
    const { out } = await patchbay(["inspect", "-"], `${keyframe}\n${keyframe}\n`);
    expect(out).toContain("packet 2, 23 bytes");
    const packets = await json("inspect", keyframe);
    expect(packets).toMatchObject([{ size: 23 }]);
    expect(packets[0].fields[0]).toMatchObject({ offset: 0, field: "header.magic" });
  });

  test("says what is wrong with a packet", async () => {
    expect((await patchbay(["inspect", keyframe.slice(0, 8)])).out).toContain("too short");
  });

  test.each([
    ["no-such-file.bin", 66],
    ["544", 65],
    [import.meta.dir, 66],
  ] as const)("%s ends with status %d", async (input, expected) => {
    const { err, status, out } = await patchbay(["inspect", input]);
    expect([status, out]).toEqual([expected, ""]);
    expect(err).toMatch(/^patchbay: [^\n]+\n$/);
  });

  test("nothing at all is bad data", async () => {
    expect((await patchbay(["inspect", "-"], "\n")).status).toBe(65);
  });
});
