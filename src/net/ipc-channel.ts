/**
 * One end of a local channel: whole ITKP messages over a stream socket (itk-ipc, section 3). It reads as bytes come, keeps what
 * was not asked for up to a limit and then stops reading, so that a sender waits and nothing is lost. It decides nothing
 * about who may connect (ipc.ts) and looks into no payload.
 */
import { Counters } from "../base/counters.ts";
import { limits } from "../base/limits.ts";
import { ok } from "../base/result.ts";
import { decode, encode, type ItkpMessage, type ItkpName, messageBytes, type Payload } from "../wire/itkp.ts";
import { MessageCutter } from "../wire/itkp-cutter.ts";
import { type IpcFailure, type IpcResult, ipcFail, protocolFail, systemCode } from "./ipc-failure.ts";
import { Waiting } from "./ipc-waiting.ts";

/** What a channel needs of its socket. `write` returns the bytes taken, or -1. */
export interface ChannelSocket {
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  end(): void;
  terminate(): void;
}

interface Leaving {
  bytes: Uint8Array;
  done(result: IpcResult<undefined>): void;
}

type Count = "received" | "receivedBytes" | "sent" | "sentBytes" | "refusedFull" | "dropped" | "pauses";

const queue = limits.channel;

export class Channel {
  /** `dropped`: messages that were accepted for sending, or came, and met the channel's end. */
  readonly counters = new Counters<Count>();
  readonly #socket: ChannelSocket;
  readonly #cutter = new MessageCutter();
  readonly #inbox = new Waiting<Uint8Array<ArrayBuffer>>((message) => this.#taken(message.length));
  #inboxBytes = 0;
  #isPaused = false;
  #leaving: Leaving[] = [];
  #leavingBytes = 0;
  #end: IpcFailure | undefined;

  constructor(socket: ChannelSocket) {
    this.#socket = socket;
  }

  get isConnected(): boolean {
    return this.#end === undefined;
  }

  /** Why it is not connected. Messages that came before can still be received. */
  get ended(): IpcFailure | undefined {
    return this.#end;
  }

