/**
 * Turns the layouts of root-layouts.ts, ds-layouts.ts and itkp-layouts.ts into c/gen/wire.h, c/gen/ds.h,
 * c/include/patchbay_itkp.h and the protocol tables of README.md (between `<!-- wire:begin -->` and `<!-- wire:end -->`, and
 * the same with ds and itkp, when README.md has them).
 * `bun src/wire/generate.ts` writes, `--check` only compares (exit 1 when stale).
 */
import * as ds from "./ds-layouts.ts";
import { itkpHeader } from "./itkp-c.ts";
import { headerLayout as itkpHeaderLayout } from "./itkp-layouts.ts";
import { itkpTables } from "./itkp-tables.ts";
import { memoryLayouts } from "./layouts.ts";
import { memoryHeader } from "./layouts-header.ts";
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
  root.deviceInputLayout,
  root.rumbleLayout,
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

const dsNumbers: typeof numbers = {
  flag: ds.frameFlag,
  type: ds.frameType,
  input: ds.inputEvent,
  pictureFormat: ds.keyframeFormat,
  pcmFormat: ds.pcmFormat,
  audioCodec: ds.audioCodec,
  button: ds.pointerButton,
  pointerMode: ds.pointerMode,
  modifier: ds.modifier,
  touchEnding: ds.touchEnding,
};

/** The protocol that names in C begin with. */
type Family = "wire" | "ds";

/** camelCase to SNAKE_CASE, lower. */
const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const constantIn =
  (family: Family) =>
  (...names: string[]): string =>
    ["PB", family, ...names.map(snake)].join("_").toUpperCase();
const constant = constantIn("wire");

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

function cStore(family: Family, of: Layout, name: string, field: Field): string {
  const to = `to + ${constantIn(family)(of.name, name, "offset")}`;
  if (field.type === "bytes") return `    memcpy(${to}, ${snake(name)}, ${fieldBytes(field)});`;
  const value = field.constant === undefined ? snake(name) : `${field.constant}u`;
  const cast = field.type === "i32" ? "(uint32_t)" : field.type === "i16" ? "(uint16_t)" : "";
  return `    pb_wire_store_u${fieldBytes(field) * 8}(${to}, ${cast}${value});`;
}

