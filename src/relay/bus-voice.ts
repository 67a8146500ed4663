/** How one relay speaks on the bus: heads, pieces, subjects, and the count of what left and what could not. Pure. */
import { utf8 } from "../base/bytes.ts";
import type { Counters } from "../base/counters.ts";
import { announceBody, type BusClaim, busKind, busMessages, catchUpBody, wantBody } from "../wire/bus.ts";
import type { Bus, Subjects } from "./bus.ts";

const nothing = new Uint8Array(0);

export class BusVoice {
  messages = 0;
  bytes = 0;
  readonly #relay: number;
  readonly #subjects: Subjects;
  readonly #drops: Counters;
  #bus: Bus | undefined;

  constructor(relay: number, subjects: Subjects, drops: Counters) {
    this.#relay = relay;
    this.#subjects = subjects;
    this.#drops = drops;
  }

  join(bus: Bus): void {
    this.#bus = bus;
  }

  get isConnected(): boolean {
    return this.#bus?.isConnected === true;
  }

  hasRoom(sizeBytes: number): boolean {
    return this.#bus?.isConnected === true && this.#bus.hasRoom(sizeBytes);
  }

  /** A body goes whole or not at all: half of one is of no use to anybody. */
  #send(subject: string, kind: number, channel: string, body: Uint8Array, epoch = 0, sequence = 0): void {
    const bus = this.#bus;
    if (!bus?.isConnected) return;
    if (!bus.hasRoom(body.length)) {
      this.#drops.add("bus-full");
      return;
    }
    const head = { kind, origin: this.#relay, channel, epoch, sequence };
    let sent = 0;
    for (const message of busMessages(head, body, bus.maxPayloadBytes)) {
      if (!bus.publish(subject, message)) break;
      sent += message.length;
      this.messages++;
    }
    this.bytes += sent;
    if (sent < body.length) this.#drops.add("bus-unsent");
  }

  /** To one relay, or to all. */
  announce(claims: readonly BusClaim[], its: { isWhole: boolean; asks: boolean; to?: number }): void {
    const subject = its.to === undefined ? this.#subjects.all : this.#subjects.relay(its.to);
    this.#send(subject, busKind.announce, "", announceBody({ isWhole: its.isWhole, asks: its.asks, claims }));
  }

  frame(channel: string, epoch: number, sequence: number, message: Uint8Array): void {
    this.#send(this.#subjects.frames(channel), busKind.frame, channel, message, epoch, sequence);
  }

  catchUp(to: number, channel: string, epoch: number, nextSequence: number, messages: readonly Uint8Array[]): void {
    this.#send(this.#subjects.relay(to), busKind.catchUp, channel, catchUpBody(nextSequence, messages), epoch);
  }

  want(to: number, channel: string, epoch: number, needsCatchUp: boolean, receivers: number): void {
    this.#send(this.#subjects.relay(to), busKind.want, channel, wantBody({ needsCatchUp, receivers }), epoch);
  }

  leave(to: number, channel: string, epoch: number): void {
    this.#send(this.#subjects.relay(to), busKind.leave, channel, nothing, epoch);
  }

  input(to: number, channel: string, epoch: number, event: Uint8Array): void {
    this.#send(this.#subjects.relay(to), busKind.input, channel, event, epoch);
  }

  signal(channel: string, text: string): void {
    this.#send(this.#subjects.signals(channel), busKind.signal, channel, utf8(text));
  }

  bye(): void {
    this.#send(this.#subjects.all, busKind.bye, "", nothing);
  }
}
