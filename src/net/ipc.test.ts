/** Local channels on real sockets: names, both directions, bytes as they may come, limits, ends of all kinds, and who may be there. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildPeer } from "../../tests/c/itkp-peer.ts";
import { itkpCases } from "../../tests/vectors/itkp.ts";
import { concatBytes } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import { encode } from "../wire/itkp.ts";
import {
  type Channel,
  type ChannelServer,
  connect,
  type IpcResult,
  listen,
  makeChannelName,
  readMessage,
  writeMessage,
} from "./ipc.ts";

const root = mkdtempSync(join(tmpdir(), "pb-ipc-"));
const runtimeBefore = process.env.XDG_RUNTIME_DIR;
process.env.XDG_RUNTIME_DIR = root;
afterAll(() => {
  if (runtimeBefore === undefined) delete process.env.XDG_RUNTIME_DIR;
  else process.env.XDG_RUNTIME_DIR = runtimeBefore;
  rmSync(root, { recursive: true });
});

const must = <T>(result: IpcResult<T>): T => {
  if (!result.ok) throw new Error(`${result.name}: ${result.message}`);
  return result.value;
};
const pathOf = (name: string, place: "auto" | "tmp" = "auto"): string => {
  const made = makeChannelName(name, { place });
  if (!made.ok) throw new Error(made.message);
  return made.value;
};

let count = 0;
let name = "";
const opened: { close(): void }[] = [];
const kept = <T extends { close(): void }>(one: T): T => {
  opened.push(one);
  return one;
};
beforeEach(() => {
  name = `t${process.pid}.${count++}`;
});
afterEach(() => {
  for (const one of opened.splice(0).reverse()) one.close();
});

async function pair(): Promise<{ server: ChannelServer; here: Channel; there: Channel }> {
  const server = kept(must(await listen(name)));
  const here = kept(must(await connect(name)));
  return { server, here, there: kept(must(await server.accept({ timeoutMs: 5000 }))) };
}

/** A server and a bare socket to it. */
async function bare() {
  const server = kept(must(await listen(name)));
  const socket = await Bun.connect({ unix: server.address, socket: { data: () => undefined } });
  opened.push({ close: () => socket.terminate() });
  return { socket, channel: kept(must(await server.accept({ timeoutMs: 5000 }))) };
}

describe("a channel's name", () => {
  const linux = { platform: "linux", runtimeFolder: undefined };
  test("becomes a place", () => {
    expect(makeChannelName("x", {}, linux)).toEqual({ ok: true, value: "/tmp/itk_x.sock" });
    const session = { platform: "linux", runtimeFolder: "/run/user/7" };
    expect(makeChannelName("x", {}, session)).toEqual({ ok: true, value: "/run/user/7/patchbay/itk_x.sock" });
    expect(makeChannelName("x", { place: "tmp" }, session)).toEqual({ ok: true, value: "/tmp/itk_x.sock" });
    expect(makeChannelName("x", {}, { ...session, platform: "win32" })).toEqual({
      ok: true,
      value: "\\\\.\\pipe\\itk_x",
    });
  });

  for (const bad of ["", "a/b", "a\\b", "..", "a..b", "a\0b", "a\nb", "\ud800", "x".repeat(300)])
    test(`cannot be ${JSON.stringify(bad).slice(0, 20)}`, async () => {
      expect(makeChannelName(bad, {}, { ...linux, platform: "win32" })).toMatchObject({ ok: false, code: "usage" });
      expect(await listen(bad)).toMatchObject({ ok: false, name: "InvalidName" });
      expect(await connect(bad)).toMatchObject({ ok: false, name: "InvalidName" });
    });

  test("fits the 107 bytes of a socket's path exactly", () => {
    const fits = 107 - "/tmp/itk_.sock".length;
    expect(makeChannelName("x".repeat(fits), {}, linux).ok).toBe(true);
    const over = makeChannelName("x".repeat(fits + 1), {}, linux);
    expect(over).toMatchObject({ ok: false, message: expect.stringContaining(`${fits} fit`) });
    expect(makeChannelName(`${"é".repeat(fits / 2)}x`, {}, linux).ok).toBe(fits % 2 === 1);
  });
});

