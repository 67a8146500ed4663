/**
 * One connected client as the host's core sees it: its link, its rights, its place in the stream, what it asked for and which
 * keys it holds down. It decides what a client may do; it opens no socket and injects nothing itself.
 */
import { Counters } from "../base/counters.ts";
import { limits } from "../base/limits.ts";
import { Rate } from "../base/rate.ts";
import type { Stream, StreamFrame, Subscription } from "../hub/stream.ts";
import { Link, type LinkHandler } from "../secure/link.ts";
import type { Session } from "../secure/session.ts";
import { chunkCount } from "../wire/fragment.ts";
import { controlCommand, deviceStateShift, permission } from "../wire/root.ts";
import { type Sound, SoundReader } from "../wire/sound.ts";
import type { DeviceOutbox, HostDevices } from "./devices.ts";
import { type InputDrop, InputGate, type InputOutbox } from "./input-gate.ts";
import { Listener, type SoundPacket } from "./listener.ts";
import { type DeviceDrop, ViewerDevices } from "./viewer-devices.ts";

/** A frame on its way out. `address` is native memory that stays valid while it is delivered. */
export interface OutgoingFrame extends StreamFrame {
  readonly address: number;
  readonly size: number;
  readonly frameId: number;
  readonly chunkFlags: number;
  readonly captureUs: number;
  readonly spreadUs: number;
  /** When it is handed out. */
  readonly sentUs: number;
}

/** Where a client is reached. */
export interface Remote {
  readonly key: number;
  readonly host: string;
  readonly port: number;
}

export interface ViewerOutbox<R extends Remote> extends InputOutbox, DeviceOutbox {
  send(to: R, packet: Uint8Array, size: number): void;
  /** Number of packets sent under `key` with counters from `counter`, or -1 when there is no room. */
  sendFrame(to: R, key: Uint8Array, counter: number, frame: OutgoingFrame): number;
  /** A packet of the client's microphone, used again for the next. */
  microphone(from: Viewer<R>, packet: Sound, nowUs: number): void;
}

export interface ViewerIdentity {
  /** Ed25519 public key. */
  readonly key: Uint8Array;
  readonly name: string;
  readonly fingerprint: string;
  /** Six words that both ends can compute and no one between them can. */
  readonly words: readonly string[];
}

/** What a client asked the encoder for; undefined where it did not. */
export interface Wishes {
  bitrateBps: number | undefined;
  fps: number | undefined;
  quality: number | undefined;
}

export type ViewerDrop =
  | InputDrop
  | DeviceDrop
  | "control-not-permitted"
  | "keyframe-rate"
  | "microphone-not-permitted";

/** What all viewers share. */
export interface ViewerStreams {
  readonly pictures: Stream<OutgoingFrame>;
  readonly sound: Stream<SoundPacket>;
  readonly devices: HostDevices;
}

export interface ViewerEvents {
  /** Its wishes or its pause changed. */
  changed(): void;
  left(): void;
}

export class Viewer<R extends Remote> {
  readonly link: Link;
  readonly wishes: Wishes = { bitrateBps: undefined, fps: undefined, quality: undefined };
  readonly drops = new Counters<ViewerDrop>();
  readonly connectedUs: number;
  readonly bitRate = new Rate();
  readonly listener: Listener;
  subscription: Subscription<OutgoingFrame> | undefined;
  permissions = 0;
  /** Packets of its microphone that were taken. */
  microphonePackets = 0;
  lastFrameId = 0;
  framesDelivered = 0;

