// lab:
/** What a client does arrives at the kernel's devices as it was done, and what a game does to a pad comes back. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { buildGamepadAxis, buildGamepadButton } from "../../src/wire/ds.ts";
import {
  type Display,
  executable,
  Home,
  openDisplay,
  type RunningHost,
  startFullscreen,
  startHost,
} from "../e2e/harness.ts";
import { Outsider } from "../e2e/outsiders.ts";
import { atEnd, Child, cleanUp, eventually } from "../e2e/processes.ts";
import { EventNode, findDevice, inputDevices } from "./evdev.ts";

const [first, second] = [new Outsider(), new Outsider()];
const person = new Home();
let host: RunningHost;
let display: Promise<Display>;

/** One host for all of it: to start one takes seconds in here. */
beforeAll(async () => {
  const home = new Home();
  display = openDisplay(160, 96);
  await Promise.all([first, second].map((client) => home.tell("peers", "approve", client.publicKey)));
  await home.approve(person);
  // Pictures cost most in here, and are not looked at.
  host = await startHost(home, "--capture", "pattern", "--size", "160x96", "--fps", "2", "--input", "uinput");
  for (const client of [first, second]) {
    await client.connect(host.port);
    await client.admitted.promise;
  }
});

afterAll(async () => {
  for (const client of [first, second]) client.isAlone = true;
  await cleanUp();
});

type Event = [type: number, code: number, value: number];

function input(client: Outsider, ...events: Event[]): void {
  for (const event of events) client.core.input.add(...event, client.nowUs);
  client.core.input.flush(client.nowUs);
}

function use(client: Outsider, device: number, ...events: Event[]): void {
  const end: Event = [0, 0, 0];
  for (const event of [...events, end]) client.core.devices.add(device, ...event, client.nowUs);
}

async function plug(client: Outsider, device: number, name: string): Promise<void> {
  client.core.devices.plug(device, name, true, client.nowUs);
  await eventually(`device ${device}`, async () => client.deviceStates.some(([number]) => number === device));
}

test("keys, buttons, wheels and both kinds of motion arrive as they were sent", async () => {
  const keyboard = await EventNode.open("Patchbay keyboard");
  const pointer = await EventNode.open("Patchbay pointer");
  const absolute = await EventNode.open("Patchbay absolute pointer");
  input(first, [1, 29, 1]);
  input(first, [1, 46, 1]);
  input(first, [1, 46, 2]);
  input(first, [1, 46, 0], [1, 29, 0]);
  expect(await keyboard.take(3)).toEqual([["1 29 1"], ["1 46 1"], ["1 46 0", "1 29 0"]]);
  input(first, [3, 0, 65535], [3, 1, 1]);
  input(first, [3, 0, 32768], [3, 1, 2], [1, 0x110, 1]);
  input(first, [1, 0x110, 0]);
  input(first, [2, 8, -1]);
  expect(await absolute.take(4)).toEqual([
    ["3 0 65535", "3 1 1"],
    ["3 0 32768", "3 1 2", "1 272 1"],
    ["1 272 0"],
    ["2 8 -1"],
  ]);
  input(first, [2, 0, -7], [2, 1, 3]);
  input(first, [1, 0x111, 1]);
  input(first, [2, 6, 1]);
  expect(await pointer.take(3)).toEqual([["2 0 -7", "2 1 3"], ["1 273 1"], ["2 6 1"]]);
  first.core.releaseKeys(first.nowUs);
  expect(await pointer.take(1)).toEqual([["1 273 0"]]);
});

const pads = (): string[] => inputDevices().flatMap(({ name }) => (name.startsWith("Patchbay gamepad") ? [name] : []));