describe("messages", () => {
  test("go both ways, in order, as they were", async () => {
    const { here, there } = await pair();
    for (const { bytes } of itkpCases) must(await here.send(bytes));
    for (const { bytes } of itkpCases) expect(must(await there.recv())).toEqual(bytes);
    must(await writeMessage(there, "ClockPing", { senderTimeMs: 5 }));
    expect(must(await readMessage(here))).toEqual({ name: "ClockPing", payload: { senderTimeMs: 5 } });
    expect(there.tryRecv()).toEqual({ ok: true, value: undefined });
    expect([here.isConnected, there.isConnected]).toEqual([true, true]);
    expect(here.counters.get("sent")).toBe(itkpCases.length);
  });

  test("may come one byte at a time, or many at once", async () => {
    const { socket, channel } = await bare();
    const all = concatBytes(...itkpCases.slice(0, 8).map(({ bytes }) => bytes));
    for (const byte of all) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(all);
    for (let round = 0; round < 2; round++)
      for (const { bytes } of itkpCases.slice(0, 8)) expect(must(await channel.recv())).toEqual(bytes);
  });

  test("of the largest size pass, and what is no message is not sent", async () => {
    const { here, there } = await pair();
    const large = new Uint8Array(20 + 1_048_576);
    large.set(must(ofCase("Ping")));
    new DataView(large.buffer).setUint32(12, 1_048_576, true);
    const sent = here.send(large);
    expect(must(await there.recv())).toEqual(large);
    must(await sent);
    for (const bad of [new Uint8Array(0), large.subarray(0, 30), new Uint8Array(40)])
      expect(await here.send(bad)).toMatchObject({ ok: false, name: "Protocol" });
    expect(await writeMessage(here, "Error", { code: 1, message: "x".repeat(257) })).toMatchObject({
      itkp: { name: "ValidationFailed" },
    });
  });

  test("that never come end a wait with a time-out, and the next wait gets the message", async () => {
    const { server, here, there } = await pair();
    expect(await there.recv({ timeoutMs: 5 })).toMatchObject({ ok: false, name: "TimedOut" });
    expect(await server.accept({ timeoutMs: 5 })).toMatchObject({ ok: false, name: "TimedOut" });
    const next = there.recv();
    must(await writeMessage(here, "Ping", {}));
    expect((await next).ok).toBe(true);
  });

  test("wait for a slow reader within limits, and none is lost", async () => {
    const { here, there } = await pair();
    const bytes = must(ofCase("StateSnapshot", 60_000));
    const sends: Promise<IpcResult<undefined>>[] = [];
    for (let i = 0; i < 1000; i++) sends.push(here.send(bytes));
    expect(here.counters.get("refusedFull")).toBeGreaterThan(0);
    const expected = 1000 - here.counters.get("refusedFull");
    let received = 0;
    while (received < expected) {
      must(await there.recv({ timeoutMs: 5000 }));
      received++;
    }
    const results = await Promise.all(sends);
    expect(results.filter(({ ok }) => ok).length).toBe(expected);
    expect(results.find(({ ok }) => !ok)).toMatchObject({ name: "QueueFull" });
  });

  test("stop being read when nobody takes them, so that the sender waits", async () => {
    const { here, there } = await pair();
    const bytes = must(ofCase("StateSnapshot", 60_000));
    let sent = 0;
    const pump = (async () => {
      while (sent < 600 && (await here.send(bytes)).ok) sent++;
    })();
    while (there.counters.get("pauses") === 0) await new Promise((resolve) => setImmediate(resolve));
    const waiting = there.counters.get("receivedBytes");
    expect(waiting).toBeLessThan(limits.channel.queueBytes + 2 * 1024 * 1024);
    expect(sent).toBeLessThan(600);
    for (let i = 0; i < 600; i++) must(await there.recv({ timeoutMs: 5000 }));
    await pump;
    expect(sent).toBe(600);
  });
});

/** The message of a vector, or one with that much data. */
function ofCase(which: "Ping" | "StateSnapshot", size = 0): IpcResult<Uint8Array> {
  const made =
    which === "Ping"
      ? encode("Ping", {})
      : encode("StateSnapshot", { appId: "", timestampMs: 0, data: "x".repeat(size) });
  if (!made.ok) throw new Error(made.error.name);
  return { ok: true, value: made.value };
}

