/**
 * A WebSocket to a server that may come and go (RFC 6455, by Bun's client): it tries again for ever, with pauses from 1 s to 10 s, and
 * says why a server refused, which the WebSocket interface itself keeps to itself. Credentials are tried one after the other.
 * It does not know what is sent over it.
 */

/** What an upgrade asks for, as a credential may have to sign it. */
export interface UpgradePlace {
  readonly host: string;
  /** Path and query. */
  readonly target: string;
}

/** Bun's WebSocket can more than a browser's, which the types of the page's code beside ours hide. */
interface ClientSocket extends WebSocket {
  ping(): void;
  terminate(): void;
}
type ClientSocketClass = new (url: string, options: { readonly headers: Record<string, string> }) => ClientSocket;
const ClientSocket = WebSocket as unknown as ClientSocketClass;

/** The Authorization header for one attempt; undefined for none. */
export type Credential = (place: UpgradePlace) => string | undefined;

export interface WebSocketSettings {
  /** `again`: this connection was open before, and was not ended by the server's wish. */
  readonly url: (again: boolean) => string;
  /** At least one; the next is tried when the server answers 401. */
  readonly credentials: readonly Credential[];
  /** Times of the keepalive; without them 5 s and 20 s. */
  readonly keepalive?: { readonly pingMs: number; readonly silenceMs: number };
}

export interface WebSocketEvents {
  open(): void;
  /** It was open and is not any more. */
  lost(code: number): void;
  /** An attempt failed; the next follows after `retryMs`. `status` is undefined when there was no HTTP answer. */
  failed(why: { readonly status: number | undefined; readonly message: string }, retryMs: number): void;
  /** The bytes are the receiver's to keep. */
  binary?(bytes: Uint8Array<ArrayBuffer>): void;
  text?(text: string): void;
}

const shortestPauseMs = 1000;
const longestPauseMs = 10_000;
/** A connection that lived this long counts as a good one. */
const stableMs = 3000;
const connectTimeoutMs = 10_000;
/** Without any sign of life for so long the server counts as gone: noticed within both, which is less than a relay's own patience. */
const usualKeepalive = { pingMs: 5000, silenceMs: 20_000 };
/** Most bytes that may wait to leave, one message that is larger by itself aside. */
const waitingLimit = 2 * 1024 * 1024;
/** Another peer took this one's place: coming back must not push that one out again. */
const takenOver = 4409;

export class ReturningWebSocket {
  readonly #settings: WebSocketSettings;
  readonly #events: WebSocketEvents;
  #socket: ClientSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pinging: ReturnType<typeof setInterval> | undefined;
  #pauseMs = shortestPauseMs;
  #credential = 0;
  /** Credentials refused since the last pause. */
  #tried = 0;
  #openedMs = 0;
  #heardMs = 0;
  #again = false;
  #isClosed = false;
  #opened = 0;

  /** Connects at once. */
  constructor(settings: WebSocketSettings, events: WebSocketEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#timer = setTimeout(() => this.#connect(), 0);
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Times that it came back after a loss. */
  get reconnects(): number {
    return Math.max(0, this.#opened - 1);
  }

  get waitingBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Takes a copy. False when there is no connection or no room: nothing is kept for later. */
  send(message: Uint8Array<ArrayBuffer> | string): boolean {
    const socket = this.#socket;
    if (!socket || socket.readyState !== WebSocket.OPEN) return false;
    const waiting = socket.bufferedAmount;
    if (waiting > 0 && waiting + message.length > waitingLimit) return false;
    socket.send(message);
    return true;
  }

  #connect(): void {
    const url = this.#settings.url(this.#again);
    const socket = new ClientSocket(url, { headers: this.#headers(url) });
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.#timer = setTimeout(() => socket.terminate(), connectTimeoutMs);
    const heard = () => {
      this.#heardMs = performance.now();
    };
    let wasOpen = false;
    socket.addEventListener("open", () => {
      wasOpen = true;
      this.#isOpened();
    });
    socket.addEventListener("ping", heard);
    socket.addEventListener("pong", heard);
    socket.addEventListener("message", ({ data }) => {
      heard();
      if (data instanceof ArrayBuffer) this.#events.binary?.(new Uint8Array(data));
      else if (typeof data === "string") this.#events.text?.(data);
    });
    // The close that follows an error says all there is to know.
    socket.addEventListener("error", heard);
    socket.addEventListener("close", ({ code }) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      clearTimeout(this.#timer);
      clearInterval(this.#pinging);
      if (this.#isClosed) return;
      if (wasOpen) this.#isLost(code);
      else void this.#isRefused(url);
    });
  }

  #headers(url: string): Record<string, string> {
    const { host, pathname, search } = new URL(url);
    const { credentials } = this.#settings;
    const header = credentials[this.#credential % credentials.length]?.({ host, target: pathname + search });
    return header === undefined ? {} : { authorization: header };
  }

  #isOpened(): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    this.#opened++;
    this.#openedMs = now;
    this.#heardMs = now;
    this.#again = false;
    this.#tried = 0;
    const { pingMs, silenceMs } = this.#settings.keepalive ?? usualKeepalive;
    this.#pinging = setInterval(() => {
      if (performance.now() - this.#heardMs > silenceMs) this.#socket?.terminate();
      else this.#socket?.ping();
    }, pingMs);
    this.#events.open();
  }

  #isLost(code: number): void {
    if (performance.now() - this.#openedMs >= stableMs) this.#pauseMs = shortestPauseMs;
    this.#again = code !== takenOver;
    this.#events.lost(code);
    this.#retry();
  }

  /** Asks the same again over plain HTTP, for the status and the sentence. */
  async #isRefused(url: string): Promise<void> {
    const why = await askWhy(url, this.#headers(url));
    if (this.#isClosed) return;
    if (why.status === 401 && ++this.#tried < this.#settings.credentials.length) {
      this.#credential++;
      this.#connect();
      return;
    }
    this.#tried = 0;
    this.#events.failed(why, this.#pauseMs);
    this.#retry();
  }

  #retry(): void {
    this.#timer = setTimeout(() => this.#connect(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
  }

  /** Sends what waits, then ends. Idempotent. */
  close(code = 1000): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#pinging);
    this.#socket?.close(code);
  }
}

const answerTimeoutMs = 3000;

interface Refused {
  readonly status: number | undefined;
  readonly message: string;
}

async function askWhy(url: string, headers: Record<string, string>): Promise<Refused> {
  try {
    const answer = await fetch(url.replace(/^ws/, "http"), {
      headers: {
        ...headers,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": crypto.getRandomValues(new Uint8Array(16)).toBase64(),
      },
      redirect: "manual",
      signal: AbortSignal.timeout(answerTimeoutMs),
    });
    const text = (await answer.text()).slice(0, 2000);
    return { status: answer.status, message: sentenceOf(text) ?? `it answers with status ${answer.status}` };
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    return { status: undefined, message: text.replace(/\s*Is the computer able to access the url\?/, "") };
  }
}

/** Of `{ "error": code, "message": text }`; control characters of a stranger stay out of the log. */
function sentenceOf(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const message = typeof value === "object" && value !== null && "message" in value ? value.message : undefined;
    return typeof message === "string" ? message.replace(/\p{C}/gu, " ").slice(0, 300) : undefined;
  } catch {
    return undefined; // Not every server answers in JSON; the status then has to do.
  }
}
