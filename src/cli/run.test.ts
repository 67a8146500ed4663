/** The program as a script sees it: real processes, their standard output and error, their exit statuses. */
import { describe, expect, test } from "bun:test";
import { version } from "../version.ts";

const main = `${import.meta.dir}/../main.ts`;

async function patchbay(...args: string[]) {
  const process_ = Bun.spawn([process.execPath, main, ...args], { stdout: "pipe", stderr: "pipe", stdin: "ignore" });
  const [out, err] = await Promise.all([new Response(process_.stdout).text(), new Response(process_.stderr).text()]);
  return { out, err, status: await process_.exited };
}

test("version, on standard output only", async () => {
  for (const args of [["version"], ["--version"], ["-V"], ["host", "--version"]]) {
    expect(await patchbay(...args)).toEqual({ out: `${version}\n`, err: "", status: 0 });
  }
  const { out } = await patchbay("version", "--json");
  expect(JSON.parse(out)).toMatchObject({ version, platform: process.platform });
});

test("help asked for is a result; no command at all is a usage fault", async () => {
  const asked = await patchbay("help", "host");
  expect([asked.status, asked.err]).toEqual([0, ""]);
  expect(await patchbay("host", "--help")).toEqual(asked);
  const none = await patchbay();
  expect([none.status, none.out]).toEqual([64, ""]);
  expect(none.err).toContain("Usage: patchbay COMMAND");
});

describe("a mistake is one sentence on standard error and status 64", () => {
  test.each([[["hots"]], [["host", "--fsp", "3"]], [["host", "--fps", "0"]], [["client"]], [["help", "hots"]]])(
    "%p",
    async (args) => {
      const { out, err, status } = await patchbay(...args);
      expect([out, status]).toEqual(["", 64]);
      expect(err).toMatch(/^patchbay: [^\n]+\n$/);
    },
  );
});

test("a reader that leaves early is no fault", async () => {
  const command = `"${process.execPath}" "${main}" --help | head -c 1; echo " \${PIPESTATUS[0]}"`;
  const process_ = Bun.spawn(["bash", "-c", command], { stdout: "pipe", stderr: "pipe" });
  expect(await new Response(process_.stdout).text()).toBe("p 0\n");
  expect(await new Response(process_.stderr).text()).toBe("");
});

test("version loads neither the web server, the database nor the native part", async () => {
  const script = `
    process.argv = ["bun", "main", "version"];
    const { run } = await import(${JSON.stringify(`${import.meta.dir}/run.ts`)});
    await run(["version"], {});
    console.log(JSON.stringify(Object.keys(require.cache)));`;
  const process_ = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  const [, loaded] = (await new Response(process_.stdout).text()).split("\n");
  const modules = JSON.parse(loaded ?? "[]") as string[];
  expect(modules.length).toBeGreaterThan(3);
  expect(
    modules.filter((path) =>
      /elysia|sharp|dashboard|store|ffi|sqlite|qrcode/.test(path.replace(/^.*?node_modules/, "")),
    ),
  ).toEqual([]);
});

describe("what nobody expected is one sentence and status 70", () => {
  /** Runs `version` with its module replaced by one that does `body`. */
  async function broken(body: string, ...args: string[]) {
    const script = `
      Bun.plugin({ name: "broken", setup(build) {
        build.onLoad({ filter: /cli\\/version\\.ts$/ }, () => ({ loader: "ts", contents: ${JSON.stringify(
          `export async function run(_, lifecycle) { lifecycle.defer("it", () => console.log("closed")); ${body} }`,
        )} }));
      } });
      const { run } = await import(${JSON.stringify(`${import.meta.dir}/run.ts`)});
      process.exit(await run(${JSON.stringify(["version", ...args])}, {}));`;
    const process_ = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([new Response(process_.stdout).text(), new Response(process_.stderr).text()]);
    return { out, err, status: await process_.exited };
  }

  test.each([
    ["thrown", `throw new Error("boom");`],
    ["in a callback", `await new Promise(() => setTimeout(() => { throw new Error("boom"); }, 1));`],
    [
      "in a promise that nobody awaits",
      `void Promise.reject(new Error("boom")); await new Promise(() => setInterval(() => {}, 1e3));`,
    ],
  ])("%s", async (_, body) => {
    const { out, err, status } = await broken(body);
    expect([out, status]).toEqual(["closed\n", 70]);
    expect(err).toBe("patchbay: A fault of Patchbay itself: boom. --verbose shows where.\n");
  });

  test("--verbose adds the stack", async () => {
    const { err, status } = await broken(`throw new Error("boom");`, "--verbose");
    expect(status).toBe(70);
    expect(err).toContain("at run");
  });
});
