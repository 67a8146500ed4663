/** What every Injector does, held against the native one that writes a log and the fake one. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeInjector } from "../../ffi/fake.ts";
import { openInjector } from "../../ffi/input.ts";
import type { Injector } from "../../ffi/interfaces.ts";
import { must } from "./world.ts";

interface Opened {
  injector: Injector;
  /** Everything injected so far, one "type code value" each. */
  injected(): string[];
  /** The same of devices, "device type code value" each. */
  used(): string[];
}

const folders: string[] = [];

function openLog(): Opened {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-injector-"));
  folders.push(folder);
  const file = join(folder, "events");
  const lines = () => readFileSync(file, "utf8").split("\n").filter(Boolean);
  const injected = () => lines().filter((line) => /^\d/.test(line));
  const used = () => lines().flatMap((line) => /^device (.*)/.exec(line)?.[1] ?? []);
  return { injector: must(openInjector("log", file)), injected, used };
}

function openFake(): Opened {
  const injector = new FakeInjector();
  const injected = () => injector.events.map(({ type, code, value }) => `${type} ${code} ${value}`);
  const used = () => injector.deviceEvents.map(({ device, type, code, value }) => `${device} ${type} ${code} ${value}`);
  return { injector, injected, used };
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

for (const [name, open] of [
  ["native, log", openLog],
  ["fake", openFake],
] as const)
  describe(`injector, ${name}`, () => suite(open));

const [key, relative, absolute] = [1, 2, 3];

function suite(open: () => Opened): void {
  test("injects what it is given, in order", () => {
    const { injector, injected } = open();
    expect(injector.backend).not.toBe("");
    expect(injector.send(absolute as number, 0, 65535)).toBe(true);
    expect(injector.send(relative as number, 8, -3)).toBe(true);
    expect(injector.send(key as number, 30, 1)).toBe(true);
    expect(injector.send(key as number, 30, 2)).toBe(true);
    expect(injector.send(key as number, 30, 0)).toBe(true);
    expect(injector.send(0, 0, 0)).toBe(true);
    injector.flush();
    expect(injected()).toEqual(["3 0 65535", "2 8 -3", "1 30 1", "1 30 2", "1 30 0", "0 0 0"]);
    injector.close();
  });

  test("refuses types and codes that there are not", () => {
    const { injector, injected } = open();
    expect(injector.send(32, 0, 1)).toBe(false);
    expect(injector.send(1, 0x300, 1)).toBe(false);
    expect(injector.send(1, 65536 + 30, 1)).toBe(false);
    expect(injector.releaseAll()).toBe(0);
    expect(injected()).toEqual([]);
    injector.close();
  });

  test("releases what is down, and only that, once", () => {
    const { injector, injected } = open();
    for (const code of [272, 30, 42]) injector.send(1, code, 1);
    injector.send(1, 30, 0);
    injector.send(1, 42, 2);
    expect(injector.releaseAll()).toBe(2);
    expect(injected().slice(5)).toEqual(["1 42 0", "1 272 0", "0 0 0"]);
    expect(injector.releaseAll()).toBe(0);
    expect(injected().length).toBe(8);
    injector.close();
  });

  test("closing releases what is down; afterwards nothing is injected", () => {
    const { injector, injected } = open();
    injector.send(1, 30, 1);
    injector.close();
    injector.close();
    expect(injected()).toEqual(["1 30 1", "1 30 0", "0 0 0"]);
    expect(() => injector.send(1, 30, 1)).toThrow("the injector is closed");
  });

  test("devices take events while they are plugged, and no others", () => {
    const { injector, injected, used } = open();
    expect(injector.sendTo(1, 1, 0x130, 1)).toBe(false);
    for (const device of [1, 4, 16, 17, 4]) expect(injector.plug(device, "a pad").ok).toBe(true);
    for (const device of [0, 5, 15, 18, 1000]) expect(injector.plug(device, "none").ok).toBe(false);
    expect(injector.sendTo(1, 1, 0x130, 1)).toBe(true);
    expect(injector.sendTo(16, 3, 0x39, -1)).toBe(true);
    expect(injector.sendTo(1, 0, 0, 0)).toBe(true);
    expect([injector.sendTo(1, 32, 0, 1), injector.sendTo(1, 1, 0x300, 1), injector.sendTo(2, 0, 0, 0)]).toEqual([
      false,
      false,
      false,
    ]);
    injector.unplug(1);
    injector.unplug(1);
    injector.unplug(3);
    expect(injector.sendTo(1, 1, 0x130, 0)).toBe(false);
    expect(injector.sendTo(4, 3, 0, -32768)).toBe(true);
    injector.flush();
    expect([used(), injected()]).toEqual([["1 1 304 1", "16 3 57 -1", "1 0 0 0", "4 3 0 -32768"], []]);
    injector.close();
  });

  test("who listens hears nothing when there is nothing to hear", () => {
    const { injector } = open();
    injector.listen(() => {
      throw new Error("there was nothing");
    });
    injector.rearm();
    expect(injector.feedback()).toBeUndefined();
    injector.close();
  });
}
