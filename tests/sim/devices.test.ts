/** Gamepads, touch and pen on a bad network: presses arrive once and in order, axes end where they were left, nothing sticks. */
import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { deviceAction, deviceInputLayout, permission, putDeviceInput, putInput } from "../../src/wire/root.ts";
import { second } from "./places.ts";
import type { SimClient } from "./sim-client.ts";
import { World } from "./world.ts";

const all = permission.view | permission.input;
const [KEY, ABS] = [1, 3];
const [A, START, LEFT_X, TRIGGER, CROSS] = [0x130, 0x13b, 0x00, 0x05, 0x10];
const rough = { delayUs: 5000, jitterUs: 60_000, loss: 0.25, duplicate: 0.2 };

function connected(seed: number, link: object, count = 1, permissions = all) {
  const world = new World({ seed, link, streaming: false });
  const clients = Array.from({ length: count }, (_, i) => world.connect(i + 1, { approved: permissions }));
  world.until("admission", () => clients.every((client) => client.isIn), 20 * second);
  return { world, clients: clients as [SimClient, ...SimClient[]], host: world.host };
}

function use(client: SimClient, device: number, ...events: [type: number, code: number, value: number][]): void {
  for (const event of events) client.core.devices.add(device, ...event, client.nowUs);
  client.core.devices.add(device, 0, 0, 0, client.nowUs);
}

function plug(world: World, client: SimClient, device: number, name = "pad"): void {
  const before = client.deviceStates.length;
  client.core.devices.plug(device, name, true, client.nowUs);
  world.until("an answer", () => client.deviceStates.length > before, 20 * second);
}

/** Where each device's axes and buttons are by what the host injected. */
function places(world: World): Map<string, number> {
  const at = new Map<string, number>();
  for (const { device, type, code, value } of world.host.deviceEvents)
    if (type !== 0) at.set(`${device} ${type} ${code}`, value);
  return at;
}

describe("through loss, duplicates and disorder", () => {
  test("two clients' buttons arrive once and in order, each on its own pad, and sticks end where they were left", () => {
    for (let seed = 0; seed < 4; seed++) {
      const { world, clients, host } = connected(seed, rough, 2);
      for (const client of clients) plug(world, client, 1);
      const pressed: [string[], string[]] = [[], []];
      for (let i = 0; i < 120; i++) {
        const which = world.random.below(2);
        const client = clients[which] as SimClient;
        use(client, 1, [ABS, LEFT_X, world.random.below(60_000) - 30_000]);
        if (i % 3 === 0) {
          use(client, 1, [KEY, A, 1]);
          use(client, 1, [KEY, A, 0], [ABS, CROSS, 1]);
          use(client, 1, [ABS, CROSS, 0]);
          pressed[which as 0 | 1].push(`${A} 1`, `${CROSS} 1`, `${A} 0`, `${CROSS} 0`);
        }
        world.run(world.random.below(20_000));
      }
      const last = [-12345, 32767];
      for (const [i, client] of clients.entries())
        use(client, 1, [ABS, LEFT_X, last[i] as number], [ABS, TRIGGER, 255]);
      const presses = (device: number) =>
        host.deviceEvents
          .filter(({ device: of, type, code }) => of === device && (type === KEY || code === CROSS))
          .map(({ code, value }) => `${code} ${value}`);
      world.until(
        "all of them",
        () => [0, 1].every((i) => presses(i + 1).length >= (pressed[i]?.length ?? 0)),
        30 * second,
      );
      world.run(3 * second);
      for (const i of [0, 1]) {
        expect(presses(i + 1).toSorted()).toEqual((pressed[i] as string[]).toSorted());
        expect(presses(i + 1).filter((press) => press.startsWith(`${A} `))).toEqual(
          (pressed[i] as string[]).filter((press) => press.startsWith(`${A} `)),
        );
        expect(places(world).get(`${i + 1} ${ABS} ${LEFT_X}`)).toBe(last[i]);
        expect(places(world).get(`${i + 1} ${ABS} ${TRIGGER}`)).toBe(255);
      }
    }
  });

  test("rumble ends as the machine ended it, with the client that has the pad and under its own number", () => {
    for (let seed = 0; seed < 4; seed++) {
      const { world, clients, host } = connected(seed, rough, 2);
      plug(world, clients[0], 1);
      plug(world, clients[1] as SimClient, 3);
      for (let i = 1; i <= 100; i++) {
        host.core.devices.rumble(2, i * 600, i, 500, host.nowUs);
        world.run(3000);
      }
      host.core.devices.rumble(2, 0, 0, 0, host.nowUs);
      world.run(3 * second);
      expect(clients[0].rumbles).toEqual([]);
      const felt = clients[1]?.rumbles ?? [];
      expect(new Set(felt.map(({ device }) => device))).toEqual(new Set([3]));
      expect(felt.length).toBeLessThan(60);
      expect(felt.at(-1)).toMatchObject({ strong: 0, weak: 0 });
    }
  });
});

