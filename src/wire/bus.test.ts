/** What relays say to each other: bytes written by hand, every refusal, and no harm from any bytes. */
import { describe, expect, test } from "bun:test";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { Prng } from "../base/prng.ts";
import {
  announceBody,
  busKind,
  busMessages,
  catchUpBody,
  claimState,
  readAnnouncement,
  readBusMessage,
  readCatchUp,
  readWant,
  wantBody,
} from "./bus.ts";

const hex = (...parts: string[]) => Uint8Array.fromHex(parts.join("").replaceAll(" ", ""));

const input = hex(
  "50 42 55 53", // "PBUS"
  "01 05 03 00", // version 1, input, a name of 3 bytes, reserved
  "02 01 00 00 00 00 10 00", // relay 0x10000000000102
  "07 00 00 00", // epoch 7
  "09 00 00 00", // sequence 9
  "00 00 01 00", // piece 0 of 1
  "02 00 00 00", // body of 2 bytes
  "61 2f 62", // "a/b"
  "aa bb",
);
const inputHead = { kind: busKind.input, origin: 0x10_0000_0000_0102, channel: "a/b", epoch: 7, sequence: 9 };

const announcement = hex(
  "03 00 02 00", // whole, asks; 2 claims
  "02 01 01 00", // live, settled, a name of 1 byte
  "05 00 00 00", // epoch 5
  "ff ff ff ff", // next sequence
  "78", // "x"
  "03 00 02 00", // gone, not settled, a name of 2 bytes
  "01 00 00 00",
  "00 00 00 00",
  "79 7a", // "yz"
);
const claims = [
  { channel: "x", state: claimState.live, isSettled: true, epoch: 5, nextSequence: 0xffff_ffff },
  { channel: "yz", state: claimState.gone, isSettled: false, epoch: 1, nextSequence: 0 },
];

const asking = { needsCatchUp: true, receivers: 5 };
const catchUp = hex(
  "2a 00 00 00", // next sequence 42
  "03 00 00 00", // 3 bytes
  "01 02 03",
  "00 00 00 00", // none
);

const changed = (bytes: Uint8Array, at: number, ...to: number[]) => {
  const copy = bytes.slice();
  copy.set(to, at);
  return copy;
};

describe("vectors", () => {
  test("an input event", () => {
    expect([...busMessages(inputHead, hex("aabb"), 1000)]).toEqual([input]);
    const read = readBusMessage(input);
    expect(read).toEqual({
      ok: true,
      value: { ...inputHead, chunkIndex: 0, chunkCount: 1, totalSize: 2, data: hex("aabb") },
    });
  });

  test("an announcement", () => {
    expect(announceBody({ isWhole: true, asks: true, claims })).toEqual(announcement);
    expect(readAnnouncement(announcement)).toEqual({ ok: true, value: { isWhole: true, asks: true, claims } });
  });

  test("a catch-up", () => {
    const messages = [hex("010203"), hex("")];
    expect(catchUpBody(42, messages)).toEqual(catchUp);
    expect(readCatchUp(catchUp)).toEqual({ ok: true, value: { nextSequence: 42, messages } });
  });

  test("a want", () => {
    const [first, again] = [hex("01 00 0000 05000000"), hex("00 00 0000 0a000000")];
    expect([wantBody(asking), wantBody({ needsCatchUp: false, receivers: 10 })]).toEqual([first, again]);
    expect(readWant(first)).toEqual({ ok: true, value: asking });
  });
});

describe("pieces", () => {
  test("all but the last are equally large, fit the bus, and make the body", () => {
    for (const size of [0, 1, 64, 65, 66, 129, 130, 131, 1000]) {
      const body = new Prng(size).bytes(size);
      const messages = [...busMessages(inputHead, body, 100)];
      expect(messages.every((message) => message.length <= 100)).toBe(true);
      const pieces = messages.map((message) => {
        const read = readBusMessage(message);
        if (!read.ok) throw new Error(read.error);
        return read.value;
      });
      expect(pieces.map(({ chunkIndex }) => chunkIndex)).toEqual(pieces.map((_, index) => index));
      expect(concatBytes(...pieces.map(({ data }) => data))).toEqual(body);
    }
  });

  test("a body of more pieces than can be counted, or a bus that takes no piece, makes none", () => {
    expect([...busMessages(inputHead, new Uint8Array(0x1_0000), 36)]).toEqual([]);
    expect([...busMessages(inputHead, new Uint8Array(1), 35)]).toEqual([]);
  });
});

