import { describe, expect, test } from "bun:test";
import { fingerprint } from "../secure/fingerprint.ts";
import { findPeer } from "./find-peer.ts";

const peer = (fill: number, name: string) => ({ publicKey: new Uint8Array(32).fill(fill), name });
const laptop = peer(1, "laptop");
const tv = peer(2, "tv");
const otherTv = peer(3, "TV");
const peers = [laptop, tv, otherTv];
const print = fingerprint(laptop.publicKey);
const key = laptop.publicKey.toBase64();

describe("finds the one device", () => {
  test.each([
    key,
    `${key}@desk:9876`,
    print,
    print.slice(0, 9),
    print.replaceAll("-", ""),
    print.toUpperCase(),
    "laptop",
    "Laptop",
  ])("by %s", (text) => {
    expect(findPeer(text, peers)).toEqual({ ok: true, value: { known: laptop } });
  });

  test("by its fingerprint, though another calls itself that", () => {
    expect(findPeer(print, [{ ...tv, name: print }, laptop])).toEqual({ ok: true, value: { known: laptop } });
    expect(findPeer(print.slice(0, 9), [{ ...tv, name: print.slice(0, 9) }, laptop])).toMatchObject({ ok: false });
  });

  test("an unseen key stays a key", () => {
    const unseen = new Uint8Array(32).fill(9);
    expect(findPeer(unseen.toBase64(), peers)).toEqual({ ok: true, value: { known: undefined, publicKey: unseen } });
  });
});

describe("refuses", () => {
  test("a name that two have, with both fingerprints", () => {
    const result = findPeer("tv", peers);
    expect(result).toMatchObject({ ok: false, code: "usage" });
    for (const { publicKey } of [tv, otherTv])
      expect(result.ok ? "" : result.message).toContain(fingerprint(publicKey));
  });

  test.each(["desktop", print.slice(0, 3), "", "zzzz-zzzz", key.slice(0, 20)])("%p, which no device is", (text) => {
    expect(findPeer(text, peers)).toMatchObject({ ok: false, code: "no-input" });
  });

  test("a slip, with the name that was meant", () => {
    const result = findPeer("latpop", peers);
    expect(result.ok ? "" : result.message).toContain("Did you mean laptop?");
  });

  test("half a pairing code, as what it is", () => {
    const result = findPeer("AAAA@desk:1", peers);
    expect(result).toMatchObject({ ok: false, code: "usage" });
    expect(result.ok ? "" : result.message).toContain("pairing code");
  });
});
