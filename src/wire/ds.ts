/** The ds-stream format (ds-stream) in one import: layouts and codes, codec, builders, classification. */
export * from "./ds-build.ts";
export * from "./ds-classify.ts";
export * from "./ds-codec.ts";
export * from "./ds-layouts.ts";
export { h264CodecString, isH264Keyframe } from "./h264.ts";
export type { Decoded, WireError } from "./schema.ts";
