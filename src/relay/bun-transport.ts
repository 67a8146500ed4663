/**
 * The relay's WebSockets over Bun's own server: with TLS, and wherever the native server is not to be had. Each receiver is sent to by
 * itself and only while its socket takes more, so that a slow one holds up nobody and what waits for it is not copied
 * (Bun.serve's publish would buffer a copy for each). A message is looked at when it is whole, so an unfinished
 * one may take as much memory as a source's largest, whoever sends it. What it does not do: decide who may connect, or keep time.
 */
import { fail, ok, type Result } from "../base/result.ts";
import { closeCode } from "./limits.ts";
import { type MessageSocket, SocketTransport } from "./socket-transport.ts";
import type { ConnectionId, RelayTransportEvents } from "./transport.ts";
import { checkUpgrade } from "./upgrade.ts";

export interface BunTransportSettings {
  readonly address: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** The largest message that any connection may be accepted with. */
  readonly maxMessageBytes: number;
  /** PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

interface Attached {
  readonly id: ConnectionId;
  readonly maxMessageBytes: number;
}

type Server = Bun.Server<Attached>;

interface Pending {
  readonly request: Request;
  readonly answer: (response: Response | undefined) => void;
}

/** An HTTP body that a request brings is never read; more than this is refused at once. */
const bodyBytes = 64 * 1024;
/** Requests that wait for their answer. */
const pendingRequests = 1024;

class BunSocket implements MessageSocket {
  readonly #socket: Bun.ServerWebSocket<Attached>;

  constructor(socket: Bun.ServerWebSocket<Attached>) {
    this.#socket = socket;
  }
  get buffered(): number {
    return this.#socket.getBufferedAmount();
  }
  write(message: Uint8Array | string): void {
    this.#socket.send(message as Uint8Array<ArrayBuffer> | string);
  }
  ping(): void {
    this.#socket.ping();
  }
  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }
  terminate(): void {
    this.#socket.terminate();
  }
}

/** The far end of a connection within this process. */
export interface InsidePeer {
  /** The bytes are lent for the call. */
  binary(bytes: Uint8Array): void;
  closed(): void;
}

/** The address that requests from within this process carry; no real one is written so. */
export const insideAddress = "inside";

export class BunTransport extends SocketTransport {
  readonly #settings: BunTransportSettings;
  readonly #pending = new Map<ConnectionId, Pending>();
  readonly #inside = new Map<ConnectionId, InsidePeer>();
  #server: Server | undefined;

  /** Listens at once. Code unavailable when the address cannot be had or the certificate is none. */
  static open(settings: BunTransportSettings, events: RelayTransportEvents): Result<BunTransport> {
    const transport = new BunTransport(settings, events);
    try {
      transport.#listen();
      return ok(transport);
    } catch (cause) {
      return cannotListen(settings, cause);
    }
  }

  private constructor(settings: BunTransportSettings, events: RelayTransportEvents) {
    super(events);
    this.#settings = settings;
  }

