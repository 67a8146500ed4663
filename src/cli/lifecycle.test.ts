/** The orderly end: order, once each, what fails, and real signals to a real process. */
import { afterAll, expect, test } from "bun:test";
import { setLogLevel } from "../base/log.ts";
import { Lifecycle } from "./lifecycle.ts";

setLogLevel("error");
afterAll(() => setLogLevel("info"));

test("closes newest first, each once, also when one fails", async () => {
  const order: string[] = [];
  const lifecycle = new Lifecycle();
  lifecycle.defer("database", () => void order.push("database"));
  lifecycle.defer("socket", async () => {
    order.push("socket");
    throw new Error("already gone");
  });
  lifecycle.defer("window", () => void order.push("window"));
  const first = lifecycle.close();
  expect(lifecycle.close()).toBe(first);
  expect(await first).toBe(false);
  expect(order).toEqual(["window", "socket", "database"]);
  expect(() => lifecycle.defer("late", () => {})).toThrow("late");
});

test("what was closed earlier is taken back", async () => {
  const order: string[] = [];
  const lifecycle = new Lifecycle();
  const undo = lifecycle.defer("a", () => void order.push("a"));
  lifecycle.defer("b", () => void order.push("b"));
  undo();
  undo();
  expect(await lifecycle.close()).toBe(true);
  expect(order).toEqual(["b"]);
});

test("leaves no signal handler behind", async () => {
  const before = process.listenerCount("SIGINT");
  const lifecycle = new Lifecycle();
  lifecycle.defer("a", () => {});
  expect(process.listenerCount("SIGINT")).toBe(before + 1);
  await lifecycle.close();
  expect(process.listenerCount("SIGINT")).toBe(before);
});

/** A process that prints "open", and its closers' names as they run. `hang` makes the first closer wait for ever. */
function child(hang: boolean) {
  const script = `
    import { Lifecycle } from ${JSON.stringify(`${import.meta.dir}/lifecycle.ts`)};
    const lifecycle = new Lifecycle();
    lifecycle.defer("last", () => console.log("last"));
    lifecycle.defer("first", () => { console.log("first"); return ${hang} ? new Promise(() => {}) : undefined; });
    setInterval(() => {}, 1000);
    void lifecycle.stopped.then((signal) => console.log(signal));
    console.log("open");`;
  const process_ = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "ignore" });
  const reader = process_.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (word: string) => {
    while (!text.includes(word)) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
    }
    return text;
  };
  return { process: process_, until };
}

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s closes in order and ends with status 0", async (signal) => {
  const { process, until } = child(false);
  await until("open");
  process.kill(signal);
  const text = await until("never printed");
  expect(text.split("\n").filter((line) => line === "first" || line === "last")).toEqual(["first", "last"]);
  expect(text).toContain(signal);
  expect(await process.exited).toBe(0);
});

test("what is opened after a signal is closed as well, and goes no further", async () => {
  const script = `
    import { Lifecycle } from ${JSON.stringify(`${import.meta.dir}/lifecycle.ts`)};
    const lifecycle = new Lifecycle();
    lifecycle.defer("last", () => console.log("last"));
    lifecycle.defer("slow", () => Bun.sleep(50));
    process.kill(process.pid, "SIGTERM");
    await lifecycle.stopped;
    try { lifecycle.defer("late", () => console.log("late")); } catch (cause) { console.log(cause.name); }
    setInterval(() => {}, 1000);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  expect((await new Response(child.stdout).text()).trim().split("\n")).toEqual(["AbortError", "late", "last"]);
  expect(await child.exited).toBe(0);
});

test("a second signal ends at once", async () => {
  const { process, until } = child(true);
  await until("open");
  process.kill("SIGTERM");
  await until("first");
  process.kill("SIGINT");
  expect(await process.exited).toBe(130);
});
