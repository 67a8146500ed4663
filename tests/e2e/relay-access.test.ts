/** Keys, paired devices, TLS, the log and the history of a relay, from outside. */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { signInHeader } from "../../src/secure/sign-in.ts";
import { openStore } from "../../src/store/database.ts";
import { loadIdentity } from "../../src/store/identity.ts";
import { listRelayMinutes } from "../../src/store/relay.ts";
import { keyframe } from "../sim/relay-world.ts";
import { cleanUp, eventually } from "./processes.ts";
import { freshHome, patchbay, RawClient, RelayProcess } from "./relay-clients.ts";

afterAll(cleanUp);

const public_ = ["--listen", "0.0.0.0:0"];

describe("on an address that others reach", () => {
  test("the first start makes a key to publish and shows it once", async () => {
    const relay = await RelayProcess.start(public_);
    const key = /shown only now: (\S+)/.exec(relay.child.err)?.[1] ?? "";
    expect(await relay.ask("/source/a")).toMatchObject({ status: 401, body: { error: "no-access" } });
    expect((await relay.ask(`/source/a?key=${key}x`)).status).toBe(401);
    const source = await relay.open("/source/a", { authorization: `Bearer ${key}` });
    source.send(keyframe(1));
    const viewer = await relay.open("/stream/a");
    await viewer.frames(1);
    expect(await relay.child.interrupt()).toBe(0);
    const again = await RelayProcess.start(public_, relay.home);
    expect(again.child.err).not.toContain("shown only now");
    await again.open(`/source/a?key=${key}`);
    await again.child.kill();
  });

  test("keys are made, listed and revoked while it runs", async () => {
    const relay = await RelayProcess.start(public_);
    const made = JSON.parse((await patchbay(relay.home, "relay", "keys", "create", "view", "--json", "-")).out);
    expect((await relay.ask("/stream/a")).status).toBe(401);
    expect((await relay.fetch("/api/stats")).status).toBe(401);
    expect((await relay.fetch(`/api/stats?key=${made.key}`)).status).toBe(200);
    const viewer = await relay.open(`/stream/a?key=${made.key}`);
    expect((await relay.ask(`/source/a?key=${made.key}`)).status).toBe(403);
    const listed = JSON.parse((await patchbay(relay.home, "relay", "keys", "--json", "-")).out);
    expect(listed.map(({ id, permits }: { id: number; permits: string }) => [id, permits])).toEqual([
      [1, "publish"],
      [made.id, "view"],
    ]);
    expect((await patchbay(relay.home, "relay", "keys", "revoke", String(made.id))).status).toBe(0);
    await viewer.closed();
    expect(viewer.code).toBe(1008);
    await relay.open("/stream/a");
    expect((await patchbay(relay.home, "relay", "keys", "revoke", "99")).status).toBe(64);
    expect((await patchbay(relay.home, "relay", "keys", "create")).status).toBe(64);
    await relay.child.kill();
  });

  test("a paired device signs in with its identity, once a header; a revoked one is refused", async () => {
    const relay = await RelayProcess.start(public_);
    const own = openStore({ folder: freshHome() });
    if (!own.ok) throw new Error(own.message);
    const device = loadIdentity(own.value, "laptop");
    if (!device.ok) throw new Error(device.message);
    own.value.close();
    const authorization = () => signInHeader(device.value, { host: relay.place, target: "/source/a" }, Date.now());
    expect((await relay.ask("/source/a", { authorization: authorization() })).status).toBe(401);
    const key = device.value.signing.publicKey.toBase64();
    expect((await patchbay(relay.home, "peers", "approve", key)).status).toBe(0);
    const once = authorization();
    const source = await relay.open("/source/a", { authorization: once });
    expect((await relay.ask("/source/a?takeover=1", { authorization: authorization() })).status).toBe(401);
    expect((await relay.ask("/source/a", { authorization: once })).status).toBe(401);
    await patchbay(relay.home, "peers", "revoke", key);
    await source.closed();
    expect(source.code).toBe(1008);
    expect((await relay.ask("/source/a", { authorization: authorization() })).status).toBe(403);
    await relay.child.kill();
  });

  test("keys come from a file or the environment, and weak ones are refused", async () => {
    const home = freshHome();
    const file = join(home, "key");
    await Bun.write(file, "a-key-that-somebody-chose\n");
    const relay = await RelayProcess.start([...public_, "--publish-key", file], home);
    expect(relay.child.err).not.toContain("shown only now");
    await relay.open("/source/a?key=a-key-that-somebody-chose");
    await relay.child.kill();
    await Bun.write(file, "short");
    const refused = await patchbay(home, "relay", "--publish-key", file);
    expect([refused.status, refused.err.includes("is no key")]).toEqual([64, true]);
    expect((await patchbay(home, "relay", "--view-key", "env:NOT_SET_ANYWHERE")).status).toBe(64);
  });
});