describe("the end", () => {
  test("comes after what was sent, and is told to both sides", async () => {
    const { here, there } = await pair();
    must(await writeMessage(here, "Ping", {}));
    here.close();
    expect(await here.send(must(ofCase("Ping")))).toMatchObject({ name: "NotConnected" });
    expect((await there.recv()).ok).toBe(true);
    expect(await there.recv()).toMatchObject({ ok: false, name: "Closed" });
    expect(there.tryRecv()).toMatchObject({ ok: false, name: "Closed" });
    expect([here.isConnected, there.isConnected]).toEqual([false, false]);
    for await (const _ of there) expect.unreachable();
  });

  test("wakes who waits", async () => {
    const { server, here, there } = await pair();
    const waits = [there.recv(), server.accept()];
    here.close();
    server.close();
    expect(await Promise.all(waits)).toMatchObject([{ name: "Closed" }, { name: "NotConnected" }]);
    expect(existsSync(server.address)).toBe(false);
    expect(existsSync(`${server.address}.lock`)).toBe(false);
  });

  test("in the middle of a message is an error with what was missing", async () => {
    const { socket, channel } = await bare();
    socket.write(concatBytes(must(ofCase("Ping")), must(ofCase("StateSnapshot", 100)).subarray(0, 50)));
    socket.end();
    expect((await channel.recv()).ok).toBe(true);
    const itkp = { name: "IncompletePayload", need: 20 + 4 + 2 + 8 + 4 + 100, have: 50 };
    expect(await channel.recv()).toMatchObject({ ok: false, name: "Protocol", itkp });
  });

  for (const [what, bytes, error] of [
    ["nonsense", new Uint8Array(64).fill(0x41), "InvalidMagic"],
    ["a size of 4 GiB", Uint8Array.fromHex("49544b500200000000000000ffffffff00000000"), "PayloadTooLarge"],
    ["version 1", Uint8Array.fromHex("49544b5001000000000000000000000000000000"), "UnsupportedVersion"],
  ] as const)
    test(`comes at once for one who sends ${what}, and for nobody else`, async () => {
      const { socket, channel } = await bare();
      const other = kept(must(await connect(name)));
      socket.write(bytes);
      expect(await channel.recv()).toMatchObject({ ok: false, name: "Protocol", itkp: { name: error } });
      expect(channel.isConnected).toBe(false);
      expect(other.isConnected).toBe(true);
    });
});

describe("a socket", () => {
  test("is its owner's alone, and so is its folder", async () => {
    chmodSync(join(root, "patchbay"), 0o755);
    const server = kept(must(await listen(name)));
    const mode = (path: string) => lstatSync(path).mode & 0o777;
    expect([mode(server.address), mode(dirname(server.address))]).toEqual([0o600, 0o700]);
  });

  test("in use is not taken away, from a second server or from one that locks nothing", async () => {
    const server = kept(must(await listen(name)));
    expect(await listen(name)).toMatchObject({ ok: false, name: "AlreadyListening" });
    expect(must(await connect(name)).isConnected).toBe(true);
    server.close();
    const foreign = Bun.listen({ unix: pathOf(name), socket: { data: () => undefined } });
    expect(await listen(name)).toMatchObject({ ok: false, name: "AlreadyListening" });
    foreign.stop(true);
    kept(must(await listen(name)));
  });

  test("of many that start at once goes to one", async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => listen(name)));
    const won = results.flatMap((one) => (one.ok ? [kept(one.value)] : []));
    expect(won.length).toBe(1);
    expect(results.filter((one) => !one.ok && one.name === "AlreadyListening").length).toBe(7);
  });

  test("at whose place something else lies is refused, and that stays", async () => {
    const path = pathOf(name);
    writeFileSync(path, "mine");
    expect(await listen(name)).toMatchObject({ ok: false, name: "Refused" });
    expect(readFileSync(path, "utf8")).toBe("mine");
    rmSync(path);
    symlinkSync(join(root, "elsewhere"), path);
    expect(await listen(name)).toMatchObject({ ok: false, name: "Refused" });
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    rmSync(path);
    symlinkSync(join(root, "elsewhere"), `${path}.lock`);
    expect(await listen(name)).toMatchObject({ ok: false, name: "Refused" });
    expect(existsSync(join(root, "elsewhere"))).toBe(false);
  });

  test("that was exchanged for a file is left alone at the end", async () => {
    const server = kept(must(await listen(name)));
    rmSync(server.address);
    writeFileSync(server.address, "mine");
    server.close();
    expect(readFileSync(server.address, "utf8")).toBe("mine");
  });

  test("without a listener says what to know", async () => {
    expect(await connect(name)).toMatchObject({
      ok: false,
      name: "ConnectionFailed",
      message: expect.stringContaining("nobody listens"),
    });
    mkdirSync(join(root, "not"));
    process.env.XDG_RUNTIME_DIR = join(root, "not", "there");
    expect(await listen(name)).toMatchObject({
      ok: false,
      name: "InputOutput",
      message: expect.stringContaining("XDG_RUNTIME_DIR"),
    });
    process.env.XDG_RUNTIME_DIR = root;
  });

  test("does not take more than its limit of connections that nobody accepts", async () => {
    const server = kept(must(await listen(name)));
    const many = await Promise.all(Array.from({ length: limits.channel.waiting + 3 }, () => connect(name)));
    for (const one of many) if (one.ok) kept(one.value);
    while (server.counters.get("refusedFull") < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(server.connections).toBe(limits.channel.waiting);
  });
});

