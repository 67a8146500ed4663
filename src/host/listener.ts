/**
 * One client's ear: whether sound goes to it, which takes its owner's permission, its own wish and no pause, and how much of it
 * arrives. Sound never waits: a packet that finds no room is left out and counted, and the next one stands alone. Pure.
 */
import type { Stream, StreamFrame, Subscription } from "../hub/stream.ts";
import type { Sound } from "../wire/sound.ts";

/** Every packet of sound can be begun with. */
export interface SoundPacket extends Sound, StreamFrame {
  readonly keyframe: true;
  /** When it is handed out. */
  readonly sentUs: number;
}

export class Listener {
  /** Packets and bytes that went out. */
  packets = 0;
  bytes = 0;
  /** What the client said last about its loss, in percent. */
  lossPercent = 0;
  readonly #stream: Stream<SoundPacket>;
  readonly #send: (packet: SoundPacket) => boolean;
  #isPermitted = false;
  #isWanted = false;
  #isPaused = false;
  #subscription: Subscription<SoundPacket> | undefined;
  #left = 0;

  /** `send` is false when there is no room. */
  constructor(stream: Stream<SoundPacket>, send: (packet: SoundPacket) => boolean) {
    this.#stream = stream;
    this.#send = send;
  }

  /** Sound goes to it. */
  get isOn(): boolean {
    return this.#subscription !== undefined;
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Packets for which there was no room. */
  get leftOut(): number {
    return this.#left + (this.#subscription?.stats.droppedFull ?? 0);
  }

  permit(isPermitted: boolean): void {
    this.#isPermitted = isPermitted;
    this.#look();
  }

  want(isWanted: boolean): void {
    this.#isWanted = isWanted;
    this.#look();
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#look();
  }

  /** Idempotent. */
  close(): void {
    this.permit(false);
  }

  #look(): void {
    const isOn = this.#isPermitted && this.#isWanted && !this.#isPaused;
    if (isOn) this.#subscription ??= this.#stream.subscribe({ deliver: (packet) => this.#deliver(packet) });
    else if (this.#subscription) {
      this.#left += this.#subscription.stats.droppedFull;
      this.#stream.unsubscribe(this.#subscription);
      this.#subscription = undefined;
      this.lossPercent = 0;
    }
  }

  #deliver(packet: SoundPacket): boolean {
    if (!this.#send(packet)) return false;
    this.packets++;
    this.bytes += packet.size;
    return true;
  }
}
