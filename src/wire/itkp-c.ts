/**
 * Makes c/include/patchbay_itkp.h, the ITKP reader and writer for C11 and C++17, and the ITKP tables of README.md, from
 * itkp-layouts.ts. It only returns text; generate.ts writes it.
 */
import { cFunctions, cHelpers, cValues } from "./itkp-c-parts.ts";
import {
  dataLimit,
  encodingTag,
  headerBytes,
  type MessageLayout,
  magic,
  messages,
  type PayloadField,
  payloadLimit,
  protocolVersion,
  reasons,
  stringLimit,
  u64Limit,
  type ValueField,
  type ValueType,
  videoErrorCode,
} from "./itkp-layouts.ts";

const all: readonly (readonly [string, MessageLayout])[] = Object.entries(messages);
const withFields = all.filter(([, { fields }]) => Object.keys(fields).length > 0);

/** PascalCase and camelCase to snake_case. */
export const snakeCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter, at: number) => (at > 0 ? "_" : "") + letter.toLowerCase());
const upper = (...parts: string[]): string => ["PB", "ITKP", ...parts.map(snakeCase)].join("_").toUpperCase();

/** In the order of section 1.6; the last one only encoders return. */
export const statuses = [
  "Ok",
  "InvalidMagic",
  "UnsupportedVersion",
  "PayloadTooLarge",
  "CrcMismatch",
  "UnknownMessageType",
  "Serialization",
  "IncompleteHeader",
  "IncompletePayload",
  "ValidationFailed",
  "NoRoom",
] as const;

const cTypes: Record<ValueType, string> = {
  bool: "bool",
  u32: "uint32_t",
  i32: "int32_t",
  u64: "uint64_t",
  f32: "float",
  f64: "double",
  str: "struct pb_itkp_text",
  data: "struct pb_itkp_text",
};

function cStruct([name, { doc, fields }]: readonly [string, MessageLayout]): string[] {
  const members = Object.entries(fields).flatMap(([key, field]) => {
    if ("struct" in field)
      return [`    struct pb_itkp_${snakeCase(field.struct)} ${snakeCase(key)}; /* ${field.doc} */`];
    const member = `    ${cTypes[field.type]} ${snakeCase(key)}; /* ${field.doc} */`;
    return field.optional ? [`    bool has_${snakeCase(key)};`, member] : [member];
  });
  return [`/* ${doc}. */`, `struct pb_itkp_${snakeCase(name)} {`, ...members, "};"];
}

interface Place {
  readonly field: ValueField;
  /** C expression without its last name, "out->rect.". */
  readonly of: string;
  readonly name: string;
  /** As a C string. */
  readonly label: string;
}

/** The values of a message in order, those of its structures among them. */
function places(fields: Readonly<Record<string, PayloadField>>, of: string, label = ""): Place[] {
  return Object.entries(fields).flatMap(([key, field]) => {
    const name = snakeCase(key);
    return "struct" in field
      ? places(messages[field.struct].fields, `${of}${name}.`, `${label}${name}.`)
      : [{ field, of, name, label: `"${label}${name}"` }];
  });
}

function cReader({ field, of, name, label }: Place): string[] {
  const take = `${of}${name} = pb_itkp_take_${field.type}(r, ${label});`;
  if (!field.optional) return [`    ${take}`];
  return [`    ${of}has_${name} = pb_itkp_take_has(r, ${label});`, `    if (${of}has_${name}) ${take}`];
}

function cWriter({ field, of, name, label }: Place): string[] {
  const put = `pb_itkp_put_${field.type}(w, ${label}, ${of}${name});`;
  if (!field.optional) return [`    ${put}`];
  return [`    pb_itkp_put_bool(w, ${label}, ${of}has_${name});`, `    if (${of}has_${name}) ${put}`];
}

function cChecks({ field, of, name, label }: Place): string[] {
  const { type, min, max, above, optional } = field;
  const value = `${of}${name}`;
  const literal = (number: number) =>
    `${Number.isInteger(number) ? `${number}.0` : number}${type === "f32" ? "f" : ""}`;
  const conditions: [string, string][] = [];
  if (type === "str") conditions.push([`${value}.size <= ${upper("string", "limit")}`, "string"]);
  if (type === "data") conditions.push([`${value}.size <= ${upper("data", "limit")}`, "data"]);
  if (type === "f32" || type === "f64") conditions.push([`pb_itkp_is_finite_${type}(${value})`, "finite"]);
  if (above !== undefined) conditions.push([`${value} > ${literal(above)}`, "low"]);
  if (min !== undefined) conditions.push([`${value} >= ${literal(min)}`, "low"]);
  if (max !== undefined) conditions.push([`${value} <= ${literal(max)}`, "high"]);
  const unless = optional ? `!${of}has_${name} || ` : "";
  return conditions.map(
    ([holds, reason]) => `    pb_itkp_require(wrong, ${unless}${holds}, ${label}, ${upper("reason", reason)});`,
  );
}

