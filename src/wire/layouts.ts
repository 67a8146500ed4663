/**
 * What lies in shared memory, as data: the header of a frame buffer (itk section 2.1) and the control block, ring header and
 * record of a channel (xshm sections 3, 4 and 13). From here come c/gen/layouts.h, whose structs have atomic fields, and the
 * README's tables. Fields that the specs leave free and Patchbay uses say so: an original peer leaves them 0. It never
 * reads or writes a byte; c/shmem and c/ipc do.
 */
import { limits } from "../base/limits.ts";
import { type Layout, layout } from "./schema.ts";

/** Pictures in a frame buffer; each is width * height * 4 bytes of RGBA, one behind the other after the header. */
export const frameSlots = 3;
export const bytesPerPixel = 4;
/** "PBFB", read as a number: the free fields hold what is said of them here. */
export const frameMark = 0x4246_4250;

export const channelMagic = 0x5853_484d;
export const channelVersion = 0x0001_0000;
export const channelState = { idle: 0, hello: 1, ready: 2 } as const;
/** Spec (xshm section 2). */
export const channelLimit = {
  ringBytes: 2 * 1024 * 1024,
  ringMessages: 250,
  messageMin: 2,
  messageMax: 65_535,
  clientsDefault: 20,
  clientsMax: 31,
} as const;
export const noSlot = 0xffff_ffff;

export const frameBufferLayout = layout({
  name: "frameBuffer",
  doc: "Header of a frame buffer, followed by three pictures",
  bytes: 64,
  fields: {
    seq: { at: 0, type: "u32", doc: "odd while the header changes; +2 with each picture; sleepers wait on it" },
    readIndex: { at: 4, type: "u32", range: [0, frameSlots - 1], doc: "picture to read" },
    ptsMs: { at: 8, type: "u64", doc: "presentation time in milliseconds" },
    width: { at: 16, type: "u32", range: [1, limits.width], doc: "pixels; 0 until the header is complete" },
    height: { at: 20, type: "u32", range: [1, limits.height], doc: "pixels" },
    isPlaying: { at: 24, type: "u32", range: [0, 1], doc: "1 while the content plays" },
    mark: { at: 28, type: "u32", doc: "free in the spec: PBFB when Patchbay made it" },
    contentHash: { at: 32, type: "u64", doc: "FNV-1a (64 bits) of the content's name in UTF-8" },
    durationMs: { at: 40, type: "u64", doc: "milliseconds, 0 unknown or live" },
    writerCount: { at: 48, type: "u32", range: [0, 1], doc: "writers" },
    sleepers: { at: 52, type: "u32", doc: "free in the spec: not 0 when somebody may sleep on seq" },
    owner: { at: 56, type: "u64", doc: "free in the spec: writer's process id and above it its start time, 0 nobody" },
  },
});

export const controlLayout = layout({
  name: "control",
  doc: "Control block of a channel",
  bytes: 64,
  fields: {
    magic: { at: 0, type: "u32", constant: channelMagic, error: "magic", doc: "XSHM" },
    version: { at: 4, type: "u32", constant: channelVersion, error: "version", doc: "version" },
    generation: { at: 8, type: "u32", doc: "1 after creation, +1 with each connection" },
    serverState: { at: 12, type: "u32", oneOf: channelState, doc: "server" },
    clientState: { at: 16, type: "u32", oneOf: channelState, doc: "client" },
    claim: { at: 20, type: "u32", doc: "reserved[0]: token of the client that has this slot, 0 free" },
    claimProcess: { at: 24, type: "u32", doc: "reserved[1]: that client's process id" },
    messageLimit: { at: 28, type: "u32", doc: "reserved[2]: most messages in a ring, 0 of an original peer" },
    ringBytes: { at: 32, type: "u32", doc: "reserved[3]: capacity of a ring, 0 of an original peer" },
    s2cData: {
      at: 36,
      type: "u32",
      doc: "reserved[4]: client sleeps here till a message comes (bit 0 signalled, bit 1 somebody sleeps)",
    },
    s2cSpace: { at: 40, type: "u32", doc: "reserved[5]: server sleeps here till the client emptied ring A" },
    c2sSpace: { at: 44, type: "u32", doc: "reserved[6]: client sleeps here till the server emptied ring B" },
    c2sData: { at: 48, type: "u32", doc: "reserved[7]: server sleeps here till a message comes" },
    s2cConnect: { at: 52, type: "u32", doc: "reserved[8]: client sleeps here till the server answers its hello" },
    c2sConnectReq: { at: 56, type: "u32", doc: "reserved[9]: server sleeps here till a client says hello" },
    s2cDisconnect: { at: 60, type: "u32", doc: "reserved[10]: the connection ended" },
  },
});

