/** Injection through the shim: into a real X server and out of a window again, into a log file, and what cannot be opened. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openInjector } from "./input.ts";
import type { Injector } from "./interfaces.ts";
import { openPlayer } from "./player.ts";

const key = 1;
const relative = 2;
const leftButton = 0x110;
const wheel = 8;

let folder = "";
let server: Bun.Subprocess;
let display = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "patchbay-input-"));
  const started = Bun.spawn(["Xvfb", "-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp", "-noreset"], {
    stdout: "pipe",
    stderr: "ignore",
  });
  server = started;
  const first = await started.stdout.getReader().read();
  display = `:${new TextDecoder().decode(first.value).trim()}`;
});

afterAll(async () => {
  server.kill("SIGKILL");
  await server.exited;
  rmSync(folder, { recursive: true });
});

function open(backend: string, target: string): Injector {
  const opened = openInjector(backend, target);
  if (!opened.ok) throw new Error(opened.message);
  return opened.value;
}

test("keys, buttons and the wheel that are injected come out of a window, and all are released at the end", async () => {
  const seen: string[] = [];
  let wake: () => void = () => undefined;
  const settings = { display: "x11", target: display, decoder: "auto", title: "input", width: 640, height: 480 };
  const player = openPlayer({ ...settings, fullscreen: true, readTimecode: false }, () => wake());
  if (!player.ok) throw new Error(player.message);
  const injector = open("auto", display);
  expect(injector.backend).toBe("xtest");
  const wanted = [
    `${key} 30 1`,
    `${key} ${leftButton} 1`,
    `${relative} ${wheel} -1`,
    `${key} 30 0`,
    `${key} ${leftButton} 0`,
  ];
  const allSeen = new Promise<void>((resolve) => {
    wake = () => {
      player.value.rearm();
      for (let event = player.value.take(); event; event = player.value.take()) {
        const line = `${event.type} ${event.code} ${event.value}`;
        if (event.kind === "input" && wanted.includes(line)) seen.push(line);
      }
      if (seen.length === wanted.length) resolve();
    };
  });
  expect(injector.send(key, 30, 1)).toBe(true);
  expect(injector.send(key, leftButton, 1)).toBe(true);
  expect(injector.send(relative, wheel, -1)).toBe(true);
  expect(injector.send(0, 0, 0)).toBe(true);
  expect(injector.send(key, 700, 1)).toBe(false);
  expect(injector.releaseAll()).toBe(2);
  expect(injector.releaseAll()).toBe(0);
  await allSeen;
  expect(seen).toEqual(wanted);
  injector.close();
  player.value.close();
});

test("the log appends what it is told and what it releases", () => {
  const path = join(folder, "events");
  const log = open("log", path);
  expect(log.send(key, 42, 1)).toBe(true);
  expect(log.send(3, 1, 65535)).toBe(true);
  log.flush();
  expect(readFileSync(path, "utf8")).toBe("1 42 1\n3 1 65535\n");
  log.close();
  log.close();
  expect(readFileSync(path, "utf8")).toBe("1 42 1\n3 1 65535\n1 42 0\n0 0 0\n");
  expect(() => log.send(key, 42, 1)).toThrow("closed");
});

test("a backend that is named and cannot be used is an error, with the reason in a sentence", () => {
  const told = (backend: string, target: string) => {
    const opened = openInjector(backend, target);
    if (opened.ok) throw new Error("opened");
    expect(opened.code).toBe("unavailable");
    return opened.message;
  };
  expect(told("xtest", ":39999")).toContain(":39999");
  expect(told("log", join(folder, "missing", "file"))).toContain("No such file");
  expect(told("opera", "")).toContain('"opera"');
});
