/**
 * What a Bun program may import from Patchbay: the wire codecs, frame cutting and reassembly, keys as text, and what connects
 * programs of one machine: shared memory and channels. All but those two is pure: bytes and times in, bytes and values out; no
 * socket, no file, no native code, which is loaded when one of them is first opened. Bytes from strangers never throw; they
 * give a `Decoded`, or an `ItkpResult`, with the reason. The layouts are those of RootStream, sections 3, 4 and 13, of
 * ds-stream, sections 2 to 5 and 19, and of ITK, sections 1 to 3.
 */

/** Named bytes shared by local programs, and the list of them. */
export { listSharedMemory, removeSharedMemory, SharedMemory } from "../ffi/segments.ts";
/** Pictures shared by local programs: `FrameBuffer.create(name, width, height)` writes, `FrameBuffer.open(name)` reads. */
export { FrameBuffer, type FrameCounts, type FrameState, type FrameStatus } from "../ffi/shmem.ts";

/** Expected failures as values, with a code that stands for an exit status and a log level. */
export { type ErrorCode, errorTable, exitStatus } from "./base/errors.ts";
export type { Failure, Result, Success } from "./base/result.ts";
/** Messages between local programs through shared memory (xShm): `serveChannel(name, handlers)`, `connectChannel(name, handlers)`. */
export { Batch, Outgoing } from "./ipc/batch.ts";
export { type ChannelHandlers, type ChannelStats, ShmChannel } from "./ipc/channel.ts";
export { type ChannelCode, ChannelError, channelCode } from "./ipc/codes.ts";
export { type ConnectOptions, connectChannel, type ServeOptions, serveChannel } from "./ipc/open.ts";
/** Channels between programs of one user, on sockets or pipes: `listen(name)`, `connect(name)`, `readMessage(channel)`. */
export {
  type Channel,
  type ChannelPlace,
  type ChannelServer,
  connect,
  type IpcErrorName,
  type IpcFailure,
  type IpcResult,
  listen,
  makeChannelName,
  readMessage,
  writeMessage,
} from "./net/ipc.ts";
/** Fingerprints, the six words of a pairing, and pairing codes `base64key@host:port`. */
export { fingerprint, formatPairingCode, type PairingCode, parsePairingCode, sixWords } from "./secure/fingerprint.ts";
export { version } from "./version.ts";
/** The hash of a content's name in a frame buffer's header, equal in all languages. */
export { contentHash } from "./wire/content-hash.ts";
/** Frames of relays and browsers: `ds.decodeFrame(bytes)`, `ds.buildPixels(...)`, `ds.classify(type, flags, bytes)`. */
export * as ds from "./wire/ds.ts";
/** Cutting a frame into packets of at most 1400 bytes. */
export { chunkCount, type FrameHead, sealedFrameBytes } from "./wire/fragment.ts";
/** Pictures whose still tiles are exact and whose moving rectangles are video. */
export { HybridDecoder, type HybridVideo, type Rectangle } from "./wire/hybrid.ts";
export { HybridEncoder, type HybridOptions, type VideoEncoder, type VideoPicture } from "./wire/hybrid-encoder.ts";
/** Messages between programs of one machine: `itkp.encode("ClockPing", { senderTimeMs })`, `itkp.decode(bytes)`. */
export * as itkp from "./wire/itkp.ts";
/** Bytes of a frame buffer's segment. */
export { frameBufferBytes } from "./wire/layouts.ts";
/** Signals: RFC 7396 merge patches with limits. */
export { applyMergePatch, diffSignals, type Json, parseSignal, SignalState, signalBytes } from "./wire/merge.ts";
/** Putting a frame together again. */
export { Reassembler, type ReassemblyStats, type WholeFrame } from "./wire/reassembly.ts";
/** Run-length packing of pictures and their differences. */
export { applyDelta, packDelta, rleBound, rleDecode, rleEncode } from "./wire/rle.ts";
/** Headers and payloads: `header.counter(view, at)` reads, `header.set.counter(view, at, value)` writes. */
export * as root from "./wire/root.ts";
