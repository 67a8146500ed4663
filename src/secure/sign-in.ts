/**
 * How a paired device signs in to a relay with its identity instead of a key: an HTTP header with its public key, the time, and a
 * signature over what it asks for. Spec: none of its own; the domain line keeps the signature apart from any other that the key
 * makes. Pure: whether the device is approved, and whether the header was seen before, is for the relay to say.
 */
import { utf8 } from "../base/bytes.ts";
import type { DeviceIdentity } from "./identity.ts";
import { sign, verify } from "./keys.ts";

/** What is signed besides the time: the Host header and the path with its query, as sent. */
export interface SignInPlace {
  readonly host: string;
  readonly target: string;
}

export interface SignIn {
  /** Ed25519, 32 bytes. */
  readonly key: Uint8Array;
  /** The device's wall clock. */
  readonly atMs: number;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** Clocks may differ by this much; a header is worth nothing when it is older. */
export const signInWindowMs = 30_000;

function statement({ host, target }: SignInPlace, atMs: number): Uint8Array {
  return utf8(`patchbay relay sign-in v1\n${host.toLowerCase()}\n${target}\n${atMs}`);
}

/** The value of the header Authorization: `Patchbay KEY.TIME.SIGNATURE`. */
export function signInHeader({ signing }: DeviceIdentity, place: SignInPlace, nowMs: number): string {
  const signature = sign(signing.privateKey, statement(place, nowMs));
  return `Patchbay ${signing.publicKey.toBase64()}.${nowMs}.${signature.toBase64()}`;
}

const headerText = /^Patchbay ([A-Za-z0-9+/]{43}=)\.([1-9][0-9]{11,14})\.([A-Za-z0-9+/]{86}==)$/;

/** Undefined for what signInHeader() does not write. */
export function readSignIn(header: string): SignIn | undefined {
  const [, key, time, signature] = headerText.exec(header) ?? [];
  if (key === undefined || signature === undefined) return undefined;
  return { key: Uint8Array.fromBase64(key), atMs: Number(time), signature: Uint8Array.fromBase64(signature) };
}

/** True when the holder of the key signed for this place at about this time. */
export function verifySignIn({ key, atMs, signature }: SignIn, place: SignInPlace, nowMs: number): boolean {
  return Math.abs(nowMs - atMs) <= signInWindowMs && verify(key, statement(place, atMs), signature);
}
