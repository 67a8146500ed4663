/** A relay's channels in the course of time, its limits as options and what it refuses at the start, with the built executable. */
import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { delta, keyframe, sync } from "../sim/relay-world.ts";
import { cleanUp, eventually } from "./processes.ts";
import { freshHome, patchbay, RelayProcess } from "./relay-clients.ts";

afterAll(cleanUp);

describe("channels", () => {
  test("the path /: the first connection publishes, later ones receive, and /stream never publishes", async () => {
    const relay = await RelayProcess.start();
    const named = await relay.open("/stream");
    const first = await relay.open("/");
    const second = await relay.open("/");
    first.send(keyframe(1));
    await Promise.all([named.frames(1), second.frames(1)]);
    named.send(keyframe(2));
    second.send(keyframe(3));
    await eventually("both are counted", async () => (await relay.stats()).drops["not-input"] === 2);
    first.close();
    await eventually("it left", async () => !(await relay.channel("default")).sourceConnected);
    const next = await relay.open("/");
    next.send(keyframe(4));
    await Promise.all([named.frames(2), second.frames(2)]);
    expect([named.names, second.names]).toEqual([
      ["keyframe 1", "keyframe 4"],
      ["keyframe 1", "keyframe 4"],
    ]);
    expect(await relay.channel("default")).toMatchObject({ connectedReceivers: 2, sourceConnected: true });
    await relay.child.kill();
  });

  test("an unknown path gets 404 and the list of those that there are, upgrade or not", async () => {
    const relay = await RelayProcess.start();
    const paths = expect.arrayContaining(["/source/{name}", "/stream/{name}", "/signal/{name}", "/"]);
    expect(await relay.ask("/streams/a")).toMatchObject({ status: 404, body: { error: "unknown-path", paths } });
    const plain = await relay.fetch("/streams/a");
    expect([plain.status, await plain.json()]).toMatchObject([404, { paths }]);
    await relay.child.kill();
  });

  test("a source that comes back within the grace period finds its cache; the channel goes after it, unless somebody waits", async () => {
    const relay = await RelayProcess.start(["--grace", "1", "--collect", "200ms"]);
    for (const name of ["brief", "gone", "awaited"]) {
      const source = await relay.open(`/source/${name}`);
      for (const message of [sync(0), keyframe(1), delta(2)]) source.send(message);
      await eventually("it is cached", async () => (await relay.channel(name)).framesRelayed === 3);
      if (name === "awaited") await relay.open("/stream/awaited");
      source.close();
      await eventually("it left", async () => !(await relay.channel(name)).sourceConnected);
      if (name !== "brief") continue;
      const again = await relay.open("/source/brief");
      again.send(delta(3));
      const late = await relay.open("/stream/brief");
      await late.frames(4);
      expect(late.names).toEqual(["signalSync 0", "keyframe 1", "deltaPixels 2", "deltaPixels 3"]);
    }
    await eventually("the deserted one is removed", async () =>
      (await relay.stats()).channels.every(({ name }) => name !== "gone"),
    );
    expect(await relay.channel("awaited")).toMatchObject({ connectedReceivers: 1, hasState: true });
    await relay.child.until(/1 deserted channels removed, 2 left/);
    await relay.child.kill();
  });
});

describe("at the start", () => {
  test("every limit is an option, and the spec's where none is given", async () => {
    const usual = await RelayProcess.start();
    expect((await usual.stats()).limits).toMatchObject({
      maxReceivers: 64,
      maxChannels: 256,
      queueMessages: 16,
      keepaliveSeconds: 10,
      keepaliveTimeoutSeconds: 30,
      collectSeconds: 60,
      graceSeconds: 30,
    });
    await usual.child.kill();
    const counts = ["--max-receivers", "3", "--max-channels", "2", "--queue", "5", "--max-message", "7"];
    const times = ["--keepalive", "1.5", "--keepalive-timeout", "4", "--collect", "2m", "--grace", "0"];
    const own = await RelayProcess.start([...counts, ...times]);
    expect((await own.stats()).limits).toMatchObject({
      maxReceivers: 3,
      maxChannels: 2,
      queueMessages: 5,
      keepaliveSeconds: 1.5,
      keepaliveTimeoutSeconds: 4,
      collectSeconds: 120,
      graceSeconds: 0,
      maxMessageBytes: 7 * 1024 * 1024,
    });
    await own.child.kill();
  });

  test("a time-out that ends before the first ping, or at it, is refused", async () => {
    for (const times of [
      ["--keepalive-timeout", "10"],
      ["--keepalive", "40"],
    ]) {
      const { status, err } = await patchbay(freshHome(), "relay", "--listen", "127.0.0.1:0", ...times);
      expect([times, status, err]).toEqual([times, 64, expect.stringContaining("--keepalive-timeout")]);
    }
  });

  test("it listens on a name, says where, and takes its own variable, not the host's", async () => {
    const named = await RelayProcess.start(["--listen", "localhost:0"]);
    expect((await fetch(`http://localhost:${named.port}/api/stats`)).status).toBe(200);
    await named.child.kill();
    const nowhere = await patchbay(freshHome(), "relay", "--listen", "nowhere.invalid:0");
    expect([nowhere.status, nowhere.err]).toEqual([69, expect.stringContaining("such as 0.0.0.0, 127.0.0.1")]);
    const env = { PATCHBAY_LISTEN: `127.0.0.1:${named.port}`, PATCHBAY_RELAY_LISTEN: "127.0.0.1:0" };
    const own = await RelayProcess.start([], freshHome(), env);
    expect(own.port).not.toBe(named.port);
    await own.child.kill();
  });

  test("keys are kept as hashes: no file of the device holds one", async () => {
    const home = freshHome();
    const made = JSON.parse((await patchbay(home, "relay", "keys", "create", "publish", "--json", "-")).out);
    expect(made.key.length).toBeGreaterThan(16);
    const relay = await RelayProcess.start(["--listen", "0.0.0.0:0"], home);
    await relay.open(`/source/a?key=${made.key}`);
    expect(relay.child.err).not.toContain(made.key);
    const folder = join(home, "patchbay");
    const files = readdirSync(folder);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files)
      expect([file, readFileSync(join(folder, file)).includes(made.key)]).toEqual([file, false]);
    await relay.child.kill();
  });
});
