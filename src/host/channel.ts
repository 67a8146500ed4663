/**
 * The host's picture as a channel of ds-stream, for a relay or for the browsers of the status page: a subscriber of the stream that
 * sends the access units which clients get, and takes input back through the gate that clients' input passes. Pure: the
 * connection is a pipe, and time comes as an argument. Spec ds-stream.md sections 3, 4 and 19.
 */
import { Counters } from "../base/counters.ts";
import { Rate } from "../base/rate.ts";
import type { Subscriber, Subscription } from "../hub/stream.ts";
import { buildCompressedPixels, buildOpus, buildStreamEnd, decodeFrame } from "../wire/ds.ts";
import { DsToEvdev } from "../wire/ds-evdev.ts";
import { codec, codecShift } from "../wire/root.ts";
import { ChannelPads, type PadDrop } from "./channel-pads.ts";
import type { HostDevices } from "./devices.ts";
import { type InputDrop, InputGate, type InputOutbox } from "./input-gate.ts";
import type { SoundPacket } from "./listener.ts";
import type { OutgoingFrame } from "./viewer.ts";

/** Where a channel's messages go. */
export interface ChannelPipe {
  /** Takes a copy, or the message itself. False when there is no room. */
  send(message: Uint8Array<ArrayBuffer>): boolean;
}

export interface ChannelHost extends InputOutbox {
  attach(subscriber: Subscriber<OutgoingFrame>): Subscription<OutgoingFrame>;
  detach(subscription: Subscription<OutgoingFrame>): void;
  attachSound(subscriber: Subscriber<SoundPacket>): Subscription<SoundPacket>;
  detachSound(subscription: Subscription<SoundPacket>): void;
  requestKeyframe(): void;
  readonly devices: HostDevices;
  /** The picture's size now. */
  size(): { readonly width: number; readonly height: number };
  /** The access unit's bytes; valid while the frame is delivered. */
  bytesOf(frame: OutgoingFrame): Uint8Array;
}

/** codec: frames that are not H.264, which neither relays nor browsers play. */
export type ChannelDrop = InputDrop | PadDrop | "codec" | "input-malformed";

export interface ChannelStats {
  readonly isOn: boolean;
  /** Frames flow: it is on, and somebody may be watching. */
  readonly isWatched: boolean;
  /** Since the channel went on, in seconds; 0 while it is off. */
  readonly seconds: number;
  readonly mayControl: boolean;
  readonly bitrateBps: number;
  readonly frames: number;
  /** Frames that found no room, and those left out behind them. */
  readonly droppedFull: number;
  readonly droppedWaiting: number;
  /** Packets of sound that went out, and those that found no room. */
  readonly sounds: number;
  readonly soundsLeftOut: number;
  readonly inputEvents: number;
}

export class HostChannel {
  readonly drops = new Counters<ChannelDrop>();
  readonly #host: ChannelHost;
  readonly #pipe: ChannelPipe;
  readonly #mayControl: boolean;
  readonly #gate: InputGate;
  readonly #pads: ChannelPads;
  readonly #events = new DsToEvdev();
  readonly #rate = new Rate();
  #isOn = false;
  #isWatched = true;
  /** Held while the channel is on and somebody may be watching. */
  #subscription: Subscription<OutgoingFrame> | undefined;
  #hearing: Subscription<SoundPacket> | undefined;
  #sequence = 0;
  #timestampMs = 0;
  #startedUs = 0;
  #frames = 0;
  /** Of subscriptions that are over. */
  #droppedFull = 0;
  #droppedWaiting = 0;
  #sounds = 0;
  #soundsLeftOut = 0;

  constructor(host: ChannelHost, pipe: ChannelPipe, mayControl: boolean) {
    this.#host = host;
    this.#pipe = pipe;
    this.#mayControl = mayControl;
    this.#gate = new InputGate(host, this.drops);
    this.#pads = new ChannelPads(host.devices, this.drops);
  }