export const ringLayout = layout({
  name: "ring",
  doc: "Header of a ring",
  bytes: 64,
  fields: {
    writePosition: { at: 0, type: "u32", doc: "bytes ever written, wrapping" },
    readPosition: { at: 4, type: "u32", doc: "bytes ever read or discarded, wrapping" },
    messageCount: { at: 8, type: "u32", doc: "messages in the ring" },
    dropCount: { at: 12, type: "u32", doc: "messages discarded for newer ones" },
    sequence: { at: 16, type: "u32", doc: "+1 when the ring turns non-empty or empty" },
    connectionGeneration: { at: 20, type: "u32", doc: "generation of the connection it was reset for" },
    handshakeState: { at: 24, type: "u32", oneOf: channelState, doc: "as in the control block" },
    producerProcess: {
      at: 28,
      type: "u32",
      doc: "reserved[0]: process id of who writes this ring, 0 of an original peer",
    },
    producerStart: { at: 32, type: "u32", doc: "reserved[1]: that process's start time, low 32 bits" },
    reserved2: { at: 36, type: "u32", doc: "reserved[2]" },
    reserved3: { at: 40, type: "u32", doc: "reserved[3]" },
    reserved4: { at: 44, type: "u32", doc: "reserved[4]" },
    reserved5: { at: 48, type: "u32", doc: "reserved[5]" },
    reserved6: { at: 52, type: "u32", doc: "reserved[6]" },
    reserved7: { at: 56, type: "u32", doc: "reserved[7]" },
    padding: { at: 60, type: "u32", doc: "padding" },
  },
});

export const recordLayout = layout({
  name: "record",
  doc: "Head of a message in a ring; head and message may wrap over the ring's end",
  bytes: 4,
  fields: {
    length: { at: 0, type: "u16", range: [channelLimit.messageMin, channelLimit.messageMax], doc: "bytes that follow" },
    flags: { at: 2, type: "u16", doc: "0" },
  },
  tail: { min: channelLimit.messageMin, max: channelLimit.messageMax, countedBy: "length", doc: "message" },
});

/** Where the parts of a channel's segment begin, in bytes: control block, ring A (server to client), ring B. */
export const channelOffset = {
  ringA: 64,
  dataA: 128,
  ringB: 128 + channelLimit.ringBytes,
  dataB: 192 + channelLimit.ringBytes,
  end: 192 + 2 * channelLimit.ringBytes,
} as const;

/** Layouts whose fields are shared between processes, so that they are atomic in C. */
export const sharedLayouts: readonly Layout[] = [frameBufferLayout, controlLayout, ringLayout];
export const memoryLayouts: readonly Layout[] = [...sharedLayouts, recordLayout];

/** Bytes of a frame buffer. Throws for what limits.ts does not allow: 1 to 8192 pixels each way. */
export function frameBufferBytes(width: number, height: number): number {
  const within = (value: number, most: number) => Number.isInteger(value) && value >= 1 && value <= most;
  if (!within(width, limits.width) || !within(height, limits.height))
    throw new RangeError(`a picture has 1 to ${limits.width}x${limits.height} pixels, not ${width}x${height}`);
  return frameBufferLayout.bytes + frameSlots * width * height * bytesPerPixel;
}
