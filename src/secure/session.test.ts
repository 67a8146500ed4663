import { describe, expect, test } from "bun:test";
import { limits } from "../base/limits.ts";
import { Prng } from "../base/prng.ts";
import { header, headerBytes, packetType, tagBytes } from "../wire/root.ts";
import { nobleCipher } from "./cipher-noble.ts";
import { rekey } from "./noise.ts";
import { openFailures, Session } from "./session.ts";

const keyA = new Uint8Array(32).fill(0xa1);
const keyB = new Uint8Array(32).fill(0xb2);
const perKey = limits.packetsPerKey;

function pair(): [Session, Session] {
  return [new Session(nobleCipher, keyA, keyB), new Session(nobleCipher, keyB, keyA)];
}

/** A sealed ping packet with this payload. */
function seal(from: Session, payload: Uint8Array, nowUs = 0): Uint8Array {
  const packet = new Uint8Array(headerBytes + payload.length + tagBytes);
  packet.set(payload, headerBytes);
  expect(from.seal(packetType.ping, packet, 0, payload.length, nowUs)).toBe(packet.length);
  return packet;
}

/** "ok" or the reason; the packet given stays as it is. */
function open(to: Session, packet: Uint8Array): string {
  const copy = packet.slice();
  const size = to.open(copy, 0, copy.length);
  return size < 0 ? openFailures(size) : "ok";
}

const counterOf = (packet: Uint8Array) => header.counter(new DataView(packet.buffer, packet.byteOffset), 0);

/** What a native sender does with a reservation: seals one packet under the key and counter handed out. */
function sealAs(key: Uint8Array, counter: number): Uint8Array {
  const packet = new Uint8Array(headerBytes + 1 + tagBytes);
  packet.set([0x54, 0x4f, 0x4f, 0x52, 2, packetType.ping]);
  const view = new DataView(packet.buffer);
  header.set.counter(view, 0, counter);
  header.set.payloadSize(view, 0, 1);
  nobleCipher.seal(key, counter, packet, 0, 1);
  return packet;
}

describe("sealing and opening", () => {
  test("the first packet, byte by byte", () => {
    const [a] = pair();
    const packet = seal(a, Uint8Array.of(7));
    // magic, version 2, type 6, flags, counter 0, payload size 1.
    expect(packet.slice(0, headerBytes).toHex()).toBe(
      ["544f4f52", "02", "06", "0000", "0000000000000000", "0100"].join(""),
    );
    const byHand = packet.slice();
    byHand[headerBytes] = 7;
    nobleCipher.seal(keyA, 0, byHand, 0, 1);
    expect(packet).toEqual(byHand);
  });

  test("both directions, at an offset, in place, within a larger memory", () => {
    const [a, b] = pair();
    const memory = new Uint8Array(4096);
    const buffer = memory.subarray(100, 2000);
    for (const [from, to] of [
      [a, b],
      [b, a],
      [a, b],
    ] as const) {
      for (let i = 0; i < 1366; i++) buffer[33 + headerBytes + i] = i;
      const size = from.seal(packetType.video, buffer, 33, 1366, 0);
      expect(size).toBe(limits.packetBytes);
      expect(to.open(buffer, 33, size)).toBe(1366);
      for (let i = 0; i < 1366; i++)
        if (buffer[33 + headerBytes + i] !== (i & 255)) throw new Error(`byte ${i} is wrong`);
    }
  });

  test("counters go up by one, and no two packets are alike", () => {
    const [a] = pair();
    expect([0, 1, 2].map(() => counterOf(seal(a, Uint8Array.of(1))))).toEqual([0, 1, 2]);
    expect(seal(a, Uint8Array.of(1)).slice(headerBytes)).not.toEqual(seal(a, Uint8Array.of(1)).slice(headerBytes));
  });

  test("a packet opens once, in any order", () => {
    const [a, b] = pair();
    const packets = Array.from({ length: 300 }, (_, i) => seal(a, Uint8Array.of(i)));
    const random = new Prng(1);
    const order = packets.toSorted(() => random.unit() - 0.5);
    for (const packet of order) expect(open(b, packet)).toBe("ok");
    for (const packet of order) expect(open(b, packet)).toBe("replayed");
  });

  test("a packet that falls out of the window is stale", () => {
    const [a, b] = pair();
    const packets = Array.from({ length: limits.replayWindow + 1 }, () => seal(a, Uint8Array.of(0)));
    expect(open(b, packets.at(-1) as Uint8Array)).toBe("ok");
    expect(open(b, packets[0] as Uint8Array)).toBe("stale");
    expect(open(b, packets[1] as Uint8Array)).toBe("ok");
  });

  test("a packet thrown back at its sender is a forgery", () => {
    const [a] = pair();
    expect(open(a, seal(a, Uint8Array.of(1)))).toBe("forged");
  });

  test("what does not fit throws, before a counter is spent", () => {
    const [a] = pair();
    const buffer = new Uint8Array(2000);
    expect(() => a.seal(packetType.ping, buffer, 0, 1367, 0)).toThrow(RangeError);
    expect(() => a.seal(packetType.ping, buffer, 1990, 1, 0)).toThrow(RangeError);
    expect(() => a.seal(packetType.ping, buffer, 0, -1, 0)).toThrow(RangeError);
    expect(counterOf(seal(a, Uint8Array.of(1)))).toBe(0);
  });

  test("keys of another size throw", () => {
    expect(() => new Session(nobleCipher, keyA.subarray(1), keyB)).toThrow(RangeError);
  });
});

