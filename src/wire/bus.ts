/**
 * Reading and writing what relays of a cluster say to each other (bus-layouts.ts). Pure. Bytes of a bus come from whoever may write to
 * it: what is wrong with them is a value.
 */
import { utf8 } from "../base/bytes.ts";
import {
  announceFlag,
  busAnnounceLayout,
  busCatchUpLayout,
  busClaimLayout,
  busHeadLayout,
  busWantLayout,
  claimFlag,
  wantFlag,
} from "./bus-layouts.ts";
import { accessors, check, decode, encode } from "./codec.ts";
import type { Decoded, WireError } from "./schema.ts";

export * from "./bus-layouts.ts";

const head = accessors(busHeadLayout);
const claimHead = accessors(busClaimLayout);

/** What a bus message says besides its body. */
export interface BusHead {
  readonly kind: number;
  readonly origin: number;
  /** Empty where no channel is meant. */
  readonly channel: string;
  readonly epoch: number;
  readonly sequence: number;
}

/** A bus message as it came: a whole body, or a piece of one. */
export interface BusPiece extends BusHead {
  readonly chunkIndex: number;
  readonly chunkCount: number;
  readonly totalSize: number;
  /** Lies in the message's own bytes. */
  readonly data: Uint8Array;
}

/**
 * The bus messages that carry a body, each in memory of its own: one when it fits into `largestBytes`, else pieces. None when
 * the body would take more pieces than can be counted.
 */
export function* busMessages(of: BusHead, body: Uint8Array, largestBytes: number): Generator<Uint8Array<ArrayBuffer>> {
  const name = utf8(of.channel);
  const room = largestBytes - busHeadLayout.bytes - name.length;
  const chunkCount = Math.max(1, Math.ceil(body.length / room));
  if (room < 1 || chunkCount > 0xffff) return;
  const { kind, origin, epoch, sequence } = of;
  for (let chunkIndex = 0; chunkIndex < chunkCount; chunkIndex++) {
    const data = body.subarray(chunkIndex * room, (chunkIndex + 1) * room);
    const out = new Uint8Array(busHeadLayout.bytes + name.length + data.length);
    const shape = { nameSize: name.length, chunkIndex, chunkCount, totalSize: body.length };
    encode(busHeadLayout, { kind, origin, epoch, sequence, ...shape }, viewOf(out), 0, name.length + data.length);
    out.set(name, busHeadLayout.bytes);
    out.set(data, busHeadLayout.bytes + name.length);
    yield out;
  }
}

const text = new TextDecoder("utf-8", { fatal: true });

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return text.decode(bytes);
  } catch {
    return undefined;
  }
}

export function readBusMessage(bytes: Uint8Array): Decoded<BusPiece> {
  const view = viewOf(bytes);
  const error = check(busHeadLayout, view, 0, bytes.length) ?? checkPieces(view, bytes.length);
  if (error) return { ok: false, error };
  const from = busHeadLayout.bytes + head.nameSize(view, 0);
  const channel = textOf(bytes.subarray(busHeadLayout.bytes, from));
  if (channel === undefined) return { ok: false, error: "text" };
  return {
    ok: true,
    value: {
      kind: head.kind(view, 0),
      origin: head.origin(view, 0),
      channel,
      epoch: head.epoch(view, 0),
      sequence: head.sequence(view, 0),
      chunkIndex: head.chunkIndex(view, 0),
      chunkCount: head.chunkCount(view, 0),
      totalSize: head.totalSize(view, 0),
      data: bytes.subarray(from),
    },
  };
}

/** That number, size and total of the pieces agree. */
function checkPieces(view: DataView, size: number): WireError | undefined {
  const dataSize = size - busHeadLayout.bytes - head.nameSize(view, 0);
  const [index, count, total] = [head.chunkIndex(view, 0), head.chunkCount(view, 0), head.totalSize(view, 0)];
  if (dataSize < 0) return "length";
  if (index >= count) return "counter";
  if (count === 1) return dataSize === total ? undefined : "length";
  // All but the last are equally large, so each but the last says how many there must be.
  if (index < count - 1) return dataSize > 0 && Math.ceil(total / dataSize) === count ? undefined : "length";
  return dataSize > 0 && dataSize <= total ? undefined : "length";
}

export function catchUpBody(nextSequence: number, messages: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = messages.reduce((sum, message) => sum + 4 + message.length, busCatchUpLayout.bytes);
  const out = new Uint8Array(size);
  const view = viewOf(out);
  encode(busCatchUpLayout, { nextSequence }, view, 0, size - busCatchUpLayout.bytes);
  let at = busCatchUpLayout.bytes;
  for (const message of messages) {
    view.setUint32(at, message.length, true);
    out.set(message, at + 4);
    at += 4 + message.length;
  }
  return out;
}

