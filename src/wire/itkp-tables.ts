/** Makes the ITKP tables of README.md from itkp-layouts.ts. It only returns text; generate.ts writes it. */
import {
  encodingTag,
  type MessageLayout,
  messages,
  type ValueField,
  valueTypes,
  videoErrorCode,
} from "./itkp-layouts.ts";

const tag = encodingTag.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ");
const spaced = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function rule({ type, optional, min, max, above }: ValueField): string {
  const parts = optional ? ["optional"] : [];
  if (type === "str") parts.push("at most 256 bytes");
  if (type === "data") parts.push("at most 65536 bytes");
  if (min !== undefined) parts.push(`${min} to ${max}`);
  if (above !== undefined) parts.push(`above ${above}`);
  return parts.join(", ");
}

function message([name, { type, doc, fields }]: readonly [string, MessageLayout]): string[] {
  const rows = Object.entries(fields).map(([key, field]) =>
    "struct" in field
      ? `| ${key} | ${field.struct} | | ${field.doc} |`
      : `| ${key} | ${field.type} | ${rule(field)} | ${field.doc} |`,
  );
  const title = `\`${name}\` (type ${type}): ${doc}`;
  if (rows.length === 0) return [`${title}, no payload`, ""];
  return [title, "", "| Field | Type | Allowed | Meaning |", "|---|---|---|---|", ...rows, ""];
}

/** What a payload is made of, and every message. */
export function itkpTables(): string {
  const codes = Object.entries(videoErrorCode).map(([name, code]) => `${code} ${spaced(name)}`);
  return [
    `A payload begins with the bytes ${tag}: "PBK" and the encoding's version. Then its fields follow in order, packed.`,
    "A message without fields has an empty payload. An optional field is one byte, 0 for absent or 1, then the value if there",
    "is one. Later versions may append optional fields: what follows the known ones is skipped, and an optional field before",
    "which the payload ends is absent. Anything else that changes gets a new version byte. Floats must be finite.",
    "",
    "| Type | On the wire, little-endian |",
    "|---|---|",
    ...Object.entries(valueTypes).map(([name, how]) => `| ${name} | ${how} |`),
    "",
    ...Object.entries(messages).flatMap(message),
    `Codes of \`VideoError\`: ${codes.join(", ")}.`,
    "",
  ].join("\n");
}
