/** The part of the native table (abi.ts) that is shared memory: c/shmem. Frame buffers answer with enums.frames_answer. */
import { type CType, errorArgs, type NativeFunction } from "./abi-types.ts";

export const shmemStructs = {
  /** A frame buffer in shared memory, as it is now. */
  pb_frames_about: {
    /** Address of three pictures, one behind the other. */
    pixels: "uint64_t",
    picture_bytes: "uint64_t",
    width: "uint32_t",
    height: "uint32_t",
    /** 1 when another program made it, of which nobody knows whether it lives. */
    foreign: "uint32_t",
    /** 1 when somebody may still publish. */
    has_writer: "uint32_t",
    writer_process: "uint32_t",
    reserved: "uint32_t",
  },
  /** What its header said at one instant (itk section 2.1). */
  pb_frame_info: {
    pts_ms: "uint64_t",
    content_hash: "uint64_t",
    duration_ms: "uint64_t",
    seq: "uint32_t",
    index: "uint32_t",
    is_playing: "uint32_t",
    /** Copies that were thrown away on the way to this one. */
    overtaken: "uint32_t",
  },
} as const satisfies Record<string, Record<string, CType>>;

export const shmemEnums = {
  /** Answers of frame buffers; c/shmem/frames.h explains them. */
  frames_answer: { ok: 0, none: 1, same: 2, busy: 3, gone: 4, timeout: 5, broken: 6, contention: 7 },
  viewer_end: { display_lost: 0, left: 1, writer_gone: 2 },
} as const;

export const shmemFunctions = {
  /** `create` 1 becomes the writer; 0 a reader, for whom width and height 0 accept any size. */
  pb_frames_new: {
    returns: "struct pb_frame_buffer *",
    args: ["const char *name", "uint32_t width", "uint32_t height", "uint32_t create", ...errorArgs],
  },
  pb_frames_about: { returns: "void", args: ["struct pb_frame_buffer *buffer", "struct pb_frames_about *out"] },
  /** The newest picture, or with `rgba` NULL only what is said of it. */
  pb_frames_take: {
    returns: "int32_t",
    args: [
      "struct pb_frame_buffer *buffer",
      "void *rgba",
      "uint64_t size",
      "uint32_t last_seq",
      "uint32_t tries",
      "struct pb_frame_info *out",
    ],
  },
  /** 1 when nobody wrote into that state's picture until now. */
  pb_frames_still_whole: { returns: "int32_t", args: ["struct pb_frame_buffer *buffer", "uint32_t seq"] },
  /** Blocks the calling thread until there is another picture than `last_seq`. */
  pb_frames_sleep: {
    returns: "int32_t",
    args: ["struct pb_frame_buffer *buffer", "uint32_t last_seq", "uint64_t timeout_us"],
  },
  /** Calls `wake` once, when there is another picture than `last_seq` or the writer is gone. Always the same `wake`. Returns 0, or -1. */
  pb_frames_tell: {
    returns: "int32_t",
    args: ["struct pb_frame_buffer *buffer", "uint32_t last_seq", "pb_wake_fn wake"],
  },
  pb_frames_put: {
    returns: "int32_t",
    args: [
      "struct pb_frame_buffer *buffer",
      "const void *rgba",
      "uint64_t size",
      "uint64_t pts_ms",
      "uint64_t content_hash",
      "uint32_t is_playing",
    ],
  },
  /** Which of the three pictures to fill, or -1: contention, or not the writer. */
  pb_frames_fill: { returns: "int32_t", args: ["struct pb_frame_buffer *buffer"] },
  pb_frames_filled: {
    returns: "void",
    args: ["struct pb_frame_buffer *buffer", "uint64_t pts_ms", "uint64_t content_hash", "uint32_t is_playing"],
  },
  pb_frames_duration: { returns: "void", args: ["struct pb_frame_buffer *buffer", "uint64_t duration_ms"] },
  pb_frames_free: { returns: "void", args: ["struct pb_frame_buffer *buffer"] },
  /** A thread that publishes a capture's pictures. `ended` is called once, when the source is gone. */
  pb_publisher_open: {
    returns: "struct pb_publisher *",
    args: [
      "const char *capture",
      "const char *target",
      "const char *name",
      "uint32_t width",
      "uint32_t height",
      "uint32_t fps",
      "pb_wake_fn ended",
      ...errorArgs,
    ],
  },
  pb_publisher_published: { returns: "uint64_t", args: ["struct pb_publisher *publisher"] },
  /** `capture<TAB>width<TAB>height`. Returns the length. */
  pb_publisher_describe: {
    returns: "uint32_t",
    args: ["struct pb_publisher *publisher", "char *out", "uint32_t size"],
  },
  pb_publisher_close: { returns: "void", args: ["struct pb_publisher *publisher"] },
  /** A thread that shows a frame buffer in a window. `ended` is called once, for one of enums.viewer_end. */
  pb_viewer_open: {
    returns: "struct pb_viewer *",
    args: [
      "const char *name",
      "const char *display",
      "const char *target",
      "const char *title",
      "uint32_t fullscreen",
      "pb_wake_fn ended",
      ...errorArgs,
    ],
  },
  pb_viewer_reason: { returns: "uint32_t", args: ["struct pb_viewer *viewer"] },
  pb_viewer_shown: { returns: "uint64_t", args: ["struct pb_viewer *viewer"] },
  pb_viewer_close: { returns: "void", args: ["struct pb_viewer *viewer"] },
  /** Plain segments. `create` 1 makes one of `size` bytes, zeroed; 0 opens one of at least as many. */
  pb_memory_open: {
    returns: "struct pb_memory *",
    args: ["const char *name", "uint64_t size", "uint32_t create", ...errorArgs],
  },
  pb_memory_address: { returns: "uint64_t", args: ["struct pb_memory *memory"] },
  pb_memory_size: { returns: "uint64_t", args: ["struct pb_memory *memory"] },
  pb_memory_close: { returns: "void", args: ["struct pb_memory *memory"] },
  /** This user's segments, `name<TAB>bytes` a line. Returns the length. */
  pb_memory_list: { returns: "uint32_t", args: ["char *out", "uint32_t size"] },
  /** Takes a name away, whatever has it. Returns 0, or -1. */
  pb_memory_remove: { returns: "int32_t", args: ["const char *name", ...errorArgs] },
} as const satisfies Record<string, NativeFunction>;
