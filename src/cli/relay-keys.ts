/** `patchbay relay keys`: a relay that runs sees what is decided here at the next connection, because it reads the same database. */
import { fail, ok, type Result } from "../base/result.ts";
import type { Store } from "../store/database.ts";
import { createRelayKey, listRelayKeys, revokeRelayKey } from "../store/relay.ts";
import { printLine, writeReport } from "./output.ts";
import type { Parsed } from "./parse.ts";

type Arguments = Pick<Parsed<"relay">, "flags" | "positionals">;

export function runKeys(store: Store, { flags, positionals }: Arguments): Result<void> {
  const { action = "list", which } = positionals;
  switch (action) {
    case "create":
      return create(store, which, flags.json);
    case "list":
      return which === undefined ? list(store, flags.json) : fail("usage", "patchbay relay keys list takes no more.");
    case "revoke":
      return revoke(store, which);
  }
}

function create(store: Store, which: string | undefined, json: string | undefined): Result<void> {
  if (which !== "publish" && which !== "view")
    return fail("usage", "patchbay relay keys create needs to know what for: publish or view.");
  const made = createRelayKey(store, which);
  if (!made.ok) return made;
  const { id, key } = made.value;
  if (json) return writeReport(json, { id, permits: which, key });
  printLine(`Key ${id} to ${which}; it is shown only now:`);
  printLine(key);
  return ok(undefined);
}

function list(store: Store, json: string | undefined): Result<void> {
  const keys = listRelayKeys(store);
  if (!keys.ok) return keys;
  const rows = keys.value.map(({ id, permits, createdMs }) => {
    return { id, permits, created: new Date(createdMs).toISOString() };
  });
  if (json) return writeReport(json, rows);
  if (rows.length === 0) printLine("There are no keys. patchbay relay keys create publish makes one.");
  for (const { id, permits, created } of rows) printLine(`${String(id).padStart(4)}  ${permits.padEnd(7)}  ${created}`);
  return ok(undefined);
}

function revoke(store: Store, which: string | undefined): Result<void> {
  if (which === undefined || !/^[1-9]\d{0,9}$/.test(which))
    return fail("usage", "patchbay relay keys revoke needs a key's number; patchbay relay keys list shows them.");
  const revoked = revokeRelayKey(store, Number(which));
  if (!revoked.ok) return revoked;
  printLine(`Key ${which} is revoked.`);
  return ok(undefined);
}