  readonly #gate: InputGate;
  readonly #shared: HostDevices;
  readonly #devices: ViewerDevices;
  readonly #stream: Stream<OutgoingFrame>;
  readonly #outbox: ViewerOutbox<R>;
  readonly #spoken = new SoundReader();
  readonly #events: ViewerEvents;
  #keyframeAskedUs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly remote: R,
    readonly identity: ViewerIdentity,
    session: Session,
    streams: ViewerStreams,
    outbox: ViewerOutbox<R>,
    events: ViewerEvents,
    nowUs: number,
  ) {
    this.#stream = streams.pictures;
    this.#outbox = outbox;
    this.#gate = new InputGate(outbox, this.drops);
    this.#shared = streams.devices;
    this.#devices = new ViewerDevices(
      streams.devices,
      {
        name: identity.name,
        rumble: (device, strong, weak, durationMs, keep, at) =>
          this.link.rumble(device, strong, weak, durationMs, keep, at),
      },
      {
        answer: (device, state, at) =>
          this.link.control(controlCommand.deviceState, device | (state << deviceStateShift), at),
      },
      this.drops,
    );
    this.#events = events;
    this.connectedUs = nowUs;
    const handler: LinkHandler = {
      control: (command, value, at) => this.#control(command, value, at),
      input: (type, code, value, at) => this.#input(type, code, value, at),
      device: (view, start, size, at) => this.#devices.receive(this.#mayInput, view, start, size, at),
      audio: (buffer, view, start, size, at) => this.#microphone(buffer, view, start, size, at),
    };
    this.link = new Link(session, nowUs, handler, (packet, size) => outbox.send(remote, packet, size));
    this.listener = new Listener(streams.sound, (packet) => {
      this.link.audio(packet, packet.sentUs);
      this.bitRate.add(packet.size * 8, packet.sentUs);
      return true;
    });
  }

  /** Events that were injected for it. */
  get inputEvents(): number {
    return this.#gate.passed + this.#devices.passed;
  }

  get #mayInput(): boolean {
    return (this.permissions & permission.input) !== 0;
  }

  get admitted(): boolean {
    return this.permissions !== 0;
  }

  /** Gives rights, or takes them (0: the client waits). Tells the client. */
  admit(permissions: number, nowUs: number): void {
    this.permissions = permissions;
    this.link.control(controlCommand.admit, permissions, nowUs);
    const mayView = (permissions & permission.view) !== 0;
    if (mayView && !this.subscription) this.subscription = this.#stream.subscribe(this);
    else if (!mayView) this.#unsubscribe();
    if (!this.#mayInput) {
      this.releaseKeys();
      this.#devices.close();
    } else this.tellLockKeys(nowUs);
    this.listener.permit((permissions & permission.sound) !== 0);
  }

  receive(buffer: Uint8Array, view: DataView, start: number, size: number, nowUs: number): void {
    const before = this.#gate.passed;
    this.link.receive(buffer, view, start, size, nowUs);
    if (this.#gate.passed !== before) this.#outbox.flushInput();
  }

  /** The stream's delivery: one native batch for the whole frame. */
  deliver(frame: OutgoingFrame): boolean {
    const packets = chunkCount(frame.size);
    const { key, counter } = this.link.session.reserve(packets, frame.sentUs);
    const sent = this.#outbox.sendFrame(this.remote, key, counter, frame);
    if (sent < 0) return false;
    this.lastFrameId = frame.frameId;
    this.framesDelivered++;
    this.link.noteSent(sent, frame.size, frame.sentUs);
    this.bitRate.add(frame.size * 8, frame.sentUs);
    return true;
  }

  releaseKeys(): number {
    this.#devices.release();
    return this.#gate.releaseKeys();
  }

  /** Whoever presses keys learns which lamps of the keyboard are on, if that is known here. */
  tellLockKeys(nowUs: number): void {
    const { lockKeys } = this.#shared;
    if (lockKeys !== undefined && this.#mayInput) this.link.control(controlCommand.lockKeys, lockKeys, nowUs);
  }

  /** Lets go of everything that this client held. Idempotent. */
  close(): void {
    this.#unsubscribe();
    this.listener.close();
    this.releaseKeys();
    this.#devices.close();
    this.link.close();
  }

  #unsubscribe(): void {
    if (this.subscription) this.#stream.unsubscribe(this.subscription);
    this.subscription = undefined;
  }

  #control(command: number, value: number, nowUs: number): void {
    if (command === controlCommand.disconnect) {
      this.#events.left();
      return;
    }
    if (command === controlCommand.releaseKeys) {
      this.releaseKeys();
      return;
    }
    if (command === controlCommand.listen || command === controlCommand.soundLoss) {
      if (command === controlCommand.listen) this.listener.want(value === 1);
      else this.listener.lossPercent = value;
      this.#events.changed();
      return;
    }
    const subscription = this.subscription;
    if (!subscription) {
      this.drops.add("control-not-permitted");
      return;
    }
    switch (command) {
      case controlCommand.pause:
        this.#stream.pause(subscription);
        this.listener.pause(true);
        break;
      case controlCommand.resume:
        this.#stream.resume(subscription);
        this.listener.pause(false);
        break;
      case controlCommand.requestKeyframe:
        // A keyframe costs everybody; one client does not get more of them than it can need.
        if (nowUs - this.#keyframeAskedUs < limits.keyframeRequestIntervalUs / 2) this.drops.add("keyframe-rate");
        // Resuming begins with a keyframe anyway; until then the others need none.
        else if (!subscription.paused) {
          this.#keyframeAskedUs = nowUs;
          this.#stream.restart(subscription);
        }
        return;
      case controlCommand.setBitrate:
        this.wishes.bitrateBps = value;
        break;
      case controlCommand.setFps:
        this.wishes.fps = value;
        break;
      case controlCommand.setQuality:
        this.wishes.quality = value;
        break;
      default:
        this.drops.add("control-not-permitted");
        return;
    }
    this.#events.changed();
  }

  #microphone(buffer: Uint8Array, view: DataView, start: number, size: number, nowUs: number): void {
    if ((this.permissions & permission.microphone) === 0) {
      this.drops.add("microphone-not-permitted");
      return;
    }
    this.microphonePackets++;
    this.#outbox.microphone(this, this.#spoken.read(buffer, view, start, size), nowUs);
  }

  #input(type: number, code: number, value: number, nowUs: number): void {
    this.#gate.pass(this.#mayInput, type, code, value, nowUs);
  }
}
