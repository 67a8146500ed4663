/** C and C++ programs on the library as it is shipped: found by pkg-config, without a warning, against each other and against Bun. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { connectChannel, serveChannel } from "../../src/ipc/open.ts";

const root = resolve(import.meta.dir, "../..");
const folder = `${root}/build/tests-ipc`;
const languages = { c11: ["gcc", "-std=c11", "-x", "c"], "c++17": ["g++", "-std=c++17", "-x", "c++"] } as const;
const strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-D_POSIX_C_SOURCE=200809L", "-O1"];
type Language = keyof typeof languages;
const both = Object.keys(languages) as Language[];
const children = new Set<Bun.Subprocess>();
let names = 0;
const newName = () => `ctest_${process.pid}_${names++}`;

function must(command: string[], env: Record<string, string> = {}): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: root, env: { ...process.env, ...env } });
  expect(`${stderr}${exitCode}`).toBe("0");
  return stdout.toString().trim();
}

function run(language: Language, program: string, ...args: string[]) {
  const child = Bun.spawn([`${folder}/${program}-${language}`, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, LD_LIBRARY_PATH: `${root}/dist/ipc` },
  });
  children.add(child);
  return { ended: child.exited, out: new Response(child.stdout).text() };
}

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  const flags = must(["pkg-config", "--cflags", "--libs", "patchbay_ipc"], { PKG_CONFIG_PATH: `${root}/dist/ipc` });
  for (const [language, compiler] of Object.entries(languages))
    for (const program of ["server", "client", "multi"])
      must([
        ...[...compiler, ...strict, `tests/c/ipc/${program}.c`, "-x", "none"],
        ...[...flags.split(" "), "-o", `${folder}/${program}-${language}`],
      ]);
}, 60_000);

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

describe.each(both)("a %s server", (language) => {
  test.each(both)("and a %s client", async (other) => {
    const name = newName();
    const server = run(language, "server", name, "1");
    // The client waits for nobody: it is started when the name is there.
    const again = async (): Promise<string> => {
      const client = run(other, "client", name, "300");
      return (await client.ended) === 1 ? again() : client.out;
    };
    expect(await again()).toBe("done\n");
    expect(await server.ended).toBe(0);
    expect(await server.out).toBe("ready\nechoed 301\n");
  });

  test("and a Bun client", async () => {
    const name = newName();
    const server = run(language, "server", name, "1");
    const client = connectChannel(name, {}, { reconnectMs: 5 });
    await client.connected(10_000);
    const echoed: number[] = [];
    const iteration = (async () => {
      for await (const message of client) if (echoed.push(message.length) === 200) break;
    })();
    for (let size = 2; size < 201; size++) client.send(new Uint8Array(size * 7).fill(size));
    client.send(new TextEncoder().encode("bye!"));
    await iteration;
    client.close();
    expect(echoed).toEqual([...Array.from({ length: 199 }, (_, index) => (index + 2) * 7), 4]);
    expect(await server.ended).toBe(0);
  });
});

describe.each(both)("a %s client", (language) => {
  test("and a Bun server", async () => {
    const name = newName();
    const server = serveChannel(name, {
      messages: (batch) => {
        for (let i = 0; i < batch.count; i++) server.send(batch.message(i), batch.slot);
      },
    });
    const client = run(language, "client", name, "300");
    expect(await client.ended).toBe(0);
    expect(server.stats()).toEqual({ sent: 301, overwritten: 0, received: 301, lost: 0 });
    server.close();
  });

  test("of its own server of twenty", async () => {
    const program = run(language, "multi", newName(), "20");
    expect(await program.ended).toBe(0);
    expect(await program.out).toBe("done\n");
  });
});

test("a Bun client hears at once that a C server was killed", async () => {
  const name = newName();
  const child = Bun.spawn([`${folder}/server-c11`, name, "1"], {
    stdin: "ignore",
    stdout: "ignore",
    env: { ...process.env, LD_LIBRARY_PATH: `${root}/dist/ipc` },
  });
  const { promise, resolve: heard } = Promise.withResolvers<void>();
  const client = connectChannel(name, { disconnect: () => heard() }, { reconnectMs: 5 });
  await client.connected(10_000);
  child.kill("SIGKILL");
  await promise;
  client.close();
  expect(await child.exited).not.toBe(0);
  // The next server takes over what the dead one left, and takes it away.
  serveChannel(name).close();
});
