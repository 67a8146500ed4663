import { describe, expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import { controlCommand, header, headerBytes, packetType, tagBytes } from "../wire/root.ts";
import { nobleCipher } from "./cipher-noble.ts";
import { Link, type LinkHandler } from "./link.ts";
import { Session } from "./session.ts";

const keyA = new Uint8Array(32).fill(1);
const keyB = new Uint8Array(32).fill(2);
const press = Uint8Array.of(1, 30, 0, 1, 0, 0, 0);
const motion = (x: number) => Uint8Array.of(3, 0, 0, x, 0, 0, 0);

interface End {
  link: Link;
  session: Session;
  /** What left and was not carried over yet. */
  out: Uint8Array[];
  /** What the handler was told. */
  heard: string[];
}

function end(send: Uint8Array, receive: Uint8Array, more: Partial<LinkHandler> = {}): End {
  const out: Uint8Array[] = [];
  const heard: string[] = [];
  const session = new Session(nobleCipher, send, receive);
  const handler: LinkHandler = {
    control: (command, value) => heard.push(`control ${command} ${value}`),
    input: (type, code, value) => heard.push(`input ${type} ${code} ${value}`),
    lastFrame: (frameId) => heard.push(`frame ${frameId}`),
    ...more,
  };
  return {
    link: new Link(session, 0, handler, (packet, size) => out.push(packet.slice(0, size))),
    session,
    out,
    heard,
  };
}

function give(to: End, packet: Uint8Array, nowUs: number): void {
  const copy = packet.slice();
  to.link.receive(copy, new DataView(copy.buffer), 0, copy.length, nowUs);
}

/** Carries what `from` sent to `to`. */
function carry(from: End, to: End, nowUs: number): number {
  const packets = from.out.splice(0);
  for (const packet of packets) give(to, packet, nowUs);
  return packets.length;
}

const pair = (more?: Partial<LinkHandler>): [End, End] => [end(keyA, keyB), end(keyB, keyA, more)];
const typesOf = (packets: Uint8Array[]) => packets.map((packet) => header.type(new DataView(packet.buffer), 0));

describe("what is kept", () => {
  test("is sent again until acknowledged, and heard once", () => {
    const [a, b] = pair();
    a.link.control(controlCommand.setFps, 30, 0);
    a.out.splice(0);
    expect(a.link.tick(10_000, 0)).toBe("alive");
    expect(typesOf(a.out)).not.toContain(packetType.reliable);
    a.link.tick(25_000, 0);
    expect(typesOf(a.out)).toContain(packetType.reliable);
    carry(a, b, 30_000);
    b.out.splice(0); // the acknowledgement is lost
    a.link.tick(50_000, 0);
    carry(a, b, 55_000);
    carry(b, a, 60_000);
    a.out.splice(0);
    a.link.tick(600_000, 0);
    expect(typesOf(a.out)).not.toContain(packetType.reliable);
    expect(b.heard.filter((what) => what.startsWith("control"))).toEqual(["control 4 30"]);
  });

  test("closes the link when there is too much of it", () => {
    const [a] = pair();
    for (let i = 0; i < limits.reliableWindow; i++) a.link.input(press, true, 0);
    expect(a.link.tick(0, 0)).toBe("alive");
    a.link.input(press, true, 0);
    expect(a.link.tick(0, 0)).toBe("overflowed");
    expect(a.link.drops.toJSON()).toEqual({ "window-full": 1 });
  });

  test("may hold as many events as a packet does", () => {
    const [a, b] = pair();
    const events = new Uint8Array(700);
    for (let i = 0; i < 100; i++) events.set([1, 30, 0, i % 2, 0, 0, 0], i * 7);
    a.link.input(events, true, 0);
    carry(a, b, 0);
    expect(b.heard.length).toBe(100);
  });
});

test("motion that was overtaken is dropped and counted", () => {
  const [a, b] = pair();
  for (const x of [1, 2, 3]) a.link.input(motion(x), false, 0);
  for (const i of [0, 2, 1]) give(b, a.out[i] as Uint8Array, 0);
  expect(b.heard).toEqual(["input 3 0 1", "input 3 0 3"]);
  expect(b.link.drops.toJSON()).toEqual({ "stale-input": 1 });
});

describe("pings", () => {
  test("come quickly until the clock is known, then once nothing was sent for a second, at least every other", () => {
    const [a, b] = pair();
    let [early, late] = [0, 0];
    for (let now = 0; now < 20_000_000; now += 10_000) {
      a.link.tick(now, 7);
      const pings = typesOf(a.out).filter((type) => type === packetType.ping).length;
      if (now < 1_000_000) early += pings;
      else if (now >= 10_000_000) late += pings;
      carry(a, b, now + 2000);
      carry(b, a, now + 4000);
    }
    expect(early).toBeGreaterThanOrEqual(12);
    expect(early).toBeLessThanOrEqual(20);
    expect(late).toBe(10);
    expect(a.link.clock.roundTripUs).toBe(4000);
    expect(b.heard[0]).toBe("frame 7");
  });

  test("are seldom, but not left out, while other packets flow", () => {
    const [a, b] = pair();
    let late = 0;
    for (let now = 0; now < 20_000_000; now += 10_000) {
      a.link.input(motion(1), false, now);
      a.link.tick(now, 0);
      if (now >= 10_000_000) late += typesOf(a.out).filter((type) => type === packetType.ping).length;
      carry(a, b, now);
      carry(b, a, now);
    }
    expect(late).toBe(5);
  });

  test("give the offset between the clocks", () => {
    const [a, b] = pair();
    a.link.tick(1_000_000, 0);
    carry(a, b, 500_001_000);
    carry(b, a, 1_002_000);
    expect(a.link.clock.offsetUs).toBe(499_000_000);
  });
});

test("silence is noticed after the time-out, and only then", () => {
  const [a, b] = pair();
  a.link.controlOnce(controlCommand.pause, 0, 0);
  carry(a, b, 100);
  expect(b.link.tick(100 + limits.peerTimeoutUs, 0)).toBe("alive");
  expect(b.link.tick(101 + limits.peerTimeoutUs, 0)).toBe("silent");
});

test("what does not authenticate is no sign of life", () => {
  const [a, b] = pair();
  a.link.controlOnce(controlCommand.pause, 0, 0);
  const [packet] = a.out as [Uint8Array];
  give(b, packet, 0);
  give(b, packet, limits.peerTimeoutUs);
  packet[packet.length - 1] = (packet[packet.length - 1] as number) ^ 1;
  header.set.counter(new DataView(packet.buffer), 0, 9);
  give(b, packet, limits.peerTimeoutUs);
  expect(b.link.tick(limits.peerTimeoutUs + 1, 0)).toBe("silent");
  expect(b.link.drops.toJSON()).toEqual({ replayed: 1, forged: 1 });
  expect(b.link.received).toBe(1);
});

describe("counting", () => {
  test("loss is what the counters say is missing; disorder, duplicates and new keys are none", () => {
    const [a, b] = pair();
    for (let i = 0; i < 10; i++) a.link.controlOnce(controlCommand.pause, 0, 0);
    for (const i of [0, 2, 1, 1, 5, 3, 9, 9]) give(b, a.out[i] as Uint8Array, 0);
    expect(b.link.received).toBe(6);
    expect(b.link.lossPercent).toBeCloseTo(40);
    a.out.splice(0);
    a.link.controlOnce(controlCommand.pause, 0, limits.keyLifetimeUs);
    carry(a, b, 0);
    expect(a.session.keyNumbers.send).toBe(1);
    expect(b.link.expected).toBe(11);
  });

  test("packets that were sealed elsewhere count as sent", () => {
    const [a] = pair();
    a.link.noteSent(3, 4000, 0);
    expect([a.link.sent, a.link.sentBytes]).toEqual([3, 4000 + 3 * (headerBytes + tagBytes)]);
  });
});

test("a command that ends the link while its packet is being answered is no fault", () => {
  const [a, b] = pair({ control: () => b.link.close() });
  a.link.control(controlCommand.disconnect, 0, 0);
  a.link.control(controlCommand.pause, 0, 0);
  expect(carry(a, b, 0)).toBe(2);
  expect(b.out).toEqual([]);
  expect(b.link.drops.toJSON()).toEqual({ closed: 1 });
  b.link.close();
  b.link.control(controlCommand.pause, 0, 0);
  b.link.input(motion(1), false, 0);
  b.link.tick(1_000_000, 0);
  expect(b.out).toEqual([]);
});

test("an end without a hand for video or input counts it", () => {
  const [a] = pair();
  const b = end(keyB, keyA);
  const deaf = new Link(b.session, 0, { control: () => {} }, () => {});
  a.link.input(press, true, 0);
  a.link.input(motion(1), false, 0);
  for (const packet of a.out) deaf.receive(packet, new DataView(packet.buffer), 0, packet.length, 0);
  expect(deaf.drops.toJSON()).toEqual({ type: 2 });
});

test("a reliable message that makes no sense is settled, and the next one gets through", () => {
  const heard: number[] = [];
  const [a, b] = pair({ control: (command) => heard.push(command) });
  a.link.control(200, 0, 0);
  a.link.control(controlCommand.pause, 0, 0);
  carry(a, b, 0);
  carry(b, a, 0);
  a.link.tick(1_000_000, 0);
  carry(a, b, 1_000_000);
  expect(heard).toEqual([controlCommand.pause]);
  expect(b.link.drops.toJSON()).toEqual({ range: 1 });
});
