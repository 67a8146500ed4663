/**
 * Turns the layouts of root-layouts.ts into c/gen/wire.h and the protocol table of README.md (between `<!-- wire:begin -->` and
 * `<!-- wire:end -->`, when README.md has them). `bun src/wire/generate.ts` writes, `--check` only compares (exit 1 when stale).
 */
import * as root from "./root-layouts.ts";
import { type Field, fieldBytes, type Layout, type NumberType } from "./schema.ts";

export const layouts: readonly Layout[] = [
  root.headerLayout,
  root.handshakeLayout,
  root.identityLayout,
  root.chunkLayout,
  root.audioLayout,
  root.inputLayout,
  root.controlLayout,
  root.pingLayout,
  root.pongLayout,
  root.reliableLayout,
  root.ackLayout,
];

const numbers: Record<string, Readonly<Record<string, number>>> = {
  limit: {
    packet: root.packetSizeLimit,
    payload: root.payloadSizeLimit,
    chunkData: root.chunkDataLimit,
    handshake: root.handshakeSizeLimit,
    inputEvents: root.inputEventsLimit,
    absolute: root.absoluteLimit,
  },
  type: root.packetType,
  chunkFlag: root.chunkFlag,
  codec: root.codec,
  inputType: root.inputType,
  command: root.controlCommand,
  permission: root.permission,
  step: root.handshakeStep,
  refusal: root.refusal,
};

/** camelCase to SNAKE_CASE, lower. */
const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const constant = (...names: string[]): string => ["PB_WIRE", ...names.map(snake)].join("_").toUpperCase();

const cTypes: Record<NumberType, string> = {
  u8: "uint8_t",
  u16: "uint16_t",
  u32: "uint32_t",
  i16: "int16_t",
  i32: "int32_t",
  u64: "uint64_t",
};

const helpers = [8, 16, 32, 64].flatMap((bits) => [
  `static inline void pb_wire_store_u${bits}(uint8_t *to, uint${bits}_t value) {`,
  `    for (unsigned i = 0; i < ${bits / 8}u; i++) to[i] = (uint8_t)((uint64_t)value >> (8u * i));`,
  "}",
  `static inline uint${bits}_t pb_wire_load_u${bits}(const uint8_t *from) {`,
  "    uint64_t value = 0;",
  `    for (unsigned i = 0; i < ${bits / 8}u; i++) value |= (uint64_t)from[i] << (8u * i);`,
  `    return (uint${bits}_t)value;`,
  "}",
]);

function cStore(of: Layout, name: string, field: Field): string {
  const to = `to + ${constant(of.name, name, "offset")}`;
  if (field.type === "bytes") return `    memcpy(${to}, ${snake(name)}, ${fieldBytes(field)});`;
  const value = field.constant === undefined ? snake(name) : `${field.constant}u`;
  const cast = field.type === "i32" ? "(uint32_t)" : "";
  return `    pb_wire_store_u${fieldBytes(field) * 8}(${to}, ${cast}${value});`;
}

function cLayout(of: Layout): string[] {
  const fields = Object.entries(of.fields);
  const free = fields.filter(([, field]) => field.constant === undefined);
  const args = free.map(([name, field]) =>
    field.type === "bytes" ? `const uint8_t ${snake(name)}[${field.size}]` : `${cTypes[field.type]} ${snake(name)}`,
  );
  const lines = [`/* ${of.doc}. */`, `enum {`];
  for (const [name, field] of fields)
    lines.push(`    ${constant(of.name, name, "offset")} = ${field.at}, /* ${field.doc} */`);
  lines.push(`    ${constant(of.name, "bytes")} = ${of.bytes}`, "};");
  lines.push(`static inline void pb_wire_put_${snake(of.name)}(${["uint8_t *to", ...args].join(", ")}) {`);
  for (const [name, field] of fields) lines.push(cStore(of, name, field));
  lines.push("}");
  for (const [name, field] of free) {
    if (field.type === "bytes") continue;
    const type = cTypes[field.type];
    const load = `pb_wire_load_u${fieldBytes(field) * 8}(from + ${constant(of.name, name, "offset")})`;
    lines.push(`static inline ${type} pb_wire_${snake(of.name)}_${snake(name)}(const uint8_t *from) {`);
    lines.push(`    return ${field.type === "i32" ? "(int32_t)" : ""}${load};`, "}");
  }
  lines.push("");
  return lines;
}