function cMessage([name, { fields }]: readonly [string, MessageLayout]): string[] {
  const type = `struct pb_itkp_${snakeCase(name)}`;
  const of = (first: string) => places(fields, `${first}->`);
  const checks = of("in").flatMap(cChecks);
  return [
    `static inline void pb_itkp_read_${snakeCase(name)}(struct pb_itkp_reader *r, ${type} *out) {`,
    ...of("out").flatMap(cReader),
    "}",
    `static inline void pb_itkp_write_${snakeCase(name)}(struct pb_itkp_writer *w, const ${type} *in) {`,
    ...of("in").flatMap(cWriter),
    "}",
    ...(checks.length === 0
      ? []
      : [
          `static inline void pb_itkp_check_${snakeCase(name)}(struct pb_itkp_wrong *wrong, const ${type} *in) {`,
          ...checks,
          "}",
        ]),
  ];
}

function cSwitch(verb: string, head: string, first: string, chosen: typeof all): string[] {
  const cases = chosen.map(
    ([name]) =>
      `    case ${upper("type", name)}: pb_itkp_${verb}_${snakeCase(name)}(${first}, &message->as.${snakeCase(name)}); break;`,
  );
  return [`static inline void pb_itkp_${verb}_payload(${head}) {`, "    switch (message->type) {"].concat(
    cases,
    "    default: break;",
    "    }",
    "}",
  );
}

const cEnum = (head: string, values: readonly string[]): string[] => [
  `${head} {`,
  `    ${values.join(",\n    ")}`,
  "};",
];

function constants(): string[] {
  const tag = encodingTag.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  const number = { header_bytes: headerBytes, version: protocolVersion, tag_bytes: encodingTag.length };
  const limits = { payload_limit: payloadLimit, string_limit: stringLimit, data_limit: dataLimit };
  const rest = { encoding: encodingTag.at(-1) ?? 0, message_limit: headerBytes + payloadLimit };
  const defined = Object.entries({ magic, ...number, ...limits, ...rest });
  return [
    ...defined.map(([name, value]) => `#define ${upper(name)} ${value}u`),
    `#define ${upper("u64_limit")} ${u64Limit}ull`,
    `#define ${upper("tag")} "${tag}"`,
    ...Object.entries(reasons).map(([name, text]) => `#define ${upper("reason", name)} "${text}"`),
    "",
    ...cEnum(
      "enum pb_itkp_type",
      all.map(([name, { type }]) => `${upper("type", name)} = ${type}`),
    ),
    ...cEnum(
      "enum pb_itkp_video_error_code",
      Object.entries(videoErrorCode).map(([name, code]) => `${upper("video", name)} = ${code}`),
    ),
    ...cEnum(
      "enum pb_itkp_status",
      statuses.map((name) => upper(name)),
    ),
  ];
}

/** The text of c/include/patchbay_itkp.h. */
export function itkpHeader(): string {
  const checked = withFields.filter(([, { fields }]) => places(fields, "").flatMap(cChecks).length > 0);
  const lines = [
    "/* Made from src/wire/itkp-layouts.ts by `bun src/wire/generate.ts`. Do not edit.",
    " * ITKP messages version 2 with Patchbay's payload encoding, for C11 and C++17. It allocates nothing, keeps nothing, calls",
    " * nothing but memcpy, memset, memcmp and strlen, and reads no byte that a message does not have, whatever a peer sends. */",
    "#ifndef PATCHBAY_ITKP_H",
    "#define PATCHBAY_ITKP_H",
    "#include <stdbool.h>",
    "#include <stddef.h>",
    "#include <stdint.h>",
    "#include <string.h>",
    "",
    "#ifdef __cplusplus",
    'extern "C" {',
    "#endif",
    "",
    ...constants(),
    ...cValues.trimEnd().split("\n"),
    "",
    ...withFields.flatMap((one) => [...cStruct(one), ""]),
    "/* A message without fields is its type alone. */",
    "struct pb_itkp_message {",
    "    uint32_t type; /* enum pb_itkp_type; says which of these it is */",
    "    union {",
    ...withFields.map(([name]) => `        struct pb_itkp_${snakeCase(name)} ${snakeCase(name)};`),
    "    } as;",
    "};",
    "",
    "/* NULL for an unknown type. */",
    "static inline const char *pb_itkp_type_name(uint32_t type) {",
    "    switch (type) {",
    ...all.map(([name]) => `    case ${upper("type", name)}: return "${name}";`),
    "    default: return NULL;",
    "    }",
    "}",
    "",
    "static inline const char *pb_itkp_status_name(enum pb_itkp_status status) {",
    `    static const char *const names[] = {\n        ${statuses.map((name) => `"${name}"`).join(",\n        ")}};`,
    '    return (unsigned)status < sizeof names / sizeof names[0] ? names[status] : "";',
    "}",
    ...cHelpers.trimEnd().split("\n"),
    "",
    ...withFields.flatMap(cMessage),
    "static inline bool pb_itkp_has_fields(uint32_t type) {",
    `    return ${all
      .filter((one) => !withFields.includes(one))
      .map(([name]) => `type != ${upper("type", name)}`)
      .join(" && ")};`,
    "}",
    ...cSwitch("read", "struct pb_itkp_reader *r, struct pb_itkp_message *message", "r", withFields),
    ...cSwitch("write", "struct pb_itkp_writer *w, const struct pb_itkp_message *message", "w", withFields),
    ...cSwitch("check", "struct pb_itkp_wrong *wrong, const struct pb_itkp_message *message", "wrong", checked),
    ...cFunctions.trimEnd().split("\n"),
    "",
    "#ifdef __cplusplus",
    "}",
    "#endif",
    "#endif",
    "",
  ];
  return lines.join("\n");
}
