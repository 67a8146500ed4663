/** The small pure parts of the pages. */
import { describe, expect, test } from "bun:test";
import { readAddress, socketUrl, stillsChannel } from "./address.ts";
import { Backoff } from "./backoff.ts";
import { StreamClock } from "./clock.ts";
import { codecString } from "./codecs.ts";
import { codeOf, evdevOf } from "./evdev.ts";
import { bits, bytes } from "./format.ts";
import { Meter } from "./meters.ts";
import { decodeQoi } from "./qoi.ts";
import { readShapes, writeShapes } from "./shapes.ts";

describe("address", () => {
  test("the channel is the rest of the path", () => {
    const address = readAddress("http://relay.example:9100/player/a/b?ice=stun:x&ice=stun:y#key=s3cret");
    expect(address).toMatchObject({ channel: "a/b", relay: "ws://relay.example:9100", key: "s3cret", useRtc: true });
    expect(address.ice).toEqual(["stun:x", "stun:y"]);
    expect(socketUrl(address, "stream")).toBe("ws://relay.example:9100/stream/a/b?key=s3cret");
    expect(socketUrl(address, "source", stillsChannel("a/b"), true)).toEndWith(
      "/source/a/b.stills?key=s3cret&takeover=1",
    );
  });

  test("defaults, and another relay", () => {
    expect(readAddress("https://host/player").channel).toBe("default");
    expect(socketUrl(readAddress("https://host/publish/"), "source")).toBe("wss://host/source/default");
    const other = readAddress("http://host/player/x?relay=https://other:1/&transport=websocket");
    expect([other.relay, other.useRtc]).toEqual(["wss://other:1", false]);
  });
});

test("back-off doubles from 1 s to 10 s and begins anew", () => {
  const backoff = new Backoff();
  expect(Array.from({ length: 6 }, () => backoff.next())).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  backoff.reset();
  expect(backoff.next()).toBe(1000);
});

describe("clock", () => {
  test("without answers age is what a frame came later than the quickest one", () => {
    const clock = new StreamClock();
    expect(clock.age(0, 0)).toBeUndefined();
    clock.arrived(1000, 5020);
    clock.arrived(1016, 5080);
    expect(clock.age(1016, 5080)).toEqual({ ms: 44, errorMs: undefined });
  });

  test("the quickest answer counts, with half its round trip as error", () => {
    const clock = new StreamClock();
    clock.answered(1000, 500, 1100);
    clock.answered(2000, 1455, 2010);
    clock.answered(3000, 0, 3500);
    // At 2005 the stream stood at 1455, so 550 lies between the clocks.
    expect(clock.age(1500, 2080)).toEqual({ ms: 30, errorMs: 5 });
  });

  test("times wrap at 2^32", () => {
    const clock = new StreamClock();
    clock.arrived(0xffff_fff0, 100);
    expect(clock.age(4, 130)?.ms).toBe(10);
  });

  test("the quickest of more than a minute ago is forgotten", () => {
    const clock = new StreamClock();
    clock.arrived(0, 31_000);
    for (const now of [62_000, 93_000, 124_000]) clock.arrived(now - 30_900, now);
    expect(clock.age(93_100, 124_000)?.ms).toBe(0);
  });
});

test("a meter forgets after two seconds", () => {
  const meter = new Meter();
  for (let ms = 0; ms < 2000; ms += 100) meter.add(5, ms);
  expect(meter.perSecond(1999)).toBe(50);
  expect(meter.perSecond(2950)).toBeLessThan(30);
  expect(meter.perSecond(9000)).toBe(0);
  expect(meter.total).toBe(100);
});

