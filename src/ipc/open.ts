/** Opening channels: servers and clients, of one or many, by name or by the handle of an anonymous section (xShm, section 8). */
import type { NativeSettings } from "../../ffi/interfaces-ipc.ts";
import { openChannels } from "../../ffi/ipc.ts";
import { channelLimit } from "../wire/layouts.ts";
import { type ChannelHandlers, ShmChannel } from "./channel.ts";
import { ChannelError, channelCode } from "./codes.ts";

export interface ServeOptions {
  /** Serve this many clients at once, 1 to 31, in slots NAME_0, NAME_1, ... Without it the channel takes one at a time. */
  clients?: number;
}

export interface ConnectOptions {
  /** Look for a free slot of a server of many. */
  slots?: boolean;
  /** For the server's answer; 2000, or 5000 with slots. */
  connectTimeoutMs?: number;
  /** From a failed attempt to the next, 250. False: one attempt, and no other connection after an end. */
  reconnectMs?: number | false;
}

function open(handlers: ChannelHandlers, settings: NativeSettings): ShmChannel {
  return new ShmChannel(
    handlers,
    (wake) => {
      const native = openChannels(settings, wake);
      if (typeof native === "number") throw new ChannelError(native);
      return native;
    },
    !settings.server && settings.reconnectMs === undefined,
  );
}

/**
 * Serves the channel `name`; undefined makes an anonymous one, to be handed over by its `section`. Throws a ChannelError: `exists`
 * when a living program serves it, `invalid-param`, `access`.
 */
export function serveChannel(
  name: string | undefined,
  handlers: ChannelHandlers = {},
  options: ServeOptions = {},
): ShmChannel {
  const { clients } = options;
  if (clients !== undefined && !(Number.isInteger(clients) && clients >= 1 && clients <= channelLimit.clientsMax))
    throw new ChannelError(channelCode["invalid-param"]);
  return open(handlers, { name, server: true, slots: clients !== undefined, clients: clients ?? 1 });
}

/** Connects, and again whenever the connection ends. `target` is a name, or the descriptor of an anonymous server's section. */
export function connectChannel(
  target: string | number,
  handlers: ChannelHandlers = {},
  options: ConnectOptions = {},
): ShmChannel {
  const { slots = false, reconnectMs = 250 } = options;
  return open(handlers, {
    name: typeof target === "string" ? target : undefined,
    server: false,
    slots,
    section: typeof target === "number" ? target : -1,
    connectTimeoutMs: options.connectTimeoutMs ?? (slots ? 5000 : 2000),
    ...(reconnectMs === false ? {} : { reconnectMs }),
  });
}
