/**
 * Which WebSocket server a relay uses: the native one, or Bun's own for TLS and where the native one is not to be had. Both
 * pass the same tests.
 */
import { openWebSocketServer } from "../../ffi/websocket.ts";
import { ok, type Result } from "../base/result.ts";
import { BunTransport } from "./bun-transport.ts";
import type { RelayTransport, RelayTransportEvents } from "./transport.ts";

export interface TransportOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly settings: { readonly maxMessageBytes: number };
  /** Without it, the native one wherever there is no TLS. */
  readonly server?: "native" | "bun" | undefined;
}

export interface OpenTransport {
  readonly name: string;
  readonly transport: RelayTransport;
}

export function openTransport(options: TransportOptions, events: RelayTransportEvents): Result<OpenTransport> {
  const { listen, tls, settings, server = tls ? "bun" : "native" } = options;
  if (server === "native") {
    const opened = openWebSocketServer({ address: listen.host, port: listen.port }, events);
    return opened.ok ? ok({ name: "native", transport: opened.value }) : opened;
  }
  const { maxMessageBytes } = settings;
  const opened = BunTransport.open({ address: listen.host, port: listen.port, maxMessageBytes, tls }, events);
  return opened.ok ? ok({ name: "bun", transport: opened.value }) : opened;
}
