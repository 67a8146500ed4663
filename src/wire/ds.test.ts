/** The hand-written ds-stream vectors, both ways; refusals; builders; what a relay makes of each frame; H.264's codec string. */
import { describe, expect, test } from "bun:test";
import { frameCases, inputCases, refusedMessages } from "../../tests/vectors/ds.ts";
import { hybridCases } from "../../tests/vectors/hybrid.ts";
import { check } from "./codec.ts";
import * as ds from "./ds.ts";
import { dsLayouts } from "./ds-layouts.ts";
import { type Field, fieldBytes, type Layout, typeRange } from "./schema.ts";

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const allCases = [...frameCases, ...inputCases];

/** The bytes somewhere inside a larger buffer, so that a forgotten offset shows. */
function shifted(bytes: Uint8Array, by: number): Uint8Array {
  const room = new Uint8Array(by + bytes.length + 3).fill(0xee);
  room.set(bytes, by);
  return room.subarray(by, by + bytes.length);
}

describe("vectors", () => {
  for (const one of allCases) {
    const { title, kind, name, bytes, fields, tail } = one;
    test(`${kind} ${name}: ${title}`, () => {
      const head = { width: 0, height: 0, isKeyframe: false, isCompressed: false, ...one.head };
      const decoded = ds.decodeFrame(shifted(bytes, 5));
      expect(decoded).toEqual({ ok: true, value: { kind, name, ...head, fields, tail } } as never);
      const made =
        one.kind === "frame"
          ? ds.encodeFrame(one.name, one.head, fields as never, tail)
          : ds.encodeInput(one.name, one.head, fields as never, tail);
      expect(made).toEqual(new Uint8Array(bytes));
    });

    test(`${kind} ${name}: ${title}, cut anywhere`, () => {
      for (let size = 0; size < bytes.length; size++)
        expect(ds.checkFrame(viewOf(bytes), 0, size)).toBe(size < ds.frameBytes ? "short" : "length");
    });
  }

  test("every type has one", () => {
    expect(new Set(frameCases.map((one) => one.name))).toEqual(new Set(Object.keys(ds.frameType) as ds.FrameName[]));
    expect(new Set(inputCases.map((one) => one.name))).toEqual(new Set(Object.keys(ds.inputEvent) as ds.InputName[]));
  });

  test("names and codes", () => {
    for (const [name, code] of Object.entries(ds.frameType)) expect(ds.frameNameOf(code)).toBe(name as ds.FrameName);
    for (const [name, code] of Object.entries(ds.inputEvent)) expect(ds.inputNameOf(code)).toBe(name as ds.InputName);
    expect(ds.frameNameOf(0)).toBeUndefined();
    expect(ds.inputNameOf(0xff)).toBeUndefined();
  });
});