  #listen(): void {
    const { address, port, maxMessageBytes, tls } = this.#settings;
    this.#server = Bun.serve<Attached>({
      hostname: address,
      reusePort: false,
      port,
      development: false,
      maxRequestBodySize: bodyBytes,
      ...(tls && { tls: { cert: tls.cert, key: tls.key } }),
      fetch: (request, server) => this.#request(request, server),
      websocket: {
        maxPayloadLength: maxMessageBytes,
        // The relay has a keepalive of its own, which knows who is who.
        idleTimeout: 0,
        sendPings: false,
        perMessageDeflate: false,
        backpressureLimit: 2 ** 31 - 1,
        open: (socket) => this.opened(socket.data.id, new BunSocket(socket), socket.data.maxMessageBytes),
        message: (socket, message) => {
          if (typeof message === "string") this.receivedText(socket.data.id, message);
          else this.receivedBinary(socket.data.id, message);
        },
        drain: (socket) => this.writable(socket.data.id),
        ping: (socket) => this.alive(socket.data.id, false),
        pong: (socket) => this.alive(socket.data.id, true),
        close: (socket, code, reason) => {
          // Bun tells the peer 1009 and calls it 1006 here.
          const isTooLarge = code === 1006 && reason === "Received too big message";
          if (isTooLarge) this.refusals.add(String(closeCode.tooLarge));
          this.ended(socket.data.id, isTooLarge ? closeCode.tooLarge : code);
        },
      },
    });
  }

  #request(request: Request, server: Server): Promise<Response | undefined> | Response {
    const headers: ReadonlyMap<string, string> = new Map(request.headers);
    const upgrade = checkUpgrade(request.method, headers);
    if (typeof upgrade === "object") return this.#refuse(upgrade.status, upgrade.message);
    if (this.#pending.size >= pendingRequests) return this.#refuse(503, "Too many requests wait for an answer.");
    const url = new URL(request.url);
    const id = this.nextConnection++;
    return new Promise((answer) => {
      this.#pending.set(id, { request, answer });
      this.events.request({
        connection: id,
        method: request.method,
        target: url.pathname + url.search,
        headers,
        remote: server.requestIP(request)?.address ?? "",
        isUpgrade: upgrade,
        isSecure: this.#settings.tls !== undefined,
      });
    });
  }

  #refuse(status: number, message: string): Response {
    this.refusals.add(String(status));
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (status === 426) headers["sec-websocket-version"] = "13";
    return new Response(`${JSON.stringify({ error: "bad-request", message })}\n`, { status, headers });
  }

  #take(id: ConnectionId): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  /** The socket is open when this returns, unless the peer is gone already. */
  accept(id: ConnectionId, maxMessageBytes: number): void {
    const inside = this.#inside.get(id);
    if (inside) {
      this.opened(id, this.#insideSocket(id, inside), maxMessageBytes);
      return;
    }
    const pending = this.#take(id);
    if (!pending) return;
    if (this.#server?.upgrade(pending.request, { data: { id, maxMessageBytes } })) {
      pending.answer(undefined);
      return;
    }
    pending.answer(new Response(null, { status: 400 }));
    this.later(() => this.events.closed(id, 1006));
  }

  respond(id: ConnectionId, status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): void {
    this.#inside.delete(id);
    this.#take(id)?.answer(new Response(body as Uint8Array<ArrayBuffer>, { status, headers }));
  }

  /** A connection without a network between: asks like any other. Undefined when it is refused. */
  connectInside(target: string, peer: InsidePeer): ConnectionId | undefined {
    const connection = this.nextConnection++;
    this.#inside.set(connection, peer);
    const fixed = { method: "GET", headers: new Map(), isUpgrade: true, isSecure: true };
    this.events.request({ connection, target, remote: insideAddress, ...fixed });
    return this.#inside.has(connection) ? connection : undefined;
  }

  /** Brings a message of the peer within; its bytes become the transport's. */
  bringInside(id: ConnectionId, bytes: Uint8Array): void {
    this.receivedBinary(id, bytes);
  }

  leaveInside(id: ConnectionId): void {
    if (this.#inside.delete(id)) this.ended(id, closeCode.goingAway);
  }

  #insideSocket(id: ConnectionId, peer: InsidePeer): MessageSocket {
    const end = () => {
      if (!this.#inside.has(id)) return;
      this.leaveInside(id);
      peer.closed();
    };
    return {
      buffered: 0,
      write: (message) => {
        if (typeof message !== "string") peer.binary(message);
      },
      ping: () => this.later(() => this.alive(id, true)),
      close: end,
      terminate: end,
    };
  }

  protected later(work: () => void): void {
    queueMicrotask(work);
  }

  get port(): number {
    return this.#server?.port ?? this.#settings.port;
  }

  stopListening(): void {
    void this.#server?.stop(false);
  }

  protected closeAll(): void {
    const server = this.#server;
    this.#server = undefined;
    void server?.stop(true);
  }
}

function cannotListen({ address, port, tls }: BunTransportSettings, cause: unknown): Result<never> {
  const error = cause as NodeJS.ErrnoException;
  const why =
    error.code === "EADDRINUSE" ? "it is in use" : error instanceof Error ? error.message.trim() : String(cause);
  const hint = tls && error.code !== "EADDRINUSE" ? "; look at --listen, --tls-cert and --tls-key" : "";
  return fail(
    "unavailable",
    `The relay cannot listen on ${address}:${port} (${why})${hint || "; give it another with --listen"}.`,
  );
}