describe("refusals", () => {
  test.each([
    ["short", input.subarray(0, 31)],
    ["magic", changed(input, 0, 0x51)],
    ["version", changed(input, 4, 2)],
    ["type", changed(input, 5, 9)],
    ["length", changed(input, 6, 129)],
    ["length", changed(input, 6, 6)],
    ["reserved", changed(input, 7, 1)],
    ["range", changed(input, 8, 0, 0, 0, 0, 0, 0, 0, 0)],
    ["range", changed(input, 8, 0, 0, 0, 0, 0, 0, 0x20, 0)],
    ["range", changed(input, 16, 0, 0, 0, 0x80)],
    ["counter", changed(input, 24, 1)],
    ["counter", changed(input, 26, 0)],
    ["length", changed(input, 26, 3)],
    ["length", changed(input, 28, 3)],
    ["length", changed(input, 28, 0, 0, 0, 0xff)],
    ["text", changed(input, 32, 0xff)],
  ] as const)("%s: a message", (error, bytes) => expect(readBusMessage(bytes)).toEqual({ ok: false, error }));

  test.each([
    ["short", hex("030002")],
    ["flags", changed(announcement, 0, 4)],
    ["reserved", changed(announcement, 1, 1)],
    ["counter", changed(announcement, 2, 0, 0x20)],
    ["length", changed(announcement, 2, 3)],
    ["length", changed(announcement, 2, 1)],
    ["range", changed(announcement, 4, 4)],
    ["flags", changed(announcement, 5, 2)],
    ["length", changed(announcement, 6, 0)],
    ["length", changed(announcement, 6, 100)],
    ["range", changed(announcement, 8, 0)],
    ["text", changed(announcement, 16, 0xff)],
    ["length", announcement.subarray(0, -1)],
    ["length", concatBytes(announcement, hex("00"))],
  ] as const)("%s: an announcement", (error, bytes) => expect(readAnnouncement(bytes)).toEqual({ ok: false, error }));

  test.each([
    ["short", hex("2a0000")],
    ["length", catchUp.subarray(0, -1)],
    ["length", changed(catchUp, 4, 8)],
    ["length", changed(catchUp, 4, 0xff, 0xff, 0xff, 0xff)],
  ] as const)("%s: a catch-up", (error, bytes) => expect(readCatchUp(bytes)).toEqual({ ok: false, error }));

  test("a want", () => {
    expect(readWant(hex(""))).toEqual({ ok: false, error: "short" });
    expect(readWant(hex("02 00 0000 05000000"))).toEqual({ ok: false, error: "flags" });
    expect(readWant(hex("01 00 0000 00000000"))).toEqual({ ok: false, error: "counter" });
    expect(readWant(hex("01 00 0000 ffffffff"))).toEqual({ ok: false, error: "counter" });
  });
});

test("20,000 damaged messages are read or refused, and what is read is written as it was", () => {
  const random = new Prng(7);
  const seeds = [input, announcement, catchUp, wantBody(asking), utf8("nothing of the kind")];
  let taken = 0;
  for (let n = 0; n < 20_000; n++) {
    let bytes = (seeds[random.below(seeds.length)] as Uint8Array).slice();
    for (let times = random.below(4); times > 0; times--) {
      if (random.below(4) === 0) bytes = bytes.slice(0, random.below(bytes.length + 1));
      else if (bytes.length > 0) bytes[random.below(bytes.length)] = random.u32();
    }
    const [message, said, caught] = [readBusMessage(bytes), readAnnouncement(bytes), readCatchUp(bytes)];
    readWant(bytes);
    if (message.ok && message.value.chunkCount === 1)
      expect([...busMessages(message.value, message.value.data, 1000)]).toEqual([bytes]);
    if (said.ok) expect(announceBody(said.value)).toEqual(bytes);
    if (caught.ok) expect(catchUpBody(caught.value.nextSequence, caught.value.messages)).toEqual(bytes);
    if (message.ok || said.ok || caught.ok) taken++;
  }
  expect(taken).toBeGreaterThan(1000);
});
