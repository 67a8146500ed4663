/**
 * A simulated client: ClientCore with a decoder model that throws at a frame whose predecessor it did not decode, whose bytes are
 * not those that were encoded, or that comes out of order. It remembers what it was told.
 */
import { ClientCore, type EndReason, type HostIdentity } from "../../src/client/core.ts";
import { nobleCipher } from "../../src/secure/cipher-noble.ts";
import type { DeviceIdentity } from "../../src/secure/identity.ts";
import { copyByLoop, type WholeFrame } from "../../src/wire/reassembly.ts";
import type { Sound } from "../../src/wire/sound.ts";
import { hostPlace } from "./places.ts";
import type { World } from "./world.ts";

export interface SimClientOptions {
  readonly place: string;
  readonly identity: DeviceIdentity;
  readonly connectionId: number;
  /** What its clock shows when the world begins. */
  readonly originUs: number;
  readonly expectedKey?: Uint8Array | undefined;
  readonly bitrateBps?: number;
  readonly fps?: number;
  readonly quality?: number;
  readonly sound?: boolean;
  readonly met?: (host: HostIdentity) => void;
}

export class SimClient {
  readonly place: string;
  readonly identity: DeviceIdentity;
  readonly originUs: number;
  readonly core: ClientCore;
  /** Numbers of the decoded frames. */
  readonly decoded: number[] = [];
  /** True age of each at its arrival, and what the clocks' offset made of it (undefined before the first pong). */
  readonly ages: { trueUs: number; measuredUs: number | undefined }[] = [];
  readonly admitted: number[] = [];
  readonly rumbles: { device: number; strong: number; weak: number; durationMs: number; atUs: number }[] = [];
  readonly deviceStates: [device: number, state: string][] = [];
  /** Numbers of the packets of sound that came, and how old each was by the clocks' offset. */
  readonly heard: number[] = [];
  readonly soundAges: { trueUs: number; measuredUs: number | undefined }[] = [];
  connected = 0;
  ended: EndReason | undefined;
  endedUs = 0;
  /** False: the decoder's queue is full. */
  room = true;

  readonly #world: World;

  constructor(world: World, options: SimClientOptions) {
    const { place, identity, originUs, connectionId, expectedKey, bitrateBps, fps, quality, sound } = options;
    this.#world = world;
    this.place = place;
    this.identity = identity;
    this.originUs = originUs;
    this.core = new ClientCore(
      { identity, cipher: nobleCipher, copy: copyByLoop, expectedKey, connectionId, bitrateBps, fps, quality, sound },
      {
        send: (packet, size) => world.send(place, hostPlace, packet.subarray(0, size)),
        frame: (frame, nowUs) => this.#decode(frame, nowUs),
        sound: (packet, nowUs) => this.#hear(packet, nowUs),
        rumble: (device, strong, weak, durationMs) =>
          this.rumbles.push({ device, strong, weak, durationMs, atUs: world.nowUs }),
        deviceState: (device, state) => this.deviceStates.push([device, state]),
        connected: (host) => {
          this.connected++;
          options.met?.(host);
        },
        admitted: (permissions) => this.admitted.push(permissions),
        ended: (reason) => {
          if (this.ended) throw new Error(`ended twice: ${this.ended}, ${reason}`);
          this.ended = reason;
          this.endedUs = world.nowUs;
        },
      },
      this.nowUs,
    );
  }

  get nowUs(): number {
    return this.#world.nowUs + this.originUs;
  }

  get isIn(): boolean {
    return this.core.permissions !== 0;
  }

  get link() {
    if (!this.core.link) throw new Error("there is no link yet");
    return this.core.link;
  }

  receive(packet: Uint8Array): void {
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    this.core.receive(packet, view, 0, packet.length, this.nowUs);
  }

  tick(): void {
    this.core.tick(this.nowUs);
  }

  /** One event and the end of its group. */
  input(type: number, code: number, value: number): void {
    this.core.input.add(type, code, value, this.nowUs);
    this.core.input.flush(this.nowUs);
  }

  key(code: number, value: number): void {
    this.input(1, code, value);
  }

  close(): void {
    this.core.releaseKeys(this.nowUs);
    this.core.close(this.nowUs);
    this.#world.network.leave(this.place);
  }

  #hear({ captureUs, data, size }: Sound, nowUs: number): void {
    const [number, made] = this.#world.host.soundAt(captureUs);
    if (Buffer.compare(made, data.subarray(0, size)) !== 0) throw new Error("not the sound that was made");
    this.heard.push(number);
    const offsetUs = this.core.link?.clock.offsetUs;
    const measuredUs = offsetUs === undefined ? undefined : nowUs + offsetUs - captureUs;
    this.soundAges.push({ trueUs: this.#world.host.nowUs - captureUs, measuredUs });
  }

  #decode(frame: WholeFrame, nowUs: number): boolean {
    if (!this.room) return false;
    const made = this.#world.host.frames.get(frame.frameId);
    if (!made) throw new Error(`frame ${frame.frameId} was never encoded`);
    const last = this.decoded.at(-1);
    if (last !== undefined && ((frame.frameId - last) | 0) <= 0)
      throw new Error(`frame ${frame.frameId} after ${last}`);
    if (made.previous !== undefined && made.previous !== last)
      throw new Error(`frame ${frame.frameId} leans on ${made.previous}, the decoder has ${last}`);
    if (made.keyframe !== frame.keyframe || made.captureUs !== frame.captureUs) throw new Error("wrong head");
    if (Buffer.compare(made.bytes, frame.buffer.subarray(0, frame.size)) !== 0)
      throw new Error(`frame ${frame.frameId} is not what was encoded`);
    this.decoded.push(frame.frameId);
    const offsetUs = this.core.link?.clock.offsetUs;
    const measuredUs = offsetUs === undefined ? undefined : nowUs + offsetUs - frame.captureUs;
    this.ages.push({ trueUs: this.#world.host.nowUs - frame.captureUs, measuredUs });
    return true;
  }
}