  /**
   * Sends one message, header included. Resolves when the system has taken all of it, so that waiting for it keeps the pace of
   * the other side. QueueFull at once, and nothing is sent, when too much waits already. The bytes may be used again at once.
   */
  send(message: Uint8Array): Promise<IpcResult<undefined>> {
    const wrong = this.#end ?? objection(message) ?? this.#fullness(message.length);
    if (wrong) return Promise.resolve(wrong);
    const written = this.#leaving.length > 0 ? 0 : this.#socket.write(message);
    if (written < 0) return Promise.resolve(this.#finish(closedByPeer));
    if (written > 0) this.counters.add("sentBytes", written);
    if (written === message.length) {
      this.counters.add("sent");
      return Promise.resolve(ok(undefined));
    }
    const { promise, resolve } = Promise.withResolvers<IpcResult<undefined>>();
    this.#leaving.push({ bytes: message.slice(written), done: resolve });
    this.#leavingBytes += message.length - written;
    return promise;
  }

  #fullness(size: number): IpcFailure | undefined {
    const isFull = this.#leaving.length >= queue.queueMessages || this.#leavingBytes + size > queue.queueBytes;
    if (!isFull || this.#leaving.length === 0) return undefined;
    this.counters.add("refusedFull");
    return ipcFail(
      "QueueFull",
      `The other side reads too slowly: ${this.#leavingBytes} bytes in ${this.#leaving.length} messages wait. Send less, or wait for earlier ones.`,
    );
  }

  /** The next message, header and payload, in bytes of its own; waits for it. Without a time-out, as long as it takes. */
  recv({ timeoutMs }: { readonly timeoutMs?: number } = {}): Promise<IpcResult<Uint8Array<ArrayBuffer>>> {
    return this.#inbox.take(timeoutMs, `No message came within ${timeoutMs} ms.`);
  }

  /** The next message if it is there, undefined if not. */
  tryRecv(): IpcResult<Uint8Array<ArrayBuffer> | undefined> {
    const message = this.#inbox.tryTake();
    return message || !this.#end ? ok(message) : this.#end;
  }

  /** Messages until the channel ends; `ended` then says why. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    for (;;) {
      const message = await this.recv();
      if (!message.ok) return;
      yield message.value;
    }
  }

  /** Ends it at once. What was not yet taken by the system is not sent, and its `send` says so. May be called again. */
  close(): void {
    if (this.#end) return;
    this.#finish(ipcFail("NotConnected", "The channel was closed by this side."));
    const unread = this.#inbox.clear().length;
    if (unread > 0) this.counters.add("dropped", unread);
    this.#socket.end();
  }

  /** For the one who owns the socket: bytes came. */
  feed(chunk: Uint8Array): void {
    if (this.#end) return;
    const error = this.#cutter.push(chunk, (message) => {
      this.counters.add("received");
      this.counters.add("receivedBytes", message.length);
      if (this.#inbox.put(message)) this.#inboxBytes += message.length;
    });
    if (error) {
      this.#finish(protocolFail("The other side sent what is no message. ", error));
      this.#socket.terminate();
      return;
    }
    const isFull = this.#inbox.length >= queue.queueMessages || this.#inboxBytes >= queue.queueBytes;
    if (this.#isPaused || !isFull) return;
    this.#isPaused = true;
    this.counters.add("pauses");
    this.#socket.pause();
  }

  #taken(size: number): void {
    this.#inboxBytes -= size;
    const isRoomy = this.#inbox.length <= queue.queueMessages / 2 && this.#inboxBytes <= queue.queueBytes / 2;
    if (!this.#isPaused || this.#end || !isRoomy) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** For the one who owns the socket: there is room to write again. */
  drain(): void {
    while (!this.#end) {
      const [first] = this.#leaving;
      if (!first) return;
      const written = this.#socket.write(first.bytes);
      if (written < 0) this.#finish(closedByPeer);
      if (written <= 0) return;
      this.counters.add("sentBytes", written);
      this.#leavingBytes -= written;
      first.bytes = first.bytes.subarray(written);
      if (first.bytes.length > 0) return;
      this.#leaving.shift();
      this.counters.add("sent");
      first.done(ok(undefined));
    }
  }

  /** For the one who owns the socket: it is gone. */
  gone(cause?: unknown): void {
    const half = this.#cutter.end();
    if (half) this.#finish(protocolFail("The other side went away in the middle of a message. ", half));
    else if (!cause || systemCode(cause) === "ECONNRESET" || systemCode(cause) === "EPIPE") this.#finish(closedByPeer);
    else this.#finish(ipcFail("InputOutput", `Reading or writing failed: ${systemCode(cause)}.`));
  }

  #finish(why: IpcFailure): IpcFailure {
    if (this.#end) return this.#end;
    this.#end = why;
    this.#inbox.end(why);
    const lost = this.#leaving;
    this.#leaving = [];
    this.#leavingBytes = 0;
    if (lost.length > 0) this.counters.add("dropped", lost.length);
    for (const { done } of lost) done(why);
    return why;
  }
}

const closedByPeer = ipcFail("Closed", "The other side closed the channel.");

function objection(message: Uint8Array): IpcFailure | undefined {
  const size = messageBytes(message);
  if (!size.ok) return protocolFail("This cannot be sent. ", size.error);
  if (size.value === message.length) return undefined;
  return protocolFail("This cannot be sent. ", { name: "IncompletePayload", need: size.value, have: message.length });
}

/** Reads one framed message and decodes it. */
export async function readMessage(
  channel: Channel,
  options: { readonly timeoutMs?: number } = {},
): Promise<IpcResult<ItkpMessage>> {
  const bytes = await channel.recv(options);
  if (!bytes.ok) return bytes;
  const message = decode(bytes.value);
  return message.ok ? message : protocolFail("", message.error);
}

/** Encodes one message and writes it framed. */
export async function writeMessage<N extends ItkpName>(
  channel: Channel,
  name: N,
  payload: Payload<N>,
): Promise<IpcResult<undefined>> {
  const bytes = encode(name, payload);
  return bytes.ok ? channel.send(bytes.value) : protocolFail("", bytes.error);
}
