/** `patchbay new` with the built executable: each project is generated, built and tested as its user would do it. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { wineEnvironment } from "../windows/wine.ts";
import { executable, temporaryFolder } from "./harness.ts";
import { Child, cleanUp } from "./processes.ts";

afterAll(cleanUp);

const folder = temporaryFolder();
const generate = (...words: string[]) => new Child(["env", "-C", folder, executable, "new", ...words]);

const projects = {
  daemon: /answers, plays, refuses nonsense, starts anew, ends in order/,
  overlay: /transparent, clicked through, on top, exact/,
  "ld-preload": /two windows: the larger/,
  "native-dll": /hooked, called through, removed: all as it was/,
};

describe.each(Object.entries(projects))("the template %s", (template, says) => {
  test("builds without a warning, and its test holds", async () => {
    const name = `my-${template}`;
    const made = generate(template, name);
    expect(await made.ended()).toBe(0);
    expect(made.out).toContain(`  cd ${name}\n  make test\n`);
    const readme = readFileSync(join(folder, name, "README.md"), "utf8");
    expect(readme).toStartWith(`# ${name}\n`);
    const left = readdirSync(join(folder, name), { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile() && readFileSync(join(file.parentPath, file.name), "utf8").includes("@NAME@"))
      .map((file) => file.name);
    expect(left).toEqual([]);
    const built = new Child(["make", "-C", join(folder, name), "test"], { ...process.env, ...wineEnvironment() });
    expect({ status: await built.ended(), told: built.told() }).toMatchObject({ status: 0 });
    expect(built.out).toMatch(says);
    expect(built.err).not.toMatch(/warning:/);
  }, 60_000);
});

describe("what is refused", () => {
  test("a folder that holds something, which stays as it is", async () => {
    mkdirSync(join(folder, "taken"));
    writeFileSync(join(folder, "taken", "mine"), "mine");
    const refused = generate("overlay", "taken");
    expect(await refused.ended()).toBe(73);
    expect(refused.err).toContain("taken exists and is not empty");
    expect(readdirSync(join(folder, "taken"))).toEqual(["mine"]);
  });

  test("an empty folder is no obstacle", async () => {
    mkdirSync(join(folder, "empty"));
    expect(await generate("daemon", "empty").ended()).toBe(0);
  });

  for (const name of ["", "../out", "a/b", "Big", "1st", "-x", "a b", "x".repeat(33), "$(id)"])
    test(`the name ${JSON.stringify(name)}`, async () => {
      const refused = generate("daemon", "--", name);
      expect(await refused.ended()).toBe(64);
    });

  test("a template that there is not", async () => {
    const refused = generate("overlai", "x");
    expect(await refused.ended()).toBe(64);
    expect(refused.err).toContain("overlay");
  });
});