function cLayout(of: Layout, family: Family): string[] {
  const constant = constantIn(family);
  const fields = Object.entries(of.fields);
  const free = fields.filter(([, field]) => field.constant === undefined);
  const args = free.map(([name, field]) =>
    field.type === "bytes" ? `const uint8_t ${snake(name)}[${field.size}]` : `${cTypes[field.type]} ${snake(name)}`,
  );
  if (fields.length === 0) return [];
  const lines = [`/* ${of.doc}. */`, `enum {`];
  for (const [name, field] of fields)
    lines.push(`    ${constant(of.name, name, "offset")} = ${field.at}, /* ${field.doc} */`);
  lines.push(`    ${constant(of.name, "bytes")} = ${of.bytes}`, "};");
  lines.push(`static inline void pb_${family}_put_${snake(of.name)}(${["uint8_t *to", ...args].join(", ")}) {`);
  for (const [name, field] of fields) lines.push(cStore(family, of, name, field));
  lines.push("}");
  for (const [name, field] of free) {
    if (field.type === "bytes") continue;
    const type = cTypes[field.type];
    const load = `pb_wire_load_u${fieldBytes(field) * 8}(from + ${constant(of.name, name, "offset")})`;
    lines.push(`static inline ${type} pb_${family}_${snake(of.name)}_${snake(name)}(const uint8_t *from) {`);
    lines.push(`    return ${field.type.startsWith("i") ? `(${type})` : ""}${load};`, "}");
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
  lines.push(...cNumbers("wire", numbers), "", ...helpers, "");
  return [...lines, ...layouts.flatMap((of) => cLayout(of, "wire")), "#endif", ""].join("\n");
}

function cNumbers(family: Family, groups: typeof numbers): string[] {
  return Object.entries(groups).flatMap(([group, values]) => {
    const list = Object.entries(values).map(([name, value]) => `    ${constantIn(family)(group, name)} = ${value}`);
    return ["enum {", list.join(",\n"), "};"];
  });
}

/** The text of c/gen/ds.h. */
export function dsHeader(): string {
  const lines = [
    "/* Made from src/wire/ds-layouts.ts by `bun src/wire/generate.ts`. Do not edit.",
    " * ds-stream frames, little-endian. The put functions write constants by themselves and check nothing. */",
    "#ifndef PB_GEN_DS_H",
    "#define PB_GEN_DS_H",
    '#include "wire.h"',
    "",
    ...cNumbers("ds", dsNumbers),
    "",
  ];
  return [...lines, ...ds.dsLayouts.flatMap((of) => cLayout(of, "ds")), "#endif", ""].join("\n");
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
  return [`${title}: ${of.doc}, ${of.bytes} bytes`, "", ...fieldTable(of), ""];
}

function fieldTable(of: Layout): string[] {
  const lines = ["| Offset | Size | Field | Value | Meaning |", "|---|---|---|---|---|"];
  for (const [name, field] of Object.entries(of.fields))
    lines.push(`| ${field.at} | ${fieldBytes(field)} | ${name} | ${fieldRule(field)} | ${field.doc} |`);
  if (of.tail.max > 0) lines.push(`| ${of.bytes} | ${of.tail.min} to ${of.tail.max} | | | ${of.tail.doc} |`);
  return lines;
}

/** The tables for README.md, without the markers. */
export function readmeTables(): string {
  return ["All numbers are little-endian.", "", ...layouts.flatMap(readmeLayout)].join("\n");
}

const hexCode = (code: number): string => `0x${code.toString(16).toUpperCase().padStart(2, "0")}`;

function dsLayout(of: Layout): string[] {
  const codesOf = (types: Readonly<Record<string, number>>, payloads: Readonly<Record<string, Layout>>): string[] =>
    Object.entries(types).flatMap(([name, code]) => (payloads[name] === of ? [`${name} ${hexCode(code)}`] : []));
  const frames = codesOf(ds.frameType, ds.framePayloads);
  const inputs = codesOf(ds.inputEvent, ds.inputPayloads).map((text) => `input ${text}`);
  const types = [...frames, ...inputs].join(", ");
  const title = `\`${of.name}\`${types ? ` (${types})` : ""}: ${of.doc}`;
  if (of.bytes === 0) return [title, ""];
  return [`${title}, ${of.bytes} bytes`, "", ...fieldTable(of), ""];
}

/** The ds-stream tables for README.md, without the markers. */
export function dsTables(): string {
  return ["All numbers are little-endian.", "", ...ds.dsLayouts.flatMap(dsLayout)].join("\n");
}

const itkpSection = (): string =>
  [
    `\`header\`: ${itkpHeaderLayout.doc}, ${itkpHeaderLayout.bytes} bytes`,
    "",
    ...fieldTable(itkpHeaderLayout),
    "",
    itkpTables(),
  ].join("\n");

/** The tables of what lies in shared memory, without the markers. */
export function memoryTables(): string {
  const title = (of: Layout): string => `\`${of.name}\`: ${of.doc}, ${of.bytes} bytes`;
  return memoryLayouts.flatMap((of) => [title(of), "", ...fieldTable(of), ""]).join("\n");
}

const tables: Readonly<Record<string, () => string>> = {
  wire: readmeTables,
  ds: dsTables,
  itkp: itkpSection,
  memory: memoryTables,
};

/** The README with fresh tables; unchanged where it has no markers. */
export function withTables(readme: string): string {
  let text = readme;
  for (const [family, made] of Object.entries(tables)) {
    const begin = `<!-- ${family}:begin -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf(`<!-- ${family}:end -->`);
    if (from >= 0 && to > from) text = `${text.slice(0, from + begin.length)}\n${made()}\n${text.slice(to)}`;
  }
  return text;
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
    "c/gen/ds.h": dsHeader(),
    "c/gen/layouts.h": memoryHeader(),
    "c/include/patchbay_itkp.h": itkpHeader(),
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
