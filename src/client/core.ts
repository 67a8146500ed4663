/**
 * The client's logic: shakes hands with one host (repeating, answering cookies), then takes frames in and sends input and
 * wishes out. Pure: packets come in by receive() with the time, and leave through the outbox; it opens no socket, reads no
 * clock and shows nothing. Spec sections 4, 5 and 13.
 */
import type { VideoCodec } from "../../ffi/interfaces.ts";
import { Counters } from "../base/counters.ts";
import { limits } from "../base/limits.ts";
import type { PacketCipher } from "../secure/cipher.ts";
import { Initiator } from "../secure/handshake.ts";
import type { DeviceIdentity } from "../secure/identity.ts";
import { Link, type LinkDrop } from "../secure/link.ts";
import { Session } from "../secure/session.ts";
import type { Copy, WholeFrame } from "../wire/reassembly.ts";
import {
  checkPacket,
  checkPayload,
  codec,
  controlCommand,
  deviceStateShift,
  encodeHandshakePacket,
  feature,
  handshake,
  handshakeLayout,
  handshakeStep,
  header,
  headerBytes,
  inputType,
  packetType,
  permission,
  refusal,
  type WireError,
} from "../wire/root.ts";
import { type Sound, SoundReader } from "../wire/sound.ts";
import { ClientDevices, type DeviceStateName } from "./devices.ts";
import { FrameReceiver } from "./frames.ts";
import { LockKeys } from "./locks.ts";
import { InputGroup } from "./outgoing.ts";

/** Why a session ended. */
export type EndReason =
  | "no-answer"
  | "silent"
  | "host-left"
  | "overflowed"
  | "pinned"
  | "refused-version"
  | "refused-full"
  | "refused-revoked"
  | "refused-busy";

export interface HostIdentity {
  readonly key: Uint8Array;
  readonly name: string;
  readonly handshakeHash: Uint8Array;
}

export interface ClientOutbox {
  send(packet: Uint8Array, size: number): void;
  /** Takes a whole frame; false when the decoder has no room. */
  frame(frame: WholeFrame, nowUs: number): boolean;
  /** A packet of sound, used again for the next. */
  sound(packet: Sound, nowUs: number): void;
  /** Encrypted and authenticated; the host may still have to approve this device. */
  connected(host: HostIdentity): void;
  /** What this client may do, as permission bits; 0 while the host's owner has not decided. */
  admitted(permissions: number): void;
  /** What the motors of one of this client's pads shall do from now on, for so long at most. */
  rumble(device: number, strong: number, weak: number, durationMs: number): void;
  /** What became of a device that was plugged. */
  deviceState(device: number, state: DeviceStateName): void;
  ended(reason: EndReason): void;
  /** Frames come in a codec that is not among the settings' codecs; told once. */
  undecodable?(codec: number): void;
}

export interface ClientSettings {
  readonly identity: DeviceIdentity;
  readonly cipher: PacketCipher;
  readonly copy: Copy;
  /** The host's Ed25519 key when it is known already. */
  readonly expectedKey: Uint8Array | undefined;
  /** Unpredictable, new for each connection. */
  readonly connectionId: number;
  /** What can be decoded here; H.264 when nothing is said. */
  readonly codecs?: readonly VideoCodec[] | undefined;
  readonly bitrateBps?: number | undefined;
  readonly fps?: number | undefined;
  readonly quality?: number | undefined;
  /** Sound is wanted, if it is permitted. */
  readonly sound?: boolean | undefined;
}

export type ClientDrop = LinkDrop | WireError | "not-ours" | "handshake-refused" | "late-handshake" | "sound-not-asked";

/** Linux: the event type of a keyboard's lamps, and the first code that is no key of a keyboard. */
const ledType = 0x11;
const firstButton = 0x100;
const noCookie = new Uint8Array(16);

export class ClientCore {
  readonly frames: FrameReceiver;
  readonly input: InputGroup;
  readonly devices: ClientDevices;
  readonly locks = new LockKeys();
  readonly drops = new Counters<ClientDrop>();
  link: Link | undefined;
  permissions = 0;

  readonly #settings: ClientSettings;
  readonly #outbox: ClientOutbox;
  readonly #heard = new SoundReader();
  readonly #initiator: Initiator;
  readonly #hello: Uint8Array;
  #finish: Uint8Array | undefined;
  #cookie: Uint8Array = noCookie;
  readonly #startedUs: number;
  #sentUs = Number.NEGATIVE_INFINITY;
  #nowUs: number;
  #ended = false;

