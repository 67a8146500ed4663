/**
 * A WebSocket that comes back: after a loss it tries again with growing pauses, and at once when the network or the page returns.
 * It does not know what is sent over it.
 */
import { Backoff } from "./backoff.ts";

export type SocketState = "connecting" | "open" | "waiting" | "closed";

export interface SocketEvents {
  /** `retryMs` with "waiting"; `code` is the close code that led to it, 1006 for a refusal or a vanished server. */
  state(state: SocketState, detail: { readonly retryMs?: number; readonly code?: number }): void;
  binary?(bytes: Uint8Array<ArrayBuffer>): void;
  text?(text: string): void;
}

/** Another source took the channel: coming back would only push that one out again. */
const takenOver = 4409;
/** A connection that lived this long counts as a good one. */
const stableMs = 3000;

export class ReturningSocket {
  readonly #url: () => string;
  readonly #events: SocketEvents;
  readonly #backoff = new Backoff();
  readonly #retryNow = () => {
    if (document.visibilityState === "visible" && this.#timer !== undefined) this.#open();
  };
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stable: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  #opened = 0;

  constructor(url: () => string, events: SocketEvents) {
    this.#url = url;
    this.#events = events;
    addEventListener("online", this.#retryNow);
    document.addEventListener("visibilitychange", this.#retryNow);
    this.#open();
  }

  /** Times that it came back after a loss. */
  get reconnects(): number {
    return Math.max(0, this.#opened - 1);
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Bytes that wait to leave. */
  get waitingBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** False when there is no connection: nothing is kept for later. */
  send(data: string | Uint8Array<ArrayBuffer>): boolean {
    if (!this.isOpen) return false;
    this.#socket?.send(data);
    return true;
  }

  #open(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const socket = new WebSocket(this.#url());
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.#events.state("connecting", {});
    socket.onopen = () => {
      this.#opened++;
      this.#stable = setTimeout(() => this.#backoff.reset(), stableMs);
      this.#events.state("open", {});
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#events.text?.(data);
      else this.#events.binary?.(new Uint8Array(data as ArrayBuffer));
    };
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      clearTimeout(this.#stable);
      if (this.#isClosed || code === takenOver) {
        this.close();
        this.#events.state("closed", { code });
        return;
      }
      const retryMs = this.#backoff.next();
      this.#timer = setTimeout(() => this.#open(), retryMs);
      this.#events.state("waiting", { retryMs, code });
    };
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    removeEventListener("online", this.#retryNow);
    document.removeEventListener("visibilitychange", this.#retryNow);
    this.#socket?.close(1000);
  }
}
