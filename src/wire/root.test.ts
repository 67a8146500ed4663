/** The hand-written vectors, both ways, and what follows from each layout's constraints: every one is broken once. */
import { describe, expect, test } from "bun:test";
import {
  handshakeDatagram,
  headers,
  identityCase,
  payloadCases,
  refusedDatagrams,
  refusedPayloads,
} from "../../tests/vectors/root.ts";
import { check, decode, encode } from "./codec.ts";
import { layouts } from "./generate.ts";
import {
  checkPacket,
  checkPayload,
  chunk,
  chunkDataLimit,
  control,
  decodeIdentity,
  decodePayload,
  deviceName,
  encodeHandshakePacket,
  encodeIdentity,
  encodePayload,
  header,
  headerBytes,
  headerLayout,
  input,
  isDeviceName,
  packetSizeLimit,
  packetType,
  payloads,
  ping,
  putAck,
  putControl,
  putHeader,
  putInput,
  putPing,
  putPong,
  putReliable,
  tagBytes,
} from "./root.ts";
import { type Field, fieldBytes, type Layout, typeRange, type WireError, wireErrors } from "./schema.ts";

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** The bytes somewhere inside a larger buffer, so that a forgotten offset shows. */
function shifted(bytes: Uint8Array, by: number): DataView {
  const room = new Uint8Array(by + bytes.length + 3).fill(0xee);
  room.set(bytes, by);
  return new DataView(room.buffer);
}

describe("vectors", () => {
  for (const { name, bytes, value } of headers) {
    test(`header: ${name}`, () => {
      const decoded = decode(headerLayout, shifted(bytes, 5), 5, bytes.length);
      expect(decoded).toEqual({ ok: true, value });
      const out = new Uint8Array(headerBytes + 4);
      encode(headerLayout, value, viewOf(out), 4);
      expect(out.subarray(4)).toEqual(new Uint8Array(bytes));
      const put = new Uint8Array(headerBytes).fill(0xff);
      putHeader(viewOf(put), 0, value.type, value.counter, value.payloadSize);
      expect(put).toEqual(new Uint8Array(bytes));
      expect(header.counter(viewOf(put), 0)).toBe(value.counter);
    });
  }

  for (const { name, type, bytes, fields, tail } of payloadCases) {
    test(`${type}: ${name}`, () => {
      expect(decodePayload(type, bytes)).toEqual({ ok: true, value: { fields, tail } } as never);
      expect(encodePayload(type, fields as never, tail)).toEqual(new Uint8Array(bytes));
      expect(checkPayload(packetType[type], shifted(bytes, 3), 3, bytes.length)).toBeUndefined();
    });
  }

  test("every packet type has a vector", () => {
    expect(new Set(payloadCases.map((one) => packetType[one.type]))).toEqual(new Set(Object.values(packetType)));
  });

  test("handshake datagram", () => {
    expect(checkPacket(viewOf(handshakeDatagram), 0, handshakeDatagram.length)).toBeUndefined();
    const cookie = handshakeDatagram.slice(26);
    expect(encodeHandshakePacket({ step: 4, reason: 0, connectionId: 7, cookie })).toEqual(handshakeDatagram);
  });

  test("identity", () => {
    expect(decodeIdentity(identityCase.bytes)).toEqual({ ok: true, value: identityCase.value });
    expect(encodeIdentity(identityCase.value)).toEqual(identityCase.bytes);
  });
});

