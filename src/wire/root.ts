/**
 * Reading and writing RootStream packets (protocol version 2, RootStream sections 3, 4 and 13): accessors for hot paths,
 * the checks that every datagram passes, and whole-message encoders and decoders. Pure: it opens no seal, keeps no state, and
 * what a peer sends wrong is a WireError value. A receiver calls checkPacket on the datagram, opens the seal, and calls
 * checkPayload on the plaintext; after both, every accessor is safe.
 */
import { accessors, check, encode, read } from "./codec.ts";
import { checkDeviceInput } from "./device-input.ts";
import {
  ackLayout,
  audioLayout,
  chunkFlag,
  chunkLayout,
  controlLayout,
  deviceInputLayout,
  handshakeLayout,
  handshakeStep,
  headerBytes,
  headerLayout,
  helloBytes,
  identityLayout,
  inputLayout,
  type PacketName,
  packetSizeLimit,
  packetType,
  payloads,
  pingLayout,
  pongLayout,
  reliableLayout,
  rumbleLayout,
  tagBytes,
} from "./root-layouts.ts";
import type { Decoded, Layout, Values, WireError } from "./schema.ts";

export * from "./identity.ts";
export * from "./root-layouts.ts";
export { type Decoded, type WireError, wireErrors } from "./schema.ts";

export const header = accessors(headerLayout);
export const handshake = accessors(handshakeLayout);
export const chunk = accessors(chunkLayout);
export const audio = accessors(audioLayout);
export const input = accessors(inputLayout);
export const control = accessors(controlLayout);
export const ping = accessors(pingLayout);
export const pong = accessors(pongLayout);
export const reliable = accessors(reliableLayout);
export const ack = accessors(ackLayout);
export const identity = accessors(identityLayout);
export const deviceInput = accessors(deviceInputLayout);
export const rumble = accessors(rumbleLayout);

/** Layout by packet type; undefined for numbers without one. */
const layoutByType: (Layout | undefined)[] = [];
for (const name of Object.keys(packetType) as PacketName[]) layoutByType[packetType[name]] = payloads[name].layout;

/**
 * Checks a received datagram before anything secret is touched: header, and that the size fits it.
 * The payload is not looked into. Allocates nothing.
 */
export function checkPacket(view: DataView, at: number, size: number): WireError | undefined {
  if (size > packetSizeLimit) return "length";
  const error = check(headerLayout, view, at, size);
  if (error) return error;
  const isHandshake = header.type(view, at) === packetType.handshake;
  if (isHandshake && header.counter(view, at) !== 0) return "counter";
  const payload = size - headerBytes - (isHandshake ? 0 : tagBytes);
  return payload === header.payloadSize(view, at) ? undefined : "length";
}

/** Checks a plaintext payload of a packet type (of a handshake: its body). Allocates nothing. */
export function checkPayload(type: number, view: DataView, at: number, size: number): WireError | undefined {
  const of = layoutByType[type];
  if (!of) return "type";
  const error = check(of, view, at, size);
  if (error) return error;
  if (type === packetType.video) return checkChunk(view, at);
  if (type === packetType.input) return checkEvents(view, at, size);
  if (type === packetType.deviceInput) return checkDeviceInput(view, at, size);
  if (type === packetType.reliable) return checkPayload(reliable.innerType(view, at), view, at + 8, size - 8);
  if (type === packetType.handshake && handshake.step(view, at) === handshakeStep.hello && size < helloBytes)
    return "length";
  return undefined;
}

function checkChunk(view: DataView, at: number): WireError | undefined {
  const end = chunk.offset(view, at) + chunk.chunkSize(view, at);
  const total = chunk.totalSize(view, at);
  if (end > total) return "range";
  const saysLast = (chunk.flags(view, at) & chunkFlag.last) !== 0;
  return saysLast === (end === total) ? undefined : "flags";
}

function checkEvents(view: DataView, at: number, size: number): WireError | undefined {
  for (let i = inputLayout.bytes; i < size; i += inputLayout.bytes) {
    const error = check(inputLayout, view, at + i, inputLayout.bytes);
    if (error) return error;
  }
  return undefined;
}

/** Writes a header; the payload's `payloadSize` bytes go behind it. Allocates nothing. */
export function putHeader(view: DataView, at: number, type: number, counter: number, payloadSize: number): void {
  header.set.magic(view, at, headerLayout.fields.magic.constant);
  header.set.version(view, at, headerLayout.fields.version.constant);
  header.set.type(view, at, type);
  header.set.flags(view, at, 0);
  header.set.counter(view, at, counter);
  header.set.payloadSize(view, at, payloadSize);
}

/** Writes one input event and returns its size. */
export function putInput(view: DataView, at: number, type: number, code: number, value: number): number {
  input.set.type(view, at, type);
  input.set.code(view, at, code);
  input.set.value(view, at, value);
  return inputLayout.bytes;
}