test("four gamepads of two clients; the fifth is told so; each goes with its client", async () => {
  for (const pad of [1, 2, 3]) await plug(first, pad, `pad ${pad}`);
  await plug(second, 1, "mine");
  await plug(second, 2, "one too many");
  const ready = [1, 2, 3].map((pad): [number, string] => [pad, "ready"]);
  expect([first.deviceStates, second.deviceStates]).toEqual([
    ready,
    [
      [1, "ready"],
      [2, "full"],
    ],
  ]);
  expect(pads()).toEqual([1, 2, 3, 4].map((pad) => `Patchbay gamepad ${pad}`));
  const found = await findDevice("Patchbay gamepad 4");
  expect([found.vendor, found.product]).toEqual(["045e", "028e"]);
  const nodes = await Promise.all([1, 2, 3, 4].map((pad) => EventNode.open(`Patchbay gamepad ${pad}`)));
  const owners = [...[1, 2, 3].map((pad) => [first, pad] as const), [second, 1] as const];
  for (const [index, [client, pad]] of owners.entries()) {
    use(client, pad, [3, 0, -32768 + index], [3, 1, 32767]);
    use(client, pad, [1, 0x130, 1], [3, 5, 255]);
    use(client, pad, [1, 0x130, 0], [3, 5, 0]);
    use(client, pad, [3, 0x10, -1], [1, 0x13c, 1]);
  }
  for (const [index, node] of nodes.entries())
    expect(await node.take(4)).toEqual([
      [`3 0 ${-32768 + index}`, "3 1 32767"],
      ["3 5 255", "1 304 1"],
      ["3 5 0", "1 304 0"],
      ["3 16 -1", "1 316 1"],
    ]);
  first.core.releaseKeys(first.nowUs);
  expect((await nodes[0]?.take(1))?.[0]?.toSorted()).toEqual(["1 316 0", "3 0 0", "3 1 0", "3 16 0"]);
  first.core.devices.unplug(2, first.nowUs);
  await nodes[1]?.gone();
  expect(pads()).toEqual(["Patchbay gamepad 1", "Patchbay gamepad 3", "Patchbay gamepad 4"]);
});

/** Each step of the game waits until `isFelt` says that the motors do what the step before wanted. */
async function playGame(pad: string, isFelt: (motors: string) => boolean): Promise<void> {
  const { node } = await findDevice(pad);
  const game = Bun.spawn(["build/lab/ff_play", node], { stdin: "pipe", stdout: "pipe" });
  atEnd(() => game.kill());
  for (const motors of ["32768 8192", "0 0", "16384 4096", "0 0", "32768 32768"]) {
    await eventually(`${motors} at ${pad}`, () => isFelt(motors));
    game.stdin.write("\n");
    game.stdin.flush();
  }
  expect(await game.exited).toBe(0);
  const lines = (await new Response(game.stdout).text()).trim().split("\n");
  // The kernel waits 30 s for an answer that does not come.
  expect(Math.max(...lines.map((line) => Number(line.split(" ").at(-1))))).toBeLessThan(10_000);
  await eventually(`the motors' rest at ${pad}`, () => isFelt("0 0"));
}

test("what a game uploads, plays, stops and leaves behind is felt by the client that has the pad", async () => {
  const felt = () =>
    first.rumbles.map(([, strong, weak]) => `${strong} ${weak}`).filter((now, i, all) => now !== all[i - 1]);
  await playGame("Patchbay gamepad 3", (motors) => felt().at(-1) === motors);
  expect(felt()).toEqual(["32768 8192", "0 0", "16384 4096", "0 0", "32768 32768", "0 0"]);
  expect(new Set(first.rumbles.map(([device]) => device))).toEqual(new Set([3]));
  const [, , , durationMs = 0] = first.rumbles[0] ?? [];
  expect(durationMs).toBeGreaterThan(0);
  expect(durationMs).toBeLessThanOrEqual(2500);
});

