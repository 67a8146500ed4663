import { describe, expect, test } from "bun:test";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { fingerprint, formatPairingCode, parsePairingCode, parsePeerKey, sixWords } from "./fingerprint.ts";
import { qrAsSvg, qrForTerminal } from "./qr.ts";

const key = Uint8Array.from({ length: 32 }, (_, i) => i);
const keyText = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

function ok<T>(result: { ok: true; value: T } | { ok: false; message: string }): T {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

describe("fingerprint", () => {
  test("is BLAKE2b-256's first 8 bytes in groups", () => {
    // By `b2sum -l 256` over the 32 bytes 00 01 ... 1f.
    expect(fingerprint(key)).toBe("cb2f-5160-fc1f-7e05");
  });
});

describe("six words", () => {
  test("are six of the list, fixed for a hash, others for another", () => {
    const words = sixWords(key);
    // By HMAC-SHA256 with Python's hmac module: extract with 32 zero bytes, expand with the label, 9 bytes, 11 bits a word.
    expect(words.join(" ")).toBe("photo arrange idea help stumble wasp");
    for (const word of words) expect(wordlist).toContain(word);
    expect(sixWords(key.toReversed())).not.toEqual(words);
  });

  test("use all 66 bits: each place of many hashes shows many words", () => {
    const seen = Array.from({ length: 6 }, () => new Set<string>());
    for (let i = 0; i < 400; i++) {
      for (const [place, word] of sixWords(new Uint8Array(32).fill(i & 255, i >> 8)).entries()) seen[place]?.add(word);
    }
    for (const words of seen) expect(words.size).toBeGreaterThan(300);
  });
});

describe("pairing code", () => {
  for (const [host, port, text] of [
    ["192.0.2.7", 9876, `${keyText}@192.0.2.7:9876`],
    ["game-pc.local", 1, `${keyText}@game-pc.local:1`],
    ["2001:db8::1", 65535, `${keyText}@[2001:db8::1]:65535`],
    ["fe80::1%eth0", 9876, `${keyText}@[fe80::1%eth0]:9876`],
  ] as const) {
    test(text, () => {
      expect(ok(formatPairingCode({ key, host, port }))).toBe(text);
      expect(ok(parsePairingCode(text))).toEqual({ key, host, port });
      expect(ok(parsePeerKey(text))).toEqual(key);
    });
  }

  test("the port may be left out", () => {
    expect(ok(parsePairingCode(`${keyText}@host`)).port).toBe(9876);
    expect(ok(parsePairingCode(` ${keyText}@[::1]\n`))).toEqual({ key, host: "::1", port: 9876 });
  });

  for (const text of [
    "",
    keyText,
    `${keyText}@`,
    `${keyText}@:1`,
    `${keyText}@host:0`,
    `${keyText}@host:65536`,
    `${keyText}@host:1x`,
    `${keyText}@host:`,
    `${keyText}@a b:1`,
    `${keyText}@2001:db8::1:9876`,
    `${keyText}@[host]:1`,
    `${keyText}@[::1:1`,
    `${keyText}@[::1]1`,
    `${keyText}@-x:1`,
    `${keyText}@a@b:1`,
    `${keyText.slice(1)}@host:1`,
    `${keyText.replace("8=", "9=")}@host:1`,
    `${keyText.replace("A", "-")}@host:1`,
    `${keyText}@${"x".repeat(83)}`,
  ]) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      expect(parsePairingCode(text)).toMatchObject({ ok: false, code: "usage" });
    });
  }

  test("what would not be read is not written", () => {
    expect(ok(formatPairingCode({ key, host: "x".repeat(77), port: 9876 })).length).toBe(127);
    for (const [host, port] of [
      ["x".repeat(78), 9876],
      ["", 1],
      ["a b", 1],
      ["host", 0],
      ["host", 1.5],
    ] as const) {
      expect(formatPairingCode({ key, host, port })).toMatchObject({ ok: false, code: "usage" });
    }
  });

  test("a bare key is a peer's key, with or without @", () => {
    expect(ok(parsePeerKey(keyText))).toEqual(key);
    expect(ok(parsePeerKey(` ${keyText}@ `))).toEqual(key);
    for (const text of ["", "@", "abc", keyText.slice(0, -1), `${keyText}@x y`, `${keyText}A`]) {
      expect(parsePeerKey(text)).toMatchObject({ ok: false, code: "usage" });
    }
  });
});

describe("QR", () => {
  const code = `${keyText}@192.0.2.7:9876`;
  test("is drawn for a terminal and as SVG, and differs with its text", async () => {
    const drawn = await qrForTerminal(code);
    expect(drawn.split("\n").length).toBeGreaterThan(15);
    expect(drawn).toMatch(/[▀▄█]/);
    expect(await qrForTerminal(`${code}1`)).not.toBe(drawn);
    const svg = await qrAsSvg(code);
    expect(svg).toStartWith("<svg");
    expect(svg.trim()).toEndWith("</svg>");
  });
});
