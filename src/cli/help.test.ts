/** Help holds everything that the table holds, fits the terminal, and agrees with the README. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { errorTable } from "../base/errors.ts";
import { helpText } from "./help.ts";
import { commandNames, commands, environmentName, flagName, globalFlags } from "./options.ts";
import { optionsSection, withOptions } from "./readme.ts";
import type { Flag } from "./spec.ts";

const flat = (text: string) => text.replace(/\s+/g, " ");

describe.each([...commandNames])("help %s", (name) => {
  const text = helpText(name);
  const words = flat(text);

  test("names each flag, its variable and its default", () => {
    for (const [key, flag] of Object.entries<Flag>({ ...commands[name].flags, ...globalFlags })) {
      expect(words).toContain(flag.default === "true" ? `--no-${flagName(key)}` : `--${flagName(key)}`);
      expect(words).toContain(flag.help);
      if (flag.env !== false) expect(words).toContain(environmentName(key, flag));
      if (flag.default && flag.kind !== "boolean") expect(words).toContain(`default ${flag.default}`);
    }
  });

  test("has the summary, the examples and the exit statuses", () => {
    expect(words).toContain(commands[name].summary);
    for (const [line] of commands[name].examples) expect(words).toContain(`patchbay ${line}`);
    for (const code of commands[name].exits)
      expect(words).toContain(`${errorTable[code].exit} ${errorTable[code].meaning}`);
  });

  test("fits 80 columns without trailing blanks", () => {
    for (const line of text.split("\n")) {
      expect(line.length).toBeLessThanOrEqual(80);
      expect(line).toBe(line.trimEnd());
    }
  });
});

test("the overview lists each command and every exit status, within 80 columns", () => {
  const words = flat(helpText());
  for (const name of commandNames) expect(words).toContain(`${name} ${commands[name].summary}`);
  for (const { exit, meaning } of Object.values(errorTable)) expect(words).toContain(`${exit} ${meaning}`);
  for (const line of helpText().split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test("the README section is put between the markers", () => {
  const readme = "a\n<!-- options:begin -->\nold\n<!-- options:end -->\nb";
  const made = withOptions(readme);
  expect(made.ok && made.value).toBe(`a\n<!-- options:begin -->\n${optionsSection()}\n<!-- options:end -->\nb`);
  expect(withOptions("no markers").ok).toBe(false);
});

const path = new URL("../../README.md", import.meta.url);
test.skipIf(!existsSync(path))("README.md says what the table says; bun src/cli/readme.ts writes it", () => {
  const readme = readFileSync(path, "utf8");
  expect(withOptions(readme)).toEqual({ ok: true, value: readme });
});