test("keys have the numbers of input-event-codes.h", () => {
  const known = {
    Escape: 1,
    Digit1: 2,
    Backspace: 14,
    Tab: 15,
    Enter: 28,
    ControlLeft: 29,
    KeyA: 30,
    Backquote: 41,
    ShiftLeft: 42,
    Backslash: 43,
    KeyZ: 44,
    ShiftRight: 54,
    NumpadMultiply: 55,
    AltLeft: 56,
    Space: 57,
    F1: 59,
    F10: 68,
    NumLock: 69,
    Numpad7: 71,
    NumpadDecimal: 83,
    IntlBackslash: 86,
    F11: 87,
    F12: 88,
    IntlRo: 89,
    NumpadEnter: 96,
    ControlRight: 97,
    PrintScreen: 99,
    AltRight: 100,
    Home: 102,
    ArrowUp: 103,
    ArrowLeft: 105,
    ArrowDown: 108,
    Delete: 111,
    Pause: 119,
    MetaLeft: 125,
    ContextMenu: 127,
    MediaPlayPause: 164,
    F13: 183,
    F24: 194,
  };
  for (const [code, number] of Object.entries(known)) expect([code, evdevOf(code)]).toEqual([code, number]);
  expect(evdevOf("Fn")).toBeUndefined();
  expect(codeOf(30)).toBe("KeyA");
});

test("figures", () => {
  expect([bits(950), bits(2_340_000), bytes(12), bytes(2500), bytes(3_000_000)]).toEqual([
    "1.0 kbit/s",
    "2.3 Mbit/s",
    "12 B",
    "2.5 kB",
    "3.0 MB",
  ]);
});

describe("codec strings", () => {
  test("H.264 and HEVC from their parameter sets", () => {
    expect(codecString("h264", new Uint8Array([0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 1]))).toBe("avc1.42E01F");
    expect(codecString("h264", new Uint8Array([0, 0, 0, 1, 0x65, 1, 2, 3]))).toBeUndefined();
    // NAL 33; video parameter set 0; Main profile, compatible with 1 and 2, progressive and frame only; level 3.1. Emulation bytes in it.
    const sps = [0, 0, 1, 0x42, 1, 0x01, 0x01, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 93, 0xa0, 2, 0x80];
    expect(codecString("hevc", new Uint8Array(sps))).toBe("hev1.1.6.L93.90");
  });

  test("VP9 and AV1 by profile", () => {
    expect(codecString("vp9", new Uint8Array([0x82, 0x49]))).toBe("vp09.00.51.08");
    expect(codecString("vp9", new Uint8Array([0xa2, 0x49]))).toBe("vp09.01.51.08");
    // Temporal delimiter, then a sequence header of profile 1.
    expect(codecString("av1", new Uint8Array([0x12, 0, 0x0a, 2, 0x20, 0]))).toBe("av01.1.13M.08");
  });
});

test("QOI: each kind of pixel, and what is cut off", () => {
  const picture = [
    ...[0x71, 0x6f, 0x69, 0x66, 0, 0, 0, 3, 0, 0, 0, 2, 4, 0],
    ...[0xfe, 10, 20, 30], // a whole pixel
    0b01_11_10_01, // r + 1, g + 0, b - 1
    ...[0b10_100010, 0b1001_0111], // g + 2, r + 2 + 1, b + 2 - 1
    0b11_000000, // again
    ...[0xff, 1, 2, 3, 4], // with alpha
    (10 * 3 + 20 * 5 + 30 * 7 + 255 * 11) % 64, // seen before
    ...[0, 0, 0, 0, 0, 0, 0, 1],
  ];
  const rgba = decodeQoi(new Uint8Array(picture), 3, 2);
  expect([...(rgba ?? [])]).toEqual([
    10, 20, 30, 255, 11, 20, 29, 255, 14, 22, 30, 255, 14, 22, 30, 255, 1, 2, 3, 4, 10, 20, 30, 255,
  ]);
  expect(decodeQoi(new Uint8Array(picture), 2, 2)).toBeUndefined();
  expect(decodeQoi(new Uint8Array(picture.slice(0, -10)), 3, 2)).toBeUndefined();
});

test("shapes come back as they went, wrong ones do not", () => {
  const frame = { seconds: 1.5, softness: 0.25, shapes: [{ x: 0.5, y: -0.25, radius: 0.125, hue: 0.75, box: 1 }] };
  const written = writeShapes(frame);
  expect(written.length).toBe(32);
  expect(readShapes(written)).toEqual(frame);
  for (let size = 0; size < written.length; size++) expect(readShapes(written.slice(0, size))).toBeUndefined();
  const broken = written.slice();
  new DataView(broken.buffer).setFloat32(12, Number.NaN, true);
  expect(readShapes(broken)).toBeUndefined();
});
