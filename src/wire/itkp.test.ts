/** ITKP by its vectors, its limits and its cutter: encoding, decoding, every refusal with its error, and how bytes may come. */
import { describe, expect, test } from "bun:test";
import { itkpCases, itkpRefusals } from "../../tests/vectors/itkp.ts";
import { concatBytes } from "../base/bytes.ts";
import { crc32 } from "./crc32.ts";
import * as itkp from "./itkp.ts";
import { MessageCutter } from "./itkp-cutter.ts";

const made = (result: itkp.ItkpResult<Uint8Array<ArrayBuffer>>): Uint8Array<ArrayBuffer> => {
  if (!result.ok) throw new Error(itkp.itkpErrorText(result.error));
  return result.value;
};
const snapshot = (bytes: number) => ({ appId: "a", timestampMs: 1, data: "x".repeat(bytes) });

test("the checksum is the one of zlib", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  const bytes = Uint8Array.from({ length: 999 }, (_, at) => at * 7);
  expect(crc32(bytes, 5, 900)).toBe(Bun.hash.crc32(bytes.subarray(5, 900)));
});

describe("every message type has a vector", () => {
  test("and no other has", () => {
    expect([...new Set(itkpCases.map(({ name }) => name))]).toEqual(Object.keys(itkp.messages) as itkp.ItkpName[]);
  });
  for (const { title, name, bytes, payload } of itkpCases)
    test(title, () => {
      expect(made(itkp.encode(name, payload as never)).toHex()).toBe(bytes.toHex());
      expect(itkp.decode(bytes)).toEqual({ ok: true, value: { name, payload } as never });
      expect(itkp.decodeUnchecked(bytes)).toEqual(itkp.decode(bytes));
      const head = itkp.decodeHeader(bytes.subarray(0, 20));
      expect(head).toMatchObject({ ok: true, value: { name, payloadSize: bytes.length - 20 } });
      for (let size = 0; size < bytes.length; size++) expect(itkp.decode(bytes.subarray(0, size)).ok).toBe(false);
      // Inside other bytes, and with others behind.
      const room = concatBytes(new Uint8Array(3).fill(0xff), bytes, new Uint8Array(9).fill(0xff));
      expect(itkp.decode(room.subarray(3))).toEqual(itkp.decode(bytes));
    });
});

describe("refused:", () => {
  for (const { title, bytes, error } of itkpRefusals)
    test(title, () => {
      expect(itkp.decode(bytes)).toEqual({ ok: false, error });
      expect(itkp.decodeUnchecked(bytes).ok).toBe(error.name === "ValidationFailed");
      expect(itkp.itkpErrorText(error)).toMatch(/^[A-Z].*\.$/);
    });
});

/** A message with this payload, the tag put before it. */
function withPayload(type: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const body = concatBytes(Uint8Array.from(itkp.encodingTag), payload);
  const head = new DataView(new ArrayBuffer(20));
  [itkp.magic, 2, type, body.length, crc32(body)].forEach((value, at) => {
    head.setUint32(4 * at, value, true);
  });
  return concatBytes(new Uint8Array(head.buffer), body);
}

test("fields of later versions are skipped, also by messages that have none now", () => {
  expect(itkp.decode(withPayload(0, new Uint8Array([9, 9])))).toEqual({
    ok: true,
    value: { name: "Ping", payload: {} },
  });
  const play = itkp.decode(withPayload(41, new Uint8Array([0, 1, 7, 7])));
  expect(play).toEqual({ ok: true, value: { name: "VideoPlay", payload: {} } });
});

test("an optional field before which the payload ends is absent", () => {
  const value: itkp.ItkpMessage = { name: "StateResponse", payload: { success: true } };
  expect(itkp.decode(withPayload(23, new Uint8Array([1])))).toEqual({ ok: true, value });
  expect(itkp.decode(withPayload(23, new Uint8Array([1, 0])))).toEqual({ ok: true, value });
});

