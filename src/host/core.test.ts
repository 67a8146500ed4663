/** What the simulations under tests/sim leave: the host's core called directly. */
import { expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import { ok } from "../base/result.ts";
import { nobleCipher } from "../secure/cipher-noble.ts";
import { Initiator } from "../secure/handshake.ts";
import { createIdentity, type DeviceIdentity } from "../secure/identity.ts";
import {
  encodeHandshakePacket,
  handshakeLayout,
  handshakeStep,
  header,
  headerBytes,
  packetType,
  permission,
} from "../wire/root.ts";
import { HostCore, type Incoming, type LeaveReason, type Verdict } from "./core.ts";
import type { Remote } from "./viewer.ts";

const host = createIdentity("host");
const owner = { bitrateBps: 10_000_000, fps: 60, quality: 50 };
const noCookie = new Uint8Array(16);
const all = permission.view | permission.input;

function setUp() {
  const sent: { to: number; packet: Uint8Array }[] = [];
  const left: LeaveReason[] = [];
  const wiped: boolean[] = [];
  const verdicts = new Map<string, Verdict>();
  const verdict = (key: Uint8Array): Verdict => verdicts.get(key.toHex()) ?? { state: "waiting", permissions: 0 };
  const keys: Uint8Array[] = [];
  const encoder: boolean[] = [];
  const listened: boolean[] = [];
  const core = new HostCore<Remote, Incoming>(
    { identity: host, cipher: nobleCipher, owner },
    {
      send: (to, packet, size) => sent.push({ to: to.key, packet: packet.slice(0, size) }),
      sendFrame: () => 1,
      inject: () => undefined,
      flushInput: () => undefined,
      plug: () => ok(undefined),
      unplug: () => undefined,
      injectTo: () => undefined,
      microphone: () => undefined,
      listened: (isHeard) => listened.push(isHeard),
      addressOf: ({ addressKey }) => ({ key: addressKey, host: "192.0.2.1", port: addressKey }),
      requestKeyframe: () => undefined,
      encoder: (_, watched) => encoder.push(watched),
      meet: ({ remoteKey, remoteName, sendKey, receiveKey }) => {
        keys.push(sendKey, receiveKey);
        return {
          identity: { key: remoteKey, name: remoteName, fingerprint: "", words: [] },
          verdict: verdict(remoteKey),
        };
      },
      verdict,
      joined: () => wiped.push(keys.every((key) => key.every((byte) => byte === 0))),
      left: (_, why) => left.push(why),
    },
  );
  const give = (addressKey: number, packet: Uint8Array, nowUs: number) => {
    const buffer = packet.slice();
    core.receive({ buffer, view: new DataView(buffer.buffer), start: 0, size: packet.length, addressKey }, nowUs);
  };
  /** A whole handshake of `device` from `addressKey`. */
  const join = (device: DeviceIdentity, addressKey: number, nowUs: number) => {
    const initiator = new Initiator({ identity: device });
    const fields = { reason: 0, connectionId: addressKey, cookie: noCookie };
    give(addressKey, encodeHandshakePacket({ ...fields, step: handshakeStep.hello }, initiator.hello()), nowUs);
    const answer = sent.findLast(({ to }) => to === addressKey)?.packet.slice(headerBytes + handshakeLayout.bytes);
    const result = initiator.finish(answer as Uint8Array);
    if (!result.ok) throw new Error(result.reason);
    give(addressKey, encodeHandshakePacket({ ...fields, step: handshakeStep.finish }, result.value.message), nowUs);
  };
  const decide = (device: DeviceIdentity, state: Verdict["state"], permissions: number) =>
    verdicts.set(device.signing.publicKey.toHex(), { state, permissions });
  return { core, sent, left, wiped, encoder, give, join, decide };
}

const names = (core: HostCore<Remote, Incoming>) => [...core.viewers].map((viewer) => viewer.identity.name);

test("the handshake's keys are wiped before anybody is told of the viewer", () => {
  const { join, wiped } = setUp();
  join(createIdentity("a"), 1, 0);
  expect(wiped).toEqual([true]);
});

test("a decision that changed nothing sends nothing", () => {
  const { core, join, sent, decide } = setUp();
  const device = createIdentity("a");
  decide(device, "approved", all);
  join(device, 1, 0);
  const count = sent.length;
  core.review(1000);
  expect(sent.length).toBe(count);
  decide(device, "approved", permission.view);
  core.review(2000);
  expect(sent.length).toBe(count + 1);
});

test("approval ends when the owner takes it back without turning the device away", () => {
  const { core, join, decide, encoder, left } = setUp();
  const device = createIdentity("a");
  decide(device, "approved", all);
  join(device, 1, 0);
  expect(encoder.at(-1)).toBe(true);
  decide(device, "waiting", 0);
  core.review(1000);
  expect([names(core), core.someoneWaits, encoder.at(-1), left]).toEqual([["a"], true, false, []]);
});

test("nothing but handshakes of known shape reaches the door, and strangers' packets nobody", () => {
  const { core, give, sent } = setUp();
  give(1, new Uint8Array(5), 0);
  give(1, new Uint8Array(100), 0);
  const sealed = new Uint8Array(headerBytes + 16);
  sealed.set([0x54, 0x4f, 0x4f, 0x52, 2, packetType.ping]);
  give(1, sealed, 0);
  header.set.type(new DataView(sealed.buffer), 0, 200);
  give(1, sealed, 0);
  expect(core.drops.toJSON()).toEqual({ short: 1, magic: 1, "unknown-sender": 1, type: 1 });
  expect(sent).toEqual([]);
  expect(core.busy).toBe(false);
});

test("closing dismisses everybody and forgets half-done handshakes", () => {
  const { core, join, give, left, encoder } = setUp();
  for (let i = 0; i < 3; i++) join(createIdentity(`d${i}`), i, 0);
  const hello = new Initiator({ identity: host }).hello();
  give(9, encodeHandshakePacket({ step: handshakeStep.hello, reason: 0, connectionId: 9, cookie: noCookie }, hello), 0);
  core.close(0);
  core.close(0);
  expect(left).toEqual(["closed", "closed", "closed"]);
  expect(core.busy).toBe(false);
  expect(encoder.at(-1)).toBe(false);
  core.tick(limits.peerTimeoutUs * 2);
});
