/** Writes c/gen/abi.h from the table in abi.ts. `bun ffi/generate.ts` writes it, `--check` only compares (exit 1 when stale). */
import { abiVersion, type CType, enums, functions, structs } from "./abi.ts";
import { layoutOf } from "./abi-layout.ts";

const target = new URL("../c/gen/abi.h", import.meta.url).pathname;

export function header(): string {
  const lines = [
    "/* Made from ffi/abi.ts by `bun ffi/generate.ts`. Do not edit. */",
    "#ifndef PB_GEN_ABI_H",
    "#define PB_GEN_ABI_H",
    '#include "../shim.h"',
    "",
    `enum { PB_ABI_VERSION = ${abiVersion} };`,
  ];
  for (const [name, values] of Object.entries(enums)) {
    const list = Object.entries(values).map(([key, value]) => `PB_${name}_${key}`.toUpperCase() + ` = ${value}`);
    lines.push(`enum { ${list.join(", ")} };`);
  }
  lines.push("");
  for (const name of Object.keys(structs) as (keyof typeof structs)[]) {
    const { offsets, size } = layoutOf(name);
    lines.push(`struct ${name} {`);
    for (const [field, type] of Object.entries(structs[name]) as [string, CType][])
      lines.push(type === "uint8_t[16]" ? `    uint8_t ${field}[16];` : `    ${type} ${field};`);
    lines.push("};");
    for (const [field, offset] of Object.entries(offsets))
      lines.push(`_Static_assert(offsetof(struct ${name}, ${field}) == ${offset}, "${name}.${field}");`);
    lines.push(`_Static_assert(sizeof(struct ${name}) == ${size}, "${name}");`, "");
  }
  for (const [name, f] of Object.entries(functions))
    lines.push(`PB_EXPORT ${f.returns}${f.returns.endsWith("*") ? "" : " "}${name}(${f.args.join(", ") || "void"});`);
  lines.push("", "#endif", "");
  return lines.join("\n");
}

if (import.meta.main) {
  const wanted = header();
  if (process.argv.includes("--check")) {
    const found = await Bun.file(target)
      .text()
      .catch(() => "");
    if (found !== wanted) {
      console.error("c/gen/abi.h is out of date: run `bun ffi/generate.ts`");
      process.exit(1);
    }
  } else await Bun.write(target, wanted);
}
