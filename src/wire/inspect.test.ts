/** What `patchbay inspect` shows: fields and meanings, refusals, and how files are cut into packets. */
import { describe, expect, test } from "bun:test";
import { frameCases, inputCases } from "../../tests/vectors/ds.ts";
import { handshakeDatagram, payloadCases, refusedDatagrams } from "../../tests/vectors/root.ts";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { formatDump, inspectPacket, packetsOf, parseHex, splitPackets } from "./inspect.ts";
import { headerBytes, packetType, putHeader } from "./root.ts";

/** A payload with a header and, when sealed, 16 bytes in place of the MAC. */
function packet(index: number, isSealed: boolean): Uint8Array {
  const one = payloadCases[index] as (typeof payloadCases)[0];
  const out = new Uint8Array(headerBytes + one.bytes.length + (isSealed ? 16 : 0));
  putHeader(new DataView(out.buffer), 0, packetType[one.type], one.type === "handshake" ? 0 : 7, one.bytes.length);
  out.set(one.bytes, headerBytes);
  return out;
}
const indexOf = (name: string) => payloadCases.findIndex((one) => one.name === name);
const texts = (bytes: Uint8Array) =>
  inspectPacket(bytes).map((line) => `${line.offset} ${line.field} ${line.value} ${line.meaning}`);

describe("one packet", () => {
  test("a chunk before sealing is shown in full", () => {
    const lines = texts(packet(indexOf("last chunk, MJPEG"), false));
    expect(lines).toContain("5 header.type 2 video");
    expect(lines).toContain("18 chunk.frameId 1 frame number, counting up, wrapping");
    expect(lines).toContain("32 chunk.flags 51 keyframe, last, mjpeg");
    expect(lines).toContain("42 chunk data 2 bytes the chunk");
    expect(lines.some((line) => line.includes("refused"))).toBe(false);
  });

  test("a sealed one shows sizes only", () => {
    const lines = texts(packet(indexOf("set bit rate"), true));
    expect(lines).toContain("18 sealed payload 5 bytes control, readable with the session's key only");
    expect(lines).toContain("23 mac 16 bytes Poly1305 tag");
    expect(lines.some((line) => line.includes("control.value"))).toBe(false);
  });

  test("each event of an input packet, and the message inside a reliable one", () => {
    const events = texts(packet(indexOf("pointer moved, then wheel"), false));
    expect(events.filter((line) => line.includes("input.type")).length).toBe(2);
    expect(events.some((line) => line.startsWith("28 input.value -1 "))).toBe(true);
    expect(texts(packet(indexOf("pause, reliably"), false))).toContain("26 control.command 1 pause");
  });

  test("a handshake is plaintext", () => {
    expect(texts(handshakeDatagram)).toContain("18 handshake.step 4 cookie");
  });

  for (const { name, bytes, error } of refusedDatagrams)
    test(`refusal is named: ${name}`, () => {
      const isPlain =
        error === "length" && bytes.length === headerBytes + (((bytes[17] as number) << 8) | (bytes[16] as number));
      if (!isPlain) expect(texts(bytes).at(-1)).toContain(`refused  ${error}:`);
    });

  test("a payload that would be refused is named as well", () => {
    const bytes = packet(indexOf("set bit rate"), false);
    bytes[headerBytes] = 99;
    expect(texts(bytes).at(-1)).toContain("range");
  });

  test("a packet cut anywhere is explained as far as it goes", () => {
    const whole = packet(indexOf("pause, reliably"), false);
    for (let size = 0; size < whole.length; size++) {
      const lines = inspectPacket(whole.slice(0, size));
      expect(lines.at(-1)?.field).toBe("refused");
    }
  });

  test("columns are aligned", () => {
    const lines = formatDump(inspectPacket(handshakeDatagram));
    const column = (line: string | undefined) => line?.search(/(header|handshake)\./);
    expect(column(lines[0])).toBeGreaterThan(0);
    for (const line of lines) expect(column(line)).toBe(column(lines[0]) as number);
  });
});

describe("several packets", () => {
  const three = [packet(indexOf("ping"), true), handshakeDatagram, packet(indexOf("ack"), false)];
  const plain = three.map((one) => new Uint8Array(one));

  test("back to back", () => {
    expect(packetsOf(concatBytes(...three)).map((one) => one.slice())).toEqual(plain);
    expect(splitPackets(new Uint8Array(0))).toEqual([]);
  });

  test("what is no packet stays in one piece", () => {
    const odd = concatBytes(packet(indexOf("ping"), true), new Uint8Array([1, 2, 3]));
    expect(splitPackets(odd).length).toBe(1);
    expect(splitPackets(new Uint8Array([9, 9])).length).toBe(1);
  });

  test("one a line of hex", () => {
    const text = `# captured\n${three.map((one) => one.toHex().replaceAll(/../g, "$& ")).join("\n")}\n\n`;
    expect(packetsOf(utf8(text))).toEqual(plain);
  });

  test("hex in several spellings", () => {
    const wanted = new Uint8Array([0x54, 0x4f]);
    for (const text of ["544f", "54 4F", "54:4f", "0x54, 0x4f", "54-4f # ROOT"]) expect(parseHex(text)).toEqual(wanted);
    expect(parseHex("544")).toBeUndefined();
    expect(parseHex("no hex")).toBeUndefined();
  });
});

describe("ds-stream frames", () => {
  test("every vector is known by its name and refused by nobody", () => {
    for (const one of [...frameCases, ...inputCases]) {
      const lines = texts(one.bytes);
      expect(lines[0]).toBe(`-1 ds-stream  ${one.kind} ${one.name}`);
      expect(lines.some((line) => line.includes("refused"))).toBe(false);
    }
  });

  test("fields, flags and what follows", () => {
    const lines = texts((frameCases[2] as (typeof frameCases)[0]).bytes);
    expect(lines).toContain("8 frame.width 1920 pixels; of pictures 1 to 8192, else 0");
    expect(lines).toContain("16 compressedPixels.format 4 h264");
    expect(lines.some((line) => line.startsWith("17 compressedPixels data 6 bytes"))).toBe(true);
    expect(texts((inputCases[0] as (typeof inputCases)[0]).bytes)).toContain("20 pointer.buttons 1 left");
    expect(texts(Uint8Array.fromHex("3000" + "00".repeat(10) + "02000000" + "7b7d"))).toContain(
      "16 signal data 2 bytes {}",
    );
  });

  test("a frame of a known type that would be refused is named as well", () => {
    const bytes = Uint8Array.fromHex("0102" + "00".repeat(10) + "01000000" + "00");
    expect(texts(bytes).at(-1)).toContain("refused  range:");
  });

  test("several in one file, with RootStream packets between", () => {
    const all = [
      ...frameCases.slice(0, 3).map((one) => one.bytes),
      packet(indexOf("ack"), false),
      ...inputCases.map((one) => one.bytes),
    ].map((one) => new Uint8Array(one));
    expect(
      splitPackets(concatBytes(...all))
        .slice(0, 3)
        .map((one) => one.slice()),
    ).toEqual(all.slice(0, 3));
    expect(splitPackets(concatBytes(...all.slice(4))).map((one) => one.slice())).toEqual(all.slice(4));
  });

  test("what is cut or of an unknown type is no frame", () => {
    const { bytes } = frameCases[0] as (typeof frameCases)[0];
    expect(texts(bytes.slice(0, -1)).some((line) => line.includes("ds-stream"))).toBe(false);
    expect(texts(new Uint8Array([0x99, ...bytes.slice(1)])).some((line) => line.includes("ds-stream"))).toBe(false);
  });
});
