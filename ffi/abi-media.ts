/** The part of the native table (abi.ts) that is pictures and input: grabber, player, injection. */
import { type CType, errorArgs, type NativeFunction } from "./abi-types.ts";

export const mediaStructs = {
  /** One encoded frame (an H.264 access unit in Annex B form) or a notice from the grabber. */
  pb_encoded: {
    data: "uint64_t",
    damage_us: "uint64_t",
    capture_us: "uint64_t",
    captured_us: "uint64_t",
    converted_us: "uint64_t",
    encoded_us: "uint64_t",
    size: "uint32_t",
    /**
     * enums.encoded: a frame; a notice that width and height are new from the next frame on; that another encoder or another
     * source goes on (`data` is "from<TAB>to<TAB>reason"); or the end (`data` is why, or nothing).
     */
    kind: "uint32_t",
    /** Bit 0: keyframe. */
    flags: "uint32_t",
    width: "uint32_t",
    height: "uint32_t",
    sequence: "uint32_t",
  },
  pb_grabber_stats: {
    captured: "uint64_t",
    encoded: "uint64_t",
    keyframes: "uint64_t",
    /** Damage that found the encoder busy and was folded into the next frame. */
    skipped_busy: "uint64_t",
    /** Captures put off because TypeScript had not taken earlier frames. */
    skipped_full: "uint64_t",
    /** Frames that the encoder's rate control left out. */
    skipped_encoder: "uint64_t",
    encoded_bytes: "uint64_t",
    wakeups: "uint64_t",
    /** Captures that the encoder read where they lie, without a conversion. */
    imported: "uint64_t",
    /** Frames lost because the encoder failed at them. */
    encoder_faults: "uint64_t",
    /** How often another encoder, or another source, took over from one that failed. */
    encoder_changes: "uint64_t",
    capture_changes: "uint64_t",
  },
  /** What the player reports: a frame's fate, or what a person did in its window. */
  pb_player_event: {
    capture_us: "uint64_t",
    pushed_us: "uint64_t",
    decode_begin_us: "uint64_t",
    decoded_us: "uint64_t",
    shown_us: "uint64_t",
    /** Time painted into the picture as a timecode (see c/meter/timecode.h), 0 when there is none. */
    timecode_us: "uint64_t",
    /** enums.player. */
    kind: "uint32_t",
    frame_id: "uint32_t",
    /** Input events: Linux event type, code and value, as on the wire. */
    type: "uint32_t",
    code: "uint32_t",
    value: "int32_t",
    width: "uint32_t",
    height: "uint32_t",
    /** Of input, plugged and unplugged: 0 keyboard and pointer, 1-4 gamepads, 16 touch screen, 17 pen. */
    device: "uint32_t",
  },
  /** What the machine wants of who sends input: the newest state, not every step to it. */
  pb_input_feedback: {
    /** enums.feedback. */
    kind: "uint32_t",
    device: "uint32_t",
    /** rumble: strengths of 0 to 65535. */
    strong: "uint32_t",
    weak: "uint32_t",
    duration_ms: "uint32_t",
    /** leds: bit 0 num lock, 1 caps lock, 2 scroll lock. */
    leds: "uint32_t",
  },
  pb_player_stats: {
    pushed: "uint64_t",
    decoded: "uint64_t",
    shown: "uint64_t",
    /** Decoded but replaced by a newer picture before it was shown. */
    skipped_late: "uint64_t",
    /** Refused by a full queue. */
    refused_full: "uint64_t",
    decode_errors: "uint64_t",
    /** How often another decoder took over from one that failed. */
    decoder_changes: "uint64_t",
  },
} as const satisfies Record<string, Record<string, CType>>;

export const mediaEnums = {
  encoded: { frame: 0, resized: 1, lost: 2, encoder: 3, capture: 4 },
  encoded_flag: { keyframe: 1 },
  /** Bits 4-7 of the flags of what is pushed: the codec, as in the chunks that carry it. */
  encoded_codec: { shift: 4 },
  grabber_key: { fps: 1, bitrate_bps: 2, keyframe: 3, paused: 4, quality: 5, keyframe_interval: 6 },
  /**
   * shown and skipped carry a frame's times; input carries type, code, value; resized the window's new size. decoder: another
   * one goes on; no_decoder: none can for the codec of what was pushed; pb_player_describe says why.
   */
  player: {
    shown: 0,
    skipped: 1,
    decode_error: 2,
    input: 3,
    focus_lost: 4,
    closed: 5,
    resized: 6,
    lost: 7,
    decoder: 8,
    no_decoder: 9,
    plugged: 10,
    unplugged: 11,
  },
  feedback: { rumble: 1, leds: 2 },
  player_flag: { fullscreen: 1, read_timecode: 2, devices: 4 },
  player_key: { grab_pointer: 1, fullscreen: 2, touch: 3 },
} as const;

