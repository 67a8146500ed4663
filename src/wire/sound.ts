/**
 * One Opus packet on its way through the program, and the AUDIO payload read into one. Sound is 48 kHz stereo wherever Patchbay
 * makes it; a decoder takes any rate and channel count that a payload states. Pure. RootStream sections 4.4 and 8.
 */
import { audio, audioLayout, payloadSizeLimit } from "./root.ts";

export const soundRate = 48_000;
export const soundChannels = 2;

/** Largest Opus packet that a datagram has room for: 1350 bytes. */
export const soundSizeLimit = payloadSizeLimit - audioLayout.bytes;

/** The first `size` bytes of `data` are the packet. Whoever is handed one reads it during the call. */
export interface Sound {
  /** When its first sample was captured, by its maker's monotonic clock, in microseconds. */
  readonly captureUs: number;
  readonly sampleRate: number;
  readonly channels: number;
  /** Of each channel. */
  readonly samples: number;
  readonly data: Uint8Array;
  readonly size: number;
}

/** Reads payloads that were checked into one packet that is used again, so that none allocates. */
export class SoundReader implements Sound {
  captureUs = 0;
  sampleRate = soundRate;
  channels = soundChannels;
  samples = 0;
  readonly data = new Uint8Array(soundSizeLimit);
  size = 0;

  read(buffer: Uint8Array, view: DataView, start: number, size: number): this {
    this.captureUs = audio.timestampUs(view, start);
    this.sampleRate = audio.sampleRate(view, start);
    this.channels = audio.channels(view, start);
    this.samples = audio.samples(view, start);
    const from = start + audioLayout.bytes;
    this.size = size - audioLayout.bytes;
    for (let i = 0; i < this.size; i++) this.data[i] = buffer[from + i] as number;
    return this;
  }
}