  constructor(settings: ClientSettings, outbox: ClientOutbox, nowUs: number) {
    this.#settings = settings;
    this.#outbox = outbox;
    const { identity, expectedKey, codecs = ["h264"] } = settings;
    const features = codecs.includes("hevc") ? feature.hevc : 0;
    this.#initiator = new Initiator({ identity, features, ...(expectedKey ? { expected: expectedKey } : {}) });
    this.#hello = this.#initiator.hello();
    this.#startedUs = nowUs;
    this.#nowUs = nowUs;
    this.frames = new FrameReceiver(
      settings.copy,
      (frame) => outbox.frame(frame, this.#nowUs),
      (now) => this.#command(controlCommand.requestKeyframe, 0, now),
      codecs.map((name) => codec[name]),
      (number) => outbox.undecodable?.(number),
    );
    this.input = new InputGroup({
      input: (events, keep, now) => {
        if (this.mayInput) this.link?.input(events, keep, now);
      },
    });
    this.devices = new ClientDevices({ device: (payload, keep, now) => this.link?.device(payload, keep, now) });
    this.tick(nowUs);
  }

  get mayInput(): boolean {
    return (this.permissions & permission.input) !== 0;
  }

  get mayHear(): boolean {
    return (this.permissions & permission.sound) !== 0;
  }

  get maySpeak(): boolean {
    return (this.permissions & permission.microphone) !== 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** One datagram from the host's address; decrypted in place. */
  receive(buffer: Uint8Array, view: DataView, start: number, size: number, nowUs: number): void {
    if (this.#ended) return;
    this.#nowUs = nowUs;
    const error = checkPacket(view, start, size);
    if (error) this.drops.add(error);
    else if (header.type(view, start) === packetType.handshake) this.#handshake(buffer, view, start, size, nowUs);
    else if (this.link) this.link.receive(buffer, view, start, size, nowUs);
    else this.drops.add("not-ours");
  }

  /** Call at least every 20 ms. */
  tick(nowUs: number): void {
    if (this.#ended) return;
    this.#nowUs = nowUs;
    if (this.link) {
      const state = this.link.tick(nowUs, 0);
      this.devices.tick(nowUs);
      if (state !== "alive") this.#end(state);
      else if ((this.permissions & permission.view) !== 0) this.frames.tick(nowUs);
      // Until the host speaks, our last handshake message may have been lost.
      if (this.link?.received === 0) this.#repeat(this.#finish, handshakeStep.finish, nowUs);
      return;
    }
    if (nowUs - this.#startedUs > limits.connectTimeoutUs) this.#end("no-answer");
    else this.#repeat(this.#hello, handshakeStep.hello, nowUs);
  }

  #repeat(message: Uint8Array | undefined, step: number, nowUs: number): void {
    if (!message || nowUs - this.#sentUs < limits.handshakeRetryUs) return;
    this.#sentUs = nowUs;
    const packet = encodeHandshakePacket(
      { step, reason: 0, connectionId: this.#settings.connectionId, cookie: this.#cookie },
      message,
    );
    this.#outbox.send(packet, packet.length);
  }

  #handshake(buffer: Uint8Array, view: DataView, start: number, size: number, nowUs: number): void {
    const at = start + headerBytes;
    const error = checkPayload(packetType.handshake, view, at, size - headerBytes);
    if (error) {
      this.drops.add(error);
      return;
    }
    if (handshake.connectionId(view, at) !== this.#settings.connectionId) {
      this.drops.add("not-ours");
      return;
    }
    const step = handshake.step(view, at);
    if (step === handshakeStep.refused && (this.link?.received ?? 0) === 0) this.#refused(handshake.reason(view, at));
    else if (this.link) this.drops.add("late-handshake");
    else if (step === handshakeStep.cookie) {
      this.#cookie = handshake.cookie(view, at);
      this.#sentUs = Number.NEGATIVE_INFINITY;
      this.#repeat(this.#hello, handshakeStep.hello, nowUs);
    } else if (step === handshakeStep.answer)
      this.#answered(buffer.slice(at + handshakeLayout.bytes, start + size), nowUs);
  }

  #answered(noise: Uint8Array, nowUs: number): void {
    const result = this.#initiator.finish(noise);
    if (!result.ok) {
      this.drops.add("handshake-refused");
      // Any other bad answer may be forged by someone on the way, and the true one still come.
      if (result.reason === "pinned") this.#end("pinned");
      return;
    }
    const { message, established } = result.value;
    const session = new Session(this.#settings.cipher, established.sendKey, established.receiveKey);
    established.sendKey.fill(0);
    established.receiveKey.fill(0);
    this.#finish = message;
    this.link = new Link(
      session,
      nowUs,
      {
        video: (buffer, view, start, size, at) => this.frames.chunk(buffer, view, start, size, at),
        audio: (buffer, view, start, size, at) => {
          if (this.#settings.sound) this.#outbox.sound(this.#heard.read(buffer, view, start, size), at);
          else this.drops.add("sound-not-asked");
        },
        control: (command, value, at) => this.#control(command, value, at),
        rumble: (device, strong, weak, durationMs) => this.#outbox.rumble(device, strong, weak, durationMs),
        lastFrame: (frameId, at) => this.frames.hostSent(frameId, at),
      },
      (packet, size) => this.#outbox.send(packet, size),
    );
    this.#sentUs = Number.NEGATIVE_INFINITY;
    this.#repeat(message, handshakeStep.finish, nowUs);
    const { remoteKey, remoteName, handshakeHash } = established;
    this.#outbox.connected({ key: remoteKey, name: remoteName, handshakeHash });
  }

  #control(command: number, value: number, nowUs: number): void {
    if (command === controlCommand.disconnect) this.#end("host-left");
    else if (command === controlCommand.admit) {
      const news = this.permissions === 0 && value !== 0;
      this.permissions = value;
      if (news) this.#wish(nowUs);
      this.devices.allow(this.mayInput, nowUs);
      this.#outbox.admitted(value);
    } else if (command === controlCommand.lockKeys) this.locks.there(value);
    else if (command === controlCommand.deviceState) {
      const device = value & ((1 << deviceStateShift) - 1);
      const state = this.devices.answered(device, value >> deviceStateShift);
      if (state) this.#outbox.deviceState(device, state);
    }
  }

  #wish(nowUs: number): void {
    const { bitrateBps, fps, quality, sound } = this.#settings;
    if (sound) this.#command(controlCommand.listen, 1, nowUs);
    if (bitrateBps !== undefined) this.#command(controlCommand.setBitrate, bitrateBps, nowUs);
    if (fps !== undefined) this.#command(controlCommand.setFps, fps, nowUs);
    if (quality !== undefined) this.#command(controlCommand.setQuality, quality, nowUs);
  }

  #command(command: number, value: number, nowUs: number): void {
    this.link?.control(command, value, nowUs);
  }

  setBitrate(bps: number, nowUs: number): void {
    this.#command(controlCommand.setBitrate, bps, nowUs);
  }

  setFps(fps: number, nowUs: number): void {
    this.#command(controlCommand.setFps, fps, nowUs);
  }

  /** What share of the sound did not arrive lately, in percent, for the host to reckon with. */
  tellSoundLoss(percent: number, nowUs: number): void {
    this.#command(controlCommand.soundLoss, Math.min(100, Math.max(0, Math.round(percent))), nowUs);
  }

  /** Sends one packet of the microphone; false when the host does not take it. */
  speak(packet: Sound, nowUs: number): boolean {
    if (!this.link || this.#ended || !this.maySpeak) return false;
    this.link.audio(packet, nowUs);
    return true;
  }

  /** One event of the window's keyboard or pointer; type 0 (EV_SYN) ends a group, EV_LED tells of this machine's lamps. */
  typed(type: number, code: number, value: number, nowUs: number): void {
    if (type === ledType) {
      this.locks.here(code, value !== 0);
      return;
    }
    if (type === inputType.key && value === 1 && code < firstButton)
      for (const lock of this.locks.before(code))
        for (const press of [1, 0]) {
          this.input.add(inputType.key, lock, press, nowUs);
          this.input.flush(nowUs);
        }
    this.input.add(type, code, value, nowUs);
  }

  setPaused(paused: boolean, nowUs: number): void {
    this.#command(paused ? controlCommand.pause : controlCommand.resume, 0, nowUs);
  }

  /** The window lost the focus: nothing stays pressed on the host. */
  releaseKeys(nowUs: number): void {
    this.input.flush(nowUs);
    const wasHeld = this.devices.release();
    if ((this.input.takeDown().length > 0 || wasHeld) && this.mayInput)
      this.#command(controlCommand.releaseKeys, 0, nowUs);
  }

  /** Says goodbye. Idempotent. */
  close(nowUs: number): void {
    if (!this.#ended) this.link?.goodbye(nowUs);
    this.#ended = true;
    this.#initiator.close();
    this.link?.close();
  }

  #refused(reason: number): void {
    const reasons: Record<number, EndReason> = {
      [refusal.version]: "refused-version",
      [refusal.full]: "refused-full",
      [refusal.revoked]: "refused-revoked",
      [refusal.busy]: "refused-busy",
    };
    this.#end(reasons[reason] ?? "refused-busy");
  }

  #end(reason: EndReason): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#outbox.ended(reason);
  }
}
