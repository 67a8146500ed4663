/**
 * The C header of what lies in shared memory, from layouts.ts: a struct with atomic fields for each part that processes share,
 * and the numbers. A compiler that would lay a struct out otherwise refuses the header. generate.ts writes it.
 */
import * as memory from "./layouts.ts";
import { type Field, fieldBytes, type Layout } from "./schema.ts";

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const constant = (...names: string[]): string => ["PB_SHM", ...names.map(snake)].join("_").toUpperCase();

function sharedStruct(of: Layout): string[] {
  const name = `struct pb_shm_${snake(of.name)}`;
  const fields = Object.entries<Field>(of.fields);
  return [
    `/* ${of.doc}. */`,
    `${name} {`,
    ...fields.map(
      ([field, { type, doc, size }]) =>
        `    ${type === "bytes" ? `uint8_t ${snake(field)}[${size}]` : `_Atomic uint${fieldBytes({ at: 0, type, doc }) * 8}_t ${snake(field)}`}; /* ${doc} */`,
    ),
    "};",
    ...fields.map(
      ([field, { at }]) => `_Static_assert(offsetof(${name}, ${snake(field)}) == ${at}, "${of.name}.${field}");`,
    ),
    `_Static_assert(sizeof(${name}) == ${of.bytes}, "${of.name}");`,
    "",
  ];
}

const group = (name: string, values: Readonly<Record<string, number>>): string =>
  `enum { ${Object.entries(values)
    .map(([key, value]) => `${constant(name, key)} = ${value}`)
    .join(", ")} };`;

/** The text of c/gen/layouts.h. */
export function memoryHeader(): string {
  const { recordLayout } = memory;
  const offsets = Object.entries<Field>(recordLayout.fields).map(([name, { at }]) => [`${name}Offset`, at] as const);
  return [
    "/* Made from src/wire/layouts.ts by `bun src/wire/generate.ts`. Do not edit.",
    " * Shared memory of frame buffers and channels. Numbers are the machine's own, little-endian on all that are supported. */",
    "#ifndef PB_GEN_LAYOUTS_H",
    "#define PB_GEN_LAYOUTS_H",
    "#include <stdatomic.h>",
    "#include <stddef.h>",
    "#include <stdint.h>",
    "",
    group("frame", { slots: memory.frameSlots, pixelBytes: memory.bytesPerPixel, mark: memory.frameMark }),
    group("channel", { magic: memory.channelMagic, version: memory.channelVersion }),
    group("state", memory.channelState),
    group("limit", memory.channelLimit),
    group("offset", memory.channelOffset),
    group("record", { ...Object.fromEntries(offsets), bytes: recordLayout.bytes }),
    `#define ${constant("noSlot")} 0x${memory.noSlot.toString(16).toUpperCase()}u`,
    "",
    ...memory.sharedLayouts.flatMap(sharedStruct),
    "#endif",
    "",
  ].join("\n");
}
