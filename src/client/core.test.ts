/** What the simulations under tests/sim leave: the client's core called directly, with a handshake's other end beside it. */
import { describe, expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import { nobleCipher } from "../secure/cipher-noble.ts";
import { Responder } from "../secure/handshake.ts";
import { createIdentity } from "../secure/identity.ts";
import { Link } from "../secure/link.ts";
import { Session } from "../secure/session.ts";
import { copyByLoop } from "../wire/reassembly.ts";
import {
  controlCommand,
  decodePayload,
  encodeHandshakePacket,
  handshakeStep,
  header,
  headerBytes,
  packetType,
  permission,
  refusal,
} from "../wire/root.ts";
import { ClientCore, type ClientSettings, type EndReason } from "./core.ts";

const [host, device] = [createIdentity("host"), createIdentity("device")];
const noCookie = new Uint8Array(16);
const connectionId = 77;

function setUp(more: Partial<ClientSettings> = {}) {
  const sent: Uint8Array[] = [];
  const told: unknown[] = [];
  const ended: EndReason[] = [];
  const core = new ClientCore(
    { identity: device, cipher: nobleCipher, copy: copyByLoop, expectedKey: undefined, connectionId, ...more },
    {
      send: (packet, size) => sent.push(packet.slice(0, size)),
      frame: () => true,
      rumble: () => undefined,
      deviceState: () => undefined,
      sound: ({ data, size }) => told.push(data.slice(0, size)),
      connected: ({ name }) => told.push(name),
      admitted: (permissions) => told.push(permissions),
      ended: (reason) => ended.push(reason),
    },
    0,
  );
  const give = (packet: Uint8Array, nowUs: number) => {
    const copy = packet.slice();
    core.receive(copy, new DataView(copy.buffer), 0, copy.length, nowUs);
  };
  const reply = (step: number, nowUs: number, noise?: Uint8Array, reason = 0, cookie: Uint8Array = noCookie) =>
    give(encodeHandshakePacket({ step, reason, connectionId, cookie }, noise), nowUs);
  return { core, sent, told, ended, give, reply };
}

/** Hello and answer; then the host's end of the link, which hands over what it sends at once. */
function connected(more: Partial<ClientSettings> = {}) {
  const setup = setUp(more);
  const responder = new Responder({ identity: host });
  const answer = responder.answer(noiseOf(setup.sent[0]));
  if (!answer.ok) throw new Error(answer.reason);
  setup.reply(handshakeStep.answer, 0, answer.value);
  const result = responder.complete(noiseOf(setup.sent[1]));
  if (!result.ok) throw new Error(result.reason);
  const heard: [command: number, value: number][] = [];
  const session = new Session(nobleCipher, result.value.sendKey, result.value.receiveKey);
  const link = new Link(session, 0, { control: (...what) => heard.push([what[0], what[1]]) }, (packet, size) =>
    setup.give(packet.slice(0, size), 0),
  );
  const hear = () => {
    for (const packet of setup.sent.splice(0)) {
      const view = new DataView(packet.buffer);
      if (header.type(view, 0) !== packetType.handshake) link.receive(packet, view, 0, packet.length, 0);
    }
    return heard.splice(0);
  };
  return { ...setup, link, hear };
}

const bodyOf = (packet: Uint8Array | undefined) => {
  const decoded = decodePayload("handshake", (packet ?? new Uint8Array(0)).slice(headerBytes));
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
};
const noiseOf = (packet: Uint8Array | undefined) => bodyOf(packet).tail;
const stepsOf = (packets: Uint8Array[]) => packets.map((packet) => bodyOf(packet).fields.step);

describe("the handshake", () => {
  test("begins at once and is repeated every second with the same bytes, until it is given up", () => {
    const { core, sent, ended } = setUp();
    for (let now = 0; now < limits.connectTimeoutUs; now += 10_000) core.tick(now);
    expect(sent.length).toBe(limits.connectTimeoutUs / limits.handshakeRetryUs);
    for (const packet of sent) expect(packet).toEqual(sent[0] as Uint8Array);
    expect(ended).toEqual([]);
    core.tick(limits.connectTimeoutUs + 1);
    core.tick(limits.connectTimeoutUs * 2);
    expect(ended).toEqual(["no-answer"]);
  });

  test("a cookie is sent back at once, and with every repetition", () => {
    const { core, sent, reply } = setUp();
    const cookie = new Uint8Array(16).fill(5);
    reply(handshakeStep.cookie, 1000, undefined, 0, cookie);
    core.tick(1000 + limits.handshakeRetryUs);
    expect(sent.length).toBe(3);
    for (const packet of sent.slice(1)) {
      expect(bodyOf(packet).fields).toMatchObject({ step: handshakeStep.hello, cookie });
      expect(noiseOf(packet)).toEqual(noiseOf(sent[0]));
    }
  });

  test("the last message is repeated until the host speaks", () => {
    const { core, sent, link, told } = connected();
    expect(told).toEqual(["host"]);
    sent.splice(0);
    const finishes = () => sent.splice(0).filter((packet) => header.type(new DataView(packet.buffer), 0) === 1);
    core.tick(limits.handshakeRetryUs - 1);
    expect(finishes()).toEqual([]);
    core.tick(limits.handshakeRetryUs);
    expect(stepsOf(finishes())).toEqual([handshakeStep.finish]);
    link.control(controlCommand.admit, 0, 0);
    core.tick(3 * limits.handshakeRetryUs);
    expect(finishes()).toEqual([]);
    expect(told).toEqual(["host", 0]);
  });

  const reasons: [number, EndReason][] = [
    [refusal.version, "refused-version"],
    [refusal.full, "refused-full"],
    [refusal.revoked, "refused-revoked"],
    [refusal.busy, "refused-busy"],
  ];
  test.each(reasons)("refusal %d ends it as %s, before and after the answer", (reason, name) => {
    for (const { reply, ended, core, sent } of [setUp(), connected()]) {
      reply(handshakeStep.refused, 0, undefined, reason);
      expect(ended).toEqual([name]);
      sent.splice(0);
      core.tick(5_000_000);
      expect(sent).toEqual([]);
    }
  });

  test("another host than the pinned one ends it; the pinned one does not", () => {
    expect(() => connected({ expectedKey: device.signing.publicKey })).toThrow();
    const { ended } = connected({ expectedKey: host.signing.publicKey });
    expect(ended).toEqual([]);
  });

  test("packets that are not of this connection are counted", () => {
    const { core, give, sent } = setUp();
    const fields = { step: handshakeStep.cookie, reason: 0, connectionId: 5, cookie: noCookie };
    give(encodeHandshakePacket(fields), 0);
    const sealed = new Uint8Array(34);
    sealed.set([0x54, 0x4f, 0x4f, 0x52, 2, packetType.ping]);
    give(sealed, 0);
    give(new Uint8Array(3), 0);
    expect(core.drops.toJSON()).toEqual({ "not-ours": 2, short: 1 });
    expect(sent.length).toBe(1);
  });
});

describe("in session", () => {
  test("wishes are told once the host admits, and anew after it took admission back", () => {
    const { link, hear } = connected({ bitrateBps: 2_000_000, fps: 30, quality: 70 });
    link.control(controlCommand.admit, 0, 0);
    expect(hear()).toEqual([]);
    link.control(controlCommand.admit, permission.view, 0);
    const wishes = [
      [controlCommand.setBitrate, 2_000_000],
      [controlCommand.setFps, 30],
      [controlCommand.setQuality, 70],
    ];
    expect(hear()).toEqual(wishes as [number, number][]);
    link.control(controlCommand.admit, 5, 0);
    expect(hear()).toEqual([]);
    link.control(controlCommand.admit, 0, 0);
    link.control(controlCommand.admit, 5, 0);
    expect(hear()).toEqual(wishes as [number, number][]);
  });

  test("input without the right to it stays here", () => {
    const { core, link, sent, hear } = connected();
    link.control(controlCommand.admit, permission.view, 0);
    hear();
    core.input.add(1, 30, 1, 0);
    core.releaseKeys(0);
    expect(sent).toEqual([]);
  });

  test("keys are let go by one command, and only when some are down", () => {
    const { core, link, hear } = connected();
    link.control(controlCommand.admit, permission.input, 0);
    core.releaseKeys(0);
    core.input.add(1, 30, 1, 0);
    core.releaseKeys(0);
    core.releaseKeys(0);
    expect(hear()).toEqual([[controlCommand.releaseKeys, 0]]);
  });

  test("the host's goodbye ends it, once", () => {
    const { core, link, ended } = connected();
    link.control(controlCommand.disconnect, 0, 0);
    link.controlOnce(controlCommand.disconnect, 0, 0);
    expect(ended).toEqual(["host-left"]);
    expect(core.ended).toBe(true);
  });

  test("closing says goodbye, in case a packet is lost three times, and ends without a reason", () => {
    const { core, ended, hear, sent } = connected();
    core.close(0);
    core.close(0);
    core.tick(100_000_000);
    core.setPaused(true, 0);
    expect(hear()).toEqual(Array(3).fill([controlCommand.disconnect, 0]));
    expect([sent, ended]).toEqual([[], []]);
  });
});