describe("what an attacker sends", () => {
  test("every changed bit of a packet is refused, for a named reason, and the true packet then opens", () => {
    const [a, b] = pair();
    const packet = seal(a, Uint8Array.of(1, 2, 3));
    const reasons = new Map<number, Set<string>>();
    for (let bit = 0; bit < packet.length * 8; bit++) {
      const changed = packet.slice();
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      const at = Math.min(bit >> 3, headerBytes);
      const reason = open(b, changed);
      reasons.set(at, (reasons.get(at) ?? new Set()).add(reason));
    }
    for (const at of [0, 1, 2, 3]) expect([...(reasons.get(at) as Set<string>)]).toEqual(["magic"]);
    expect([...(reasons.get(4) as Set<string>)]).toEqual(["version"]);
    expect(reasons.get(5)).not.toContain("ok");
    for (const at of [6, 7]) expect([...(reasons.get(at) as Set<string>)]).toEqual(["flags"]);
    for (const at of [8, 9]) expect([...(reasons.get(at) as Set<string>)]).toEqual(["forged"]);
    expect([...(reasons.get(13) as Set<string>)]).toEqual(["key-ahead"]);
    for (const at of [16, 17]) expect([...(reasons.get(at) as Set<string>)]).toEqual(["length"]);
    expect([...(reasons.get(headerBytes) as Set<string>)]).toEqual(["forged"]);
    for (const seen of reasons.values()) expect(seen.has("ok")).toBe(false);
    expect(open(b, packet)).toBe("ok");
  });

  test("version 1 is named", () => {
    const [a, b] = pair();
    const packet = seal(a, Uint8Array.of(1));
    packet[4] = 1;
    expect(open(b, packet)).toBe("version-1");
  });

  test("every cut, every lengthening, and a size beyond the buffer", () => {
    const [a, b] = pair();
    const packet = seal(a, Uint8Array.of(1, 2, 3));
    for (let size = 0; size < packet.length; size++) {
      expect(open(b, packet.slice(0, size))).toBe(size < headerBytes ? "short" : "length");
    }
    expect(open(b, Uint8Array.of(...packet, 0))).toBe("length");
    expect(openFailures(b.open(packet.slice(), 10, packet.length))).toBe("short");
    expect(open(b, packet)).toBe("ok");
  });

  test("a handshake packet is no session's", () => {
    const [, b] = pair();
    const packet = new Uint8Array(headerBytes + 24);
    packet.set([0x54, 0x4f, 0x4f, 0x52, 2, packetType.handshake]);
    header.set.payloadSize(new DataView(packet.buffer), 0, 24);
    expect(open(b, packet)).toBe("handshake");
  });

  test("random bytes are refused and change nothing", () => {
    const [a, b] = pair();
    const random = new Prng(11);
    const first = seal(a, Uint8Array.of(1));
    for (let i = 0; i < 5000; i++) {
      const junk = random.bytes(random.below(200));
      // Every other one has a good header, so that it gets as far as the seal.
      if (i % 2 === 0 && junk.length >= headerBytes + tagBytes) {
        junk.set([0x54, 0x4f, 0x4f, 0x52, 2, 2 + random.below(8), 0, 0]);
        header.set.payloadSize(new DataView(junk.buffer), 0, junk.length - headerBytes - tagBytes);
        header.set.counter(new DataView(junk.buffer), 0, random.below(3 * perKey));
      }
      expect(open(b, junk)).not.toBe("ok");
    }
    expect(b.keyNumbers.receive).toBe(0);
    expect(open(b, first)).toBe("ok");
  });
});