describe("refusals", () => {
  for (const { name, bytes, error } of refusedDatagrams)
    test(`datagram: ${name}`, () => expect(checkPacket(shifted(bytes, 9), 9, bytes.length)).toBe(error));
  for (const { name, type, bytes, error } of refusedPayloads)
    test(`${type}: ${name}`, () => {
      expect(checkPayload(packetType[type], shifted(bytes, 9), 9, bytes.length)).toBe(error);
      expect(decodePayload(type, bytes)).toEqual({ ok: false, error });
    });

  test("every header cut short", () => {
    const { bytes } = headers[0] as (typeof headers)[0];
    for (let size = 0; size < headerBytes; size++) expect(checkPacket(viewOf(bytes), 0, size)).toBe("short");
  });

  test("a datagram above 1400 bytes", () => {
    const bytes = new Uint8Array(packetSizeLimit + 1);
    putHeader(viewOf(bytes), 0, packetType.video, 1, packetSizeLimit + 1 - headerBytes - tagBytes);
    expect(checkPacket(viewOf(bytes), 0, bytes.length)).toBe("length");
    putHeader(viewOf(bytes), 0, packetType.video, 1, packetSizeLimit - headerBytes - tagBytes);
    expect(checkPacket(viewOf(bytes), 0, packetSizeLimit)).toBeUndefined();
  });

  test("a payload of an unknown type", () => expect(checkPayload(200, viewOf(new Uint8Array(99)), 0, 99)).toBe("type"));

  test("an encoder never writes what a decoder refuses", () => {
    const cookie = new Uint8Array(16);
    expect(() => encodePayload("control", { command: 6, value: 101 })).toThrow(RangeError);
    expect(() => encodePayload("control", { command: 1.5, value: 0 })).toThrow(RangeError);
    expect(() => encodePayload("control", { command: 257, value: 0 })).toThrow(RangeError);
    expect(() => encodePayload("input", { type: 1, code: 30, value: 1 }, new Uint8Array(6))).toThrow(RangeError);
    expect(() => encodeHandshakePacket({ step: 1, reason: 0, connectionId: 1, cookie })).toThrow(RangeError);
    expect(() => encodePayload("ping", { timeUs: -1, lastFrameId: 0 })).toThrow(RangeError);
    expect(() =>
      encodePayload("handshake", { step: 4, reason: 0, connectionId: 1, cookie: new Uint8Array(15) }),
    ).toThrow(RangeError);
    expect(() => encodePayload("ping", { timeUs: 1 } as never)).toThrow(RangeError);
  });
});

/** Writes any raw value into a field of `bytes`. */
function poke(bytes: Uint8Array, field: Field, value: bigint): void {
  for (let i = 0; i < fieldBytes(field); i++) bytes[field.at + i] = Number((value >> BigInt(8 * i)) & 255n);
}

/** Values that a field's own constraint forbids; empty for a field that takes all. */
function forbidden(field: Field): bigint[] {
  if (field.type === "bytes") return [];
  const [least, most] = typeRange(field.type);
  const candidates = [least, least + 1, most - 1, most].map(BigInt);
  if (field.type === "u64") candidates.push(2n ** 53n, 2n ** 64n - 1n);
  if (field.range) candidates.push(BigInt(field.range[0] - 1), BigInt(field.range[1] + 1));
  if (field.oneOf) candidates.push(BigInt(Math.max(...Object.values(field.oneOf)) + 1));
  for (let bit = 0n; bit < 16n; bit++) candidates.push(1n << bit);
  const inType = (value: bigint) => value >= BigInt(least) && (value <= BigInt(most) || field.type === "u64");
  const known =
    Object.values(field.bits ?? {}).reduce((a, b) => a | b, 0) | ((field.part?.mask ?? 0) << (field.part?.shift ?? 0));
  return candidates.filter(inType).filter((value) => {
    const number = Number(value);
    if (field.constant !== undefined) return number !== field.constant;
    if (field.oneOf) return !Object.values(field.oneOf).includes(number);
    if (field.bits) return (number & ~known) !== 0;
    if (field.rangeBy) return false;
    if (field.range) return number < field.range[0] || number > field.range[1];
    return number > Number.MAX_SAFE_INTEGER;
  });
}

/** A good message of each layout, to be spoilt. */
const goodOf = new Map<Layout, Uint8Array>([
  [headerLayout, (headers[0] as (typeof headers)[0]).bytes],
  ...payloadCases.map((one): [Layout, Uint8Array] => [payloads[one.type].layout, one.bytes]),
]);

describe("each layout", () => {
  for (const of of layouts) {
    const good = goodOf.get(of) ?? identityCase.bytes;
    test(`${of.name}: one byte short, and longer than allowed`, () => {
      expect(check(of, viewOf(good), 0, good.length)).toBeUndefined();
      expect(check(of, viewOf(good), 0, of.bytes - 1)).toBe("short");
      const long = new Uint8Array(of.bytes + of.tail.max + (of.tail.unit ?? 1));
      long.set(good);
      expect(check(of, viewOf(long), 0, long.length)).toBe("length");
    });

    for (const [name, field] of Object.entries<Field>(of.fields)) {
      const values = forbidden(field);
      if (values.length === 0) continue;
      test(`${of.name}.${name} refuses ${values.length} values`, () => {
        for (const value of values) {
          const bytes = good.slice();
          poke(bytes, field, value);
          const wanted: WireError = field.errorFor?.[Number(value)] ?? field.error ?? "range";
          expect(check(of, viewOf(bytes), 0, bytes.length)).toBe(wanted);
        }
      });
    }
  }

  test("every error has a name that counters know", () => {
    const fields = layouts.flatMap((of) => Object.values<Field>(of.fields));
    const used = fields.flatMap((field) => [field.error ?? "range", ...Object.values(field.errorFor ?? {})]);
    for (const error of used) expect(wireErrors).toContain(error);
  });
});

