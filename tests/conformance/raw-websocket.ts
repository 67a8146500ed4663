/**
 * A WebSocket client over a bare TCP socket, for tests: it can stop reading, vanish, and send any bytes. It shows the payload
 * of data frames and the code of a close, answers a close but no ping, and trusts the server not at all.
 */
import { connect, type Socket } from "node:net";

/** A frame as a client sends it, under a fixed mask. */
export function clientFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const length = payload.length;
  const extended = length < 126 ? [length] : length < 65536 ? [126, length >> 8, length & 255] : undefined;
  if (!extended) throw new RangeError("tests send small frames");
  const mask = [0x11, 0xc2, 0x33, 0xf4];
  const head = [0x80 | opcode, 0x80 | (extended[0] as number), ...extended.slice(1), ...mask];
  const frame = new Uint8Array(head.length + length);
  frame.set(head);
  for (let i = 0; i < length; i++) frame[head.length + i] = (payload[i] as number) ^ (mask[i % 4] as number);
  return frame;
}

export class RawWebSocket {
  /** HTTP status of the answer. */
  status: number | undefined;
  /** Code of the server's close frame, or 1006 when the socket ended without one. */
  code: number | undefined;
  pings = 0;
  pongs: string[] = [];
  readonly messages: (Uint8Array | string)[] = [];
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);

  constructor(port: number, target: string) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("error", () => this.#socket.destroy());
    this.#socket.on("close", () => {
      this.code ??= 1006;
    });
    this.#socket.on("data", (data: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, data]);
      this.#parse();
    });
    const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13";
    this.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${key}\r\n\r\n`);
  }

  write(data: Uint8Array | string): void {
    this.#socket.write(data);
  }

  send(data: Uint8Array | string): void {
    if (typeof data === "string") this.write(clientFrame(1, new TextEncoder().encode(data)));
    else this.write(clientFrame(2, data));
  }

  close(code: number): void {
    this.write(clientFrame(8, Uint8Array.of(code >> 8, code & 255)));
  }

  stall(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  vanish(): void {
    this.#socket.destroy();
  }

  #parse(): void {
    if (this.status === undefined) {
      const end = this.#bytes.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.status = Number(this.#bytes.toString("latin1", 9, 12));
      this.#bytes = this.#bytes.subarray(end + 4);
    }
    while (this.status === 101 && this.#frame());
  }

  #closed(payload: Uint8Array): void {
    const [high, low] = payload;
    this.code ??= high !== undefined && low !== undefined ? (high << 8) | low : 1005;
    this.write(clientFrame(8, payload.subarray(0, 2)));
  }

  /** Takes one whole frame off the buffer. */
  #frame(): boolean {
    const bytes = this.#bytes;
    if (bytes.length < 2) return false;
    const short = (bytes[1] as number) & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < head) return false;
    const size = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    if (bytes.length < head + size) return false;
    const payload = new Uint8Array(bytes.subarray(head, head + size));
    this.#bytes = bytes.subarray(head + size);
    const opcode = (bytes[0] as number) & 15;
    if (opcode === 1) this.messages.push(new TextDecoder().decode(payload));
    else if (opcode === 2) this.messages.push(payload);
    else if (opcode === 8) this.#closed(payload);
    else if (opcode === 9) this.pings++;
    else if (opcode === 10) this.pongs.push(new TextDecoder().decode(payload));
    return true;
  }
}
