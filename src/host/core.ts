/**
 * The host's logic: who may connect, what each viewer gets, how frames go out. Pure: datagrams and frames come in with the time,
 * and everything it does goes through the outbox; it opens no socket, reads no clock, touches no database and no encoder.
 * Spec sections 4, 5 and 13.
 */
import { equalBytes } from "../base/bytes.ts";
import { Counters } from "../base/counters.ts";
import { limits } from "../base/limits.ts";
import { Stream, type Subscriber, type Subscription } from "../hub/stream.ts";
import type { PacketCipher } from "../secure/cipher.ts";
import type { Established } from "../secure/handshake.ts";
import { Session } from "../secure/session.ts";
import { checkPacket, header, packetType, refusal, type WireError } from "../wire/root.ts";
import { HostDevices } from "./devices.ts";
import { Door, type DoorDrop, type DoorSettings, type Met } from "./door.ts";
import type { SoundPacket } from "./listener.ts";
import { type OutgoingFrame, type Remote, Viewer, type ViewerIdentity, type ViewerOutbox } from "./viewer.ts";
import { agree, type EncoderSettings } from "./wishes.ts";

/** A datagram in place, valid during the call. */
export interface Incoming {
  readonly buffer: Uint8Array;
  readonly view: DataView;
  readonly start: number;
  readonly size: number;
  readonly addressKey: number;
}

/** What the owner decided about a device. */
export interface Verdict {
  readonly state: "approved" | "waiting" | "revoked";
  readonly permissions: number;
}

export interface HostOutbox<R extends Remote, D extends Incoming> extends ViewerOutbox<R> {
  addressOf(datagram: D): R;
  requestKeyframe(): void;
  /** Settings that all viewers agree on, and whether anybody watches. */
  encoder(settings: EncoderSettings, watched: boolean): void;
  /** Whether anybody listens, and the largest share of the sound that one of the clients loses, in percent. */
  listened(isHeard: boolean, lossPercent: number): void;
  /** Describes a device that has proven its key, and notes it as waiting when it is unknown. */
  meet(established: Established, remote: R): { readonly identity: ViewerIdentity; readonly verdict: Verdict };
  /** The owner's present decision about a known device. */
  verdict(key: Uint8Array): Verdict;
  joined(viewer: Viewer<R>): void;
  left(viewer: Viewer<R>, why: LeaveReason): void;
}

export type LeaveReason = "left" | "silent" | "overflowed" | "replaced" | "revoked" | "closed";
export type HostDrop = WireError | DoorDrop | "unknown-sender" | "client-without-codec";

export interface HostSettings extends DoorSettings {
  readonly cipher: PacketCipher;
  readonly owner: EncoderSettings;
  /** What no client may do, whatever it is permitted elsewhere: permission bits. */
  readonly forbidden?: number;
}

const noWishes = { bitrateBps: undefined, fps: undefined, quality: undefined };

export class HostCore<R extends Remote, D extends Incoming> {
  readonly drops = new Counters<string>();
  /** Drops on the connections of viewers that have left. */
  readonly departed = new Counters<string>();
  readonly stream: Stream<OutgoingFrame>;
  readonly sound = new Stream<SoundPacket>(() => undefined);
  readonly devices: HostDevices;
  readonly #settings: HostSettings;
  readonly #outbox: HostOutbox<R, D>;
  readonly #door: Door<R, D>;
  readonly #viewers = new Map<number, Viewer<R>>();
  readonly #others = new Set<Subscription<OutgoingFrame>>();

  constructor(settings: HostSettings, outbox: HostOutbox<R, D>) {
    this.#settings = settings;
    this.#outbox = outbox;
    this.stream = new Stream<OutgoingFrame>(() => outbox.requestKeyframe());
    this.devices = new HostDevices(outbox);
    this.#door = new Door(settings, this.drops, outbox);
  }

  get viewers(): Iterable<Viewer<R>> {
    return this.#viewers.values();
  }

  /** True while there is anything that needs tick(). */
  get busy(): boolean {
    return this.#viewers.size > 0 || this.#door.busy;
  }

  get someoneWaits(): boolean {
    return this.#count(false) > 0;
  }

  receive(datagram: D, nowUs: number): void {
    const { buffer, view, start, size, addressKey } = datagram;
    const error = checkPacket(view, start, size);
    if (error) {
      this.drops.add(error);
      if (error === "version-1") this.#door.refuseVersion(datagram, nowUs);
      return;
    }
    if (header.type(view, start) === packetType.handshake) {
      const met = this.#door.receive(datagram, nowUs);
      if (met) this.#meet(met, nowUs);
      return;
    }
    const viewer = this.#viewers.get(addressKey);
    if (viewer) viewer.receive(buffer, view, start, size, nowUs);
    else this.drops.add("unknown-sender");
  }

