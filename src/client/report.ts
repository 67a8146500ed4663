/** What a client reports at its end, and while it runs. Reads only. */
import { monotonicClock } from "../../ffi/clock.ts";
import type { Percentiles } from "../base/percentiles.ts";
import type { FrameStats } from "./frames.ts";
import type { HeldPicturesStats } from "./held-pictures.ts";
import type { ClientMeters, ClientStage } from "./meters.ts";
import type { MicrophoneReport } from "./microphone.ts";
import type { SoundReport } from "./sound.ts";
import type { PlayerWindow } from "./window.ts";

/** What the connection knows of itself. */
export interface Transfer {
  readonly frames: FrameStats;
  readonly lossPercent: number;
  readonly rttMs: number | null;
  readonly clockOffsetUs: number | null;
  readonly drops: Record<string, number>;
}

/** What is heard and said. */
export interface Sounding {
  readonly sound: SoundReport;
  readonly microphone: MicrophoneReport;
}

/** A client of either kind. */
export interface Reporting {
  readonly meters: ClientMeters;
  describe(): ReturnType<PlayerWindow["describe"]>;
  playerStats(): ReturnType<PlayerWindow["stats"]>;
  transfer(): Transfer;
  sounding(): Sounding;
}

export interface ClientReport extends Sounding {
  readonly display: string;
  readonly decoder: string;
  /** Which decoder failed last and why; "" when none did. */
  readonly decoderFailure: string;
  readonly width: number;
  readonly height: number;
  /** Frames a second from the first shown to the last. */
  readonly fps: number;
  readonly framesShown: number;
  readonly secondsShown: number;
  /** Milliseconds by stage; `age` is from capture to display by the clock offset. */
  readonly stagesMs: Partial<Record<ClientStage, Percentiles>>;
  readonly bitrateBps: number;
  /** Packets of the host that did not arrive. */
  readonly lossPercent: number;
  readonly rttMs: number | null;
  readonly clockOffsetUs: number | null;
  readonly frames: FrameStats & {
    readonly skippedLate: number;
    readonly decodeErrors: number;
    readonly decoderChanges: number;
  };
  /** With --lip-sync on; how long they waited is stagesMs.held, and how far apart lips and voice were is sound.lipSync.offsetMs. */
  readonly heldPictures: HeldPicturesStats;
  readonly drops: Record<string, number>;
}

export function clientReport(client: Reporting): ClientReport {
  const { meters } = client;
  const { display, decoder, failure } = client.describe();
  const player = client.playerStats();
  const seconds = meters.secondsShown;
  const { frames, ...transfer } = client.transfer();
  return {
    display,
    decoder,
    decoderFailure: failure,
    width: meters.width,
    height: meters.height,
    fps: meters.meanFps,
    framesShown: meters.framesShown,
    secondsShown: seconds,
    stagesMs: meters.stagesMs(),
    bitrateBps: seconds > 0 ? (frames.bytes * 8) / seconds : meters.bitrateBps(monotonicClock.nowUs()),
    ...transfer,
    ...client.sounding(),
    frames: {
      ...frames,
      skippedLate: player.skippedLate,
      decodeErrors: player.decodeErrors,
      decoderChanges: player.decoderChanges,
    },
    heldPictures: meters.heldPictures,
  };
}
