/** Command lines as people write them, and each way of getting one wrong. */
import { describe, expect, test } from "bun:test";
import { commandNames, commands, environmentName, flagName } from "./options.ts";
import { parseCommandLine, unknownVariables } from "./parse.ts";
import type { Flag } from "./spec.ts";
import { parseValue } from "./values.ts";

const line = (text: string) => text.split(" ").filter((word) => word !== "");
const parse = (text: string, env = {}) => parseCommandLine(line(text), env);

function parsed(text: string, env = {}) {
  const result = parse(text, env);
  if (!result.ok) throw new Error(result.message);
  return result.value as { command: string; flags: Record<string, unknown>; positionals: object; globals: object };
}

describe("what is understood", () => {
  test("defaults of the table, as values", () => {
    expect(parsed("host").flags).toMatchObject({
      capture: "auto",
      fps: 60,
      bitrate: 10_000_000,
      keyframeInterval: 1,
      listen: { host: "0.0.0.0", port: 9876 },
      dashboard: { host: "127.0.0.1", port: 9101 },
      display: undefined,
      seconds: undefined,
    });
  });

  test("the line that scripts use", () => {
    const { command, flags, positionals } = parsed("client 127.0.0.1:9876 --fullscreen --display :3 --no-input");
    expect(command).toBe("client");
    expect(positionals).toEqual({ target: "127.0.0.1:9876" });
    expect(flags).toMatchObject({ fullscreen: true, display: ":3", input: false, relative: false });
  });

  test("--name=value, short flags together, flags before the command, and -- before a positional", () => {
    expect(parsed("host --fps=30").flags).toMatchObject({ fps: 30 });
    expect(parsed("-v client -fq desk")).toMatchObject({
      flags: { fullscreen: true },
      globals: { verbose: true, quiet: true, help: false },
    });
    expect(parsed("inspect -- -").positionals).toEqual({ input: "-" });
    expect(parsed("inspect -").positionals).toEqual({ input: "-" });
  });

  test("a flag beats the environment, which beats the default; an empty variable is none", () => {
    const env = { PATCHBAY_FPS: "30", PATCHBAY_DASHBOARD: "off", PATCHBAY_BITRATE: "" };
    expect(parsed("host --fps 90", env).flags).toMatchObject({ fps: 90, dashboard: "off", bitrate: 10_000_000 });
    expect(parsed("host", env).flags).toMatchObject({ fps: 30 });
    expect(parsed("client desk", { PATCHBAY_FULLSCREEN: "1" }).flags).toMatchObject({ fullscreen: true });
    expect(parsed("client desk --no-fullscreen", { PATCHBAY_FULLSCREEN: "1" }).flags).toMatchObject({
      fullscreen: false,
    });
  });

  test("help is given however unfinished the line is", () => {
    expect(parsed("client --help").globals).toMatchObject({ help: true });
    expect(parsed("host -h", { PATCHBAY_FPS: "wrong" }).globals).toMatchObject({ help: true });
    expect(parsed("").command).toBeUndefined();
  });
});

test("words behind -- belong to the program that is started", () => {
  expect(parsed("host --capture gl -- game --fps 30 -x -- y")).toMatchObject({
    flags: { capture: "gl", fps: 60 },
    positionals: { program: ["game", "--fps", "30", "-x", "--", "y"] },
  });
  expect(parsed("host").positionals).toEqual({ program: [] });
});

test("a last argument may be many words", () => {
  expect(parsed("camera set /dev/video0 brightness=-5 --json menu=2").positionals).toEqual({
    action: "set",
    device: "/dev/video0",
    controls: ["brightness=-5", "menu=2"],
  });
  expect(parsed("camera").positionals).toEqual({ controls: [] });
});

describe("what is refused, with what to do", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["hots", "Did you mean patchbay host?"],
    ["xyzzy", "patchbay help"],
    ["host --fsp 30", "no option --fsp here. Did you mean --fps?"],
    ["host --keyframe-intervall 1", "Did you mean --keyframe-interval?"],
    ["host --fullscreen", "patchbay client, shm have it"],
    ["host --no-fps", "no option --no-fps"],
    ["host -x", "no option -x"],
    ["host --fps", "--fps needs a value: a whole number from 1 to 144."],
    ["host --fps --bitrate 1M", "--fps needs a value"],
    ["host --fps 900", "1 to 144"],
    ["host --fps 30 --fps 40", "given twice"],
    ["host extra", 'does not know what to do with "extra"'],
    ["host extra -- program", 'does not know what to do with "extra"'],
    ["inspect", "needs INPUT"],
    ["client desk --fullscreen=yes", "takes no value"],
    ["client a b", '"b"'],
    ["peers aprove x", "Did you mean approve?"],
    ["peers approve x --permit view,sing", "choose view, sound, input, clipboard or microphone"],
    ["--fps 30 host", "Flags of a command follow its name"],
    ["--toString", "no option --toString"],
    ["constructor", 'no command "constructor"'],
    ["host --constructor 1", "no option --constructor"],
  ];
  test.each(cases)("%s: %s", (text, says) => {
    const result = parse(text);
    expect(result).toMatchObject({ ok: false, code: "usage" });
    expect(result.ok ? "" : result.message).toContain(says);
  });

  test("a wrong environment variable is named", () => {
    const result = parse("host", { PATCHBAY_FPS: "0" });
    expect(result.ok ? "" : result.message).toStartWith("PATCHBAY_FPS cannot be");
  });
});

test("variables that nothing reads are pointed out", () => {
  expect(unknownVariables({ PATCHBAY_FPS: "1", HOME: "/", PATCHBAY_NAME: "x" })).toEqual([]);
  expect(unknownVariables({ PATCHBAY_BITRAET: "1" })).toEqual([
    "The environment variable PATCHBAY_BITRAET is not read by any command. Did you mean PATCHBAY_BITRATE?",
  ]);
});

describe("the table itself", () => {
  const all = commandNames.flatMap((name) =>
    Object.entries<Flag>(commands[name].flags).map(([key, flag]) => [name, key, flag] as const),
  );

  test("each default is a value that the flag takes", () => {
    for (const [name, key, flag] of all) {
      if (flag.default === undefined) continue;
      expect([name, key, parseValue(key, flag, flag.default).ok]).toEqual([name, key, true]);
    }
  });

  test("one variable has one meaning in all commands", () => {
    const kinds = new Map<string, string>();
    for (const [, key, flag] of all) {
      if (flag.env === false) continue;
      const variable = environmentName(key, flag);
      expect([variable, kinds.get(variable) ?? flag.kind]).toEqual([variable, flag.kind]);
      kinds.set(variable, flag.kind);
    }
  });

  test("no two commands listen on one variable's address, which only one of them could have", () => {
    const listening = all.filter(([, , flag]) => flag.kind === "address" && flag.env !== false);
    const variables = listening.map(([, key, flag]) => environmentName(key, flag));
    expect(variables.toSorted()).toEqual([...new Set(variables)].toSorted());
    expect(variables).toContain("PATCHBAY_RELAY_LISTEN");
  });

  test("each example is a line that parses", () => {
    for (const name of commandNames) {
      for (const [text] of commands[name].examples) expect([text, parse(text).ok]).toEqual([text, true]);
    }
  });

  test("names", () => {
    expect(flagName("keyframeInterval")).toBe("keyframe-interval");
    expect(environmentName("keyframeInterval")).toBe("PATCHBAY_KEYFRAME_INTERVAL");
  });
});