/** The text of c/gen/wire.h. */
export function cHeader(): string {
  const lines = [
    "/* Made from src/wire/root-layouts.ts by `bun src/wire/generate.ts`. Do not edit.",
    " * RootStream protocol version 2, little-endian. The put functions write constants by themselves and check nothing. */",
    "#ifndef PB_GEN_WIRE_H",
    "#define PB_GEN_WIRE_H",
    "#include <stdint.h>",
    "#include <string.h>",
    "",
    `#define ${constant("magic")} 0x${root.magic.toString(16).toUpperCase()}u`,
    `enum { ${constant("version")} = ${root.version}, ${constant("tagBytes")} = ${root.tagBytes},` +
      ` ${constant("codecShift")} = ${root.codecShift} };`,
  ];
  for (const [group, values] of Object.entries(numbers)) {
    const list = Object.entries(values).map(([name, value]) => `    ${constant(group, name)} = ${value}`);
    lines.push("enum {", list.join(",\n"), "};");
  }
  lines.push("", ...helpers, "");
  return [...lines, ...layouts.flatMap(cLayout), "#endif", ""].join("\n");
}

function fieldRule(field: Field): string {
  if (field.constant !== undefined) return field.constant === root.magic ? "0x524F4F54" : String(field.constant);
  if (field.oneOf) {
    const list = Object.entries(field.oneOf).map(([name, value]) => `${value} ${snake(name).replaceAll("_", " ")}`);
    return list.join(", ");
  }
  return field.range ? `${field.range[0]} to ${field.range[1]}` : "";
}

function readmeLayout(of: Layout): string[] {
  const type = Object.entries(root.payloads).find(([, payload]) => payload.layout === of)?.[0] as
    | root.PacketName
    | undefined;
  const title = type
    ? `\`${of.name}\` (type ${root.packetType[type]}, ${root.payloads[type].direction})`
    : `\`${of.name}\``;
  const lines = [
    `${title}: ${of.doc}, ${of.bytes} bytes`,
    "",
    "| Offset | Size | Field | Value | Meaning |",
    "|---|---|---|---|---|",
  ];
  for (const [name, field] of Object.entries(of.fields))
    lines.push(`| ${field.at} | ${fieldBytes(field)} | ${name} | ${fieldRule(field)} | ${field.doc} |`);
  if (of.tail.max > 0) lines.push(`| ${of.bytes} | ${of.tail.min} to ${of.tail.max} | | | ${of.tail.doc} |`);
  lines.push("");
  return lines;
}

/** The tables for README.md, without the markers. */
export function readmeTables(): string {
  return ["All numbers are little-endian.", "", ...layouts.flatMap(readmeLayout)].join("\n");
}

const begin = "<!-- wire:begin -->";
const end = "<!-- wire:end -->";

/** The README with fresh tables; unchanged when it has no markers. */
export function withTables(readme: string): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) return readme;
  return `${readme.slice(0, from + begin.length)}\n${readmeTables()}\n${readme.slice(to)}`;
}

const readText = async (path: string): Promise<string> => {
  const file = Bun.file(path);
  return (await file.exists()) ? file.text() : "";
};

/** Writes (or with `checkOnly` compares) the generated files; returns the names of those that were stale. */
export async function generate(checkOnly: boolean): Promise<string[]> {
  const path = (name: string) => new URL(`../../${name}`, import.meta.url).pathname;
  const readme = await readText(path("README.md"));
  const wanted: Record<string, string> = {
    "c/gen/wire.h": cHeader(),
    ...(readme ? { "README.md": withTables(readme) } : {}),
  };
  const stale: string[] = [];
  for (const [name, text] of Object.entries(wanted)) {
    if ((await readText(path(name))) === text) continue;
    stale.push(name);
    if (!checkOnly) await Bun.write(path(name), text);
  }
  return stale;
}

if (import.meta.main) {
  const checkOnly = process.argv.includes("--check");
  const stale = await generate(checkOnly);
  if (checkOnly && stale.length > 0) {
    console.error(`out of date: ${stale.join(", ")}; run \`bun src/wire/generate.ts\``);
    process.exit(1);
  }
}
