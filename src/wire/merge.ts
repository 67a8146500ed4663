/**
 * Signals as JSON: reading with limits, RFC 7396 merge patches applied and made, and the state that syncs and diffs build
 * (ds-stream sections 15 and 19). Objects made here have no prototype, so that a key such as `__proto__` is data like any
 * other. Pure; what a peer sends wrong is a WireError value and leaves the state as it was.
 */
import { limits } from "../base/limits.ts";
import type { Decoded, WireError } from "./schema.ts";

export type JsonObject = { [key: string]: Json };
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const newObject = (): JsonObject => Object.create(null) as JsonObject;

/** Deeper than the limit, or a number that JSON cannot hold. The recursion ends at the limit. */
function isUnfit(value: Json, depth: number): boolean {
  if (typeof value === "number") return !Number.isFinite(value);
  if (typeof value !== "object" || value === null) return false;
  if (depth >= limits.signalDepth) return true;
  for (const inner of Object.values(value)) if (isUnfit(inner, depth + 1)) return true;
  return false;
}

/** Reads JSON: "length" over `maxBytes`, "text" when it is no JSON in UTF-8, "range" when too deep or a number is too large. */
export function parseSignal(json: Uint8Array, maxBytes: number = limits.signalBytes): Decoded<Json> {
  if (json.length > maxBytes) return { ok: false, error: "length" };
  let value: Json;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json)) as Json;
  } catch {
    return { ok: false, error: "text" };
  }
  return isUnfit(value, 0) ? { ok: false, error: "range" } : { ok: true, value };
}

export const signalBytes = (value: Json): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value));

/** A deep copy whose objects have no prototype. Arrays are never changed in place, so they are shared. */
function copy(value: Json): Json {
  if (!isObject(value)) return value;
  const out = newObject();
  for (const key of Object.keys(value)) out[key] = copy(value[key] as Json);
  return out;
}

const own = (of: JsonObject, key: string): Json | undefined => (Object.hasOwn(of, key) ? of[key] : undefined);

/** `target` is changed; it and all objects in it outside arrays were made here. */
function mergeInto(target: JsonObject, patch: JsonObject): void {
  for (const key of Object.keys(patch)) {
    const value = patch[key] as Json;
    if (value === null) delete target[key];
    else if (!isObject(value)) target[key] = value;
    else {
      const before = own(target, key);
      const inner = isObject(before) ? before : newObject();
      mergeInto(inner, value);
      target[key] = inner;
    }
  }
}

/** RFC 7396: the target after the patch; neither is changed. Both are at most `limits.signalDepth` deep (parseSignal sees to it). */
export function applyMergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return copy(patch);
  const out = isObject(target) ? (copy(target) as JsonObject) : newObject();
  mergeInto(out, patch);
  return out;
}

function isEqual(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((value, i) => isEqual(value, b[i]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key] as Json, b[key] as Json))
  );
}

/** Whether a null stands as a member of an object, outside arrays: there a patch means removal. */
const holdsNull = (value: Json): boolean =>
  isObject(value) && Object.values(value).some((inner) => inner === null || holdsNull(inner));

/**
 * The patch that makes `to` of `from`; `{}` when two objects are equal. Undefined when no patch can, because `to` has a new
 * null as a member of an object: send a sync then.
 */
export function diffSignals(from: Json, to: Json): Json | undefined {
  if (!isObject(to)) return to;
  if (!isObject(from)) return holdsNull(to) ? undefined : to;
  const patch = newObject();
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) patch[key] = null;
  for (const key of Object.keys(to)) {
    const [before, after] = [own(from, key), to[key] as Json];
    if (before !== undefined && isEqual(before, after)) continue;
    if (after === null) return undefined;
    // Without an object to start from, diffSignals hands the new value on whole.
    const inner = diffSignals(before ?? null, after);
    if (inner === undefined) return undefined;
    patch[key] = inner;
  }
  return patch;
}

/** The signal state of a channel: a sync replaces it, a diff is merged into it. */
export class SignalState {
  #value: Json | undefined;
  /** Bytes of JSON that went in since the state was last measured; it has hardly more (only numbers can be written longer). */
  #bound = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number = limits.signalBytes) {
    this.#maxBytes = maxBytes;
  }

  /** Undefined before the first sync or diff. Not to be changed; later diffs change it in place. */
  get value(): Json | undefined {
    return this.#value;
  }

  /** The payload of a SignalSync. An error leaves the state as it was. */
  sync(json: Uint8Array): WireError | undefined {
    const parsed = parseSignal(json, this.#maxBytes);
    if (!parsed.ok) return parsed.error;
    this.#value = copy(parsed.value);
    this.#bound = json.length;
    return undefined;
  }

  /** The payload of a SignalDiff. An error, "length" for a state that would be too large too, leaves the state as it was. */
  diff(json: Uint8Array): WireError | undefined {
    const parsed = parseSignal(json, this.#maxBytes);
    if (!parsed.ok) return parsed.error;
    const patch = parsed.value;
    if (this.#bound + json.length > this.#maxBytes) return this.#tryMerge(patch);
    this.#bound += json.length;
    if (isObject(patch) && isObject(this.#value)) mergeInto(this.#value, patch);
    else this.#value = applyMergePatch(this.#value, patch);
    return undefined;
  }

  /** The slow way, near the limit: what comes of the patch is measured before it counts. */
  #tryMerge(patch: Json): WireError | undefined {
    const merged = applyMergePatch(this.#value, patch);
    const { length } = signalBytes(merged);
    if (length > this.#maxBytes) return "length";
    this.#value = merged;
    this.#bound = length;
    return undefined;
  }

  /** The state as the payload of a SignalSync; undefined before the first. */
  toBytes(): Uint8Array<ArrayBuffer> | undefined {
    return this.#value === undefined ? undefined : signalBytes(this.#value);
  }
}