test("fingers and pen arrive in the kernel's own words", async () => {
  await plug(first, 16, "screen");
  await plug(first, 17, "pen");
  const touch = await EventNode.open("Patchbay touchscreen");
  use(
    first,
    16,
    [3, 0x2f, 0],
    [3, 0x39, 7],
    [3, 0x35, 100],
    [3, 0x36, 200],
    [3, 0x2f, 3],
    [3, 0x39, 8],
    [3, 0x35, 65535],
  );
  use(first, 16, [3, 0x2f, 0], [3, 0x39, -1]);
  use(first, 16, [3, 0x2f, 3], [3, 0x39, -1]);
  expect(await touch.take(3)).toEqual([
    // The first slot is the kernel's present one, so that it says nothing of it.
    [
      "3 57 7",
      "3 47 3",
      "3 57 8",
      "3 47 0",
      "3 53 100",
      "3 54 200",
      "3 47 3",
      "3 53 65535",
      "1 330 1",
      "3 0 100",
      "3 1 200",
    ],
    ["3 47 0", "3 57 -1", "3 0 65535", "3 1 0"],
    ["3 47 3", "3 57 -1", "1 330 0"],
  ]);
  const pen = await EventNode.open("Patchbay pen");
  use(first, 17, [1, 0x140, 1], [3, 0, 40000], [3, 1, 50000]);
  use(first, 17, [1, 0x14a, 1], [3, 0x18, 4095], [3, 0x1a, -90], [3, 0x1b, 45]);
  first.core.releaseKeys(first.nowUs);
  expect(await pen.take(3)).toEqual([
    ["3 0 40000", "3 1 50000", "1 320 1"],
    ["3 24 4095", "3 26 -90", "3 27 45", "1 330 1"],
    ["3 24 0", "3 26 0", "3 27 0", "1 320 0", "1 330 0"],
  ]);
});

/** What the desk's pad does now, by what it printed: "strong weak". */
function motorsOf(felt: string): string {
  const [, strong, weak] = [...felt.matchAll(/upload (\d+) (\d+) \d+/g)].at(-1) ?? [];
  return /play 0\n$/.test(felt) || strong === undefined ? "0 0" : `${strong} ${weak}`;
}

test("real clients read the pad on their desk while their window has the focus, and let it rumble", async () => {
  const pad = Bun.spawn(["build/lab/pad", "Desk pad"], { stdin: "pipe", stdout: "pipe" });
  atEnd(() => pad.kill());
  let felt = "";
  const listening = (async () => {
    for await (const part of pad.stdout) felt += new TextDecoder().decode(part);
  })();
  const move = (...events: Event[]): void => {
    for (const event of [...events, [0, 0, 0]]) pad.stdin.write(`${event.join(" ")}\n`);
    pad.stdin.flush();
  };
  await eventually("the pad", () => felt.includes("ready"));
  const shown = await display;
  const viewer = new URL((await host.home.tell("key", "show", "--viewer")).trim());
  for (const output of ["x11", "sdl2"]) {
    felt = "";
    const client = startFullscreen(person, host.place, shown, "--output", output);
    await client.until(/gamepad 1 is plugged into the host/);
    const node = await EventNode.open("Patchbay gamepad 2");
    move([3, 0, 255], [3, 1, 0]);
    move([1, 0x130, 1], [3, 5, 1023]);
    move([1, 0x138, 1], [1, 0x220, 1]);
    move([1, 0x130, 0]);
    const events: string[] = [];
    while (!events.includes("1 304 0")) events.push(...(await node.take(1)).flat());
    // SDL2 does not make this odd pad's trigger and cross out; sticks of 0 to 255 rest a little beside the middle.
    const odd = ["3 5 255", "3 17 -1", "3 2 255"];
    const plain = (event: string) => !/^3 [0134] 128$/.test(event) && (output === "x11" || !odd.includes(event));
    const wanted = ["3 0 32767", "3 1 -32768", "1 304 1", "1 304 0", ...(output === "x11" ? odd : [])];
    expect(events.filter(plain).toSorted()).toEqual(wanted.toSorted());
    await playGame("Patchbay gamepad 2", (motors) => motorsOf(felt) === motors).catch((cause) => {
      throw new Error(`${output}: ${felt}`, { cause });
    });
    move([3, 0, 128], [3, 1, 128], [3, 5, 0]);
    move([1, 0x138, 0], [1, 0x220, 0]);
    expect(await client.interrupt()).toBe(0);
    await node.gone();
  }
  // Over a relay's channel, as the host's own page has one, pads go by the numbers that browsers give them.
  const before = new Set(pads());
  const environment = { PATCHBAY_RELAY_KEY: viewer.searchParams.get("token") ?? "" };
  const there = ["--relay", `ws://${viewer.host}/screen`, "--output", "x11", "--display", shown.name];
  const client = person.start(["client", ...there, "--fullscreen"], environment);
  await client.until(/watching ws/);
  const made = await eventually("the pad", async () => {
    move([1, 0x130, 1]);
    move([1, 0x130, 0]);
    return pads().find((one) => !before.has(one));
  });
  const node = await EventNode.open(made);
  move([3, 0, 255]);
  move([1, 0x131, 1]);
  const events: string[] = [];
  while (!events.includes("1 305 1")) events.push(...(await node.take(1)).flat());
  expect(events).toContain("3 0 32767");
  expect(await client.interrupt()).toBe(0);
  await node.gone();
  pad.kill();
  await listening;
});

