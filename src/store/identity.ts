/**
 * This device's own identity in the database: made at the first use, once, even when two processes start at the same moment.
 * The secrets leave this file only inside a DeviceIdentity. Table `identity`, one row.
 */
import { hostname } from "node:os";
import { fail, ok, type Result } from "../base/result.ts";
import { createIdentity, type DeviceIdentity, identityFrom } from "../secure/identity.ts";
import { deviceName, isDeviceName } from "../wire/root.ts";
import type { Store } from "./database.ts";

interface Row {
  seed: Uint8Array;
  noise: Uint8Array;
  name: string;
}

/** The identity, made now when there is none. `name` is only for a new one; the machine's name when left out. */
export function loadIdentity(store: Store, name: string = hostname()): Result<DeviceIdentity> {
  const select = "SELECT seed, noise, name FROM identity";
  const found = store.attempt((sql) => sql.query<Row, []>(select).get());
  if (!found.ok) return found;
  if (found.value) return identityOf(found.value);
  const fresh = createIdentity(deviceName(name));
  // Who comes second keeps the first one's.
  const kept = store.transaction((sql) => {
    sql
      .query("INSERT INTO identity (id, seed, noise, name, created_ms) VALUES (1, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
      .run(fresh.signing.privateKey, fresh.noise.privateKey, fresh.name, Date.now());
    return sql.query<Row, []>(select).get() as Row;
  });
  return kept.ok ? identityOf(kept.value) : kept;
}

/** Gives this device another name. Code usage for a name that cannot stand on the wire. */
export function renameDevice(store: Store, name: string): Result<void> {
  if (!isDeviceName(name)) return fail("usage", "A device name has 1 to 63 bytes and no control characters.");
  const done = store.attempt((sql) => sql.query("UPDATE identity SET name = ?").run(name));
  return done.ok ? ok(undefined) : done;
}

function identityOf({ seed, noise, name }: Row): Result<DeviceIdentity> {
  return ok(identityFrom(seed, noise, deviceName(name)));
}
