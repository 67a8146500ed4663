/**
 * Explains ds-stream frames (ds-stream sections 2 to 4 and 19). They have no magic number: what has a known type, known
 * flags and a size that fits is taken for one. Pure.
 */
import { checkFrame, frame, frameNameOf, inputNameOf } from "./ds-codec.ts";
import { frameBytes, frameFlag, frameLayout, framePayloads, inputPayloads } from "./ds-layouts.ts";
import { type DumpLine, dumpFields, remark, rest, verdict } from "./dump.ts";
import { h264CodecString } from "./h264.ts";
import type { Layout } from "./schema.ts";

const knownFlags = Object.values(frameFlag).reduce((all, bit) => all | bit, 0);

/** Where the frame that seems to begin at `at` ends; undefined when none does, or its payload is not all there. */
export function looksLikeFrame(bytes: Uint8Array, at: number): number | undefined {
  if (bytes.length - at < frameBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = frame.flags(view, at);
  const type = frame.type(view, at);
  const end = at + frameBytes + frame.payloadSize(view, at);
  if ((flags & ~knownFlags) !== 0 || end > bytes.length) return undefined;
  return nameOf(type, flags) === undefined ? undefined : end;
}

const isInput = (flags: number): boolean => (flags & frameFlag.input) !== 0;
const nameOf = (type: number, flags: number) => (isInput(flags) ? inputNameOf(type) : frameNameOf(type));

function payloadOf(type: number, flags: number): Layout | undefined {
  if (isInput(flags)) {
    const name = inputNameOf(type);
    return name && inputPayloads[name];
  }
  const name = frameNameOf(type);
  return name && framePayloads[name];
}

/** JSON is short enough to read; of H.264 the codec string tells what a browser needs. */
function tailMeaning(of: Layout, tail: Uint8Array): string {
  if (of === framePayloads.signalSync) return new TextDecoder().decode(tail.subarray(0, 200));
  const codec = of === framePayloads.compressedPixels ? h264CodecString(tail) : undefined;
  return codec ? `${of.tail.doc}, ${codec}` : of.tail.doc;
}

/** One whole frame: all of `bytes`, as looksLikeFrame found it. */
export function inspectFrame(bytes: Uint8Array): DumpLine[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [type, flags] = [frame.type(view, 0), frame.flags(view, 0)];
  const of = payloadOf(type, flags);
  const kind = isInput(flags) ? "input" : "frame";
  const lines = [
    remark("ds-stream", `${kind} ${nameOf(type, flags) ?? "unknown"}`),
    ...dumpFields(frameLayout, bytes, 0, bytes.length),
  ];
  if (of) {
    lines.push(...dumpFields(of, bytes, frameBytes, bytes.length));
    const tail = frameBytes + of.bytes;
    lines.push(...rest(bytes, tail, bytes.length, `${of.name} data`, tailMeaning(of, bytes.subarray(tail))));
  }
  return [...lines, ...verdict(checkFrame(view, 0, bytes.length))];
}
