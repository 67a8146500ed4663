/**
 * What the native sound modules look like from TypeScript; audio.ts has the real ones, fake-audio.ts those in memory, and
 * tests/conformance runs one suite over both. Sound is always 48 kHz stereo Opus. All times are microseconds; "capture time"
 * counts on the sender's clock, everything else on CLOCK_MONOTONIC of this machine.
 */

export const audioFrameSizesUs = [20_000, 10_000, 5_000, 2_500] as const;
export type AudioFrameUs = (typeof audioFrameSizesUs)[number];

export interface AudioSourceSettings {
  /** "auto" for the first that works of pulse and alsa, or one by name: also "tone" (a test tone) and "none" (silence). */
  backend: string;
  /** Pulse source name, ALSA PCM name, or "" for the default; of the tone its frequency in Hz. */
  device: string;
  /** True records from a microphone, false what this machine plays. */
  microphone: boolean;
  frameUs: AudioFrameUs;
  bitrateBps: number;
}

/** A packet or a notice: the device is gone ("lost"; the module goes on trying) or there again ("back"). */
export interface AudioPacket {
  kind: "packet" | "lost" | "back";
  /** Native address of one Opus packet of at most 1275 bytes; valid until release(). */
  address: number;
  size: number;
  /** When the sound that the packet's first decoded sample carries was captured. */
  captureUs: number;
  /** A channel, at 48 kHz. */
  samples: number;
}

export interface AudioSourceStats {
  /** Samples a channel that came from the device. */
  captured: number;
  /** Packets. */
  encoded: number;
  encodedBytes: number;
  /** Times that the device dropped sound because it was not read in time. */
  overruns: number;
  /** Packets dropped because TypeScript had not taken earlier ones. */
  droppedFull: number;
  encodeErrors: number;
  deviceLost: number;
  reopened: number;
  /** 1 while packets carry in-band FEC. */
  fec: number;
  /** From the sound at the microphone or mixer until its packet could be taken, of the last packet. */
  latencyUs: number;
}

export interface AudioDescription {
  backend: string;
  device: string;
  /** One sentence: what is used and how, or why there is no sound just now. */
  detail: string;
}

export interface AudioSource {
  describe(): AudioDescription;
  /** Call first in every wake-up, then take() until it returns undefined. */
  rearm(): void;
  /** The object is used again by the next call. */
  take(): AudioPacket | undefined;
  /** The bytes of the packet last taken, as a view that is valid until release(). */
  bytes(packet: AudioPacket): Uint8Array;
  release(): void;
  /** 6000 to 510000, clamped. */
  setBitrate(bps: number): void;
  /** Expected loss, 0 to 100. From 1 on, packets of 10 and 20 ms carry in-band FEC; shorter ones cannot. */
  setLossPercent(percent: number): void;
  /** Sends silence instead of sound. */
  setMuted(muted: boolean): void;
  /** Captures and sends nothing; the device is let go of. */
  setPaused(paused: boolean): void;
  stats(): AudioSourceStats;
  close(): void;
}

export interface AudioSinkSettings {
  /** "auto" for the first that works of pulse and alsa, or one by name: also "file" (raw s16le, for tests) and "none" (paced silence). */
  backend: string;
  /** Pulse sink name, ALSA PCM name, path of the file, or "" for the default. */
  device: string;
  /** Least time from capture until it is heard, whatever the network's jitter; 0 for as early as possible. */
  minDelayUs: number;
  /** Play into a microphone that other programs can choose, and that ends with close(). Only where PulseAudio or PipeWire is; `device` is then its name. */
  virtualSource: boolean;
}

export interface AudioSinkStats {
  /** Packets given to push(), of which: */
  pushed: number;
  /** came after their time; */
  late: number;
  /** were there already; */
  duplicate: number;
  /** no Opus, or a time that cannot be; */
  invalid: number;
  /** found no room. */
  refusedFull: number;
  /** Packets that were missing when their time came, of which: */
  lost: number;
  /** were rebuilt from the next packet's FEC; */
  fecRecovered: number;
  /** were concealed. */
  concealed: number;
  decodeErrors: number;
  /** Samples a channel added or left out to stay in step with the capture. */
  stretched: number;
  /** Times that the device ran dry because we did not write in time. */
  underruns: number;
  deviceLost: number;
  reopened: number;
  /** Samples a channel given to the device that came out of packets. */
  played: number;
  /** Variation of the packets' travelling time: what 99 % of late ones stay below. */
  jitterUs: number;
  /** From capture until it is heard, as measured now; comparable to pictures' age at display when the clock offset is set. */
  delayUs: number;
  /** What delayUs is being steered to: the largest of the target, the least delay and what jitter and device need. */
  wantedDelayUs: number;
  /** Decoded and encoded sound that waits in front of the device. */
  bufferedUs: number;
  /** From writing to the device until it is heard. */
  deviceUs: number;
  /** Capture time of the sound that was heard at playedAtUs; 0 before the first. */
  playedCaptureUs: number;
  playedAtUs: number;
}

export interface AudioSink {
  describe(): AudioDescription;
  /**
   * Copies one Opus packet. Order and gaps come from captureUs; duplicates and late ones are counted and dropped. False when
   * refused: malformed, absurd time or full. A sender whose clock jumps by more than 2 s starts anew with its second packet.
   */
  push(data: Uint8Array, size: number, captureUs: number): boolean;
  /** What to add to captureUs to come to this machine's clock. Without it, captureUs must be local time. */
  setClockOffset(us: number): void;
  /** Lip sync: sound captured at t is heard at t + us if that is possible. Give the age of pictures at display; 0 for as early as possible. */
  setTargetDelay(us: number): void;
  /** 0 to 1, on a loudness scale (cubic), faded. */
  setVolume(volume: number): void;
  setMuted(muted: boolean): void;
  stats(): AudioSinkStats;
  close(): void;
}