describe("key schedule", () => {
  test("key n + 1 is REKEY(key n), by count, and frames never straddle two keys", () => {
    const [a, b] = pair();
    let reserved = a.reserve(perKey - 5, 0);
    expect(reserved.counter).toBe(0);
    expect(reserved.key).toEqual(keyA);
    reserved = a.reserve(5, 0);
    expect([reserved.counter, a.keyNumbers.send]).toEqual([perKey - 5, 0]);
    const lastOld = sealAs(reserved.key, perKey - 1);
    reserved = a.reserve(3, 0);
    expect([reserved.counter, a.keyNumbers.send]).toEqual([perKey, 1]);
    expect(reserved.key).toEqual(rekey(keyA));
    const firstNew = sealAs(reserved.key, perKey);
    expect(counterOf(seal(a, Uint8Array.of(1)))).toBe(perKey + 3);
    expect([open(b, lastOld), open(b, firstNew)]).toEqual(["ok", "ok"]);
    a.reserve(perKey - 6, 0);
    reserved = a.reserve(3, 0);
    expect([reserved.counter, a.keyNumbers.send]).toEqual([2 * perKey, 2]);
    expect(reserved.key).toEqual(rekey(rekey(keyA)));
  });

  test("a leap in the middle of a key leaves room unused", () => {
    const [a] = pair();
    a.reserve(perKey - 2, 0);
    expect(a.reserve(3, 0).counter).toBe(perKey);
    expect(counterOf(seal(a, Uint8Array.of(1)))).toBe(perKey + 3);
  });

  test("by time: the sender leaps once the key's life is over, one key at a time however long it was silent", () => {
    const [a, b] = pair();
    const life = limits.keyLifetimeUs;
    const start = 5_000_000;
    const packets = [
      start,
      start + life - 1,
      start + life,
      start + 2 * life - 1,
      start + 9 * life,
      start + 9 * life + 1,
    ].map((nowUs) => seal(a, Uint8Array.of(1), nowUs));
    expect(packets.map(counterOf)).toEqual([0, 1, perKey, perKey + 1, 2 * perKey, 2 * perKey + 1]);
    for (const packet of packets) expect(open(b, packet)).toBe("ok");
    expect(b.keyNumbers.receive).toBe(2);
  });

  test("what was under way under the old key still opens after the leap, once, with its own window", () => {
    const [a, b] = pair();
    const life = limits.keyLifetimeUs;
    const old = Array.from({ length: 10 }, () => seal(a, Uint8Array.of(1), 0));
    const fresh = Array.from({ length: 10 }, () => seal(a, Uint8Array.of(2), life));
    expect(open(b, fresh[5] as Uint8Array)).toBe("ok");
    expect(b.keyNumbers.receive).toBe(1);
    for (const packet of old.toReversed()) expect(open(b, packet)).toBe("ok");
    for (const packet of old) expect(open(b, packet)).toBe("replayed");
    for (const [i, packet] of fresh.entries()) expect(open(b, packet)).toBe(i === 5 ? "replayed" : "ok");
    expect(open(b, seal(a, Uint8Array.of(3), 2 * life))).toBe("ok");
    for (const packet of old) expect(open(b, packet)).toBe("stale");
    for (const packet of fresh) expect(open(b, packet)).toBe("replayed");
  });

  test("with loss and disorder around several boundaries every packet that arrives is taken exactly once", () => {
    const random = new Prng(42);
    for (let round = 0; round < 5; round++) {
      const [a, b] = pair();
      const sent: Uint8Array[] = [];
      for (let key = 0; key < 4; key++) {
        for (let i = 0; i < 60; i++) sent.push(seal(a, Uint8Array.of(key), key * limits.keyLifetimeUs));
        // Half of the leaps are by count: the rest of the key's counters is never sent.
        if (key % 2 === round % 2) a.reserve(perKey - 60, key * limits.keyLifetimeUs);
      }
      const arriving = sent
        .map((packet, i) => ({ packet, at: i + random.below(40) }))
        .filter(() => random.below(4) > 0)
        .toSorted((x, y) => x.at - y.at);
      for (const { packet } of arriving) {
        expect(open(b, packet)).toBe("ok");
        expect(["replayed", "stale"]).toContain(open(b, packet));
      }
    }
  });

  test("a claim of the next key that is not authentic commits nothing; one further ahead is refused unseen", () => {
    const [a, b] = pair();
    const other = new Uint8Array(32).fill(0xee);
    expect(open(b, sealAs(other, perKey))).toBe("forged");
    expect(open(b, sealAs(keyA, perKey))).toBe("forged");
    expect(b.keyNumbers.receive).toBe(0);
    expect(open(b, sealAs(rekey(rekey(keyA)), 2 * perKey))).toBe("key-ahead");
    expect(open(b, seal(a, Uint8Array.of(1)))).toBe("ok");
    expect(open(b, sealAs(rekey(keyA), perKey + 9))).toBe("ok");
    expect(b.keyNumbers.receive).toBe(1);
  });

  test("a counter under the wrong one of two live keys is a forgery", () => {
    const [, b] = pair();
    expect(open(b, sealAs(rekey(keyA), perKey))).toBe("ok");
    expect(open(b, sealAs(rekey(keyA), 5))).toBe("forged");
    expect(open(b, sealAs(keyA, perKey + 1))).toBe("forged");
    expect(open(b, sealAs(keyA, 5))).toBe("ok");
  });

  test("counts that no key has room for throw", () => {
    const [a] = pair();
    for (const count of [0, -1, 1.5, perKey + 1]) expect(() => a.reserve(count, 0)).toThrow(RangeError);
  });
});

describe("closing", () => {
  test("forgets the keys: the one handed out is zero, nothing opens, nothing seals", () => {
    const [a, b] = pair();
    const packet = seal(a, Uint8Array.of(1));
    const { key } = a.reserve(1, 0);
    a.close();
    a.close();
    b.close();
    expect(key).toEqual(new Uint8Array(32));
    expect(open(b, packet)).toBe("closed");
    expect(() => seal(a, Uint8Array.of(1))).toThrow("closed");
    expect(() => a.reserve(1, 0)).toThrow("closed");
    expect(keyA).toEqual(new Uint8Array(32).fill(0xa1));
  });

  test("a number that open() never returns has no name", () => {
    expect(() => openFailures(0)).toThrow(RangeError);
    expect(() => openFailures(-999)).toThrow(RangeError);
  });
});
