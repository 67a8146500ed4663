import { describe, expect, test } from "bun:test";
import { Counters } from "../base/counters.ts";
import { limits } from "../base/limits.ts";
import { Initiator } from "../secure/handshake.ts";
import { createIdentity } from "../secure/identity.ts";
import { decodePayload, encodeHandshakePacket, handshakeStep, headerBytes, refusal } from "../wire/root.ts";
import type { Incoming } from "./core.ts";
import { Door, type Met } from "./door.ts";
import type { Remote } from "./viewer.ts";

const host = createIdentity("host");
const device = createIdentity("device");
const noCookie = new Uint8Array(16);

function setUp() {
  const sent: { to: number; step: number; reason: number; cookie: Uint8Array; noise: Uint8Array; size: number }[] = [];
  const drops = new Counters<string>();
  const door = new Door<Remote, Incoming>({ identity: host }, drops, {
    send(to, packet, size) {
      const decoded = decodePayload("handshake", packet.slice(headerBytes, size));
      if (!decoded.ok) throw new Error(decoded.error);
      const { step, reason, cookie } = decoded.value.fields;
      sent.push({ to: to.key, step, reason, cookie, noise: decoded.value.tail, size });
    },
    addressOf: ({ addressKey }) => ({ key: addressKey, host: "192.0.2.1", port: addressKey }),
  });
  const give = (addressKey: number, packet: Uint8Array, nowUs: number): Met<Remote> | undefined => {
    // At an odd place in a larger buffer, as in a ring.
    const buffer = new Uint8Array(packet.length + 50).fill(0xee);
    buffer.set(packet, 33);
    return door.receive(
      { buffer, view: new DataView(buffer.buffer), start: 33, size: packet.length, addressKey },
      nowUs,
    );
  };
  return { door, drops, sent, give };
}

const packetOf = (step: number, connectionId: number, noise: Uint8Array, cookie: Uint8Array = noCookie) =>
  encodeHandshakePacket({ step, reason: 0, connectionId, cookie }, noise);

/** A device that has its answer: the finish it sends, and what it must agree on. */
function answered(setup: ReturnType<typeof setUp>, addressKey = 1, connectionId = 9) {
  const initiator = new Initiator({ identity: device });
  const hello = packetOf(handshakeStep.hello, connectionId, initiator.hello());
  setup.give(addressKey, hello, 0);
  const result = initiator.finish(setup.sent.at(-1)?.noise as Uint8Array);
  if (!result.ok) throw new Error(result.reason);
  const finish = packetOf(handshakeStep.finish, connectionId, result.value.message);
  return { hello, finish, established: result.value.established };
}

describe("a handshake", () => {
  test("ends with the device's key and the same hash on both ends", () => {
    const setup = setUp();
    const { finish, established } = answered(setup);
    expect(setup.door.busy).toBe(true);
    const met = setup.give(1, finish, 1000);
    expect(met?.established.remoteKey).toEqual(device.signing.publicKey);
    expect(met?.established.handshakeHash).toEqual(established.handshakeHash);
    expect(met?.established.receiveKey).toEqual(established.sendKey);
    expect(met?.begun.remote.key).toBe(1);
    expect(setup.door.busy).toBe(false);
    expect(setup.drops.toJSON()).toEqual({});
  });

  test("answers a repeated hello with the same bytes and does nothing twice", () => {
    const setup = setUp();
    const { hello, finish } = answered(setup);
    setup.give(1, hello, 500);
    expect(setup.sent.length).toBe(2);
    expect(setup.sent[1]).toEqual(setup.sent[0] as (typeof setup.sent)[0]);
    expect(setup.give(1, finish, 1000)).toBeDefined();
    expect(setup.give(1, finish, 1000)).toBeUndefined();
    expect(setup.drops.toJSON()).toEqual({ "handshake-unknown": 1 });
  });

  test("never answers with more than it was sent", () => {
    const setup = setUp();
    const { hello } = answered(setup);
    for (const { size } of setup.sent) expect(size).toBeLessThanOrEqual(hello.length);
  });

  test("goes on after a finish that somebody forged, and not from another address or with another id", () => {
    const setup = setUp();
    const { finish } = answered(setup);
    const forged = finish.slice();
    forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1;
    expect(setup.give(1, forged, 0)).toBeUndefined();
    expect(setup.give(2, finish, 0)).toBeUndefined();
    const otherId = finish.slice();
    new DataView(otherId.buffer).setUint32(headerBytes + 4, 8, true);
    expect(setup.give(1, otherId, 0)).toBeUndefined();
    expect(setup.give(1, finish, 0)).toBeDefined();
    expect(setup.drops.toJSON()).toEqual({ "handshake-noise": 1, "handshake-unknown": 2 });
  });

  test("is forgotten after its time", () => {
    const setup = setUp();
    const { finish } = answered(setup);
    setup.door.tick(limits.handshakeTimeoutUs);
    expect(setup.door.busy).toBe(false);
    expect(setup.give(1, finish, limits.handshakeTimeoutUs)).toBeUndefined();
  });

  test("drops steps that only a host sends, malformed bodies and keys of small order", () => {
    const setup = setUp();
    setup.give(1, packetOf(handshakeStep.answer, 1, new Uint8Array(100)), 0);
    const short = encodeHandshakePacket({ step: handshakeStep.finish, reason: 0, connectionId: 1, cookie: noCookie });
    setup.give(1, short.subarray(0, headerBytes + 10), 0);
    setup.give(1, packetOf(handshakeStep.hello, 1, new Uint8Array(376)), 0);
    expect(setup.drops.toJSON()).toEqual({ "handshake-step": 1, short: 1, "handshake-noise": 1 });
    expect(setup.sent).toEqual([]);
    expect(setup.door.busy).toBe(false);
  });
});

