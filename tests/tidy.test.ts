/** What a reader relies on: where things live, what imports what, that generated files and the README tell the truth. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCommandLine } from "../src/cli/parse.ts";
import { circle, objection } from "./tidy/layers.ts";
import { readmeCommands } from "./tidy/readme.ts";
import { importsOf, reachable, read, root, textFiles } from "./tidy/tree.ts";

const files = textFiles();
const modules = files.filter((path) => /\.(ts|mjs)$/.test(path) && !path.endsWith(".d.ts"));
const isTest = (path: string): boolean => path.endsWith(".test.ts");
const program = modules.filter((path) => /^(src|ffi|web)\//.test(path) && !isTest(path));

const run = (words: string[], env: Record<string, string | undefined> = process.env) =>
  Bun.spawnSync([process.execPath, ...words], { cwd: root, env, stdin: "ignore", timeout: 60_000 });

describe("imports", () => {
  test("point from higher layers to lower ones", () => {
    const wrong = program.flatMap((from) =>
      importsOf(from)
        .filter(({ to }) => existsSync(join(root, to)))
        .map((one) => ({ from, to: one.to, why: objection(from, one) }))
        .filter(({ why }) => why !== undefined),
    );
    expect(wrong).toEqual([]);
  });

  test("make no circle among the folders of a layer", () => {
    expect(circle(program)).toBeUndefined();
  });

  test("of bun:ffi are in ffi/ only", () => {
    const outside = modules.filter((path) => !path.startsWith("ffi/"));
    expect(outside.filter((path) => importsOf(path).some(({ to }) => to === "bun:ffi"))).toEqual([]);
  });

  test("say the file's ending", () => {
    const bare = modules.flatMap((from) =>
      importsOf(from)
        .filter(({ to }) => /^(src|ffi|web|tests)\//.test(to) && !/\.\w+$/.test(to))
        .map(({ to }) => `${from} -> ${to}`),
    );
    expect(bare).toEqual([]);
  });

  test("of files name files that exist", () => {
    const lost = program.flatMap((from) =>
      importsOf(from)
        .filter(({ to }) => /^(src|ffi|web|tests)\//.test(to) && !existsSync(join(root, to)))
        .map(({ to }) => `${from} -> ${to}`),
    );
    expect(lost).toEqual([]);
  });
});

describe("files", () => {
  test("have at most 500 lines", () => {
    const isMade = (path: string) => /\.h$/.test(path) && read(path).startsWith("/* Made from ");
    const counted = files.filter((path) => !/(^|\/)vectors\/|package-lock\.json$/.test(path) && !isMade(path));
    // What generators write into a text between their marks is as long as the tables that it comes from.
    const written = (path: string) => read(path).replace(/<!-- (\w+):begin -->[\s\S]*?<!-- \1:end -->/g, "");
    expect(counted.filter((path) => written(path).split("\n").length > 501)).toEqual([]);
  });

  test("that are the program's entry stay small", () => {
    expect(read("src/main.ts").trimEnd().split("\n").length).toBeLessThanOrEqual(20);
  });

  test("open with a paragraph that says what they are", () => {
    const silent = [...program, ...files.filter((path) => /^c\/.*\.[ch]$/.test(path))].filter(
      (path) => !/^(#[^\n]*\n)?\s*(\/\*|\/\/)/.test(read(path)),
    );
    expect(silent).toEqual([]);
  });

  // A module that only its own unit test uses is one that nobody uses.
  test("are all used by the program, a page, a tool or a test of something else", () => {
    const tools = modules.filter((path) => /^(build\.ts|\.ci\/setup\.mjs)$|\/generate\.ts$/.test(path));
    const tests = modules.filter((path) => path.startsWith("tests/") || isTest(path));
    const entries = ["src/main.ts", "src/index.ts", ...tools, ...tests];
    const used = reachable(entries, (from, to) => !(isTest(from) && from === to.replace(/\.ts$/, ".test.ts")));
    expect(program.filter((path) => !used.has(path))).toEqual([]);
  });

  test("of tests that start programs or make folders end and remove them", () => {
    const leaves = /\b(openDisplay|startHost|startPatternHost|temporaryFolder)\(|\bnew Child\(/;
    const careless = files.filter(
      (path) =>
        /\.(test|lab)\.ts$/.test(path) &&
        leaves.test(read(path)) &&
        !/\b(afterAll\(cleanUp|await cleanUp\()/.test(read(path)),
    );
    expect(careless).toEqual([]);
  });

  test("speak neither of one machine's folders nor of package hosts", () => {
    const forbidden = ["/wo" + "rk/", "/ro" + "ot/", "registry." + "npmjs", "npm" + "mirror", "artifact" + "ory"];
    const told = [...files, "package-lock.json", "bun.lock", ".npmrc"].flatMap((path) => {
      const text = read(path).toLowerCase();
      return forbidden.filter((word) => text.includes(word)).map((word) => `${path}: ${word}`);
    });
    expect(told).toEqual([]);
  });

  test("swallow no error unseen", () => {
    const empty = /catch\s*(\([^)]*\)\s*)?\{\s*\}|\.catch\(\(\)\s*=>\s*\{\s*\}\)/;
    expect(modules.filter((path) => empty.test(read(path)))).toEqual([]);
  });

  for (const generator of modules.filter((path) => /^(src|ffi)\/.*generate\.ts$/.test(path)))
    test(`that ${generator} writes are up to date`, () => {
      const { exitCode, stderr } = run([generator, "--check"]);
      expect(stderr.toString() || `status ${exitCode}`).toBe("status 0");
    });
});

describe("commands in the README", () => {
  const commands = readmeCommands();
  const scripts = JSON.parse(read("package.json")).scripts as Record<string, string>;
  const known = run(["build.ts"]).stderr.toString();

  test("of npm are commands of build.ts", () => {
    for (const [name, line] of Object.entries(scripts)) {
      expect(line).toBe(`node .ci/setup.mjs ${name}`);
      expect(known).toMatch(new RegExp(`^ +${name} `, "m"));
    }
    const named = commands.filter(({ words }) => words[0] === "npm").map(({ words }) => words.slice(1));
    const wrong = named.filter(
      ([first = "", second = ""]) => !Object.hasOwn(scripts, first === "run" ? second : first),
    );
    expect(wrong).toEqual([]);
  });

  test("are of programs that a reader has", () => {
    const allowed = ["npm", "patchbay", "dist/patchbay", "git", "cd", "bun"];
    expect(commands.map(({ words }) => words[0] ?? "").filter((name) => !allowed.includes(name))).toEqual([]);
  });

  const ofPatchbay = commands.filter(({ words }) => /^(dist\/)?patchbay$/.test(words[0] ?? ""));

  test("of patchbay are understood", () => {
    for (const { words } of ofPatchbay)
      expect({ words, parsed: parseCommandLine(words.slice(1), {}) }).toMatchObject({ parsed: { ok: true } });
  });

  // The others go on until they are stopped; what they do has end-to-end tests.
  const ending = ["version", "help", "key", "peers", "inspect"];
  for (const { words } of ofPatchbay.filter(({ words: w, concrete }) => concrete && ending.includes(w[1] ?? "")))
    test(`${words.join(" ")} runs`, () => {
      const home = mkdtempSync(join(tmpdir(), "patchbay-readme-"));
      const { exitCode, stderr } = run(["src/main.ts", ...words.slice(1)], { ...process.env, XDG_DATA_HOME: home });
      rmSync(home, { recursive: true });
      expect(exitCode === 0 ? "" : stderr.toString()).toBe("");
    });
});
