/** The part of the native table (abi.ts) that is sound: the source (capture, Opus) and the sink (jitter buffer, Opus, playback). */
import { type CType, errorArgs, type NativeFunction } from "./abi-types.ts";

export const audioStructs = {
  /** One Opus packet or a notice. */
  pb_audio_packet: {
    data: "uint64_t",
    capture_us: "uint64_t",
    size: "uint32_t",
    /** Samples a channel at 48 kHz. */
    samples: "uint32_t",
    /** enums.audio. */
    kind: "uint32_t",
    reserved: "uint32_t",
  },
  /** interfaces-audio.ts says what each field means. */
  pb_audio_source_stats: {
    captured: "uint64_t",
    encoded: "uint64_t",
    encoded_bytes: "uint64_t",
    overruns: "uint64_t",
    dropped_full: "uint64_t",
    encode_errors: "uint64_t",
    device_lost: "uint64_t",
    reopened: "uint64_t",
    fec: "uint64_t",
    latency_us: "uint64_t",
  },
  pb_audio_sink_stats: {
    pushed: "uint64_t",
    late: "uint64_t",
    duplicate: "uint64_t",
    invalid: "uint64_t",
    refused_full: "uint64_t",
    lost: "uint64_t",
    fec_recovered: "uint64_t",
    concealed: "uint64_t",
    decode_errors: "uint64_t",
    stretched: "uint64_t",
    underruns: "uint64_t",
    device_lost: "uint64_t",
    reopened: "uint64_t",
    played: "uint64_t",
    jitter_us: "uint64_t",
    delay_us: "uint64_t",
    wanted_delay_us: "uint64_t",
    buffered_us: "uint64_t",
    device_us: "uint64_t",
    played_capture_us: "uint64_t",
    played_at_us: "uint64_t",
  },
} as const satisfies Record<string, Record<string, CType>>;

export const audioEnums = {
  audio: { packet: 0, lost: 1, back: 2 },
  audio_source_flag: { microphone: 1 },
  audio_source_key: { bitrate_bps: 1, loss_percent: 2, muted: 3, paused: 4 },
  audio_sink_flag: { virtual_source: 1 },
  /** volume is 0 to 10000. */
  audio_sink_key: { target_delay_us: 1, volume: 2, muted: 3 },
} as const;

export const audioFunctions = {
  // Sound (c/audio): one thread that captures and encodes, one that decodes and plays. 48 kHz stereo.
  pb_audio_source_open: {
    returns: "struct pb_audio_source *",
    args: [
      "const char *backend",
      "const char *device",
      "uint32_t flags",
      "uint32_t frame_us",
      "uint32_t bitrate_bps",
      "pb_wake_fn wake",
      ...errorArgs,
    ],
  },
  /** `backend<TAB>device<TAB>detail`. Returns the length. */
  pb_audio_source_describe: {
    returns: "uint32_t",
    args: ["struct pb_audio_source *source", "char *out", "uint32_t size"],
  },
  /** `key` is one of enums.audio_source_key. Returns 0, or -1 for an unknown key or value. */
  pb_audio_source_set: {
    returns: "int32_t",
    args: ["struct pb_audio_source *source", "uint32_t key", "uint32_t value"],
  },
  pb_audio_source_rearm: { returns: "void", args: ["struct pb_audio_source *source"] },
  /** The packet's memory stays valid until pb_audio_source_release. */
  pb_audio_source_take: {
    returns: "int32_t",
    args: ["struct pb_audio_source *source", "struct pb_audio_packet *out"],
  },
  pb_audio_source_release: { returns: "void", args: ["struct pb_audio_source *source"] },
  pb_audio_source_stats: {
    returns: "void",
    args: ["struct pb_audio_source *source", "struct pb_audio_source_stats *out"],
  },
  pb_audio_source_close: { returns: "void", args: ["struct pb_audio_source *source"] },

  pb_audio_sink_open: {
    returns: "struct pb_audio_sink *",
    args: ["const char *backend", "const char *device", "uint32_t flags", "uint32_t min_delay_us", ...errorArgs],
  },
  pb_audio_sink_describe: { returns: "uint32_t", args: ["struct pb_audio_sink *sink", "char *out", "uint32_t size"] },
  /** Copies the packet. Returns 0, or -1 when it is refused and counted. `capture_us` is whole and below 2^53. */
  pb_audio_sink_push: {
    returns: "int32_t",
    args: ["struct pb_audio_sink *sink", "const void *data", "uint32_t size", "double capture_us"],
  },
  /** What to add to capture times to come to this clock. */
  pb_audio_sink_clock: { returns: "void", args: ["struct pb_audio_sink *sink", "double offset_us"] },
  pb_audio_sink_set: { returns: "int32_t", args: ["struct pb_audio_sink *sink", "uint32_t key", "uint32_t value"] },
  pb_audio_sink_stats: { returns: "void", args: ["struct pb_audio_sink *sink", "struct pb_audio_sink_stats *out"] },
  pb_audio_sink_close: { returns: "void", args: ["struct pb_audio_sink *sink"] },
} as const satisfies Record<string, NativeFunction>;
