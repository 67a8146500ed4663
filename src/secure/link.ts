/**
 * An authenticated connection to one peer, seen from either end: it seals what goes out and opens what comes in, keeps presses
 * and commands until they are acknowledged, answers pings, knows the peer's clock, and notices silence. Pure: packets leave
 * through `send`, time comes as an argument. It never decides what a command means. Spec sections 4, 5 and 13.
 */
import { Counters } from "../base/counters.ts";
import { limits } from "../base/limits.ts";
import { OffsetEstimator } from "../sync/clock.ts";
import { ReliableReceiver, ReliableSender } from "../wire/reliable.ts";
import {
  ack,
  checkPayload,
  control,
  controlCommand,
  header,
  headerBytes,
  input,
  inputLayout,
  packetType,
  ping,
  pong,
  putAck,
  putAudio,
  putControl,
  putPing,
  putPong,
  putReliable,
  putRumble,
  reliable,
  reliableLayout,
  rumble,
  tagBytes,
  type WireError,
} from "../wire/root.ts";
import type { Sound } from "../wire/sound.ts";
import { type OpenFailure, openFailures, type Session } from "./session.ts";

export type LinkDrop = OpenFailure | WireError | "stale-input" | "window-full";

export interface LinkHandler {
  /** A chunk of video: its plaintext lies at [start, start + size) during the call. */
  video?(buffer: Uint8Array, view: DataView, start: number, size: number, nowUs: number): void;
  /** A packet of sound, in place as a chunk is. */
  audio?(buffer: Uint8Array, view: DataView, start: number, size: number, nowUs: number): void;
  control(command: number, value: number, nowUs: number): void;
  input?(type: number, code: number, value: number, nowUs: number): void;
  /** A checked DEVICE INPUT payload, in place as a chunk is. */
  device?(view: DataView, start: number, size: number, nowUs: number): void;
  rumble?(device: number, strong: number, weak: number, durationMs: number, nowUs: number): void;
  /** The peer says which frame it sent last (in its ping). */
  lastFrame?(frameId: number, nowUs: number): void;
}

const goodbyes = 3;
/** First pings come quickly, so that the clock offset is known before the first picture matters. */
const quickPings = 12;
const quickPingIntervalUs = 50_000;

export class Link {
  readonly clock = new OffsetEstimator();
  readonly drops = new Counters<LinkDrop>();
  received = 0;
  receivedBytes = 0;
  /** Packets that the peer's counters say it sent. */
  expected = 0;
  sent = 0;
  sentBytes = 0;

  readonly #session: Session;
  readonly #send: (packet: Uint8Array, size: number) => void;
  readonly #handler: LinkHandler;
  readonly #packet = new Uint8Array(limits.packetBytes);
  readonly #view = new DataView(this.#packet.buffer);
  readonly #outgoing = new ReliableSender();
  readonly #incoming = new ReliableReceiver();
  #lastReceivedUs: number;
  #lastSentUs = 0;
  #lastPingUs = 0;
  #newestCounter = -1;
  #newestInput = -1;
  /** Counters of the newest packet about each device; what is older says nothing new. */
  readonly #newestOf = new Map<number, number>();
  #overflowed = false;
  #closed = false;

  constructor(session: Session, nowUs: number, handler: LinkHandler, send: (packet: Uint8Array, size: number) => void) {
    this.#session = session;
    this.#send = send;
    this.#handler = handler;
    this.#lastReceivedUs = nowUs;
  }

  get session(): Session {
    return this.#session;
  }

  /** Share of the peer's packets that did not arrive, 0 to 100. */
  get lossPercent(): number {
    return this.expected === 0 ? 0 : Math.max(0, (1 - this.received / this.expected) * 100);
  }

  /** Takes one datagram, decrypting it in place. */
  receive(buffer: Uint8Array, view: DataView, start: number, size: number, nowUs: number): void {
    const plainSize = this.#session.open(buffer, start, size);
    if (plainSize < 0) {
      this.drops.add(openFailures(plainSize));
      return;
    }
    const counter = header.counter(view, start);
    this.received++;
    this.receivedBytes += size;
    this.#lastReceivedUs = nowUs;
    this.#count(counter);
    const type = header.type(view, start);
    const error = checkPayload(type, view, start + headerBytes, plainSize);
    if (!error) this.#dispatch(type, counter, buffer, view, start + headerBytes, plainSize, nowUs);
    else {
      this.drops.add(error);
      // A message that makes no sense here will make none when it comes again: it is settled, so that those behind it get through.
      const isNumbered = type === packetType.reliable && plainSize >= reliableLayout.bytes;
      if (!isNumbered) return;
      this.#incoming.accept(reliable.sequence(view, start + headerBytes));
      this.#acknowledge(nowUs);
    }
  }