/** The messages lie in `body`. */
export function readCatchUp(body: Uint8Array): Decoded<{ nextSequence: number; messages: Uint8Array[] }> {
  const view = viewOf(body);
  const fixed = decode(busCatchUpLayout, view, 0, body.length);
  if (!fixed.ok) return fixed;
  const messages: Uint8Array[] = [];
  let at = busCatchUpLayout.bytes;
  while (at < body.length) {
    if (at + 4 > body.length) return { ok: false, error: "length" };
    const end = at + 4 + view.getUint32(at, true);
    if (end > body.length) return { ok: false, error: "length" };
    messages.push(body.subarray(at + 4, end));
    at = end;
  }
  return { ok: true, value: { nextSequence: fixed.value.nextSequence, messages } };
}

export interface Want {
  readonly needsCatchUp: boolean;
  /** Of the relay that wants the channel. */
  readonly receivers: number;
}

export function wantBody({ needsCatchUp, receivers }: Want): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(busWantLayout.bytes);
  encode(busWantLayout, { flags: needsCatchUp ? wantFlag.catchUp : 0, receivers }, viewOf(out), 0, 0);
  return out;
}

export function readWant(body: Uint8Array): Decoded<Want> {
  const fixed = decode(busWantLayout, viewOf(body), 0, body.length);
  if (!fixed.ok) return fixed;
  const { flags, receivers } = fixed.value;
  return { ok: true, value: { needsCatchUp: (flags & wantFlag.catchUp) !== 0, receivers } };
}

/** One relay's claim to a channel. */
export interface BusClaim {
  readonly channel: string;
  /** One of claimState. */
  readonly state: number;
  readonly isSettled: boolean;
  readonly epoch: number;
  readonly nextSequence: number;
}

export interface Announcement {
  /** These are all claims of the relay; otherwise only those that changed. */
  readonly isWhole: boolean;
  readonly asks: boolean;
  readonly claims: readonly BusClaim[];
}

export function announceBody({ isWhole, asks, claims }: Announcement): Uint8Array<ArrayBuffer> {
  const names = claims.map(({ channel }) => utf8(channel));
  const size = names.reduce((sum, name) => sum + busClaimLayout.bytes + name.length, busAnnounceLayout.bytes);
  const out = new Uint8Array(size);
  const view = viewOf(out);
  const flags = (isWhole ? announceFlag.whole : 0) | (asks ? announceFlag.asks : 0);
  encode(busAnnounceLayout, { flags, count: claims.length }, view, 0, size - busAnnounceLayout.bytes);
  let at = busAnnounceLayout.bytes;
  for (const [index, { state, isSettled, epoch, nextSequence }] of claims.entries()) {
    const name = names[index] as Uint8Array;
    const fields = { state, flags: isSettled ? claimFlag.settled : 0, nameSize: name.length, epoch, nextSequence };
    encode(busClaimLayout, fields, view, at, name.length);
    out.set(name, at + busClaimLayout.bytes);
    at += busClaimLayout.bytes + name.length;
  }
  return out;
}

export function readAnnouncement(body: Uint8Array): Decoded<Announcement> {
  const view = viewOf(body);
  const fixed = decode(busAnnounceLayout, view, 0, body.length);
  if (!fixed.ok) return fixed;
  const claims: BusClaim[] = [];
  let at = busAnnounceLayout.bytes;
  while (claims.length < fixed.value.count) {
    const left = body.length - at - busClaimLayout.bytes;
    const nameSize = left < 0 ? 0 : claimHead.nameSize(view, at);
    if (left < nameSize) return { ok: false, error: "length" };
    const claim = decode(busClaimLayout, view, at, busClaimLayout.bytes + nameSize);
    if (!claim.ok) return claim;
    const from = at + busClaimLayout.bytes;
    const channel = textOf(body.subarray(from, from + nameSize));
    if (channel === undefined) return { ok: false, error: "text" };
    const { state, flags, epoch, nextSequence } = claim.value;
    claims.push({ channel, state, isSettled: (flags & claimFlag.settled) !== 0, epoch, nextSequence });
    at = from + nameSize;
  }
  if (at !== body.length) return { ok: false, error: "length" };
  const { flags } = fixed.value;
  const isWhole = (flags & announceFlag.whole) !== 0;
  return { ok: true, value: { isWhole, asks: (flags & announceFlag.asks) !== 0, claims } };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
