/**
 * Channels of shared memory as the native part gives them (c/ipc/abi.c): handles, codes, batches in a reused buffer. It decides
 * nothing and keeps no queue; src/ipc makes servers, clients and iterators of it. A message costs no allocation here.
 */
import { enums } from "./abi.ts";
import { layoutOf } from "./abi-layout.ts";
import type { NativeChannels, NativeEvent, NativeSettings } from "./interfaces-ipc.ts";
import { cString, native, wakeCallback } from "./library.ts";

const eventLayout = layoutOf("pb_ipc_event");
const statsLayout = layoutOf("pb_ipc_stats");
/** What one service can tell: four things of each of 31 slots. */
const eventRoom = 124;
const kinds = Object.fromEntries(Object.entries(enums.ipc).map(([name, value]) => [value, name])) as Record<
  number,
  NativeEvent["kind"]
>;

/** `onWake` is called in the event loop when there is something to do, once until rearm(). Gives a code of xshm.h on failure. */
export function openChannels(settings: NativeSettings, onWake: () => void): NativeChannels | number {
  const { name, server, slots, section = -1, clients = 1 } = settings;
  const lib = native();
  let closed = false;
  const wake = wakeCallback(onWake);
  const code = new Int32Array(1);
  const flags =
    (server ? enums.ipc_flag.server : 0) |
    (slots ? enums.ipc_flag.slots : 0) |
    (name === undefined ? enums.ipc_flag.anonymous : 0);
  // A zero within the name would end it early, and another channel would answer.
  const text = name?.includes("\0") ? "" : (name ?? "");
  const handle = lib.pb_ipc_open(
    cString(text),
    section,
    flags,
    clients,
    settings.connectTimeoutMs ?? 0,
    settings.reconnectMs ?? 0xffffffff,
    wake.ptr,
    code,
  );
  if (!handle) {
    wake.close();
    return code[0] as number;
  }
  const events = new DataView(new ArrayBuffer(eventRoom * eventLayout.size));
  const eventBytes = new Uint8Array(events.buffer);
  const stats = new DataView(new ArrayBuffer(statsLayout.size));
  const statsBytes = new Uint8Array(stats.buffer);
  const field = (at: number | undefined) => Number(stats.getBigUint64(at as number, true));
  const at = eventLayout.offsets as Record<"kind" | "slot" | "code", number>;
  return {
    section: lib.pb_ipc_handle(handle),
    service(tell) {
      const count: number = lib.pb_ipc_service(handle, eventBytes);
      for (let i = 0, base = 0; i < count; i++, base += eventLayout.size)
        tell({
          kind: kinds[events.getUint32(base + at.kind, true)] ?? "failed",
          slot: events.getUint32(base + at.slot, true),
          code: events.getInt32(base + at.code, true),
        });
    },
    rearm: () => lib.pb_ipc_rearm(handle) !== 0,
    deadlineMs: () => lib.pb_ipc_deadline_ms(handle),
    pending: () => lib.pb_ipc_pending(handle),
    send: (slot, data, size, overwrite) => lib.pb_ipc_send(handle, slot, data, size, overwrite ? 1 : 0),
    sendMany: (slot, data, entries, skip, count, overwrite) =>
      lib.pb_ipc_send_many(handle, slot, data, entries, skip, count, overwrite ? 1 : 0),
    take: (slot, buffer, entries, most, spinUs) =>
      lib.pb_ipc_take(handle, slot, buffer, buffer.length, entries, most, spinUs),
    wantSpace: (slot) => lib.pb_ipc_want_space(handle, slot),
    drop: (slot) => lib.pb_ipc_drop(handle, slot),
    stats() {
      lib.pb_ipc_stats(handle, statsBytes);
      const { sent, overwritten, received, lost } = statsLayout.offsets;
      return { sent: field(sent), overwritten: field(overwritten), received: field(received), lost: field(lost) };
    },
    close() {
      if (closed) return;
      closed = true;
      lib.pb_ipc_close(handle);
      wake.close();
    },
  };
}
