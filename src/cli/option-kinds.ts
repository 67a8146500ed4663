/** Kinds of values that several commands' options have (options.ts and its parts). */
import { limits } from "../base/limits.ts";

export const bitrate = {
  kind: "bitrate",
  value: "BPS",
  min: limits.bitrateBps.min,
  max: limits.bitrateBps.max,
} as const;
export const fps = { kind: "number", value: "N", min: limits.fps.min, max: limits.fps.max } as const;
export const seconds = { kind: "duration", value: "SECONDS", min: 0.1, max: 7 * 24 * 3600, env: false } as const;
export const interval = { kind: "duration", value: "SECONDS", min: 0.1, max: 24 * 3600 } as const;
export const count = { kind: "number", value: "N", min: 1 } as const;
export const size = { kind: "size" } as const;
export const reportFile = { kind: "text", value: "FILE", env: false } as const;
export const json = { kind: "boolean", help: "Print JSON for a program to read.", env: false } as const;
