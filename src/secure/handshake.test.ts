import { describe, expect, test } from "bun:test";
import { handshakeLayout, helloBytes } from "../wire/root.ts";
import { sixWords } from "./fingerprint.ts";
import { type Established, Initiator, Responder, type Step } from "./handshake.ts";
import { createIdentity, type DeviceIdentity, identityFrom } from "./identity.ts";
import { generateX25519 } from "./keys.ts";

function good<T>(step: Step<T>): T {
  if (!step.ok) throw new Error(`refused: ${step.reason}`);
  return step.value;
}

function reason(step: Step<unknown>): string {
  return step.ok ? "accepted" : step.reason;
}

/** A whole handshake between two devices. */
function shake(client: DeviceIdentity, host: DeviceIdentity, expected?: Uint8Array): [Established, Established] {
  const initiator = new Initiator({ identity: client, features: 5, ...(expected ? { expected } : {}) });
  const responder = new Responder({ identity: host, features: 9 });
  const done = good(initiator.finish(good(responder.answer(initiator.hello()))));
  return [done.established, good(responder.complete(done.message))];
}

const client = createIdentity("client");
const host = createIdentity("Wohnzimmer-PC äöü");

describe("handshake", () => {
  test("both ends get the same keys crosswise and know each other", () => {
    const [a, b] = shake(client, host, host.signing.publicKey);
    expect(a.sendKey).toEqual(b.receiveKey);
    expect(a.receiveKey).toEqual(b.sendKey);
    expect(a.sendKey).not.toEqual(a.receiveKey);
    expect(a.handshakeHash).toEqual(b.handshakeHash);
    expect([a.remoteName, a.remoteFeatures, a.remoteKey]).toEqual([host.name, 9, host.signing.publicKey]);
    expect([b.remoteName, b.remoteFeatures, b.remoteKey]).toEqual([client.name, 5, client.signing.publicKey]);
  });

  test("a second handshake of the same devices shares nothing with the first", () => {
    const [a, b] = [shake(client, host)[0], shake(client, host)[0]];
    expect(a.sendKey).not.toEqual(b.sendKey);
    expect(a.handshakeHash).not.toEqual(b.handshakeHash);
  });

  test("a hello fills its datagram, so an answer is never larger", () => {
    const hello = new Initiator({ identity: client }).hello();
    const longest = createIdentity("x".repeat(63));
    expect(hello.length).toBe(helloBytes - handshakeLayout.bytes);
    expect(good(new Responder({ identity: longest }).answer(hello)).length).toBeLessThanOrEqual(hello.length);
  });

  test("changed, cut and lengthened messages are refused, and the true ones then pass", () => {
    const initiator = new Initiator({ identity: client });
    const responder = new Responder({ identity: host });
    const hello = initiator.hello();
    for (let size = 0; size < 32; size++) {
      expect(reason(new Responder({ identity: host }).answer(hello.subarray(0, size)))).toBe("noise");
    }
    const answer = good(responder.answer(hello));
    for (const bad of spoiled(answer)) expect(reason(initiator.finish(bad))).toBe("noise");
    const { message, established } = good(initiator.finish(answer));
    for (const bad of spoiled(message)) expect(reason(responder.complete(bad))).toBe("noise");
    expect(good(responder.complete(message)).handshakeHash).toEqual(established.handshakeHash);
  });

  test("a changed hello is found by the client", () => {
    const initiator = new Initiator({ identity: client });
    const hello = initiator.hello();
    hello[hello.length - 1] = 1;
    expect(reason(initiator.finish(good(new Responder({ identity: host }).answer(hello))))).toBe("noise");
  });

  test("messages thrown back are refused", () => {
    const initiator = new Initiator({ identity: client });
    const responder = new Responder({ identity: host });
    const hello = initiator.hello();
    expect(reason(initiator.finish(hello))).toBe("noise");
    const answer = good(responder.answer(hello));
    expect(reason(responder.complete(answer))).toBe("noise");
    expect(reason(responder.complete(hello))).toBe("noise");
    const { message } = good(initiator.finish(answer));
    expect(good(responder.complete(message)).remoteName).toBe("client");
  });

  test("messages of another handshake are refused", () => {
    const [one, other] = [new Initiator({ identity: client }), new Initiator({ identity: client })];
    const [first, second] = [new Responder({ identity: host }), new Responder({ identity: host })];
    const answer = good(first.answer(one.hello()));
    const otherAnswer = good(second.answer(other.hello()));
    expect(reason(one.finish(otherAnswer))).toBe("noise");
    const { message } = good(one.finish(answer));
    expect(reason(second.complete(message))).toBe("noise");
  });

  test("a hello with a key of small order is refused, and the responder can still be used", () => {
    const responder = new Responder({ identity: host });
    expect(reason(responder.answer(new Uint8Array(376)))).toBe("noise");
    expect(reason(responder.answer(new Initiator({ identity: client }).hello()))).toBe("accepted");
  });

  test("out of turn and after the end, use throws", () => {
    const initiator = new Initiator({ identity: client });
    const responder = new Responder({ identity: host });
    expect(() => responder.complete(new Uint8Array(64))).toThrow();
    const hello = initiator.hello();
    expect(() => initiator.hello()).toThrow();
    const answer = good(responder.answer(hello));
    expect(() => responder.answer(hello)).toThrow();
    const { message } = good(initiator.finish(answer));
    expect(() => initiator.finish(answer)).toThrow("over");
    good(responder.complete(message));
    expect(() => responder.complete(message)).toThrow("over");
    const closed = new Initiator({ identity: client });
    closed.close();
    closed.close();
    expect(() => closed.hello()).toThrow("over");
  });
});

