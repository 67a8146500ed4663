/**
 * What a cluster of relays needs of a message bus (publish and subscribe by subject), stated once for every implementation: NATS
 * (bus-nats.ts) and the one in memory (bus-memory.ts). A bus promises that what one relay publishes on one subject arrives in order
 * while nobody's connection breaks, and nothing more: messages may be lost, and order across subjects may change.
 */
import { utf8 } from "../base/bytes.ts";

export interface BusEvents {
  /** The bus is there, for the first time or again. Subscriptions stand. */
  connected(): void;
  /** It is gone; publish() returns false until `connected`. */
  lost(why: string): void;
  /** Never one of our own. `bytes` are valid during the call. */
  message(bytes: Uint8Array): void;
}

export interface Bus {
  readonly isConnected: boolean;
  /** The largest message that it takes, while connected. */
  readonly maxPayloadBytes: number;
  /** Takes `bytes` over. False when they were dropped: not connected, or too much waits. */
  publish(subject: string, bytes: Uint8Array<ArrayBuffer>): boolean;
  /** Whether so many bytes more would be taken now. */
  hasRoom(sizeBytes: number): boolean;
  /** Idempotent, and kept across connections. Takes effect before what is published after it. */
  subscribe(subject: string): void;
  unsubscribe(subject: string): void;
  /** Sends what waits, then ends. Idempotent. */
  close(): Promise<void>;
}

/** A name as one token of a subject: whatever but letters, digits, _ and - is written =HH, so that no name can mean another subject. */
export function busToken(name: string): string {
  let token = "";
  for (const byte of utf8(name)) {
    const letter = String.fromCharCode(byte);
    token += /[A-Za-z0-9_-]/.test(letter) ? letter : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return token;
}

export interface Subjects {
  /** Announcements to all relays. */
  readonly all: string;
  relay(id: number): string;
  frames(channel: string): string;
  signals(channel: string): string;
}

/** The subjects of the cluster `name`; clusters of other names on the same broker do not hear each other. */
export function subjectsOf(name: string): Subjects {
  const prefix = `${busToken(name)}.1`;
  return {
    all: `${prefix}.relays`,
    relay: (id) => `${prefix}.relay.${id.toString(36)}`,
    frames: (channel) => `${prefix}.channel.${busToken(channel)}`,
    signals: (channel) => `${prefix}.signal.${busToken(channel)}`,
  };
}
