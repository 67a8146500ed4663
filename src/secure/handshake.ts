/**
 * The handshake of protocol version 2 as two pure state machines: message 1 from the client, 2 from the host, 3 from the client
 * (Noise XX), identities inside 2 and 3. They produce and consume Noise messages; the bodies around them are src/wire/root.ts's,
 * and repeating, timing out and whom to admit is the caller's. A refused message leaves a machine as it was, so the true
 * one may still come; a caller therefore ends a handshake by time and never by a bad message.
 */
import { concatBytes, equalBytes, utf8 } from "../base/bytes.ts";
import { decodeIdentity, encodeIdentity, handshakeLayout, helloBytes, version } from "../wire/root.ts";
import { type DeviceIdentity, verifyStatement } from "./identity.ts";
import type { KeyPair } from "./keys.ts";
import { HandshakeState, type Transport } from "./noise.ts";

/**
 * Why a message was refused. "noise": it does not authenticate, is cut, or belongs to another handshake or version;
 * "identity": what it carries is malformed; "signature": the identity did not sign this Noise key; "pinned": someone else
 * than expected answers.
 */
export type HandshakeFailure = "noise" | "identity" | "signature" | "pinned";

export interface Established {
  /** 32 bytes each; the caller wipes them once the session has its copy. */
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  /** Ed25519 key of the peer, 32 bytes. */
  readonly remoteKey: Uint8Array;
  /** For showing only: the peer chose it. */
  readonly remoteName: string;
  readonly remoteFeatures: number;
  /** 32 bytes, equal on both ends; the six words come from it. */
  readonly handshakeHash: Uint8Array;
}

export type Step<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: HandshakeFailure };

export interface HandshakeOptions {
  readonly identity: DeviceIdentity;
  readonly features?: number;
  /** Only of the initiator: the Ed25519 key that must answer. */
  readonly expected?: Uint8Array;
  /** Only tests give one. */
  readonly ephemeral?: KeyPair;
}

/** Both ends mix it in, so that a handshake of another protocol or version cannot be passed off as this one. */
const prologue = concatBytes(utf8("patchbay root handshake"), Uint8Array.of(version));

/** Zeros behind message 1 make a hello as large as its answer, so that forged senders gain nothing; they are authenticated later. */
const helloPadding = new Uint8Array(helloBytes - handshakeLayout.bytes - 32);

const refused = (reason: HandshakeFailure): Step<never> => ({ ok: false, reason });

type Peer = Pick<Established, "remoteKey" | "remoteName" | "remoteFeatures">;

function stateOf(role: "initiator" | "responder", options: HandshakeOptions): HandshakeState {
  const { identity, ephemeral } = options;
  return new HandshakeState({ role, prologue, staticKey: identity.noise, ...(ephemeral ? { ephemeral } : {}) });
}

function identityPayload({ identity, features }: HandshakeOptions): Uint8Array {
  return encodeIdentity({
    publicKey: identity.signing.publicKey,
    signature: identity.statement,
    features: features ?? 0,
    name: identity.name,
  });
}

function peerFrom(payload: Uint8Array, noiseKey: Uint8Array | undefined): Step<Peer> {
  const decoded = decodeIdentity(payload);
  if (!decoded.ok || !noiseKey) return refused("identity");
  const { publicKey, signature, features, name } = decoded.value;
  if (!verifyStatement(publicKey, noiseKey, signature)) return refused("signature");
  return { ok: true, value: { remoteKey: publicKey, remoteName: name, remoteFeatures: features } };
}

function established(transport: Transport, peer: Peer): Established {
  const { send, receive, handshakeHash } = transport;
  const out = { sendKey: send.exportKey(), receiveKey: receive.exportKey(), handshakeHash, ...peer };
  send.wipe();
  receive.wipe();
  return out;
}

/** The client's side: hello(), then finish() with each answer until one is good. */
export class Initiator {
  readonly #options: HandshakeOptions;
  readonly #state: HandshakeState;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#state = stateOf("initiator", options);
  }

  /** Message 1, padded. Once; send the same bytes again when nothing comes. */
  hello(): Uint8Array {
    const message = this.#state.write(helloPadding);
    if (!message) throw new Error("the first message needs no key of the peer");
    return message;
  }

  /** Takes message 2; returns message 3 and the result. Once it succeeded, further use throws. */
  finish(answer: Uint8Array): Step<{ readonly message: Uint8Array; readonly established: Established }> {
    const attempt = this.#state.copy();
    const payload = attempt.read(answer);
    if (!payload) return refused("noise");
    const peer = peerFrom(payload, attempt.remoteStatic);
    if (!peer.ok) return peer;
    const { expected } = this.#options;
    if (expected && !equalBytes(expected, peer.value.remoteKey)) return refused("pinned");
    const message = attempt.write(identityPayload(this.#options));
    if (!message) return refused("noise");
    const transport = attempt.finish();
    this.#state.wipe();
    return { ok: true, value: { message, established: established(transport, peer.value) } };
  }

  /** Forgets the secrets. Idempotent. */
  close(): void {
    this.#state.wipe();
  }
}

/** The host's side: answer() a hello, then complete() with each finish until one is good. */
export class Responder {
  readonly #options: HandshakeOptions;
  #state: HandshakeState;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#state = stateOf("responder", options);
  }

  /** Takes message 1, returns message 2. Once; send the same bytes again when the hello is repeated. */
  answer(hello: Uint8Array): Step<Uint8Array> {
    if (this.#state.messages !== 0) throw new Error("the hello was answered before");
    const attempt = this.#state.copy();
    const message = attempt.read(hello) && attempt.write(identityPayload(this.#options));
    if (!message) return refused("noise");
    this.#state = attempt;
    return { ok: true, value: message };
  }

  /** Takes message 3. Once it succeeded, further use throws. */
  complete(finish: Uint8Array): Step<Established> {
    if (this.#state.messages !== 2) throw new Error("there is no answer yet that a finish could follow");
    const attempt = this.#state.copy();
    const payload = attempt.read(finish);
    if (!payload) return refused("noise");
    const peer = peerFrom(payload, attempt.remoteStatic);
    if (!peer.ok) return peer;
    const transport = attempt.finish();
    this.#state.wipe();
    return { ok: true, value: established(transport, peer.value) };
  }

  /** Forgets the secrets. Idempotent. */
  close(): void {
    this.#state.wipe();
  }
}
