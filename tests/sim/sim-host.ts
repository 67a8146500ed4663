/**
 * The simulated host: HostCore with an outbox that keeps everything in memory. Its encoder model makes frames of a few kilobytes
 * that name the frame they lean on; its sender is the TypeScript reference of the native one; its injector knows what is down.
 */

import { Prng } from "../../src/base/prng.ts";
import { fail, ok } from "../../src/base/result.ts";
import { HostCore, type HostOutbox, type Incoming, type LeaveReason, type Verdict } from "../../src/host/core.ts";
import type { OutgoingFrame, Remote, Viewer } from "../../src/host/viewer.ts";
import type { EncoderSettings } from "../../src/host/wishes.ts";
import { nobleCipher } from "../../src/secure/cipher-noble.ts";
import { fingerprint, sixWords } from "../../src/secure/fingerprint.ts";
import type { DeviceIdentity } from "../../src/secure/identity.ts";
import { chunkCount, packetRoom, writeChunkPacket } from "../../src/wire/fragment.ts";
import { chunkFlag, headerBytes } from "../../src/wire/root.ts";
import { hostPlace, identityOf } from "./places.ts";
import type { World } from "./world.ts";

export interface Place extends Remote {
  readonly name: string;
}

export const owner: EncoderSettings = { bitrateBps: 10_000_000, fps: 60, quality: 50 };

/** A frame as the encoder made it. */
export interface Encoded {
  readonly frameId: number;
  readonly keyframe: boolean;
  /** The frame whose picture it continues; nothing for a keyframe. */
  readonly previous: number | undefined;
  readonly bytes: Uint8Array;
  readonly captureUs: number;
}

/** Time that a packet of sound lasts. */
export const soundUs = 20_000;

/** The bytes of a packet of sound. */
export const soundOf = (number: number): Uint8Array => {
  const random = new Prng(number + 77);
  return random.bytes(40 + random.below(200));
};

/** Frames kept for comparing. */
const memory = 1000;

export class SimHost {
  readonly identity = identityOf(0);
  readonly core: HostCore<Place, Incoming>;
  readonly verdicts = new Map<string, Verdict>();
  readonly left: { name: string; why: LeaveReason; atUs: number }[] = [];
  readonly injected: { type: number; code: number; value: number }[] = [];
  /** Devices of clients, with their names, and what came from them. */
  readonly plugged = new Map<number, string>();
  readonly deviceEvents: { device: number; type: number; code: number; value: number }[] = [];
  plugFails = false;
  /** Keys that are down on this machine. */
  readonly down = new Set<number>();
  readonly frames = new Map<number, Encoded>();
  settings: EncoderSettings = owner;
  watched = false;
  /** Somebody listens, and what the worst of them loses. */
  heard = false;
  lossPercent = 0;
  /** Numbers of the packets that came from microphones. */
  readonly spoken: number[] = [];
  keyframesMade = 0;
  /** Times at which the encoder was asked for a keyframe. */
  readonly keyframeRequests: number[] = [];
  /** False: the socket has no room for a frame. */
  room = true;
  /** Most viewers at one time. */
  peak = 0;
  joined = 0;

  readonly #world: World;
  readonly #originUs: number;
  readonly #places: Place[] = [];
  readonly #packet = new Uint8Array(packetRoom);
  readonly #view = new DataView(this.#packet.buffer);
  readonly #sounds = new Map<number, number>();
  #keyframeWanted = true;
  #frameId: number;

