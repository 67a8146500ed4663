/**
 * What a relay's core and channels, and the cluster that the relay may be part of, need of each other: stated once, so that neither
 * knows how the other works, and a relay alone is one without a ClusterLink.
 */
import type { InputSink } from "./inputs.ts";

/** A connected source on another relay, as the way to it. */
export interface RemoteSource extends InputSink {
  /** The relay's number in the cluster. */
  readonly relay: number;
}

/** A channel as the cluster sees it. */
export interface ClusterChannel {
  readonly name: string;
  readonly hasSource: boolean;
  /** Of this relay. */
  readonly receiverCount: number;
  readonly hasSignalPeers: boolean;
  /** Set while the channel's source is connected to another relay; input goes there. */
  remote: RemoteSource | undefined;
  /** A message of a source elsewhere, for the cache and the receivers; valid during the call. */
  relayRemote(message: Uint8Array): void;
  /** What a newcomer needs, in place of all that is cached; receivers get it too. */
  adopt(messages: readonly Uint8Array[]): void;
  /** What a newcomer needs; valid until the channel's next change. */
  snapshot(): Uint8Array[];
  /** Receivers on other relays, for the source to know. */
  receiversElsewhere: number;
  /** An input event of a receiver elsewhere, not checked yet. */
  inputRemote(relay: number, event: Uint8Array): void;
  /** That relay has no receivers any more, or is gone: what they held is let go. Idempotent. */
  releaseRemote(relay: number): void;
  /** A text of a signalling peer elsewhere. */
  signalRemote(text: string): void;
  /** Another source has the channel: closes ours with 4409. */
  evictSource(nowUs: number): void;
  /** Nothing keeps what is cached up to date any more. */
  forget(): void;
}

/** The cluster as the core sees it. Calls tell what has happened already. */
export interface ClusterLink {
  setTime(nowUs: number): void;
  /** A source is connected to the channel on another relay. */
  isTaken(channel: string): boolean;
  sourceCame(channel: ClusterChannel): void;
  sourceLeft(channel: ClusterChannel): void;
  /** Receivers or signalling peers came or went. */
  audienceChanged(channel: ClusterChannel): void;
  /** A message of this relay's source; valid during the call. */
  frame(channel: string, message: Uint8Array): void;
  signal(channel: string, text: string): void;
  /** The channel was removed. */
  channelGone(channel: string): void;
  tick(nowUs: number): void;
}

export interface ClusterSettings {
  /** This relay's number: random, 1 to 2^53 - 1, new at each start. */
  readonly relay: number;
  /** Clusters of different names share a broker without meeting. */
  readonly name: string;
  readonly keepaliveSeconds: number;
  /** Silence after which a relay counts as gone. */
  readonly keepaliveTimeoutSeconds: number;
  /** The largest frame taken from another relay. */
  readonly maxMessageBytes: number;
}

export interface ClusterStats {
  /** This relay's number as relays are named in logs. */
  readonly relay: string;
  readonly isConnected: boolean;
  /** Times that the bus came back. */
  readonly reconnects: number;
  /** Other relays known. */
  readonly relays: number;
  readonly claims: number;
  readonly claimsElsewhere: number;
  /** Channels of ours that other relays have receivers for. */
  readonly wanted: number;
  /** Channels of others that we have receivers for. */
  readonly followed: number;
  readonly messagesIn: number;
  readonly bytesIn: number;
  readonly messagesOut: number;
  readonly bytesOut: number;
  readonly catchUpsSent: number;
  readonly catchUpsTaken: number;
  readonly claimsLost: number;
  /** Bytes of bodies not whole yet and of frames that wait. */
  readonly pendingBytes: number;
  /** Messages dropped, by reason. */
  readonly drops: Readonly<Record<string, number>>;
}
