/**
 * The host's door: answers handshakes until a device has proven its key. What it keeps is bounded whatever comes; under load
 * it asks for a cookie and keeps nothing. Spec section 12 (weaknesses 1-3 and 6) and section 13. Pure.
 */
import type { Counters } from "../base/counters.ts";
import { limits } from "../base/limits.ts";
import { Admission } from "../secure/admission.ts";
import { CookieJar } from "../secure/cookie.ts";
import { type Established, type HandshakeFailure, Responder } from "../secure/handshake.ts";
import type { DeviceIdentity } from "../secure/identity.ts";
import {
  checkPayload,
  encodeHandshakePacket,
  handshake,
  handshakeLayout,
  handshakeStep,
  headerBytes,
  packetType,
  refusal,
  type WireError,
} from "../wire/root.ts";
import type { Incoming } from "./core.ts";
import type { Remote } from "./viewer.ts";

export interface DoorSettings {
  readonly identity: DeviceIdentity;
}

export interface DoorOutbox<R extends Remote, D extends Incoming> {
  send(to: R, packet: Uint8Array, size: number): void;
  addressOf(datagram: D): R;
}

export type DoorDrop =
  | WireError
  | `handshake-${HandshakeFailure}`
  | "handshake-flood"
  | "handshake-unknown"
  | "handshake-step"
  | "refused";

/** A handshake under way. */
export interface Begun<R extends Remote> {
  readonly connectionId: number;
  readonly remote: R;
  readonly responder: Responder;
  readonly answer: Uint8Array;
  /** Why the device was turned away after it had proven its key; 0 before that. */
  refusal: number;
}

/** A device that has proven its key. */
export interface Met<R extends Remote> {
  readonly established: Established;
  readonly begun: Begun<R>;
}

const noCookie = new Uint8Array(16);

export class Door<R extends Remote, D extends Incoming> {
  readonly #identity: DeviceIdentity;
  readonly #drops: Counters<string>;
  readonly #outbox: DoorOutbox<R, D>;
  readonly #admission = new Admission<Begun<R>>((begun) => begun.responder.close());
  readonly #cookies = new CookieJar();
  readonly #refusals = new RefusalBudget();

  constructor(settings: DoorSettings, drops: Counters<string>, outbox: DoorOutbox<R, D>) {
    this.#identity = settings.identity;
    this.#drops = drops;
    this.#outbox = outbox;
  }

  get busy(): boolean {
    return this.#admission.size > 0;
  }

  tick(nowUs: number): void {
    this.#admission.expire(nowUs);
  }

  /** One handshake packet whose header was checked. Returns the device when it has proven its key. */
  receive(datagram: D, nowUs: number): Met<R> | undefined {
    const { view, start, size } = datagram;
    const at = start + headerBytes;
    const error = checkPayload(packetType.handshake, view, at, size - headerBytes);
    if (error) return this.#drop(error);
    const connectionId = handshake.connectionId(view, at);
    const step = handshake.step(view, at);
    if (step === handshakeStep.hello) return this.#hello(datagram, connectionId, nowUs);
    if (step === handshakeStep.finish) return this.#finish(datagram, connectionId);
    return this.#drop("handshake-step");
  }

  #hello(datagram: D, connectionId: number, nowUs: number): undefined {
    const begun = this.#admission.find(datagram.addressKey, connectionId);
    if (begun) return this.#reply(begun.remote, handshakeStep.answer, connectionId, begun.answer);
    const { view, start } = datagram;
    const address = addressBytes(datagram.addressKey);
    const proved = this.#cookies.verify(handshake.cookie(view, start + headerBytes), address, connectionId, nowUs);
    const decision = this.#admission.decide(proved, nowUs);
    if (decision === "drop") return this.#drop("handshake-flood");
    const remote = this.#outbox.addressOf(datagram);
    if (decision === "ask-cookie") {
      this.#drops.add("handshake-flood");
      const cookie = this.#cookies.make(address, connectionId, nowUs);
      this.#send(remote, { step: handshakeStep.cookie, reason: 0, connectionId, cookie });
      return;
    }
    const responder = new Responder({ identity: this.#identity });
    const answer = responder.answer(noiseOf(datagram));
    if (!answer.ok) {
      responder.close();
      return this.#drop(`handshake-${answer.reason}`);
    }
    const fresh = { connectionId, remote, responder, answer: answer.value, refusal: 0 };
    this.#admission.begin(datagram.addressKey, connectionId, proved, fresh, nowUs);
    this.#reply(remote, handshakeStep.answer, connectionId, answer.value);
  }

  #finish(datagram: D, connectionId: number): Met<R> | undefined {
    const begun = this.#admission.find(datagram.addressKey, connectionId);
    if (!begun) return this.#drop("handshake-unknown");
    if (begun.refusal !== 0) return this.#tell(begun.remote, connectionId, begun.refusal);
    const result = begun.responder.complete(noiseOf(datagram));
    if (!result.ok) return this.#drop(`handshake-${result.reason}`);
    this.#admission.end(datagram.addressKey, connectionId);
    return { established: result.value, begun };
  }

  /** Tells a device that was met why it may not come in, and for a while again when it repeats itself: packets get lost. */
  refuse(begun: Begun<R>, reason: number, nowUs: number): void {
    begun.refusal = reason;
    this.#admission.begin(begun.remote.key, begun.connectionId, false, begun, nowUs);
    this.#tell(begun.remote, begun.connectionId, reason);
  }

  #tell(remote: R, connectionId: number, reason: number): undefined {
    this.#drops.add("refused");
    this.#send(remote, { step: handshakeStep.refused, reason, connectionId, cookie: noCookie });
  }

  /** Answers a client of protocol version 1, seldom enough that it is no use to a flood. */
  refuseVersion(datagram: D, nowUs: number): void {
    if (this.#refusals.take(nowUs)) this.#tell(this.#outbox.addressOf(datagram), 0, refusal.version);
  }

  close(): void {
    this.#admission.close();
  }

  #drop(reason: DoorDrop): undefined {
    this.#drops.add(reason);
  }

  #reply(remote: R, step: number, connectionId: number, noise: Uint8Array): undefined {
    this.#send(remote, { step, reason: 0, connectionId, cookie: noCookie }, noise);
  }

  #send(remote: R, fields: Parameters<typeof encodeHandshakePacket>[0], noise?: Uint8Array): void {
    const packet = encodeHandshakePacket(fields, noise);
    this.#outbox.send(remote, packet, packet.length);
  }
}

/** The Noise message in a handshake packet, as a copy that outlives the datagram. */
function noiseOf({ buffer, start, size }: Incoming): Uint8Array {
  return buffer.slice(start + headerBytes + handshakeLayout.bytes, start + size);
}

/** What stands for an address in a cookie: the socket's number for it, exact for IPv4 and keyed for IPv6. */
function addressBytes(addressKey: number): Uint8Array {
  return new Uint8Array(Float64Array.of(addressKey).buffer);
}

/** Refusals to strangers: at most limits.handshakesPerSecond. */
class RefusalBudget {
  #second = -1;
  #used = 0;
  take(nowUs: number): boolean {
    const second = Math.floor(nowUs / 1e6);
    if (second !== this.#second) this.#used = 0;
    this.#second = second;
    return this.#used++ < limits.handshakesPerSecond;
  }
}