describe("accessors and put functions", () => {
  const room = new Uint8Array(64).fill(0xff);
  const view = viewOf(room);

  test("read what they wrote, at an offset, and touch nothing else", () => {
    room.fill(0xff);
    chunk.set.frameId(view, 8, 0xfedc_ba98);
    chunk.set.timestampUs(view, 8, 2 ** 53 - 1);
    expect(chunk.frameId(view, 8)).toBe(0xfedc_ba98);
    expect(chunk.timestampUs(view, 8)).toBe(2 ** 53 - 1);
    expect([...room.subarray(8, 12)]).toEqual([0x98, 0xba, 0xdc, 0xfe]);
    expect(room.subarray(12, 24).every((byte) => byte === 0xff)).toBe(true);
    input.set.value(view, 1, -2);
    expect(input.value(view, 1)).toBe(-2);
    control.set.value(view, 3, 0xffff_ffff);
    expect(control.value(view, 3)).toBe(0xffff_ffff);
  });

  test("payloads written in place equal the encoded ones", () => {
    const written = (size: number) => room.slice(2, 2 + size);
    room.fill(0xff);
    expect(written(putInput(view, 2, 2, 8, -1))).toEqual(encodePayload("input", { type: 2, code: 8, value: -1 }));
    expect(written(putControl(view, 2, 4, 60))).toEqual(encodePayload("control", { command: 4, value: 60 }));
    expect(written(putPing(view, 2, 77, 5))).toEqual(encodePayload("ping", { timeUs: 77, lastFrameId: 5 }));
    expect(ping.timeUs(view, 2)).toBe(77);
    expect(written(putPong(view, 2, 1, 2, 3))).toEqual(
      encodePayload("pong", { echoedUs: 1, receivedUs: 2, sentUs: 3 }),
    );
    room.fill(0xff);
    expect(written(putAck(view, 2, 8))).toEqual(encodePayload("ack", { next: 8 }));
    room.fill(0xff);
    const head = putReliable(view, 2, 3, packetType.control);
    const inner = putControl(view, 2 + head, 5);
    expect(written(head + inner)).toEqual(
      encodePayload("reliable", { sequence: 3, innerType: 5 }, encodePayload("control", { command: 5, value: 0 })),
    );
  });

  test("a full chunk makes the largest packet", () => {
    expect(chunkDataLimit).toBe(1342);
    expect(headerBytes + 24 + chunkDataLimit + tagBytes).toBe(packetSizeLimit);
  });
});

describe("device names", () => {
  const encoded = (name: Uint8Array, behind = 0) => {
    const head = identityCase.bytes.slice(0, 101);
    head[100] = name.length;
    return new Uint8Array([...head, ...name, ...new Uint8Array(behind)]);
  };
  const text = (value: string) => new TextEncoder().encode(value);

  test("fields behind the name are skipped", () => {
    expect(decodeIdentity(encoded(text("host"), 40))).toMatchObject({ ok: true, value: { name: "host" } });
  });

  test("bad names are refused", () => {
    const error = (bytes: Uint8Array) => decodeIdentity(bytes);
    expect(error(encoded(new Uint8Array([0xc3, 0x28])))).toEqual({ ok: false, error: "text" });
    expect(error(encoded(text("a\u0007b")))).toEqual({ ok: false, error: "text" });
    expect(error(encoded(text("a\u202eb")))).toEqual({ ok: false, error: "text" });
    expect(error(encoded(text("")))).toEqual({ ok: false, error: "length" });
    expect(error(encoded(text("x".repeat(64))))).toEqual({ ok: false, error: "length" });
    expect(error(encoded(text("whole")).subarray(0, 104))).toEqual({ ok: false, error: "short" });
    expect(error(encoded(text("x"), 600))).toEqual({ ok: false, error: "length" });
  });

  test("own names are made fit", () => {
    expect(deviceName("Büro\n1")).toBe("Büro1");
    expect(deviceName("\u0000 ")).toBe("unnamed");
    expect(deviceName("ü".repeat(40))).toBe("ü".repeat(31));
    expect(deviceName("a\ud800b")).toBe("a\ufffdb");
    expect(isDeviceName(deviceName("x".repeat(100)))).toBe(true);
    expect(isDeviceName("x".repeat(64))).toBe(false);
    const fields = { ...identityCase.value, name: "bad\nname" };
    expect(() => encodeIdentity(fields)).toThrow(RangeError);
  });
});
