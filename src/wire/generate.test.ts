/** The generated files are fresh, and C compiled from the header writes what the hand-written vectors say. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { frameCases, inputCases } from "../../tests/vectors/ds.ts";
import { headers, payloadCases } from "../../tests/vectors/root.ts";
import { concatBytes } from "../base/bytes.ts";
import { dsLayouts, frameFlag, framePayloads, frameType, inputEvent, inputPayloads } from "./ds.ts";
import { cHeader, dsHeader, dsTables, generate, layouts, readmeTables, withTables } from "./generate.ts";
import { type Layout, layout, reserved } from "./schema.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-wire-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("c/gen/wire.h, c/gen/ds.h and README.md are up to date", async () => expect(await generate(true)).toEqual([]));

test("README tables stand between the markers and nowhere else", () => {
  const before = "a\n<!-- wire:begin -->\nold\n<!-- wire:end -->\nz\n";
  const after = withTables(before);
  expect(after.startsWith("a\n<!-- wire:begin -->\n")).toBe(true);
  expect(after.endsWith("<!-- wire:end -->\nz\n")).toBe(true);
  expect(after).not.toContain("old");
  expect(withTables(after)).toBe(after);
  expect(withTables("no markers")).toBe("no markers");
  for (const of of layouts) expect(readmeTables()).toContain(`\`${of.name}\``);
  for (const of of dsLayouts) expect(dsTables()).toContain(`\`${of.name}\``);
  const both = withTables(`${before}<!-- ds:begin -->\n<!-- ds:end -->\n`);
  expect(both).toContain(readmeTables());
  expect(both).toContain(dsTables());
});

test("a layout with a gap, an overlap or a wrong size is a programmer's error", () => {
  const state = (at: number, bytes: number) => () =>
    layout({ name: "x", doc: "", bytes, fields: { a: reserved(0, "u16"), b: reserved(at, "u32") } });
  expect(state(2, 6)).not.toThrow();
  expect(state(3, 7)).toThrow("x.b");
  expect(state(1, 6)).toThrow("x.b");
  expect(state(2, 8)).toThrow("8 bytes");
});

/** C literals of a vector's values, in the order of the layout's free fields. */
const literals = (values: Readonly<Record<string, number | Uint8Array>>) =>
  Object.values(values).map((value) =>
    typeof value === "number"
      ? `(${value < 0 ? "" : "uint64_t)("}${value}${value < 0 ? "" : "ull"})`
      : `(const uint8_t[]){${[...value]}}`,
  );

const cNames = {
  handshake: "handshake",
  video: "chunk",
  audio: "audio",
  input: "input",
  control: "control",
  ping: "ping",
  pong: "pong",
  reliable: "reliable",
  ack: "ack",
  deviceInput: "device_input",
  rumble: "rumble",
} as const;

/** Compiles the header with calls that each write some bytes, and gives back what they wrote. */
async function runC(name: string, header: string, calls: readonly string[]): Promise<string> {
  await Bun.write(join(folder, "wire.h"), cHeader());
  const source = `${header}
#include <stdio.h>
static uint8_t b[256];
#define put(size, call) do { memset(b, 0xee, sizeof b); call; if (b[size] != 0xee) return 1; fwrite(b, 1, size, stdout); } while (0)
int main(void) {
  ${calls.join("\n  ")}
  return 0;
}
`;
  await Bun.write(join(folder, `${name}.c`), source);
  const flags = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-I", folder];
  const built = Bun.spawnSync(["gcc", ...flags, "-o", join(folder, name), join(folder, `${name}.c`)]);
  expect(built.stderr.toString()).toBe("");
  const run = Bun.spawnSync([join(folder, name)]);
  expect(run.exitCode).toBe(0);
  return run.stdout.toHex();
}

test("C writes and reads the vectors' fixed fields", async () => {
  const calls: string[] = [];
  const wanted: Uint8Array[] = [];
  for (const one of headers) {
    calls.push(`put(18, pb_wire_put_header(b, ${literals(one.value).join(", ")}));`);
    calls.push(`if (pb_wire_header_counter(b) != ${one.value.counter}ull) return 1;`);
    wanted.push(one.bytes);
  }
  for (const one of payloadCases) {
    const name = cNames[one.type];
    const fixed = one.bytes.length - one.tail.length;
    calls.push(`put(${fixed}, pb_wire_put_${name}(b, ${literals(one.fields).join(", ")}));`);
    if (name === "input") calls.push(`if (pb_wire_input_value(b) != ${one.fields.value}) return 1;`);
    if (name === "chunk") calls.push(`if (pb_wire_chunk_timestamp_us(b) != ${one.fields.timestampUs}ull) return 1;`);
    wanted.push(one.bytes.subarray(0, fixed));
  }
  calls.push(
    "if (PB_WIRE_CHUNK_BYTES != 24 || PB_WIRE_LIMIT_CHUNK_DATA != 1342 || PB_WIRE_HEADER_COUNTER_OFFSET != 8) return 1;",
  );
  expect(await runC("root", cHeader(), calls)).toBe(concatBytes(...wanted).toHex());
});

test("C writes and reads ds-stream's headers and fixed fields", async () => {
  const calls = ["if (PB_DS_TYPE_KEYFRAME != 0xf0 || PB_DS_INPUT_BCI != 0x90 || PB_DS_FLAG_COMPRESSED != 4) return 1;"];
  const wanted: Uint8Array[] = [];
  for (const one of [...frameCases, ...inputCases]) {
    const { width = 0, height = 0, isKeyframe, isCompressed, sequence, timestampMs } = one.head;
    const bits = (isKeyframe ? frameFlag.keyframe : 0) | (isCompressed ? frameFlag.compressed : 0);
    const of: Layout = one.kind === "frame" ? framePayloads[one.name] : inputPayloads[one.name];
    const type = one.kind === "frame" ? frameType[one.name] : inputEvent[one.name];
    const head = [type, one.kind === "input" ? frameFlag.input : bits, sequence, timestampMs, width, height];
    calls.push(`put(16, pb_ds_put_frame(b, ${[...head, one.bytes.length - 16].map((n) => `${n}u`).join(", ")}));`);
    calls.push(`if (pb_ds_frame_timestamp_ms(b) != ${timestampMs}u) return 1;`);
    wanted.push(one.bytes.subarray(0, 16));
    if (of.bytes === 0) continue;
    const name = of.name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    calls.push(`put(${of.bytes}, pb_ds_put_${name}(b, ${Object.values(one.fields).join(", ")}));`);
    if (one.name === "gamepadAxis") calls.push(`if (pb_ds_gamepad_axis_value(b) != ${one.fields.value}) return 1;`);
    wanted.push(one.bytes.subarray(16, 16 + of.bytes));
  }
  expect(await runC("ds", dsHeader(), calls)).toBe(concatBytes(...wanted).toHex());
});