describe("refusals", () => {
  for (const { title, bytes, error } of refusedMessages)
    test(title, () => {
      const there = shifted(bytes, 9);
      expect(ds.checkFrame(new DataView(there.buffer), 9, bytes.length)).toBe(error);
      expect(ds.decodeFrame(there)).toEqual({ ok: false, error });
    });

  test("every forbidden value of every field", () => {
    let refused = 0;
    for (const of of dsLayouts) {
      const good = allCases.find(
        (one) => (one.kind === "frame" ? ds.framePayloads[one.name] : ds.inputPayloads[one.name]) === of,
      );
      const others = new Map<Layout, Uint8Array>([
        [ds.frameLayout, (frameCases[0] as (typeof frameCases)[0]).bytes],
        [ds.hybridLayout, hybridCases[0]?.bytes as Uint8Array],
        [ds.hybridVideoLayout, hybridCases[0]?.bytes.slice(hybridCases[0].videoAt) as Uint8Array],
      ]);
      const bytes = good ? good.bytes.slice(ds.frameBytes) : (others.get(of) as Uint8Array).slice();
      expect(check(of, viewOf(bytes), 0, bytes.length)).toBeUndefined();
      for (const field of Object.values<Field>(of.fields)) {
        if (field.type === "bytes" || !(field.oneOf || field.bits || field.range || field.constant !== undefined))
          continue;
        const allowed = field.oneOf ? new Set(Object.values(field.oneOf)) : undefined;
        const known = Object.values(field.bits ?? {}).reduce((a, b) => a | b, 0);
        const [least, most] = typeRange(field.type);
        const [from, to] = field.range ?? [least, most];
        for (const value of [least, from - 1, to + 1, most, 0, 11, 32, 64, 128]) {
          if (value < least || value > most) continue;
          const isFine =
            field.constant === undefined
              ? (allowed?.has(value) ?? (field.bits ? (value & ~known) === 0 : value >= from && value <= to))
              : value === field.constant;
          const spoilt = bytes.slice();
          for (let i = 0; i < fieldBytes(field); i++) spoilt[field.at + i] = value >> (8 * i);
          const error = check(of, viewOf(spoilt), 0, spoilt.length);
          expect(error === undefined).toBe(isFine);
          if (!isFine) refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(40);
  });

  test("an encoder never writes what a decoder refuses", () => {
    const head = { sequence: 0, timestampMs: 0, width: 2, height: 2 };
    expect(() => ds.buildPixels(0, 0, 2, 2, new Uint8Array(15))).toThrow(RangeError);
    expect(() => ds.buildPixels(0, 0, 0, 2, new Uint8Array(0))).toThrow(RangeError);
    expect(() => ds.encodeFrame("deltaPixels", head, {}, new Uint8Array(4))).toThrow(RangeError);
    expect(() => ds.encodeFrame("compressedPixels", head, { format: 0 }, new Uint8Array(4))).toThrow(RangeError);
    expect(() => ds.encodeFrame("ping", { ...head, isKeyframe: true }, {})).toThrow(RangeError);
    expect(() => ds.encodeInput("keyDown", head, { code: 0, modifiers: 0, repeat: 0 })).toThrow(RangeError);
    expect(() => ds.encodeInput("gamepadAxis", head, { pad: 0, axis: 0, value: -32_768 })).toThrow(RangeError);
    expect(() => ds.encodeInput("midi", head, { status: 0x7f, data1: 0, data2: 0 })).toThrow(RangeError);
    expect(() => ds.buildPointer("pointer", 0, 0, -1, 0, 0)).toThrow(RangeError);
  });
});

describe("builders", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const made: readonly (readonly [Uint8Array, string, object])[] = [
    [ds.buildPackedPixels(1, 2, 3, 4, bytes), "pixels", { isKeyframe: true, isCompressed: true, width: 3, height: 4 }],
    [ds.buildCompressedPixels(1, 2, 3, 4, "jpeg", bytes, true), "compressedPixels", { fields: { format: 3 } }],
    [ds.buildDeltaPixels(1, 2, 3, 4, bytes), "deltaPixels", { isCompressed: true, tail: bytes }],
    [ds.buildKeyframe(1, 2, 3, 4, "qoi", bytes), "keyframe", { fields: { format: 9 }, isKeyframe: true }],
    [
      ds.buildAudioPcm(1, 2, 48_000, 1, "f32le", new Uint8Array(8)),
      "audioPcm",
      { fields: { sampleRate: 48_000, channels: 1, format: 2 } },
    ],
    [
      ds.buildOpus(1, 2, 48_000, 2, 960, bytes),
      "audioCompressed",
      { fields: { codec: 1, channels: 2, samples: 960, sampleRate: 48_000 } },
    ],
    [ds.buildSignalSync(1, 2, bytes), "signalSync", { tail: bytes }],
    [ds.buildSignalDiff(1, 2, bytes), "signalDiff", { tail: bytes }],
    [ds.buildSchemaAnnounce(1, 2, bytes), "schemaAnnounce", { tail: bytes }],
    [ds.buildApplication("neuralFrame", 1, 2, bytes, true), "neuralFrame", { tail: bytes, isKeyframe: true }],
    [ds.buildAudience(1, 2, 70_000), "audience", { fields: { receivers: 70_000 } }],
    [ds.buildPing(1, 2), "ping", {}],
    [ds.buildStreamEnd(1, 2), "streamEnd", {}],
    [ds.buildPointer("pointerDown", 1, 2, 9, 8, 1), "pointerDown", { fields: { x: 9, y: 8, buttons: 1, mode: 0 } }],
    [ds.buildPointerMotion("pointer", 1, 2, -3, 4, 0), "pointer", { fields: { x: 0xfffd, y: 4, buttons: 0, mode: 1 } }],
    [ds.buildKeyDown(1, 2, 30, 3, true), "keyDown", { fields: { code: 30, modifiers: 3, repeat: 1 } }],
    [ds.buildKeyUp(1, 2, 30, 0), "keyUp", { fields: { code: 30, modifiers: 0, repeat: 0 } }],
    [ds.buildScroll(1, 2, -120, 240), "scroll", { fields: { dx: -120, dy: 240 } }],
    [ds.buildTouch(1, 2, 3, 4, 5, 6), "touch", { fields: { id: 3, x: 4, y: 5, pressure: 6 } }],
    [ds.buildTouchEnd(1, 2, 3), "touchEnd", { fields: { id: 3, ending: 0 } }],
    [ds.buildGamepadAxis(1, 2, 0, 1, -5), "gamepadAxis", { fields: { pad: 0, axis: 1, value: -5 } }],
    [ds.buildGamepadButton(1, 2, 0, 1, 65_535), "gamepadButton", { fields: { pad: 0, button: 1, value: 65_535 } }],
    [ds.buildMidi(1, 2, 0x80, 60, 0), "midi", { fields: { status: 0x80, data1: 60, data2: 0 } }],
    [ds.buildResize(1, 2, 640, 480), "resize", { fields: { width: 640, height: 480 } }],
    [ds.buildApplicationInput("bci", 1, 2, bytes), "bci", { tail: bytes }],
  ];
  for (const [message, name, wanted] of made)
    test(name, () => {
      expect(ds.decodeFrame(message)).toMatchObject({
        ok: true,
        value: { name, sequence: 1, timestampMs: 2, ...wanted },
      });
    });

  test("a locked pointer's motion comes back signed", () => {
    const message = ds.buildPointerMotion("pointer", 0, 0, -32_768, 32_767, 0);
    expect([ds.signed16(ds.pointer.x(viewOf(message), 16)), ds.signed16(ds.pointer.y(viewOf(message), 16))]).toEqual([
      -32_768, 32_767,
    ]);
  });

  test("sequence and time wrap", () => {
    const message = viewOf(ds.buildPing(65_537, 2 ** 32 + 5));
    expect([ds.frame.sequence(message, 0), ds.frame.timestampMs(message, 0)]).toEqual([1, 5]);
  });
});

describe("classes", () => {
  const classOf = (bytes: Uint8Array) => ds.classify(bytes[0] as number, bytes[1] as number, bytes);
  const video = (format: ds.PictureFormat, isKeyframe: boolean) =>
    ds.buildCompressedPixels(0, 0, 2, 2, format, new Uint8Array([1]), isKeyframe);

  test("pictures", () => {
    expect(classOf(ds.buildPixels(0, 0, 1, 1, new Uint8Array(4)))).toBe("keyframe");
    expect(ds.classify(ds.frameType.pixels, 0)).toBe("keyframe");
    expect(ds.classify(ds.frameType.keyframe, 0)).toBe("keyframe");
    expect(classOf(ds.buildDeltaPixels(0, 0, 1, 1, new Uint8Array([0, 4, 0])))).toBe("delta");
    for (const format of ["h264", "hevc", "vp8", "vp9", "av1", "hybrid"] as const) {
      expect(classOf(video(format, true))).toBe("keyframe");
      expect(classOf(video(format, false))).toBe("delta");
    }
    for (const format of ["png", "webp", "jpeg", "qoi", "zstd"] as const)
      expect(classOf(video(format, false))).toBe("keyframe");
    expect(ds.classify(ds.frameType.compressedPixels, 0)).toBe("delta");
    expect(ds.classify(ds.frameType.compressedPixels, ds.frameFlag.keyframe)).toBe("keyframe");
    expect(ds.classify(ds.frameType.neuralFrame, ds.frameFlag.keyframe)).toBe("keyframe");
  });

  test("everything else", () => {
    const of = (name: ds.FrameName) => ds.classify(ds.frameType[name], 0);
    expect([of("signalSync"), of("signalDiff"), of("schemaAnnounce")]).toEqual(["state-sync", "state-diff", "schema"]);
    expect([of("audioPcm"), of("audioCompressed"), of("neuralAudio")]).toEqual(["audio", "audio", "audio"]);
    for (const name of ["haptic", "neuralFrame", "neuralLatent", "ping", "streamEnd"] as const)
      expect(of(name)).toBe("other");
    expect(ds.classify(0x77, 0)).toBe("other");
    for (const one of inputCases) expect(classOf(one.bytes)).toBe("input");
  });
});

describe("H.264", () => {
  const sps = "00000001 67 42e01f 8c8d40";
  const bytes = (hex: string) => Uint8Array.fromHex(hex.replaceAll(" ", ""));

  test("codec string from the parameter set, wherever it stands", () => {
    expect(ds.h264CodecString(bytes(`${sps} 00000001 68ce 000001 6588`))).toBe("avc1.42E01F");
    expect(ds.h264CodecString(bytes(`00000001 09f0 000001 67640028ac 000001 6588`))).toBe("avc1.640028");
    expect(ds.h264CodecString(bytes("00000001 419a"))).toBeUndefined();
    for (const cut of ["", "000001", "00000001 67", "00000001 6742e0", "0000"])
      expect(ds.h264CodecString(bytes(cut))).toBeUndefined();
  });

  test("keyframes", () => {
    expect(ds.isH264Keyframe(bytes(`${sps} 00000001 68ce 000001 6588`))).toBe(true);
    expect(ds.isH264Keyframe(bytes("00000001 09f0 00000001 419a 000001 6588"))).toBe(false);
    expect(ds.isH264Keyframe(bytes("6588"))).toBe(false);
    expect(ds.isH264Keyframe(new Uint8Array(0))).toBe(false);
  });
});
