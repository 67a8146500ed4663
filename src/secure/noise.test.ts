import { describe, expect, test } from "bun:test";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import published from "../../tests/vectors/noise.json" with { type: "json" };
import { generateX25519, x25519KeyPair } from "./keys.ts";
import { CipherState, HandshakeState, protocolName, rekey } from "./noise.ts";

const hex = (text: string) => Uint8Array.fromHex(text);
const none = new Uint8Array(0);

function pair(prologueA = none, prologueB = prologueA) {
  const [a, b] = [generateX25519(), generateX25519()];
  return {
    a,
    b,
    initiator: new HandshakeState({ role: "initiator", prologue: prologueA, staticKey: a }),
    responder: new HandshakeState({ role: "responder", prologue: prologueB, staticKey: b }),
  };
}

/** Runs the next message; throws when one end refuses. */
function pass(from: HandshakeState, to: HandshakeState, payload = none): Uint8Array {
  const message = from.write(payload);
  const read = message && to.read(message);
  if (!message || !read) throw new Error("refused");
  expect(read).toEqual(payload);
  return message;
}

describe("published vectors", () => {
  for (const vector of published.vectors) {
    test(vector.protocol_name, () => {
      expect(vector.protocol_name).toBe(protocolName);
      const initiator = new HandshakeState({
        role: "initiator",
        prologue: hex(vector.init_prologue),
        staticKey: x25519KeyPair(hex(vector.init_static)),
        ephemeral: x25519KeyPair(hex(vector.init_ephemeral)),
      });
      const responder = new HandshakeState({
        role: "responder",
        prologue: hex(vector.resp_prologue),
        staticKey: x25519KeyPair(hex(vector.resp_static)),
        ephemeral: x25519KeyPair(hex(vector.resp_ephemeral)),
      });
      const [m1, m2, m3, ...transport] = vector.messages;
      for (const [message, from, to] of [
        [m1, initiator, responder],
        [m2, responder, initiator],
        [m3, initiator, responder],
      ] as const) {
        expect(pass(from, to, hex(message?.payload ?? "")).toHex()).toBe(message?.ciphertext ?? "missing");
      }
      expect(initiator.remoteStatic?.toHex()).toBe(x25519KeyPair(hex(vector.resp_static)).publicKey.toHex());
      const [a, b] = [initiator.finish(), responder.finish()];
      expect(a.handshakeHash.toHex()).toBe(vector.handshake_hash);
      expect(b.handshakeHash.toHex()).toBe(vector.handshake_hash);
      expect(transport.length).toBe(3);
      // In these vectors the messages go on in turn: the responder writes the first of the transport.
      for (const [i, message] of transport.entries()) {
        const [from, to] = i % 2 === 0 ? [b, a] : [a, b];
        const sealed = from.send.encrypt(none, hex(message.payload));
        expect(sealed.toHex()).toBe(message.ciphertext);
        expect(to.receive.decrypt(none, sealed)?.toHex()).toBe(message.payload);
      }
    });
  }
});

describe("handshake", () => {
  test("every changed byte of every message is refused, and the true message still passes", () => {
    const { initiator, responder } = pair();
    const turns: [HandshakeState, HandshakeState][] = [
      [initiator, responder],
      [responder, initiator],
      [initiator, responder],
    ];
    for (const [step, [from, to]] of turns.entries()) {
      const message = from.write(Uint8Array.of(1, 2, 3));
      if (!message) throw new Error("refused");
      // Message 1 is plaintext: a change there shows in message 2.
      for (let i = 0; step > 0 && i < message.length; i++) {
        const changed = message.slice();
        changed[i] = (changed[i] as number) ^ 0x40;
        expect(to.read(changed)).toBeUndefined();
      }
      for (let size = 0; step > 0 && size < message.length; size++) {
        expect(to.read(message.subarray(0, size))).toBeUndefined();
      }
      expect(to.read(message)).toEqual(Uint8Array.of(1, 2, 3));
    }
    expect(initiator.finish().handshakeHash).toEqual(responder.finish().handshakeHash);
  });

  test("a changed first message is found at the second", () => {
    const { initiator, responder } = pair();
    const first = initiator.write(Uint8Array.of(7));
    if (!first) throw new Error("refused");
    first[first.length - 1] = 8;
    expect(responder.read(first)).toEqual(Uint8Array.of(8));
    expect(initiator.read(responder.write(none) as Uint8Array)).toBeUndefined();
  });

  test("another prologue is refused", () => {
    const { initiator, responder } = pair(Uint8Array.of(1), Uint8Array.of(2));
    expect(() => {
      pass(initiator, responder);
      pass(responder, initiator);
    }).toThrow("refused");
  });

  test("reflected messages are refused", () => {
    const { initiator, responder } = pair();
    const first = pass(initiator, responder);
    expect(initiator.read(first)).toBeUndefined();
    const second = pass(responder, initiator);
    expect(responder.read(second)).toBeUndefined();
  });

  test("an ephemeral key of small order is refused", () => {
    const { initiator, responder } = pair();
    initiator.write(none);
    expect(responder.read(new Uint8Array(32))).toEqual(none);
    expect(responder.write(none)).toBeUndefined();
    expect(initiator.read(new Uint8Array(96))).toBeUndefined();
  });

  test("out of turn, early and late use throw", () => {
    const { initiator, responder } = pair();
    expect(() => responder.write(none)).toThrow("turn");
    expect(() => initiator.read(new Uint8Array(32))).toThrow("turn");
    expect(() => initiator.finish()).toThrow("not complete");
    pass(initiator, responder);
    pass(responder, initiator);
    pass(initiator, responder);
    expect(() => initiator.write(none)).toThrow("turn");
    initiator.finish();
    expect(() => initiator.finish()).toThrow("over");
    expect(() => initiator.write(none)).toThrow("over");
    expect(() => initiator.read(none)).toThrow("over");
  });
});

describe("CipherState", () => {
  test("REKEY is the first 32 bytes of an encryption of zeros under the last nonce", () => {
    const key = new Uint8Array(32).fill(9);
    const nonce = hex("00000000ffffffffffffffff");
    expect(rekey(key)).toEqual(chacha20poly1305(key, nonce).encrypt(new Uint8Array(32)).slice(0, 32));
    const [a, b] = [new CipherState(key), new CipherState(rekey(key))];
    a.rekey();
    expect(a.encrypt(none, none)).toEqual(b.encrypt(none, none));
  });

  test("a forgery does not move the nonce, and nonces are spent but once", () => {
    const [a, b] = [new CipherState(new Uint8Array(32)), new CipherState(new Uint8Array(32))];
    const sealed = a.encrypt(none, Uint8Array.of(5));
    expect(b.decrypt(none, new Uint8Array(17))).toBeUndefined();
    expect(b.decrypt(none, new Uint8Array(3))).toBeUndefined();
    expect(b.decrypt(none, sealed)).toEqual(Uint8Array.of(5));
    expect(b.decrypt(none, sealed)).toBeUndefined();
    a.setNonce(Number.MAX_SAFE_INTEGER);
    expect(() => a.encrypt(none, none)).toThrow("used up");
  });
});