export const mediaFunctions = {
  // Grabber: one thread that captures, converts and encodes (c/media/grabber.c).
  /** What each capture backend says of itself, one line a backend: `name<TAB>ok|no<TAB>detail`. Returns the length. */
  pb_probe: { returns: "uint32_t", args: ["const char *module", "const char *target", "char *out", "uint32_t size"] },
  pb_grabber_open: {
    returns: "struct pb_grabber *",
    args: [
      "const char *capture",
      "const char *target",
      "const char *encoder",
      "uint32_t width",
      "uint32_t height",
      "uint32_t fps",
      "uint32_t bitrate_bps",
      "uint32_t keyframe_interval",
      "uint32_t codec",
      "pb_wake_fn wake",
      ...errorArgs,
    ],
  },
  /** Names really in use, `capture<TAB>encoder<TAB>width<TAB>height<TAB>codec<TAB>detail`. Returns the length. */
  pb_grabber_describe: { returns: "uint32_t", args: ["struct pb_grabber *grabber", "char *out", "uint32_t size"] },
  /** `key` is one of enums.grabber_key. Takes effect at the next frame. Returns 0, or -1 for an unknown key or value. */
  pb_grabber_set: { returns: "int32_t", args: ["struct pb_grabber *grabber", "uint32_t key", "uint32_t value"] },
  pb_grabber_rearm: { returns: "void", args: ["struct pb_grabber *grabber"] },
  /** The frame's memory stays valid until pb_grabber_release. */
  pb_grabber_take: { returns: "int32_t", args: ["struct pb_grabber *grabber", "struct pb_encoded *out"] },
  pb_grabber_release: { returns: "void", args: ["struct pb_grabber *grabber"] },
  pb_grabber_stats: { returns: "void", args: ["struct pb_grabber *grabber", "struct pb_grabber_stats *out"] },
  pb_grabber_close: { returns: "void", args: ["struct pb_grabber *grabber"] },

  /** For which codecs a decoder of this name, or any for "auto", opens here: a bit 1 << codec for each. */
  pb_decoder_codecs: { returns: "uint32_t", args: ["const char *decoder"] },

  // Player: one thread that decodes, shows and collects the window's input (c/media/player.c).
  pb_player_open: {
    returns: "struct pb_player *",
    args: [
      "const char *display",
      "const char *target",
      "const char *decoder",
      "const char *title",
      "uint32_t width",
      "uint32_t height",
      "uint32_t flags",
      "pb_wake_fn wake",
      ...errorArgs,
    ],
  },
  /** `display<TAB>decoder<TAB>why the last decoder failed<TAB>detail`. Returns the length. */
  pb_player_describe: { returns: "uint32_t", args: ["struct pb_player *player", "char *out", "uint32_t size"] },
  /** Copies the access unit. Returns 0, or -1 when the queue is full (the caller then asks for a keyframe). */
  pb_player_push: {
    returns: "int32_t",
    args: [
      "struct pb_player *player",
      "const void *data",
      "uint32_t size",
      "uint32_t frame_id",
      "uint32_t flags",
      "uint64_t capture_us",
    ],
  },
  pb_player_set: { returns: "int32_t", args: ["struct pb_player *player", "uint32_t key", "uint32_t value"] },
  pb_player_rearm: { returns: "void", args: ["struct pb_player *player"] },
  pb_player_take: { returns: "int32_t", args: ["struct pb_player *player", "struct pb_player_event *out"] },
  /** Copies the picture last shown as BGRA, rows tightly packed. Returns width << 16 | height, or 0 when none or too small. */
  pb_player_snapshot: { returns: "uint32_t", args: ["struct pb_player *player", "void *out", "uint32_t size"] },
  pb_player_stats: { returns: "void", args: ["struct pb_player *player", "struct pb_player_stats *out"] },
  /** What a plugged gamepad calls itself. Returns the length. */
  pb_player_device_name: {
    returns: "uint32_t",
    args: ["struct pb_player *player", "uint32_t device", "char *out", "uint32_t size"],
  },
  /** Strengths of 0 to 65535. Done by the player's thread; the newest call for a gamepad wins. */
  pb_player_rumble: {
    returns: "void",
    args: ["struct pb_player *player", "uint32_t device", "uint32_t strong", "uint32_t weak", "uint32_t duration_ms"],
  },
  pb_player_close: { returns: "void", args: ["struct pb_player *player"] },

  // Input injection (c/input).
  pb_input_open: { returns: "struct pb_input *", args: ["const char *backend", "const char *target", ...errorArgs] },
  pb_input_describe: { returns: "uint32_t", args: ["struct pb_input *input", "char *out", "uint32_t size"] },
  /** Linux event type, code and value. Returns 0, or -1 for what this backend cannot inject. */
  pb_input_send: {
    returns: "int32_t",
    args: ["struct pb_input *input", "uint32_t type", "uint32_t code", "int32_t value"],
  },
  pb_input_flush: { returns: "void", args: ["struct pb_input *input"] },
  /** Releases every key and button that is still down. Returns how many. */
  pb_input_release_all: { returns: "uint32_t", args: ["struct pb_input *input"] },
  /** Device numbers beside keyboard and pointer (0): 1-4 gamepads, 16 touch screen, 17 pen. Returns 0, or -1 and says why. */
  pb_input_plug: {
    returns: "int32_t",
    args: ["struct pb_input *input", "uint32_t device", "const char *name", ...errorArgs],
  },
  pb_input_unplug: { returns: "void", args: ["struct pb_input *input", "uint32_t device"] },
  /** As pb_input_send, to a plugged device. */
  pb_input_send_to: {
    returns: "int32_t",
    args: ["struct pb_input *input", "uint32_t device", "uint32_t type", "uint32_t code", "int32_t value"],
  },
  /** Calls `wake` when there is feedback, from now on. */
  pb_input_listen: { returns: "void", args: ["struct pb_input *input", "pb_wake_fn wake"] },
  pb_input_rearm: { returns: "void", args: ["struct pb_input *input"] },
  pb_input_next: { returns: "uint32_t", args: ["struct pb_input *input", "struct pb_input_feedback *out"] },
  pb_input_close: { returns: "void", args: ["struct pb_input *input"] },
} as const satisfies Record<string, NativeFunction>;