  /** Frames flow, from a keyframe on, to whoever may be there. Idempotent. */
  start(nowUs: number): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#startedUs = nowUs;
    this.#isWatched = true;
    this.#subscribe();
  }

  /** Nobody watches, so no frame is wanted, or somebody does again, who gets a keyframe. Idempotent. */
  setWatched(isWatched: boolean): void {
    this.#isWatched = isWatched;
    if (!isWatched) this.releaseKeys();
    this.#subscribe();
  }

  /** No more frames, and everything held is let go. Idempotent. */
  stop(): void {
    this.releaseKeys();
    this.#isOn = false;
    this.#subscribe();
  }

  /** Brings the subscription in line with what is wanted. */
  #subscribe(): void {
    if (this.#isOn && this.#isWatched) {
      this.#subscription ??= this.#host.attach({ deliver: (frame) => this.#deliver(frame) });
      this.#hearing ??= this.#host.attachSound({ deliver: (packet) => this.#sound(packet) });
    } else this.#unsubscribe();
  }

  #unsubscribe(): void {
    if (this.#hearing) this.#host.detachSound(this.#hearing);
    this.#hearing = undefined;
    if (!this.#subscription) return;
    const { droppedFull, droppedWaiting } = this.#subscription.stats;
    this.#droppedFull += droppedFull;
    this.#droppedWaiting += droppedWaiting;
    this.#host.detach(this.#subscription);
    this.#subscription = undefined;
  }

  /** Says that the stream is over, and stops. */
  end(): void {
    if (this.#isOn) this.#pipe.send(buildStreamEnd(this.#sequence++ & 0xffff, this.#timestampMs));
    this.stop();
  }

  #deliver(frame: OutgoingFrame): boolean {
    const { width, height } = this.#host.size();
    this.#timestampMs = Math.floor(frame.captureUs / 1000) >>> 0;
    if (frame.chunkFlags >>> codecShift !== codec.h264) {
      this.drops.add("codec");
      return true;
    }
    const data = this.#host.bytesOf(frame);
    const message = buildCompressedPixels(
      this.#sequence & 0xffff,
      this.#timestampMs,
      width,
      height,
      "h264",
      data,
      frame.keyframe,
    );
    if (!this.#pipe.send(message)) return false;
    this.#sequence++;
    this.#frames++;
    this.#rate.add(message.length * 8, frame.sentUs);
    return true;
  }

  /** Relays leave sound out where there is no room, so nothing depends on it. */
  #sound(packet: SoundPacket): boolean {
    const ms = Math.floor(packet.captureUs / 1000) >>> 0;
    const data = packet.data.subarray(0, packet.size);
    const message = buildOpus(this.#sequence & 0xffff, ms, packet.sampleRate, packet.channels, packet.samples, data);
    if (!this.#pipe.send(message)) {
      this.#soundsLeftOut++;
      return false;
    }
    this.#sequence++;
    this.#sounds++;
    this.#rate.add(message.length * 8, packet.sentUs);
    return true;
  }

  /** A message that came back; anything but an input event is passed over. */
  receive(message: Uint8Array, nowUs: number): void {
    const decoded = decodeFrame(message);
    if (!decoded.ok) {
      this.drops.add("input-malformed");
      return;
    }
    if (decoded.value.kind !== "input") return;
    if (decoded.value.name === "gamepadAxis" || decoded.value.name === "gamepadButton") {
      this.#pads.receive(this.#mayControl, decoded.value, nowUs);
      return;
    }
    const before = this.#gate.passed;
    const isKnown = this.#events.translate(decoded.value, (type, code, value) =>
      this.#gate.pass(this.#mayControl, type, code, value, nowUs),
    );
    // Every player tells its size; it says nothing to a keyboard.
    if (!isKnown && decoded.value.name !== "resize") this.drops.add("input-unknown");
    if (this.#gate.passed !== before) this.#host.flushInput();
  }

  /** Those who sent input are gone. */
  releaseKeys(): void {
    this.#pads.close();
    this.#events.reset();
    this.#gate.releaseKeys();
  }

  stats(nowUs: number): ChannelStats {
    const now = this.#subscription?.stats;
    return {
      isOn: this.#isOn,
      isWatched: this.#subscription !== undefined,
      seconds: this.#isOn ? (nowUs - this.#startedUs) / 1e6 : 0,
      mayControl: this.#mayControl,
      bitrateBps: this.#rate.perSecond(nowUs),
      frames: this.#frames,
      droppedFull: this.#droppedFull + (now?.droppedFull ?? 0),
      droppedWaiting: this.#droppedWaiting + (now?.droppedWaiting ?? 0),
      sounds: this.#sounds,
      soundsLeftOut: this.#soundsLeftOut,
      inputEvents: this.#gate.passed + this.#pads.passed,
    };
  }
}