describe("under load", () => {
  test("asks for a cookie, keeps nothing for it, and takes only the right one", () => {
    const setup = setUp();
    const hello = new Initiator({ identity: device }).hello();
    for (let i = 0; i < 1000; i++) setup.give(100 + i, packetOf(handshakeStep.hello, i, hello), 0);
    const { sent, drops } = setup;
    expect(sent.filter(({ step }) => step === handshakeStep.answer).length).toBe(limits.handshakesPerSecond);
    expect(drops.toJSON()).toEqual({ "handshake-flood": 1000 - limits.handshakesPerSecond });

    setup.give(1, packetOf(handshakeStep.hello, 5, hello), 0);
    const cookie = sent.at(-1)?.cookie as Uint8Array;
    expect(sent.at(-1)?.step).toBe(handshakeStep.cookie);
    setup.give(2, packetOf(handshakeStep.hello, 5, hello, cookie), 0);
    expect(sent.at(-1)?.step).toBe(handshakeStep.cookie);
    setup.give(1, packetOf(handshakeStep.hello, 6, hello, cookie), 0);
    expect(sent.at(-1)?.step).toBe(handshakeStep.cookie);
    setup.give(1, packetOf(handshakeStep.hello, 5, hello, cookie), 0);
    expect(sent.at(-1)).toMatchObject({ to: 1, step: handshakeStep.answer });
  });
});

describe("a refusal", () => {
  test("is said, and again to each finish that comes while it is remembered", () => {
    const setup = setUp();
    const { finish, hello } = answered(setup);
    const met = setup.give(1, finish, 0);
    if (!met) throw new Error("nobody was met");
    setup.door.refuse(met.begun, refusal.full, 0);
    expect(setup.sent.at(-1)).toMatchObject({ to: 1, step: handshakeStep.refused, reason: refusal.full });
    expect(setup.give(1, finish, 1_000_000)).toBeUndefined();
    expect(setup.sent.length).toBe(3);
    setup.give(1, hello, 1_000_000);
    expect(setup.sent.at(-1)?.step).toBe(handshakeStep.answer);
    expect(setup.drops.toJSON()).toEqual({ refused: 2 });
    setup.door.tick(limits.handshakeTimeoutUs);
    expect(setup.door.busy).toBe(false);
    setup.give(1, finish, limits.handshakeTimeoutUs);
    expect(setup.sent.length).toBe(4);
  });

  test("of version 1 is said at most so often a second", () => {
    const { door, sent } = setUp();
    const datagram = { buffer: new Uint8Array(40), view: new DataView(new ArrayBuffer(40)), start: 0, size: 40 };
    for (let i = 0; i < 100; i++) door.refuseVersion({ ...datagram, addressKey: i }, 5_000_000 + i);
    expect(sent.length).toBe(limits.handshakesPerSecond);
    expect(sent[0]).toMatchObject({ step: handshakeStep.refused, reason: refusal.version });
    door.refuseVersion({ ...datagram, addressKey: 1 }, 6_000_000);
    expect(sent.length).toBe(limits.handshakesPerSecond + 1);
  });
});

test("closing forgets what is under way", () => {
  const setup = setUp();
  const { finish } = answered(setup);
  setup.door.close();
  setup.door.close();
  expect(setup.door.busy).toBe(false);
  expect(setup.give(1, finish, 0)).toBeUndefined();
});