describe("who may have what", () => {
  test("four pads for all; the fifth is refused and says so; a place that is free again is given", () => {
    const { world, clients, host } = connected(1, { delayUs: 5000 }, 2);
    const [first, second] = clients as [SimClient, SimClient];
    for (const pad of [1, 2, 3]) plug(world, first, pad, `pad ${pad}`);
    for (const pad of [1, 2]) plug(world, second, pad);
    expect(second.deviceStates).toEqual([
      [1, "ready"],
      [2, "full"],
    ]);
    expect([...host.plugged.keys()]).toEqual([1, 2, 3, 4]);
    use(second, 2, [KEY, A, 1]);
    world.run(100_000);
    expect(host.deviceEvents).toEqual([]);
    expect(second.core.devices.drops.get("device-refused")).toBe(1);
    first.core.devices.unplug(2, first.nowUs);
    second.core.devices.unplug(2, second.nowUs);
    world.run(100_000);
    plug(world, second, 2);
    expect(second.deviceStates.at(-1)).toEqual([2, "ready"]);
    expect([...host.plugged.keys()].toSorted()).toEqual([1, 2, 3, 4]);
  });

  test("without permission nothing is plugged; with it, what is held is told; when it goes, so does the device", () => {
    const { world, clients, host } = connected(2, { delayUs: 5000 }, 1, permission.view);
    const [client] = clients;
    client.core.devices.plug(1, "pad", true, client.nowUs);
    use(client, 1, [KEY, START, 1], [ABS, TRIGGER, 200]);
    world.run(100_000);
    expect([host.plugged.size, client.deviceStates.length]).toEqual([0, 0]);
    host.approve(client.identity, all);
    host.review();
    world.run(100_000);
    expect(client.deviceStates).toEqual([[1, "ready"]]);
    expect(host.deviceEvents.map(({ type, code, value }) => [type, code, value])).toEqual([
      [ABS, TRIGGER, 200],
      [KEY, START, 1],
      [0, 0, 0],
    ]);
    host.approve(client.identity, permission.view);
    host.review();
    expect(host.plugged.size).toBe(0);
    expect(host.deviceEvents.slice(3).map(({ type, code, value }) => [type, code, value])).toEqual([
      [ABS, TRIGGER, 0],
      [KEY, START, 0],
      [0, 0, 0],
    ]);
  });

  test("a host without uinput says so, and takes everything else", () => {
    const { world, clients, host } = connected(3, { delayUs: 5000 });
    host.plugFails = true;
    plug(world, clients[0], 1);
    expect(clients[0].deviceStates).toEqual([[1, "unavailable"]]);
    expect(host.core.devices.failure).toBe("there is no uinput");
    clients[0].key(30, 1);
    world.run(100_000);
    expect(host.down.has(30)).toBe(true);
  });

  test("the touch screen is shared: who touches has it until all fingers are up", () => {
    const { world, clients, host } = connected(4, { delayUs: 5000 }, 2);
    const [first, second] = clients as [SimClient, SimClient];
    plug(world, first, 16);
    plug(world, second, 16);
    const touch = (client: SimClient, finger: number) =>
      use(client, 16, [ABS, 0x2f, 0], [ABS, 0x39, finger], [ABS, 0x35, 5]);
    touch(first, 1);
    world.run(100_000);
    touch(second, 2);
    world.run(100_000);
    const fingers = () => host.deviceEvents.filter(({ code }) => code === 0x39).map(({ value }) => value);
    expect(fingers()).toEqual([1]);
    expect(host.viewerOf(second.identity)?.drops.get("device-busy")).toBe(1);
    first.close();
    world.run(100_000);
    expect(fingers()).toEqual([1, -1]);
    expect(host.plugged.has(16)).toBe(true);
    touch(second, 3);
    world.run(100_000);
    expect(fingers()).toEqual([1, -1, 3]);
  });
});

