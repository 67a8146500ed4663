/**
 * The identity that travels inside Noise messages 2 and 3: who the device says it is. Encoding, decoding and the rules for a
 * device name (RootStream section 12, weakness 7: bounded, valid UTF-8, never trusted). It verifies no signature.
 */
import { limits } from "../base/limits.ts";
import { check, encode, read } from "./codec.ts";
import { identityLayout } from "./root-layouts.ts";
import type { Decoded, Values } from "./schema.ts";

export interface Identity {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes; the receiver verifies it. */
  readonly signature: Uint8Array;
  readonly features: number;
  /** 1 to 63 bytes of UTF-8 without control characters. */
  readonly name: string;
}

/** Control characters, line separators, and marks that reorder text: a name is shown to people who decide by it. */
const unfit = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** True for text that may stand as a device name on the wire. */
export function isDeviceName(text: string): boolean {
  const size = new TextEncoder().encode(text).length;
  return text.isWellFormed() && size >= 1 && size <= limits.deviceNameBytes && !unfit.test(text);
}

/** The nearest fit name: unfit characters are left out, and the text is cut between characters to 63 bytes. */
export function deviceName(text: string): string {
  let out = "";
  let size = 0;
  for (const character of text.toWellFormed()) {
    if (unfit.test(character)) continue;
    size += new TextEncoder().encode(character).length;
    if (size > limits.deviceNameBytes) break;
    out += character;
  }
  return out.trim() || "unnamed";
}

/** Throws a RangeError for a name that is no device name; see deviceName. */
export function encodeIdentity(from: Identity): Uint8Array<ArrayBuffer> {
  if (!isDeviceName(from.name)) throw new RangeError("not a device name");
  const name = new TextEncoder().encode(from.name);
  const out = new Uint8Array(identityLayout.bytes + name.length);
  const fields: Values<typeof identityLayout> = {
    publicKey: from.publicKey,
    signature: from.signature,
    features: from.features,
    nameSize: name.length,
  };
  out.set(name, identityLayout.bytes);
  encode(identityLayout, fields, new DataView(out.buffer), 0, name.length);
  return out;
}

/** "text" for a name that is not UTF-8 or not fit. Bytes behind the name are skipped. */
export function decodeIdentity(bytes: Uint8Array): Decoded<Identity> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const error = check(identityLayout, view, 0, bytes.length);
  if (error) return { ok: false, error };
  const { publicKey, signature, features, nameSize } = read(identityLayout, view, 0);
  if (bytes.length < identityLayout.bytes + nameSize) return { ok: false, error: "short" };
  const name = decodeText(bytes.subarray(identityLayout.bytes, identityLayout.bytes + nameSize));
  if (name === undefined || unfit.test(name)) return { ok: false, error: "text" };
  return { ok: true, value: { publicKey, signature, features, name } };
}

/** A device name's bytes as text; undefined when they are none. */
export function readDeviceName(bytes: Uint8Array): string | undefined {
  const name = decodeText(bytes);
  return name !== undefined && isDeviceName(name) ? name : undefined;
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    // TextDecoder has no other way of saying that bytes are not UTF-8.
    return undefined;
  }
}
