/**
 * What relays of one cluster say to each other over a message bus, as data: Patchbay's own, no part of ds-stream. Every bus
 * message is a 32-byte head, a channel's name (absent where none is meant) and a body, or one piece of a body that is larger than the
 * bus takes. It never reads or writes a byte: bus.ts does.
 */
import { layout, reserved } from "./schema.ts";

/** "PBUS" in the order of the bytes. */
export const busMagic = 0x5355_4250;
export const busVersion = 1;
/** Channel names, as relay/paths.ts has them. */
export const busNameLimit = 128;
/** Higher epochs are refused, so that one relay's error cannot use them up for all. */
export const busEpochLimit = 0x7fff_ffff;

/** Receivers that one relay may say it has. */
export const busReceiverLimit = 1_000_000;

/** Claims in one announcement. */
export const busClaimLimit = 4096;

export const busKind = {
  /** A message of the channel's source, to the channel's subject. */
  frame: 1,
  /** All that a newcomer needs, to one relay. */
  catchUp: 2,
  /** A relay has so many receivers for this channel; to the relay of the source, at each change and again at each beat. */
  want: 3,
  /** It has none any more. */
  leave: 4,
  /** An input event of a receiver, to the relay of the source. */
  input: 5,
  /** A text between signalling peers, to the channel's signalling subject. */
  signal: 6,
  /** The claims of a relay: to all, or to one that asked. */
  announce: 7,
  /** The relay goes; its claims are over. */
  bye: 8,
} as const;

export const wantFlag = { catchUp: 1 } as const;
export const announceFlag = { whole: 1, asks: 2 } as const;
/** Of a claim: the source has left and its cache is kept; the source is connected; the claim is over. */
export const claimState = { kept: 1, live: 2, gone: 3 } as const;
export const claimFlag = { settled: 1 } as const;

const largest = 128 * 1024 * 1024;

export const busHeadLayout = layout({
  name: "busHead",
  doc: "Head of every bus message; the channel's name and then the body, or its piece, follow",
  bytes: 32,
  fields: {
    magic: { at: 0, type: "u32", constant: busMagic, error: "magic", doc: '"PBUS"' },
    version: { at: 4, type: "u8", constant: busVersion, error: "version", doc: "version" },
    kind: { at: 5, type: "u8", oneOf: busKind, error: "type", doc: "what the body is" },
    nameSize: { at: 6, type: "u8", range: [0, busNameLimit], error: "length", doc: "bytes of the channel's name" },
    reserved: reserved(7, "u8"),
    origin: { at: 8, type: "u64", range: [1, Number.MAX_SAFE_INTEGER], doc: "relay that sends, a random number" },
    epoch: {
      at: 16,
      type: "u32",
      range: [0, busEpochLimit],
      doc: "of the claim to the channel; 0 where none is meant",
    },
    sequence: { at: 20, type: "u32", doc: "of a frame: counting up within its epoch, wrapping; else 0" },
    chunkIndex: { at: 24, type: "u16", doc: "which piece; they come in order" },
    chunkCount: {
      at: 26,
      type: "u16",
      range: [1, 0xffff],
      error: "counter",
      doc: "pieces; all but the last equally large",
    },
    totalSize: { at: 28, type: "u32", range: [0, largest], error: "length", doc: "bytes of the whole body" },
  },
  tail: { min: 0, max: largest, doc: "name, then body or piece" },
});

export const busCatchUpLayout = layout({
  name: "busCatchUp",
  doc: "Body of a catch-up: the messages that a newcomer needs, in order",
  bytes: 4,
  fields: { nextSequence: { at: 0, type: "u32", doc: "sequence of the first frame that is not in it" } },
  tail: { min: 0, max: largest, doc: "messages, each behind its size (u32)" },
});

export const busWantLayout = layout({
  name: "busWant",
  doc: "Body of a want",
  bytes: 8,
  fields: {
    flags: { at: 0, type: "u8", bits: wantFlag, error: "flags", doc: "1 send a catch-up" },
    reserved: reserved(1, "u8"),
    reserved2: reserved(2, "u16"),
    receivers: { at: 4, type: "u32", range: [1, busReceiverLimit], error: "counter", doc: "receivers that it has" },
  },
});

export const busAnnounceLayout = layout({
  name: "busAnnounce",
  doc: "Body of an announcement; claims follow",
  bytes: 4,
  fields: {
    flags: {
      at: 0,
      type: "u8",
      bits: announceFlag,
      error: "flags",
      doc: "1 all claims of the relay, 2 answer with yours",
    },
    reserved: reserved(1, "u8"),
    count: { at: 2, type: "u16", range: [0, busClaimLimit], error: "counter", doc: "claims" },
  },
  tail: { min: 0, max: largest, doc: "claims" },
});

export const busClaimLayout = layout({
  name: "busClaim",
  doc: "One claim; the channel's name follows",
  bytes: 12,
  fields: {
    state: { at: 0, type: "u8", oneOf: claimState, doc: "state" },
    flags: { at: 1, type: "u8", bits: claimFlag, error: "flags", doc: "1 has stood for a while" },
    nameSize: { at: 2, type: "u8", range: [1, busNameLimit], error: "length", doc: "bytes of the channel's name" },
    reserved: reserved(3, "u8"),
    epoch: { at: 4, type: "u32", range: [1, busEpochLimit], doc: "epoch" },
    nextSequence: { at: 8, type: "u32", doc: "sequence of the next frame" },
  },
  tail: { min: 1, max: busNameLimit, doc: "name" },
});