describe("impostors", () => {
  const thief = createIdentity("thief");

  test("a statement that the identity did not sign is refused on both sides", () => {
    const forged = { ...thief, statement: client.statement };
    const initiator = new Initiator({ identity: forged });
    const responder = new Responder({ identity: host });
    const done = good(initiator.finish(good(responder.answer(initiator.hello()))));
    expect(reason(responder.complete(done.message))).toBe("signature");

    const honest = new Initiator({ identity: client });
    const answer = good(new Responder({ identity: forged }).answer(honest.hello()));
    expect(reason(honest.finish(answer))).toBe("signature");
  });

  test("another's key and statement, copied, do not fit one's own Noise key", () => {
    const swapped = { ...thief, signing: host.signing, statement: host.statement };
    const initiator = new Initiator({ identity: client });
    expect(reason(initiator.finish(good(new Responder({ identity: swapped }).answer(initiator.hello()))))).toBe(
      "signature",
    );
  });

  test("another's Noise public key without its private key gets nowhere", () => {
    const noise = { publicKey: host.noise.publicKey, privateKey: generateX25519().privateKey };
    const initiator = new Initiator({ identity: client });
    const answer = good(new Responder({ identity: { ...host, noise } }).answer(initiator.hello()));
    expect(reason(initiator.finish(answer))).toBe("noise");
  });

  test("a true identity that is not the pinned one is refused", () => {
    const initiator = new Initiator({ identity: client, expected: host.signing.publicKey });
    const hello = initiator.hello();
    expect(reason(initiator.finish(good(new Responder({ identity: thief }).answer(hello))))).toBe("pinned");
    expect(reason(initiator.finish(good(new Responder({ identity: host }).answer(hello))))).toBe("accepted");
  });

  test("a man in the middle makes the words differ", () => {
    const [a, b] = shake(client, host);
    expect(sixWords(a.handshakeHash)).toEqual(sixWords(b.handshakeHash));
    const [seenByClient] = shake(client, thief);
    const [, seenByHost] = shake(thief, host);
    expect(sixWords(seenByClient.handshakeHash)).not.toEqual(sixWords(seenByHost.handshakeHash));
  });

  test("the same stored secrets make the same identity", () => {
    const again = identityFrom(host.signing.privateKey, host.noise.privateKey, host.name);
    expect(again).toEqual(host);
  });
});

/** Each byte changed, and every wrong size near the right one and near nothing. */
function* spoiled(message: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < message.length; i++) {
    const changed = message.slice();
    changed[i] = (changed[i] as number) ^ 1;
    yield changed;
  }
  for (let size = 0; size < 64; size++) yield message.slice(0, size);
  yield message.slice(0, -1);
  yield Uint8Array.of(...message, 0);
}