/** Writes the head of an audio payload and returns its size; the Opus packet goes behind it. */
export function putAudio(
  view: DataView,
  at: number,
  timestampUs: number,
  sampleRate: number,
  channels: number,
  samples: number,
): number {
  audio.set.timestampUs(view, at, timestampUs);
  audio.set.sampleRate(view, at, sampleRate);
  audio.set.channels(view, at, channels);
  audio.set.samples(view, at, samples);
  return audioLayout.bytes;
}

/** Writes a control payload and returns its size. */
export function putControl(view: DataView, at: number, command: number, value = 0): number {
  control.set.command(view, at, command);
  control.set.value(view, at, value);
  return controlLayout.bytes;
}

/** Writes a ping payload and returns its size. */
export function putPing(view: DataView, at: number, timeUs: number, lastFrameId: number): number {
  ping.set.timeUs(view, at, timeUs);
  ping.set.lastFrameId(view, at, lastFrameId);
  ping.set.reserved(view, at, 0);
  return pingLayout.bytes;
}

/** Writes a pong payload and returns its size. */
export function putPong(view: DataView, at: number, echoedUs: number, receivedUs: number, sentUs: number): number {
  pong.set.echoedUs(view, at, echoedUs);
  pong.set.receivedUs(view, at, receivedUs);
  pong.set.sentUs(view, at, sentUs);
  return pongLayout.bytes;
}

/** Writes the head of a reliable payload and returns its size; the inner payload goes behind it. */
export function putReliable(view: DataView, at: number, sequence: number, innerType: number): number {
  reliable.set.sequence(view, at, sequence);
  reliable.set.innerType(view, at, innerType);
  reliable.set.reserved(view, at, 0);
  reliable.set.reserved2(view, at, 0);
  return reliableLayout.bytes;
}

/** Writes an ack payload and returns its size. */
export function putAck(view: DataView, at: number, next: number): number {
  ack.set.next(view, at, next);
  ack.set.reserved(view, at, 0);
  return ackLayout.bytes;
}

/** Writes the head of a device's payload and returns its size; a name or events go behind it. */
export function putDeviceInput(view: DataView, at: number, device: number, action: number, capabilities = 0): number {
  deviceInput.set.device(view, at, device);
  deviceInput.set.action(view, at, action);
  deviceInput.set.capabilities(view, at, capabilities);
  return deviceInputLayout.bytes;
}

/** Writes a rumble payload and returns its size. */
export function putRumble(
  view: DataView,
  at: number,
  device: number,
  strong: number,
  weak: number,
  durationMs: number,
): number {
  rumble.set.device(view, at, device);
  rumble.set.reserved(view, at, 0);
  rumble.set.strong(view, at, strong);
  rumble.set.weak(view, at, weak);
  rumble.set.durationMs(view, at, durationMs);
  return rumbleLayout.bytes;
}

type LayoutOf<Name extends PacketName> = (typeof payloads)[Name]["layout"];
/** A payload's fixed fields and what follows them. */
export type Payload<Name extends PacketName> = { fields: Values<LayoutOf<Name>>; tail: Uint8Array };

/** Checks and reads a whole plaintext payload; allocates. The tail is a copy. */
export function decodePayload<Name extends PacketName>(name: Name, bytes: Uint8Array): Decoded<Payload<Name>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const error = checkPayload(packetType[name], view, 0, bytes.length);
  if (error) return { ok: false, error };
  const of: Layout = payloads[name].layout;
  return { ok: true, value: { fields: read(of, view, 0) as Values<LayoutOf<Name>>, tail: bytes.slice(of.bytes) } };
}

/** Makes a whole plaintext payload. Throws a RangeError for one that decodePayload would refuse. */
export function encodePayload<Name extends PacketName>(
  name: Name,
  fields: Values<LayoutOf<Name>>,
  tail: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const of: Layout = payloads[name].layout;
  const out = new Uint8Array(of.bytes + tail.length);
  const view = new DataView(out.buffer);
  out.set(tail, of.bytes);
  encode(of, fields as Values<Layout>, view, 0, tail.length);
  const error = checkPayload(packetType[name], view, 0, out.length);
  if (error) throw new RangeError(`${name} would be refused: ${error}`);
  return out;
}

/** A whole handshake datagram: header with counter 0 and the plaintext body. */
export function encodeHandshakePacket(
  fields: Values<typeof handshakeLayout>,
  noise: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const body = encodePayload("handshake", fields, noise);
  const out = new Uint8Array(headerBytes + body.length);
  putHeader(new DataView(out.buffer), 0, packetType.handshake, 0, body.length);
  out.set(body, headerBytes);
  return out;
}