  constructor(world: World, originUs: number, frameId: number) {
    this.#world = world;
    this.#originUs = originUs;
    this.#frameId = frameId;
    this.core = new HostCore({ identity: this.identity, cipher: nobleCipher, owner }, this.#outbox());
  }

  get nowUs(): number {
    return this.#world.nowUs + this.#originUs;
  }

  get newestFrameId(): number {
    return this.#frameId;
  }

  get viewers(): Viewer<Place>[] {
    return [...this.core.viewers];
  }

  viewerOf(identity: DeviceIdentity): Viewer<Place> | undefined {
    const key = identity.signing.publicKey.toHex();
    return this.viewers.find((viewer) => viewer.identity.key.toHex() === key);
  }

  /** The owner's decision; review() makes it known to those who are connected. */
  approve(identity: DeviceIdentity, permissions: number): void {
    this.verdicts.set(identity.signing.publicKey.toHex(), { state: "approved", permissions });
  }

  revoke(identity: DeviceIdentity): void {
    this.verdicts.set(identity.signing.publicKey.toHex(), { state: "revoked", permissions: 0 });
  }

  review(): void {
    this.core.review(this.nowUs);
  }

  receive(packet: Uint8Array, from: string): void {
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    this.core.receive(
      { buffer: packet, view, start: 0, size: packet.length, addressKey: this.#keyOf(from) },
      this.nowUs,
    );
  }

  #keyOf(name: string): number {
    const known = this.#places.findIndex((place) => place.name === name);
    if (known >= 0) return known;
    const [host, port] = name.split(":") as [string, string];
    return this.#places.push({ key: this.#places.length, host, port: Number(port), name }) - 1;
  }

  #outbox(): HostOutbox<Place, Incoming> {
    const waiting: Verdict = { state: "waiting", permissions: 0 };
    return {
      send: (to, packet, size) => this.#world.send(hostPlace, to.name, packet.subarray(0, size)),
      sendFrame: (to, key, counter, frame) => this.#sendFrame(to, key, counter, frame),
      addressOf: (datagram) => this.#places[datagram.addressKey] as Place,
      inject: (type, code, value) => this.#inject(type, code, value),
      plug: (device, name) => {
        if (this.plugFails) return fail("unavailable", "there is no uinput");
        this.plugged.set(device, name);
        return ok(undefined);
      },
      unplug: (device) => this.plugged.delete(device),
      injectTo: (device, type, code, value) => {
        if (!this.plugged.has(device)) throw new Error(`device ${device} is not plugged`);
        this.deviceEvents.push({ device, type, code, value });
      },
      flushInput: () => undefined,
      requestKeyframe: () => {
        this.keyframeRequests.push(this.#world.nowUs);
        this.#keyframeWanted = true;
      },
      encoder: (settings, watched) => {
        this.settings = settings;
        this.watched = watched;
      },
      listened: (isHeard, lossPercent) => {
        this.heard = isHeard;
        this.lossPercent = lossPercent;
      },
      microphone: (_, { captureUs }) => this.spoken.push(captureUs / soundUs),
      meet: ({ remoteKey, remoteName, handshakeHash }) => ({
        identity: {
          key: remoteKey,
          name: remoteName,
          fingerprint: fingerprint(remoteKey),
          words: sixWords(handshakeHash),
        },
        verdict: this.verdicts.get(remoteKey.toHex()) ?? waiting,
      }),
      verdict: (key) => this.verdicts.get(key.toHex()) ?? waiting,
      joined: () => {
        this.joined++;
        this.peak = Math.max(this.peak, this.viewers.length);
      },
      left: (viewer, why) => this.left.push({ name: viewer.identity.name, why, atUs: this.#world.nowUs }),
    };
  }

  /** The number and the bytes of the sound that was captured at that time. */
  soundAt(captureUs: number): [number: number, bytes: Uint8Array] {
    const number = this.#sounds.get(captureUs);
    if (number === undefined) throw new Error(`no sound was captured at ${captureUs}`);
    return [number, soundOf(number)];
  }

  /** Captures and publishes one packet of sound; returns its number. */
  speak(): number {
    const number = this.#sounds.size;
    const data = soundOf(number);
    const captureUs = this.nowUs;
    this.#sounds.set(captureUs, number);
    const sound = { captureUs, sampleRate: 48_000, channels: 2, samples: 960, data, size: data.length };
    this.core.sound.publish({ ...sound, keyframe: true, sentUs: captureUs });
    return number;
  }

  #inject(type: number, code: number, value: number): void {
    this.injected.push({ type, code, value });
    if (type !== 1) return;
    if (value === 0) this.down.delete(code);
    else this.down.add(code);
  }

  #sendFrame(to: Place, key: Uint8Array, counter: number, frame: OutgoingFrame): number {
    if (!this.room) return -1;
    const { bytes } = this.frames.get(frame.address) as Encoded;
    const head = { frameId: frame.frameId, flags: frame.chunkFlags, captureUs: frame.captureUs };
    const count = chunkCount(bytes.length);
    for (let i = 0; i < count; i++) {
      const size = writeChunkPacket(bytes, i, head, counter + i, this.#packet, this.#view, 0);
      nobleCipher.seal(key, counter + i, this.#packet, 0, size - headerBytes);
      this.#world.send(hostPlace, to.name, this.#packet.subarray(0, size + 16));
    }
    return count;
  }

  /** Encodes and publishes one frame of `size` bytes, by itself 0.1 to 4 KB and a keyframe when one was asked for. */
  encode(size?: number): Encoded {
    const previous = this.#frameId;
    this.#frameId = (previous + 1) >>> 0;
    const frameId = this.#frameId;
    const keyframe = this.#keyframeWanted;
    this.#keyframeWanted = false;
    if (keyframe) this.keyframesMade++;
    const bytes = new Prng(frameId).bytes(size ?? (keyframe ? 1500 : 100) + this.#world.random.below(2500));
    const captureUs = this.nowUs;
    const encoded = { frameId, keyframe, previous: keyframe ? undefined : previous, bytes, captureUs };
    this.frames.set(frameId, encoded);
    this.frames.delete(frameId - memory);
    this.core.publish({
      address: frameId,
      size: bytes.length,
      keyframe,
      frameId,
      chunkFlags: keyframe ? chunkFlag.keyframe : 0,
      captureUs,
      spreadUs: 0,
      sentUs: this.nowUs,
    });
    return encoded;
  }
}