describe("limits", () => {
  test("of strings and data are allowed themselves, counted in UTF-8", () => {
    for (const [text, isAllowed] of [
      ["é".repeat(128), true],
      ["é".repeat(128) + "a", false],
    ] as const)
      expect(itkp.encode("Error", { code: 1, message: text }).ok).toBe(isAllowed);
    expect(itkp.decode(made(itkp.encode("StateSnapshot", snapshot(65_536)))).ok).toBe(true);
    const over = {
      ok: false,
      error: { name: "ValidationFailed", field: "data", reason: "is longer than 65536 bytes" },
    };
    expect(itkp.encode("StateSnapshot", snapshot(65_537))).toEqual(over as never);
    expect(itkp.decode(made(itkp.encodeUnchecked("StateSnapshot", snapshot(65_537))))).toEqual(over as never);
  });

  test("of the payload: 1 MiB and not one byte more", () => {
    const frame = 4 + 3 + 8 + 4;
    const fits = made(itkp.encodeUnchecked("StateSnapshot", snapshot(itkp.payloadLimit - frame)));
    expect(fits.length).toBe(20 + itkp.payloadLimit);
    expect(itkp.decodeUnchecked(fits).ok).toBe(true);
    for (const bytes of [itkp.payloadLimit - frame + 1, 5_000_000]) {
      const error: itkp.ItkpError = { name: "PayloadTooLarge", expected: itkp.payloadLimit, got: bytes + frame };
      expect(itkp.encode("StateSnapshot", snapshot(bytes))).toEqual({ ok: false, error });
    }
  });

  test("of numbers and texts that their type cannot hold", () => {
    const reason = (value: unknown) => {
      const result = itkp.encodeUnchecked("ClockPing", { senderTimeMs: value as number });
      return result.ok ? undefined : (result.error as { reason?: string }).reason;
    };
    expect([0, 2 ** 53 - 1].map(reason)).toEqual([undefined, undefined]);
    expect(reason(2 ** 53)).toBe("is above 2^53 - 1");
    for (const value of [-1, 0.5, Number.NaN, "1", undefined, 1n, null])
      expect(reason(value)).toBe("does not fit its type");
    expect(itkp.encodeUnchecked("Error", { code: 1, message: "\ud800" }).ok).toBe(false);
    expect(itkp.encode("OverlayUpdate", {} as never).ok).toBe(false);
    // Finite for JavaScript, infinite on the wire.
    const rect = { x: 1e39, y: 0, width: 0, height: 0, rotation: 0, visible: true };
    expect(itkp.encode("ScreenRect", rect)).toMatchObject({ ok: false, error: { field: "x" } });
  });

  test("of ranges are allowed themselves", () => {
    const window = (dpiScale: number) => ({
      ...{ x: 0, y: 0, width: 1, height: 1, dpiScale },
      ...{ isFullscreen: false, isBorderless: false, isFocused: false },
    });
    for (const [scale, isAllowed] of [
      [0.1, true],
      [10, true],
      [0.0999, false],
      [10.001, false],
    ] as const)
      expect(itkp.decode(made(itkp.encodeUnchecked("WindowState", window(scale)))).ok).toBe(isAllowed);
  });
});

describe("the cutter", () => {
  const all = concatBytes(...itkpCases.map(({ bytes }) => bytes));
  for (const size of [1, 2, 19, 20, 21, 1000, all.length])
    test(`finds every message in pieces of ${size}`, () => {
      const cutter = new MessageCutter();
      const found: string[] = [];
      for (let at = 0; at < all.length; at += size) {
        const piece = all.slice(at, at + size);
        expect(cutter.push(piece, (message) => found.push(message.toHex()))).toBeUndefined();
        piece.fill(0xee);
      }
      expect(found).toEqual(itkpCases.map(({ bytes }) => bytes.toHex()));
      expect(cutter.end()).toBeUndefined();
    });

  test("passes unknown types, which a later version may have", () => {
    const bytes = withPayload(4711, new Uint8Array(3));
    const found: Uint8Array[] = [];
    expect(new MessageCutter().push(bytes, (message) => found.push(message))).toBeUndefined();
    expect(found).toEqual([bytes]);
  });

  test("says what is missing at the end", () => {
    const cutter = new MessageCutter();
    const none = () => expect.unreachable();
    cutter.push(all.slice(0, 7), none);
    expect(cutter.end()).toEqual({ name: "IncompleteHeader", need: 20, have: 7 });
    const large = made(itkp.encode("StateSnapshot", snapshot(60_000)));
    const other = new MessageCutter();
    other.push(large.slice(0, 9000), none);
    expect(other.end()).toEqual({ name: "IncompletePayload", need: large.length, have: 9000 });
  });

  test("stops for good at a header that is none", () => {
    const cutter = new MessageCutter();
    const bad = itkpRefusals.find(({ error }) => error.name === "PayloadTooLarge") as (typeof itkpRefusals)[number];
    const found: Uint8Array[] = [];
    expect(cutter.push(concatBytes(all.slice(0, 20), bad.bytes, all), (one) => found.push(one))).toEqual(bad.error);
    expect(found.length).toBe(1);
    expect(cutter.push(all, (one) => found.push(one))).toEqual(bad.error);
    expect(found.length).toBe(1);
  });
});
