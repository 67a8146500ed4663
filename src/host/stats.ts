/**
 * What the host tells its status page and /api/stats: the shape only, filled in by the host's shell and shown by web/. Units are in
 * the names. Holds no keys and no secrets; the six words are public to both ends by design.
 */
import type { Percentiles } from "../base/percentiles.ts";

export type { Percentiles };

/** The host's stages in the order a frame passes them. */
export const stages = ["wait", "capture", "convert", "encode", "queue", "send"] as const;
export type Stage = (typeof stages)[number];

export interface PeerStats {
  readonly name: string;
  readonly fingerprint: string;
  /** approved: known, not connected now. */
  readonly state: "waiting" | "approved" | "connected" | "revoked";
  /** Of a waiting peer whose handshake is complete: what both ends show. */
  readonly words?: readonly string[];
  readonly permissions: readonly string[];
  /** HOST:PORT of the connection, or of the last one; "" when it never connected. */
  readonly address: string;
  readonly connectedSeconds: number;
  /** null until a ping has been answered. */
  readonly rttMs: number | null;
  readonly lossPercent: number;
  readonly bitrateBps: number;
}

/** A backend that failed while the host ran, and what goes on in its place. */
export interface SourceFailure {
  readonly what: "encoder" | "capture";
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

/** A client that speaks. */
export interface MicrophoneStats {
  readonly name: string;
  /** What this machine's programs know it as; "" when it cannot be played. */
  readonly device: string;
  readonly packets: number;
  /** Packets that did not come in time, and those of them whose sound was made up. */
  readonly lost: number;
  readonly concealed: number;
  readonly late: number;
  /** Packets that could not be taken. */
  readonly refused: number;
  readonly delayMs: number;
}

export interface SoundStats {
  /** off: not wanted. unavailable: nothing to capture from. idle: nobody listens. lost: the device is gone, and is tried again. */
  readonly state: "off" | "unavailable" | "idle" | "live" | "lost";
  readonly backend: string;
  readonly device: string;
  /** The backend's own words, or why there is none. */
  readonly detail: string;
  /** Clients and channels that sound goes to. */
  readonly listeners: number;
  readonly frameMs: number;
  /** Measured over the last second. */
  readonly bitrateBps: number;
  readonly packets: number;
  /** The largest share that a client says it loses, and whether packets make up for lost ones. */
  readonly lossPercent: number;
  readonly hasFec: boolean;
  /** From the sound until its packet was there, of the last one. */
  readonly latencyMs: number;
  /** Sound left out, by reason. */
  readonly drops: Readonly<Record<string, number>>;
  readonly deviceLost: number;
  readonly microphones: readonly MicrophoneStats[];
}

export interface HostStats {
  readonly version: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly uptimeSeconds: number;
  readonly source: {
    readonly capture: string;
    readonly encoder: string;
    readonly codec: string;
    readonly width: number;
    readonly height: number;
    /** The wanted rate. */
    readonly fps: number;
    /** The backend's own words, such as the display's name. */
    readonly detail: string;
    readonly failures: readonly SourceFailure[];
    /** Captures that the encoder read where they lie, without a conversion. */
    readonly imported: number;
  };
  readonly stream: {
    /** Measured over the last second. An unchanged screen sends nothing. */
    readonly fps: number;
    readonly bitrateBps: number;
    readonly frames: number;
    readonly keyframes: number;
    /** Frames left out, by reason. */
    readonly skipped: Readonly<Record<string, number>>;
  };
  readonly sound: SoundStats;
  /** A stage without measurements yet is left out. */
  readonly stagesMs: Readonly<Partial<Record<Stage, Percentiles>>>;
  readonly peers: readonly PeerStats[];
  /** The viewer for browsers, as the asker of this page may use it. */
  readonly viewer?: {
    readonly path: string;
    /** The asker's browser has the token. */
    readonly isOpen: boolean;
    /** The viewer's addresses on the network, without the token; empty when only this machine can reach it. */
    readonly places: readonly string[];
  };
  /** Packets and handshakes that were dropped, by reason. */
  readonly drops: Readonly<Record<string, number>>;
  readonly udp: {
    readonly port: number;
    /** Bytes that the system granted. */
    readonly receiveBufferBytes: number;
    readonly received: number;
    readonly receivedBytes: number;
    readonly sent: number;
    readonly sentBytes: number;
    readonly droppedKernel: number;
    readonly droppedRingFull: number;
    readonly droppedSendFull: number;
    readonly sendErrors: number;
  };
}
