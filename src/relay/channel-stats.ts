/** What a relay and its channels tell of themselves, in /api/stats and wherever else (ds-stream section 8). */
import type { Percentiles } from "../base/percentiles.ts";
import type { PictureStats, SoundStats } from "./content.ts";

export interface ChannelStats {
  readonly name: string;
  readonly framesRelayed: number;
  readonly bytesRelayed: number;
  readonly inputsRelayed: number;
  readonly connectedReceivers: number;
  readonly signalPeers: number;
  /** Here or on another relay. */
  readonly sourceConnected: boolean;
  /** Header time of the newest frame, milliseconds of the source's clock. */
  readonly lastFrameTimestamp: number;
  readonly keyframes: number;
  readonly signalDiffs: number;
  readonly uptimeSeconds: number;
  readonly peakReceivers: number;
  readonly totalConnections: number;
  readonly rejectedConnections: number;
  readonly leftOut: number;
  readonly resyncs: number;
  readonly hasState: boolean;
  /** Pictures of the source, whole ones and changes. */
  readonly pictures: number;
  readonly picture: PictureStats | null;
  readonly sound: SoundStats | null;
  /** Of what is kept for late joiners. */
  readonly cachedBytes: number;
  /** The source is connected to another relay. */
  readonly sourceElsewhere: boolean;
  /** Milliseconds from a message's last byte read to its last byte given to the kernel, for each receiver; of the last 30 to 60 s. */
  readonly latencyMs: Percentiles | null;
}

export interface RelayStats {
  readonly uptimeSeconds: number;
  readonly channels: readonly ChannelStats[];
  readonly connections: { readonly sources: number; readonly receivers: number; readonly signalPeers: number };
  /** Connections refused and messages dropped, by reason. */
  readonly drops: Readonly<Record<string, number>>;
  readonly channelsCollected: number;
  /** Of all channels (ChannelStats says of what). */
  readonly latencyMs: Percentiles | null;
  /** From a keepalive ping to its pong, all connections, of the last 30 to 60 s; what the kernel still holds for a peer is in it. */
  readonly roundTripMs: Percentiles | null;
}