  #acknowledge(nowUs: number): void {
    this.#transmit(packetType.ack, putAck(this.#view, headerBytes, this.#incoming.nextExpected), nowUs);
  }

  /** Counters jump when a key's time is over; a jump is no loss. */
  #count(counter: number): void {
    if (counter <= this.#newestCounter) return;
    const step = counter - this.#newestCounter;
    this.expected += this.#newestCounter < 0 || step > 65536 ? 1 : step;
    this.#newestCounter = counter;
  }

  #dispatch(
    type: number,
    counter: number,
    buffer: Uint8Array,
    view: DataView,
    at: number,
    size: number,
    nowUs: number,
  ): void {
    switch (type) {
      case packetType.video:
        if (this.#handler.video) this.#handler.video(buffer, view, at, size, nowUs);
        else this.drops.add("type");
        return;
      case packetType.audio:
        if (this.#handler.audio) this.#handler.audio(buffer, view, at, size, nowUs);
        else this.drops.add("type");
        return;
      case packetType.input:
        if (counter < this.#newestInput) this.drops.add("stale-input");
        else {
          this.#newestInput = counter;
          this.#message(type, view, at, size, nowUs);
        }
        return;
      case packetType.control:
        this.#message(type, view, at, size, nowUs);
        return;
      case packetType.deviceInput:
      case packetType.rumble:
        if (this.#isNewest(view.getUint8(at), counter)) this.#message(type, view, at, size, nowUs);
        else this.drops.add("stale-input");
        return;
      case packetType.ping:
        this.#transmit(packetType.pong, putPong(this.#view, headerBytes, ping.timeUs(view, at), nowUs, nowUs), nowUs);
        this.#handler.lastFrame?.(ping.lastFrameId(view, at), nowUs);
        return;
      case packetType.pong:
        this.clock.add(pong.echoedUs(view, at), pong.receivedUs(view, at), pong.sentUs(view, at), nowUs);
        return;
      case packetType.reliable:
        if (this.#incoming.accept(reliable.sequence(view, at))) {
          const skip = reliableLayout.bytes;
          const innerType = reliable.innerType(view, at);
          // Motion sent before this press must not move the pointer after it.
          if (innerType === packetType.deviceInput || innerType === packetType.rumble)
            this.#isNewest(view.getUint8(at + skip), counter);
          else this.#newestInput = Math.max(this.#newestInput, counter);
          this.#message(innerType, view, at + skip, size - skip, nowUs);
        }
        this.#acknowledge(nowUs);
        return;
      case packetType.ack:
        this.#outgoing.acknowledge(ack.next(view, at));
        return;
      default:
        this.drops.add("type");
    }
  }

  /** Notes the counter of a packet about a device (its first byte). False for one that was overtaken. */
  #isNewest(device: number, counter: number): boolean {
    if (counter < (this.#newestOf.get(device) ?? -1)) return false;
    this.#newestOf.set(device, counter);
    return true;
  }

  #message(type: number, view: DataView, at: number, size: number, nowUs: number): void {
    if (type === packetType.control) this.#handler.control(control.command(view, at), control.value(view, at), nowUs);
    else if (type === packetType.deviceInput && this.#handler.device) this.#handler.device(view, at, size, nowUs);
    else if (type === packetType.rumble && this.#handler.rumble)
      this.#handler.rumble(
        rumble.device(view, at),
        rumble.strong(view, at),
        rumble.weak(view, at),
        rumble.durationMs(view, at),
        nowUs,
      );
    else if (type === packetType.input && this.#handler.input)
      for (let i = at; i < at + size; i += inputLayout.bytes)
        this.#handler.input(input.type(view, i), input.code(view, i), input.value(view, i), nowUs);
    else this.drops.add("type");
  }

  /** Sends what lies in the packet buffer behind the header. */
  #transmit(type: number, size: number, nowUs: number): void {
    if (this.#closed) return;
    const total = this.#session.seal(type, this.#packet, 0, size, nowUs);
    this.#lastSentUs = nowUs;
    this.sent++;
    this.sentBytes += total;
    this.#send(this.#packet, total);
  }

  #emit(nowUs: number): (sequence: number, type: number, payload: Uint8Array) => void {
    return (sequence, type, payload) => {
      const head = putReliable(this.#view, headerBytes, sequence, type);
      this.#packet.set(payload, headerBytes + head);
      this.#transmit(packetType.reliable, head + payload.length, nowUs);
    };
  }

  #keep(type: number, payload: Uint8Array, nowUs: number): void {
    if (this.#outgoing.push(type, payload, nowUs, this.#emit(nowUs))) return;
    this.#overflowed = true;
    this.drops.add("window-full");
  }

  /** Sends a command that is repeated until it is acknowledged. */
  control(command: number, value: number, nowUs: number): void {
    const size = putControl(this.#view, headerBytes, command, value);
    this.#keep(packetType.control, this.#packet.slice(headerBytes, headerBytes + size), nowUs);
  }

  /** Sends a command once, for when nobody will be there to repeat it. */
  controlOnce(command: number, value: number, nowUs: number): void {
    this.#transmit(packetType.control, putControl(this.#view, headerBytes, command, value), nowUs);
  }

  /** Says that this end leaves; more than once, because nobody will be there to repeat what is lost. */
  goodbye(nowUs: number): void {
    for (let i = 0; i < goodbyes; i++) this.controlOnce(controlCommand.disconnect, 0, nowUs);
  }

  /** Sends input events (back to back, 7 bytes each): motion once, anything else until acknowledged. */
  input(events: Uint8Array, keep: boolean, nowUs: number): void {
    this.#once(packetType.input, events, keep, nowUs);
  }

  /** Sends one Opus packet of at most soundSizeLimit bytes, once: what is late is of no use. */
  audio(sound: Sound, nowUs: number): void {
    const { captureUs, sampleRate, channels, samples, data, size } = sound;
    const head = putAudio(this.#view, headerBytes, captureUs, sampleRate, channels, samples);
    for (let i = 0; i < size; i++) this.#packet[headerBytes + head + i] = data[i] as number;
    this.#transmit(packetType.audio, head + size, nowUs);
  }

  /** Sends a DEVICE INPUT payload: motion once, anything else until acknowledged. */
  device(payload: Uint8Array, keep: boolean, nowUs: number): void {
    this.#once(packetType.deviceInput, payload, keep, nowUs);
  }

  /** Sends what a client's pad shall do; `keep` as in device(). */
  rumble(device: number, strong: number, weak: number, durationMs: number, keep: boolean, nowUs: number): void {
    const size = putRumble(this.#view, headerBytes, device, strong, weak, durationMs);
    this.#once(packetType.rumble, this.#packet.slice(headerBytes, headerBytes + size), keep, nowUs);
  }

  #once(type: number, payload: Uint8Array, keep: boolean, nowUs: number): void {
    if (keep) {
      this.#keep(type, payload, nowUs);
      return;
    }
    this.#packet.set(payload, headerBytes);
    this.#transmit(type, payload.length, nowUs);
  }

  /** Notes packets that the native side sealed and sent with counters from session.reserve(). */
  noteSent(packets: number, bytes: number, nowUs: number): void {
    this.sent += packets;
    this.sentBytes += bytes + packets * (headerBytes + tagBytes);
    this.#lastSentUs = nowUs;
  }

  /** Forgets the keys; nothing leaves afterwards, and what comes in is refused. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#session.close();
  }

  /** Call at least every 20 ms. Says whether the peer is still there. */
  tick(nowUs: number, lastFrameId: number): "alive" | "silent" | "overflowed" {
    if (this.#overflowed) return "overflowed";
    if (nowUs - this.#lastReceivedUs > limits.peerTimeoutUs) return "silent";
    this.#outgoing.tick(nowUs, this.clock.roundTripUs ?? 0, this.#emit(nowUs));
    const quick = this.clock.samples < quickPings;
    const due = quick
      ? nowUs - this.#lastPingUs >= quickPingIntervalUs
      : nowUs - Math.max(this.#lastPingUs, this.#lastSentUs) >= limits.pingIntervalUs ||
        nowUs - this.#lastPingUs >= 2 * limits.pingIntervalUs;
    if (due) this.#ping(nowUs, lastFrameId);
    return "alive";
  }

  #ping(nowUs: number, lastFrameId: number): void {
    this.#lastPingUs = nowUs;
    this.#transmit(packetType.ping, putPing(this.#view, headerBytes, nowUs, lastFrameId), nowUs);
  }
}