describe("another process", () => {
  const script = join(root, "child.ts");
  writeFileSync(
    script,
    `import { listen, connect } from ${JSON.stringify(join(import.meta.dir, "ipc.ts"))};
     const [what, name, place] = process.argv.slice(2);
     const made = await (what === "listen" ? listen : connect)(name, { place });
     console.log(made.ok ? "ready" : made.name);
     if (what === "half") await Bun.connect({ unix: name, socket: { data() {}, open(s) { s.write(new Uint8Array([73, 84, 75])); s.flush(); console.log("sent"); } } });
     setInterval(() => {}, 1000);`,
  );
  /** Starts it and waits for its first line. */
  async function start(args: string[], before: string[] = []) {
    const child = Bun.spawn([...before, process.execPath, script, ...args], {
      env: { ...process.env },
      stdout: "pipe",
      stderr: "inherit",
    });
    opened.push({ close: () => child.kill("SIGKILL") });
    const reader = child.stdout.getReader();
    const text = async () => new TextDecoder().decode((await reader.read()).value).trim();
    return { child, text, first: await text() };
  }

  test("that was killed leaves a socket that the next one replaces", async () => {
    const { child, first } = await start(["listen", name]);
    expect(first).toBe("ready");
    expect(await listen(name)).toMatchObject({ name: "AlreadyListening" });
    const channel = must(await connect(name));
    child.kill("SIGKILL");
    await child.exited;
    expect(await channel.recv()).toMatchObject({ ok: false, name: "Closed" });
    expect(lstatSync(pathOf(name)).isSocket()).toBe(true);
    expect(await connect(name)).toMatchObject({
      name: "ConnectionFailed",
      message: expect.stringContaining("has ended"),
    });
    kept(must(await listen(name)));
    must(await connect(name)).close();
  });

  test("that is killed in the middle of a message is told from one that closes", async () => {
    const server = kept(must(await listen(name)));
    const { child, first, text } = await start(["half", server.address]);
    for (let said = first; !said.includes("sent"); ) said += await text();
    const channel = kept(must(await server.accept({ timeoutMs: 5000 })));
    child.kill("SIGKILL");
    const itkp = { name: "IncompleteHeader", need: 20, have: 3 };
    expect(await channel.recv()).toMatchObject({ ok: false, name: "Protocol", itkp });
  });

  // As root only, since only root can become somebody else: then the modes of files do not keep the other out either way.
  test.skipIf(process.getuid?.() !== 0 || !Bun.which("setpriv"))(
    "of another user is refused by both ends",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "pb-ipc-"));
      opened.push({ close: () => rmSync(folder, { recursive: true }) });
      chmodSync(folder, 0o755);
      const program = join(folder, "peer");
      await buildPeer("c11", program);
      const as = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program];

      const server = kept(must(await listen(name, { place: "tmp" })));
      chmodSync(server.address, 0o777);
      const child = Bun.spawn([...as, "echo", server.address, "1"]);
      expect(await child.exited).toBe(1);
      expect(server.counters.get("refusedOwner")).toBe(1);
      expect(server.connections).toBe(0);
      server.close();

      const path = pathOf(name, "tmp");
      const impostor = Bun.spawn([...as, "listen", path], { stdout: "pipe", stdin: "pipe" });
      opened.push({ close: () => impostor.kill() });
      expect(new TextDecoder().decode((await impostor.stdout.getReader().read()).value)).toBe("listening\n");
      expect(await connect(name, { place: "tmp" })).toMatchObject({ ok: false, name: "Refused" });
      expect(await listen(name, { place: "tmp" })).toMatchObject({ ok: false, name: "Refused" });
      expect(existsSync(path)).toBe(true);
      impostor.stdin.end();
      expect(await impostor.exited).toBe(0);
    },
  );

  test("in C speaks by the header made for it", async () => {
    const program = join(root, "peer");
    await buildPeer("c11", program);
    const server = kept(must(await listen(name)));
    const child = Bun.spawn([program, "echo", server.address, String(itkpCases.length)]);
    const channel = kept(must(await server.accept({ timeoutMs: 5000 })));
    for (const { name: type, payload } of itkpCases) {
      must(await writeMessage(channel, type, payload as never));
      const answer = must(await readMessage(channel, { timeoutMs: 5000 }));
      const senderTimeMs = 0x0102030405;
      if (type === "ClockPing")
        expect(answer).toEqual({ name: "ClockPong", payload: { senderTimeMs, receiverTimeMs: senderTimeMs + 1 } });
      else expect(answer).toEqual({ name: type, payload } as never);
    }
    expect(await channel.recv()).toMatchObject({ name: "Closed" });
    expect(await child.exited).toBe(0);
  });
});
