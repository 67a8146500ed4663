/**
 * Keys as people meet them: the fingerprint, the six words that two devices show while they pair, and the pairing code. Pure text
 * and hashing; whether a key is trusted is src/store/peers.ts's. Spec section 6 (share code, fingerprint).
 */
import { blake2b } from "@noble/hashes/blake2.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { utf8 } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import { fail, ok, type Result } from "../base/result.ts";

/**
 * The first 8 bytes of the key's unkeyed BLAKE2b hash of 32 bytes (libsodium's crypto_generichash with its default size), as
 * `xxxx-xxxx-xxxx-xxxx`. For recognising a key, not for trusting it: 64 bits can be matched with great effort.
 */
export function fingerprint(publicKey: Uint8Array): string {
  const digits = blake2b(publicKey, { dkLen: 32 }).subarray(0, 8).toHex();
  return (digits.match(/.{4}/g) as string[]).join("-");
}

const wordsShown = 6;
const bitsAWord = 11;
const wordsLabel = utf8("patchbay short authentication string v1");

/**
 * The short authentication string: six words of the BIP 39 English list, 66 bits of HKDF-SHA256 over the handshake hash. Who
 * sits between two devices runs two handshakes, whose words differ except by a chance of 2^-66 a try.
 */
export function sixWords(handshakeHash: Uint8Array): string[] {
  const bytes = hkdf(sha256, handshakeHash, undefined, wordsLabel, Math.ceil((wordsShown * bitsAWord) / 8));
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return Array.from({ length: wordsShown }, (_, i) => {
    return wordlist[Number.parseInt(bits.slice(i * bitsAWord, (i + 1) * bitsAWord), 2)] as string;
  });
}

export interface PairingCode {
  /** Ed25519, 32 bytes. */
  readonly key: Uint8Array;
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Spec section 6. */
const codeLimit = 127;
const keyText = /^[A-Za-z0-9+/]{43}=$/;
const hostName = /^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?$/;
const ipv6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?$/;

export const isHostName = (text: string): boolean => hostName.test(text);

/** `base64key@host:port`; an IPv6 address stands in brackets. */
export function formatPairingCode({ key, host, port }: PairingCode): Result<string> {
  if (!isPort(port)) return fail("usage", `${port} is no port for a pairing code; give one from 1 to 65535.`);
  if (!isHostName(host) && !ipv6.test(host))
    return fail("usage", `"${host}" is no host name or address for a pairing code.`);
  const text = `${key.toBase64()}@${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (text.length <= codeLimit) return ok(text);
  return fail(
    "usage",
    `A pairing code has at most ${codeLimit} characters; "${host}" is too long, give an address instead.`,
  );
}

/** Reads what formatPairingCode writes; without a port it is limits.port. */
export function parsePairingCode(text: string): Result<PairingCode> {
  const code = text.trim();
  if (code.length > codeLimit)
    return fail("usage", `A pairing code has at most ${codeLimit} characters, this has ${code.length}.`);
  const at = code.indexOf("@");
  if (at < 0) return fail("usage", "A pairing code looks like KEY@HOST:PORT; there is no @ in this one.");
  const key = keyFrom(code.slice(0, at));
  if (!key)
    return fail("usage", `The part of the pairing code before the @ is no key: 44 characters of base64 are needed.`);
  const place = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(code.slice(at + 1));
  const bracketed = place?.[1];
  const host = bracketed ?? place?.[2] ?? "";
  const port = place?.[3] === undefined ? limits.port : Number(place[3]);
  const isHost = bracketed === undefined ? isHostName(host) : ipv6.test(host);
  if (!isHost || !isPort(port)) {
    return fail("usage", "The part of the pairing code behind the @ is no HOST:PORT (an IPv6 address wants brackets).");
  }
  return ok({ key, host, port });
}

/** The key of 32 bytes out of a bare base64 key, `key@` and anything, or a pairing code. */
export function parsePeerKey(text: string): Result<Uint8Array> {
  const trimmed = text.trim();
  if (trimmed.includes("@") && !trimmed.endsWith("@")) {
    const code = parsePairingCode(trimmed);
    return code.ok ? ok(code.value.key) : code;
  }
  const key = keyFrom(trimmed.replace(/@$/, ""));
  return key
    ? ok(key)
    : fail("usage", "This is no key: 44 characters of base64 or a pairing code KEY@HOST:PORT are needed.");
}

function keyFrom(text: string): Uint8Array | undefined {
  if (!keyText.test(text)) return undefined;
  const key = Uint8Array.fromBase64(text);
  // One key, one text: spare bits behind the last byte must be zero.
  return key.toBase64() === text ? key : undefined;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}
