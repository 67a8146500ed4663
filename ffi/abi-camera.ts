/** The part of the native table (abi.ts) that is cameras (c/camera/abi.c): what there is, their controls, their frames. */
import { type CType, errorArgs, type NativeFunction } from "./abi-types.ts";

export const cameraStructs = {
  /** A frame as the device gave it, compressed or raw. */
  pb_camera_frame: {
    /** Valid until the next pb_camera_take or pb_camera_close. */
    data: "uint64_t",
    capture_us: "uint64_t",
    size: "uint32_t",
    /** The device's own count; a leap means frames that it never gave. */
    sequence: "uint32_t",
    /** V4L2's four characters, the first in the lowest byte. */
    fourcc: "uint32_t",
    width: "uint32_t",
    height: "uint32_t",
    /** Bytes from row to row of the first plane; 0 for compressed frames. */
    stride: "uint32_t",
    /** enums.camera_flag. */
    flags: "uint32_t",
    reserved: "uint32_t",
  },
  pb_camera_stats: {
    frames: "uint64_t",
    /** Marked as broken by the driver, or shorter than they must be. */
    flagged: "uint64_t",
    undecodable: "uint64_t",
    /** Counted by the driver and never given. */
    missing: "uint64_t",
    /** Replaced by a newer one before anybody took them. */
    skipped: "uint64_t",
    /** Calls that failed and made the stream start anew. */
    faults: "uint64_t",
    stalls: "uint64_t",
    gone: "uint64_t",
    reopened: "uint64_t",
  },
} as const satisfies Record<string, Record<string, CType>>;

export const cameraEnums = {
  /** lost: the camera is at its end, and there is no frame; only with the target's gone=end. */
  camera_flag: { compressed: 1, lost: 2 },
  /** none: no camera is captured. */
  camera_state: { none: 0, streams: 1, away: 2, rests: 3 },
} as const;

export const cameraFunctions = {
  /** All cameras and media controllers, a line each and one for each of their parts (ffi/camera.ts). Returns the length. */
  pb_camera_list: { returns: "uint32_t", args: ["char *out", "uint32_t size"] },
  /** A device's inputs, formats and controls in such lines. Returns the length, or -1. */
  pb_camera_info: { returns: "int32_t", args: ["const char *target", "char *out", "uint32_t size", ...errorArgs] },
  /**
   * Sets `text`, CONTROL=VALUE, or CONTROL for a button; with `check` 1 only says whether that could be. Writes the control as
   * it then is, `NAME=VALUE`. Returns the length, or -1.
   */
  pb_camera_set: {
    returns: "int32_t",
    args: ["const char *target", "const char *text", "uint32_t check", "char *out", "uint32_t size", ...errorArgs],
  },
  /** A thread that keeps the camera's newest frame. `target` as in c/camera/camera.h; sizes and rate are wishes, 0 for none. */
  pb_camera_open: {
    returns: "struct pb_camera *",
    args: ["const char *target", "uint32_t width", "uint32_t height", "uint32_t fps", "pb_wake_fn wake", ...errorArgs],
  },
  /** What streams, or why nothing does, in one sentence. Returns the length. */
  pb_camera_describe: { returns: "uint32_t", args: ["struct pb_camera *camera", "char *out", "uint32_t size"] },
  pb_camera_rearm: { returns: "void", args: ["struct pb_camera *camera"] },
  pb_camera_take: { returns: "int32_t", args: ["struct pb_camera *camera", "struct pb_camera_frame *out"] },
  /** The taken frame as BGRA, rows tightly packed. Returns 0, or -1 for a frame that cannot be decoded. */
  pb_camera_decode: {
    returns: "int32_t",
    args: ["struct pb_camera *camera", "void *out", "uint32_t size", ...errorArgs],
  },
  pb_camera_stats: { returns: "void", args: ["struct pb_camera *camera", "struct pb_camera_stats *out"] },
  /** Of the camera that a grabber or a publisher captures: what it does, in a sentence. Returns one of enums.camera_state. */
  pb_camera_captured: {
    returns: "uint32_t",
    args: ["char *out", "uint32_t size", "struct pb_camera_stats *stats"],
  },
  pb_camera_close: { returns: "void", args: ["struct pb_camera *camera"] },
} as const satisfies Record<string, NativeFunction>;