test("a gamepad of a browser that watches is a pad here while the browser does", async () => {
  const address = new URL((await host.home.tell("key", "show", "--viewer")).trim());
  const authorization = `Bearer ${address.searchParams.get("token")}`;
  const before = new Set(pads());
  // Headers are Bun's own, which the types of a browser do not know.
  const options = { headers: { authorization } };
  const browser = new WebSocket(`ws://${address.host}/stream/screen`, options as never);
  await new Promise((resolve) => browser.addEventListener("open", resolve));
  browser.send(buildGamepadButton(0, 0, 0, 0, 65_535));
  const made = await eventually("the pad", async () => pads().find((pad) => !before.has(pad)));
  const node = await EventNode.open(made);
  browser.send(buildGamepadAxis(1, 0, 0, 1, -32_767));
  browser.send(buildGamepadButton(2, 0, 0, 12, 65_535));
  browser.send(buildGamepadButton(3, 0, 0, 0, 0));
  const events: string[] = [];
  while (!events.includes("1 304 0")) events.push(...(await node.take(1)).flat());
  // The press that made the pad may be older than the one who listens here.
  expect(events.filter((event) => event !== "1 304 1")).toEqual(["3 1 -32767", "3 17 -1", "1 304 0"]);
  browser.close();
  await node.gone();
});

test("a client that leaves lets go of everything; a host that is killed holds nothing", async () => {
  const keyboard = await EventNode.open("Patchbay keyboard");
  const pad = await EventNode.open("Patchbay gamepad 4");
  input(first, [1, 30, 1]);
  input(second, [1, 42, 1]);
  await keyboard.take(2);
  second.core.close(second.nowUs);
  expect(await keyboard.take(1)).toEqual([["1 42 0"]]);
  await pad.gone();
  first.isAlone = true;
  await host.child.kill();
  await keyboard.gone();
  expect(inputDevices().filter(({ name }) => name.startsWith("Patchbay"))).toEqual([]);
});

describe("no way in", () => {
  const run = async (...command: string[]) => {
    const child = new Child([...command, "--capture", "pattern", "--listen", "127.0.0.1:0", "--dashboard", "off"]);
    return { status: await child.ended(), err: child.err };
  };

  test("without the right to the node, the host says what to do, and does not start", async () => {
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "XDG_DATA_HOME=/tmp/nobody"];
    const { status, err } = await run(...nobody, executable, "host", "--input", "uinput");
    expect(err).toContain("/dev/uinput cannot be opened: Permission denied");
    expect(err).toContain("usermod -aG input");
    expect(status).not.toBe(0);
  });

  test("a node that is not there is named", async () => {
    const { folder } = new Home();
    const host = [executable, "host", "--input", "uinput", "--input-target", "/dev/none"];
    const { err } = await run("env", `XDG_DATA_HOME=${folder}`, ...host);
    expect(err).toContain("/dev/none cannot be opened: No such file or directory; as root: modprobe uinput");
  });
});