test("TLS on Bun's server: wss and https, and no plain HTTP", async () => {
  const home = freshHome();
  const [cert, key] = [join(home, "cert.pem"), join(home, "key.pem")];
  const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const made = Bun.spawnSync(["openssl", ...words, "-subj", "/CN=localhost", "-keyout", key, "-out", cert]);
  expect(made.exitCode).toBe(0);
  const relay = await RelayProcess.start(["--tls-cert", cert, "--tls-key", key], home);
  const [source, receiver] = [await relay.open("/source/a"), await relay.open("/stream/a")];
  source.send(keyframe(1));
  await receiver.frames(1);
  expect((await relay.stats()).transport.name).toBe("bun");
  expect(relay.child.err).toContain(`wss://${relay.place}/source/NAME`);
  expect(await (await relay.fetch("/")).text()).toContain("<title>Patchbay relay</title>");
  const plain = await RawClient.open(relay.port);
  plain.write(`GET / HTTP/1.1\r\nHost: ${relay.place}\r\n\r\n`);
  await eventually("it is ended", () => plain.isClosed);
  expect(plain.text).not.toContain("200");
  await relay.child.kill();
  expect((await patchbay(home, "relay", "--tls-cert", cert)).status).toBe(64);
  expect((await patchbay(home, "relay", "--tls-cert", cert, "--tls-key", join(home, "none"))).status).toBe(66);
  const swapped = await patchbay(home, "relay", "--listen", "127.0.0.1:0", "--tls-cert", key, "--tls-key", cert);
  expect([swapped.status, swapped.err.includes("--tls-cert")]).toEqual([69, true]);
});

test("the log tells of active channels, the report and the history of what was relayed", async () => {
  const relay = await RelayProcess.start(["--collect", "200ms", "--json", "-"]);
  expect(relay.child.err).toContain("at most 64 receivers a channel and 256 channels; a source may be away for 30 s");
  const source = await relay.open("/source/told");
  source.send(keyframe(1));
  await relay.child.until(
    /"told": up \d+ s, 1 frames, 0\.0 MB, receivers 0\/64 \(peak 0\), 0 signal diffs, cached yes/,
  );
  expect(await relay.child.interrupt()).toBe(0);
  expect(JSON.parse(relay.child.out)).toMatchObject({ channels: [{ name: "told", framesRelayed: 1 }] });
  const store = openStore({ folder: join(relay.home, "patchbay") });
  if (!store.ok) throw new Error(store.message);
  expect(listRelayMinutes(store.value, "told", 0, 10)).toMatchObject({ value: [{ frames: 1, sources: 1 }] });
  store.value.close();
});

test("an address in use is told in a sentence, by either server", async () => {
  const relay = await RelayProcess.start();
  for (const server of ["native", "bun"]) {
    const second = await patchbay(freshHome(), "relay", "--server", server, "--listen", relay.place);
    expect([second.status, second.err.trim().split("\n").length]).toEqual([69, 1]);
  }
  await relay.child.kill();
});