  #meet({ established, begun }: Met<R>, nowUs: number): void {
    const { remote } = begun;
    const { identity, verdict } = this.#outbox.meet(established, remote);
    const session = new Session(this.#settings.cipher, established.sendKey, established.receiveKey);
    established.sendKey.fill(0);
    established.receiveKey.fill(0);
    const reason = this.#reasonAgainst(identity, verdict);
    if (reason !== undefined) {
      session.close();
      this.#door.refuse(begun, reason, nowUs);
      return;
    }
    const previous = this.#find(identity.key);
    if (previous) this.#dismiss(previous, "replaced", nowUs);
    const elsewhere = this.#viewers.get(remote.key);
    if (elsewhere) this.#remove(elsewhere, "replaced");
    const viewer: Viewer<R> = new Viewer(
      remote,
      identity,
      session,
      { pictures: this.stream, sound: this.sound, devices: this.devices },
      this.#outbox,
      {
        changed: () => this.#agree(),
        left: () => this.#remove(viewer, "left"),
      },
      nowUs,
    );
    this.#viewers.set(remote.key, viewer);
    this.#outbox.joined(viewer);
    viewer.admit(this.#permitted(verdict), nowUs);
    this.#agree();
  }

  #permitted({ state, permissions }: Verdict): number {
    return state === "approved" ? permissions & ~(this.#settings.forbidden ?? 0) : 0;
  }

  /** Why a device that has proven its key is turned away; a device that comes back takes its own old place. */
  #reasonAgainst(identity: ViewerIdentity, verdict: Verdict): number | undefined {
    if (verdict.state === "revoked") return refusal.revoked;
    const approved = verdict.state === "approved";
    if (this.#find(identity.key)?.admitted === approved || this.#count(approved) < limits.peers) return undefined;
    return approved ? refusal.full : refusal.busy;
  }

  #count(admitted: boolean): number {
    let count = 0;
    for (const viewer of this.#viewers.values()) if (viewer.admitted === admitted) count++;
    return count;
  }

  #find(key: Uint8Array): Viewer<R> | undefined {
    for (const viewer of this.#viewers.values()) if (equalBytes(viewer.identity.key, key)) return viewer;
    return undefined;
  }

  /** The owner's decisions may have changed. */
  review(nowUs: number): void {
    for (const viewer of [...this.#viewers.values()]) {
      const verdict = this.#outbox.verdict(viewer.identity.key);
      const permissions = this.#permitted(verdict);
      if (verdict.state === "revoked") this.#dismiss(viewer, "revoked", nowUs);
      else if (permissions !== 0 && !viewer.admitted && this.#count(true) >= limits.peers)
        this.#dismiss(viewer, "closed", nowUs);
      else if (permissions !== viewer.permissions) viewer.admit(permissions, nowUs);
    }
    this.#agree();
  }

  /** Somebody who is no client gets the frames as well: a channel of a relay, or a browser's. It has no wishes. */
  attach(subscriber: Subscriber<OutgoingFrame>): Subscription<OutgoingFrame> {
    const subscription = this.stream.subscribe(subscriber);
    this.#others.add(subscription);
    this.#agree();
    return subscription;
  }

  /** Idempotent. */
  detach(subscription: Subscription<OutgoingFrame>): void {
    if (!this.#others.delete(subscription)) return;
    this.stream.unsubscribe(subscription);
    this.#agree();
  }

  /** Somebody who is no client hears the sound as well. */
  attachSound(subscriber: Subscriber<SoundPacket>): Subscription<SoundPacket> {
    const subscription = this.sound.subscribe(subscriber);
    this.#agree();
    return subscription;
  }

  /** Idempotent. */
  detachSound(subscription: Subscription<SoundPacket>): void {
    this.sound.unsubscribe(subscription);
    this.#agree();
  }

  tick(nowUs: number): void {
    this.#door.tick(nowUs);
    this.devices.tick(nowUs);
    for (const viewer of [...this.#viewers.values()]) {
      const state = viewer.link.tick(nowUs, viewer.lastFrameId);
      if (state !== "alive") this.#remove(viewer, state);
    }
  }

  /** The lamps of this machine's keyboard changed: bits of lockKey. */
  setLockKeys(bits: number, nowUs: number): void {
    this.devices.lockKeys = bits;
    for (const viewer of this.#viewers.values()) viewer.tellLockKeys(nowUs);
  }

  publish(frame: OutgoingFrame): void {
    this.stream.publish(frame);
  }

  /** Says goodbye to everybody, and forgets half-done handshakes. */
  close(nowUs: number): void {
    this.#door.close();
    for (const viewer of [...this.#viewers.values()]) this.#dismiss(viewer, "closed", nowUs);
  }

  #dismiss(viewer: Viewer<R>, why: LeaveReason, nowUs: number): void {
    viewer.link.goodbye(nowUs);
    this.#remove(viewer, why);
  }

  #remove(viewer: Viewer<R>, why: LeaveReason): void {
    if (this.#viewers.get(viewer.remote.key) !== viewer) return;
    this.#viewers.delete(viewer.remote.key);
    viewer.close();
    for (const counters of [viewer.drops, viewer.link.drops])
      for (const [reason, count] of Object.entries(counters.toJSON())) this.departed.add(reason, count);
    this.#outbox.left(viewer, why);
    this.#agree();
  }

  #agree(): void {
    const wishes = [...this.#viewers.values()]
      .filter(({ subscription }) => subscription && !subscription.paused)
      .map((viewer) => viewer.wishes);
    for (const _ of this.#others) wishes.push(noWishes);
    this.#outbox.encoder(agree(this.#settings.owner, wishes), this.stream.watched);
    const losses = [...this.#viewers.values()].map(({ listener }) => listener.lossPercent);
    this.#outbox.listened(this.sound.watched, Math.max(0, ...losses));
  }
}
