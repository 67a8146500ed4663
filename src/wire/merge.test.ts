/** Merge patches against RFC 7396's own examples, random states both ways, hostile JSON, and the state they build. */
import { describe, expect, test } from "bun:test";
import { utf8 } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import { Prng } from "../base/prng.ts";
import { applyMergePatch, diffSignals, type Json, parseSignal, SignalState, signalBytes } from "./merge.ts";

/** RFC 7396 appendix A: original, patch, result. */
const published: readonly (readonly [string, string, string])[] = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', "{}"],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', "null", "null"],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
  ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
];

describe("RFC 7396 appendix A", () => {
  for (const [original, patch, result] of published)
    test(`${original} and ${patch}`, () => {
      const target = JSON.parse(original) as Json;
      expect(JSON.stringify(applyMergePatch(target, JSON.parse(patch) as Json))).toBe(result);
      expect(JSON.stringify(target)).toBe(original);
      const state = new SignalState();
      expect(state.sync(utf8(original))).toBeUndefined();
      expect(state.diff(utf8(patch))).toBeUndefined();
      expect(JSON.stringify(state.value)).toBe(result);
    });
});

const keys = ["a", "b", "c", "__proto__", "constructor", "toString", "", "0"];

function randomJson(random: Prng, depth: number, hasNulls: boolean): Json {
  const kind = random.below(depth > 0 ? 8 : 5);
  if (kind === 0) return random.below(3);
  if (kind === 1) return ["", "x", "é\ud83d\ude00", "\ud800"][random.below(4)] as string;
  if (kind === 2) return random.below(2) === 0;
  if (kind === 3) return random.unit();
  if (kind === 4) return hasNulls ? null : 7;
  if (kind === 5) return Array.from({ length: random.below(3) }, () => randomJson(random, depth - 1, true));
  const out = Object.create(null) as { [key: string]: Json };
  for (let n = random.below(5); n > 0; n--)
    out[keys[random.below(keys.length)] as string] = randomJson(random, depth - 1, hasNulls);
  return out;
}

/** Keys in one order, so that equal states have equal texts. */
const canonical = (value: Json | undefined): string =>
  JSON.stringify(value, (_, inner: Json) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    const out = Object.create(null) as { [key: string]: Json };
    for (const key of Object.keys(inner).sort()) out[key] = (inner as { [key: string]: Json })[key] as Json;
    return out;
  });

describe("diff", () => {
  test("then apply is the identity, for 5000 random pairs", () => {
    const random = new Prng(11);
    for (let i = 0; i < 5000; i++) {
      const [from, to] = [randomJson(random, 4, true), randomJson(random, 4, false)];
      const patch = diffSignals(from, to);
      expect(patch).toBeDefined();
      expect(canonical(applyMergePatch(from, patch as Json))).toBe(canonical(to));
      const state = new SignalState();
      state.sync(signalBytes(from));
      state.diff(signalBytes(patch as Json));
      expect(canonical(state.value)).toBe(canonical(to));
    }
  });

  test("says so when a null stands in the way, and is right when not", () => {
    const random = new Prng(12);
    let impossible = 0;
    for (let i = 0; i < 5000; i++) {
      const [from, to] = [randomJson(random, 3, true), randomJson(random, 3, true)];
      const patch = diffSignals(from, to);
      if (patch === undefined) impossible++;
      else expect(canonical(applyMergePatch(from, patch))).toBe(canonical(to));
    }
    expect(impossible).toBeGreaterThan(100);
    expect(diffSignals({ a: 1 }, { a: null })).toBeUndefined();
    expect(diffSignals({ a: null }, { a: null, b: 1 })).toEqual({ b: 1 });
  });

  test("of equal states is empty, and small for a small change", () => {
    const state = { list: [1, { a: null }], deep: { a: { b: 1, c: 2 } } };
    expect(diffSignals(state, structuredClone(state))).toEqual({});
    expect(diffSignals(state, { ...state, deep: { a: { b: 1, c: 3 } } })).toEqual({ deep: { a: { c: 3 } } });
  });
});

describe("hostile JSON", () => {
  test("names of the prototype are data", () => {
    const patch = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const state = new SignalState();
    for (let i = 0; i < 2; i++) expect(state.diff(utf8(patch))).toBeUndefined();
    expect(JSON.stringify(state.value)).toBe(patch);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    expect((state.value as { polluted?: number }).polluted).toBeUndefined();
    expect(state.diff(utf8('{"__proto__":null,"constructor":null,"hasOwnProperty":1}'))).toBeUndefined();
    expect(JSON.stringify(state.value)).toBe('{"hasOwnProperty":1}');
  });

  const nested = (levels: number) => utf8(`${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`);

  test("depth", () => {
    expect(parseSignal(nested(limits.signalDepth)).ok).toBe(true);
    expect(parseSignal(nested(limits.signalDepth + 1))).toEqual({ ok: false, error: "range" });
    expect(parseSignal(utf8("[".repeat(500_000))).ok).toBe(false);
    expect(parseSignal(utf8(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)).ok).toBe(false);
  });

  test("size, encoding, numbers that JSON cannot give back", () => {
    expect(parseSignal(new Uint8Array(limits.signalBytes + 1))).toEqual({ ok: false, error: "length" });
    for (const bytes of [utf8(""), utf8("{"), utf8("{}x"), utf8("NaN"), new Uint8Array([0x22, 0xc3, 0x28, 0x22])])
      expect(parseSignal(bytes)).toEqual({ ok: false, error: "text" });
    expect(parseSignal(utf8("[1e999]"))).toEqual({ ok: false, error: "range" });
  });

  test("a refusal leaves the state as it was", () => {
    const state = new SignalState(40);
    expect(state.sync(utf8('{"a":1}'))).toBeUndefined();
    expect(state.sync(utf8("{"))).toBe("text");
    expect(state.diff(utf8("{"))).toBe("text");
    expect(state.diff(utf8(`{"b":"${"x".repeat(30)}"}`))).toBe("length");
    expect(state.diff(utf8(`{"b":"${"x".repeat(50)}"}`))).toBe("length");
    expect(state.value).toEqual({ a: 1 });
    for (let i = 0; i < 100; i++) expect(state.diff(utf8(`{"a":${i}}`))).toBeUndefined();
    expect(state.value).toEqual({ a: 99 });
    expect(new TextDecoder().decode(state.toBytes())).toBe('{"a":99}');
  });
});