describe("nothing sticks", () => {
  for (const [how, end] of [
    ["leaves", (client: SimClient) => client.close()],
    ["loses the focus", (client: SimClient) => client.core.releaseKeys(client.nowUs)],
    ["is silent", () => undefined],
  ] as const)
    test(`when a client ${how} while a trigger is held`, () => {
      const { world, clients, host } = connected(5, { delayUs: 5000 });
      const [client] = clients;
      plug(world, client, 1);
      use(client, 1, [ABS, TRIGGER, 255], [KEY, A, 1]);
      world.run(100_000);
      end(client);
      if (how === "is silent") world.network.leave(client.place);
      if (how === "is silent") world.clients.length = 0;
      world.run(limits.peerTimeoutUs + second);
      expect([...places(world)]).toEqual([
        [`1 ${ABS} ${TRIGGER}`, 0],
        [`1 ${KEY} ${A}`, 0],
      ]);
      expect(host.plugged.size).toBe(how === "loses the focus" ? 1 : 0);
    });

  test("a flood is cut to the limit, counted, and the device at rest", () => {
    const { world, clients, host } = connected(6, { delayUs: 5000 });
    const [client] = clients;
    plug(world, client, 1);
    const events = 100;
    const bytes = new Uint8Array(deviceInputLayout.bytes + events * 7);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < 400; i++) {
      let size = putDeviceInput(view, 0, 1, deviceAction.events);
      for (let n = 0; n < events; n++) size += putInput(view, size, ABS, TRIGGER, 1 + ((i + n) % 255));
      client.link.device(bytes, false, client.nowUs);
      world.run(1000);
    }
    world.run(100_000);
    expect(host.deviceEvents.length).toBeLessThan(2 * limits.deviceEventsPerSecond);
    expect(host.viewers[0]?.drops.get("input-rate")).toBeGreaterThan(200);
    expect(places(world).get(`1 ${ABS} ${TRIGGER}`)).toBe(0);
  });
});

test("lock keys follow the client's keyboard, also for who joins after the lamps were told", () => {
  const { world, clients, host } = connected(7, { delayUs: 5000 });
  const [first] = clients;
  host.core.setLockKeys(2, host.nowUs);
  const second = world.connect(2, { approved: all });
  world.until("admission", () => second.isIn);
  world.run(100_000);
  for (const client of [first, second]) {
    client.core.typed(0x11, 1, 0, client.nowUs);
    for (const [type, code, value] of [
      [KEY, 30, 1],
      [0, 0, 0],
      [KEY, 30, 0],
      [0, 0, 0],
    ] as const)
      client.core.typed(type, code, value, client.nowUs);
    world.run(100_000);
    // The kernel would tell of the lamp by itself.
    host.core.setLockKeys(client === first ? 2 : 0, host.nowUs);
    world.run(100_000);
  }
  const typed = ["58 1", "58 0", "30 1", "30 0"];
  expect(host.injected.map(({ code, value }) => `${code} ${value}`)).toEqual([...typed, ...typed]);
});
