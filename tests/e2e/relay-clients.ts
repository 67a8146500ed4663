/**
 * A relay as a process of its own and clients that talk to it over real sockets: Bun's WebSocket, and bare TCP for what no honest
 * client sends.
 */

import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RelayReport } from "../../src/relay/stats.ts";
import { decodeFrame } from "../../src/wire/ds.ts";
import { executable } from "./harness.ts";
import { Child, patienceMs } from "./processes.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function freshHome(): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-relay-"));
  folders.push(folder);
  return folder;
}

/** Runs a command of Patchbay to its end. */
export async function patchbay(
  home: string,
  ...words: string[]
): Promise<{ status: number; out: string; err: string }> {
  const child = new Child([executable, ...words], { ...process.env, XDG_DATA_HOME: home });
  const status = await child.ended();
  return { status, out: child.out, err: child.err };
}

export class RelayProcess {
  readonly child: Child;
  readonly home: string;
  /** `127.0.0.1:PORT` */
  readonly place: string;
  readonly #isSecure: boolean;

  static async start(
    words: readonly string[] = [],
    home = freshHome(),
    env: Readonly<Record<string, string>> = {},
  ): Promise<RelayProcess> {
    const listen = words.includes("--listen") || "PATCHBAY_RELAY_LISTEN" in env ? [] : ["--listen", "127.0.0.1:0"];
    const child = new Child([executable, "relay", ...listen, ...words], {
      ...process.env,
      XDG_DATA_HOME: home,
      ...env,
    });
    const [, secure, port] = await child.until(/publish to +ws(s?):\/\/\S+:(\d+)\/source/);
    await child.until(/shows what is on/);
    return new RelayProcess(child, home, `127.0.0.1:${port}`, secure === "s");
  }

  private constructor(child: Child, home: string, place: string, isSecure: boolean) {
    this.child = child;
    this.home = home;
    this.place = place;
    this.#isSecure = isSecure;
  }

  get port(): number {
    return Number(this.place.split(":")[1]);
  }

  url(path: string, scheme: "http" | "ws" = "http"): string {
    return `${scheme}${this.#isSecure ? "s" : ""}://${this.place}${path}`;
  }

  fetch(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.url(path), { headers, tls: { rejectUnauthorized: false } });
  }

  /** What an upgrade is answered, without becoming one. */
  async ask(
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const answered = await this.fetch(path, { ...upgrade, ...headers });
    return { status: answered.status, body: (await answered.json()) as Record<string, unknown> };
  }

  async stats(): Promise<RelayReport> {
    return (await (await this.fetch("/api/stats")).json()) as RelayReport;
  }

  async channel(name: string) {
    const found = (await this.stats()).channels.find((one) => one.name === name);
    if (!found) throw new Error(`there is no channel ${name}`);
    return found;
  }

  open(path: string, headers: Record<string, string> = {}): Promise<Client> {
    return Client.open(this.url(path, "ws"), headers);
  }

  /** A TCP connection on which the upgrade is done; the test writes bytes. */
  async raw(path: string): Promise<RawClient> {
    const client = await RawClient.open(this.port);
    const lines = Object.entries(upgrade).map(([name, value]) => `${name}: ${value}\r\n`);
    client.write(`GET ${path} HTTP/1.1\r\nHost: ${this.place}\r\n${lines.join("")}\r\n`);
    await client.until((text) => text.includes("\r\n\r\n"));
    return client;
  }
}

export const upgrade = {
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

export class Client {
  readonly #socket: WebSocket;
  readonly #listeners = new Set<() => void>();
  readonly received: (Uint8Array | string)[] = [];
  /** Of the close. */
  code: number | undefined;

  static async open(url: string, headers: Record<string, string>): Promise<Client> {
    // Bun takes more than the browsers' type says.
    const options = { headers, tls: { rejectUnauthorized: false } } as unknown as string[];
    const socket = new WebSocket(url, options);
    const client = new Client(socket);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error(`${url} was refused`));
    });
    return client;
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      this.received.push(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
      this.#tell();
    };
    socket.onclose = ({ code }) => {
      this.code = code;
      this.#tell();
    };
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  send(message: Uint8Array | string): void {
    this.#socket.send(message as Uint8Array<ArrayBuffer> | string);
  }

  close(): void {
    this.#socket.close();
  }

  /** `keyframe 1` for each frame but the relay's pings. */
  get names(): string[] {
    return this.received.flatMap((message) => {
      if (typeof message === "string") return [message];
      const frame = decodeFrame(message);
      if (!frame.ok) return [`no frame, ${message.length} bytes`];
      return frame.value.name === "ping" ? [] : [`${frame.value.name} ${frame.value.sequence}`];
    });
  }

  until(what: string, holds: (client: Client) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!holds(this)) return;
        done();
        resolve();
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`not in time: ${what}; got ${this.names.slice(-20).join(", ")}, close ${this.code}`));
      }, patienceMs);
      const done = () => {
        clearTimeout(timer);
        this.#listeners.delete(look);
      };
      this.#listeners.add(look);
      look();
    });
  }

  frames(count: number): Promise<void> {
    return this.until(`${count} frames`, () => this.names.length >= count);
  }

  closed(): Promise<void> {
    return this.until("the close", () => this.code !== undefined);
  }
}

export class RawClient {
  readonly #socket: Bun.Socket<undefined>;
  text = "";
  isClosed = false;
  #wake: () => void = () => undefined;

  static async open(port: number): Promise<RawClient> {
    let client: RawClient | undefined;
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, bytes) => {
          if (!client) return;
          client.text += bytes.toString("latin1");
          client.#wake();
        },
        close: () => {
          if (client) client.isClosed = true;
        },
        error: () => {
          if (client) client.isClosed = true;
        },
      },
    });
    socket.setNoDelay(true);
    client = new RawClient(socket);
    return client;
  }

  private constructor(socket: Bun.Socket<undefined>) {
    this.#socket = socket;
  }

  write(bytes: Uint8Array | string): void {
    this.#socket.write(bytes);
  }

  /** Reads no more. */
  pause(): void {
    this.#socket.pause();
  }

  end(): void {
    this.#socket.terminate();
  }

  async until(holds: (text: string) => boolean): Promise<void> {
    const end = performance.now() + patienceMs;
    while (!holds(this.text)) {
      if (performance.now() > end) throw new Error(`other bytes came: ${this.text.slice(-500)}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, 1000);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
    }
  }

  /** The code of the close frame that came, if one came at the end of what was read. */
  get closeCode(): number | undefined {
    const at = this.text.lastIndexOf("\x88");
    return at < 0 ? undefined : (this.text.charCodeAt(at + 2) << 8) | this.text.charCodeAt(at + 3);
  }
}

/** A masked frame as a client sends it (RFC 6455 section 5.2), payloads under 64 KiB. */
export function wsFrame(opcode: number, payload: Uint8Array, isFinal = true): Uint8Array {
  const mask = [1, 2, 3, 4];
  const size = payload.length;
  const head = [(isFinal ? 0x80 : 0) | opcode, ...(size < 126 ? [0x80 | size] : [0x80 | 126, size >> 8, size & 255])];
  return new Uint8Array([...head, ...mask, ...payload.map((byte, i) => byte ^ (mask[i & 3] as number))]);
}
